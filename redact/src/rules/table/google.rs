//! Keys of Google Cloud and of Google's OAuth service.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "google-api-key",
        reason: "API keys of Google Cloud, Maps, Firebase and Gemini: `AIza` and 35 characters, as the Google \
                 Cloud console creates them.",
        expression: r"AIza[A-Za-z0-9_-]{35}",
        masked: &[
            concat!("AIza", "rUC9LyWF3x4rI0HZyJuvacD3TTBisfPCAjo"),
            concat!(
                "https://maps.googleapis.com/maps/api/js?key=AIza",
                "qLlAgfsVurPqLvPfBWVla3z4CoTbsPzEv5U&libraries=places",
            ),
        ],
        unmasked: &[
            concat!("AIza", "8V3FaSfrRyLK66MxMs4BsmzyFb-GoQDzTD"),
            concat!("AIza", "iXhPCukM0ZdRUC1wPpvoZ6sC9E2dHFFtJzr3"),
            "AIzawa Station",
        ],
    },
    TableRule {
        id: "google-authorization-key",
        reason: "Authorisation keys of Gemini and Vertex AI: `AQ.Ab8R` and about 46 characters, as Google AI \
                 Studio creates them.",
        expression: r"AQ\.Ab8R[A-Za-z0-9_-]{40,64}",
        masked: &[concat!("AQ.Ab8R", "N6ga_DVZOegqpVNcJEBDOiHKwckV2WrO5Z-fEr1y5r65pY")],
        unmasked: &[concat!("AQ.Ab8R", "N6Ee0mi-az6kvfSB5HsSCB"), "AQ.about"],
    },
    TableRule {
        id: "google-oauth-client-secret",
        reason: "OAuth client secrets of Google: `GOCSPX-` and 28 characters, as the Google Cloud console creates \
                 them.",
        expression: r"GOCSPX-[A-Za-z0-9_-]{28}",
        masked: &[concat!("GOCSPX", "-TgiFdAGtNeEb1sxgsflc_0mHHUTc")],
        unmasked: &[concat!("GOCSPX", "-QMEafoX9k7u1_ngb2UrM"), "GOCSPX-client-secret"],
    },
    TableRule {
        id: "google-oauth-access-token",
        reason: "OAuth access tokens of Google: `ya29.` and up to 2048 characters, as the service creates them.",
        expression: r"ya29\.[A-Za-z0-9_-]{40,1024}[A-Za-z0-9_-]{0,1024}",
        masked: &[concat!(
            "ya29",
            ".a0AfB_U54QQSsM0Bh9lMJvGjRiWsdUQZEd1H3rCziRIBA7k-QVVHujPTufPyMGLR21NQVjtqOTXbIPn7toHwAg"
        )],
        unmasked: &["ya29.access-token", concat!("ya29", ".JOvH2MtAxlCyevIBcthrOfsuICtXlG")],
    },
    TableRule {
        id: "google-oauth-refresh-token",
        reason: "OAuth refresh tokens of Google: `1//0` and about 100 characters, as the service creates them.",
        expression: r"1//0[0-9a-h][A-Za-z0-9_-]{50,512}",
        masked: &[concat!(
            "1//0",
            "3qaXXhz2VKTByQZ7pNGA3xVBFz68Yb8GzqKYKyA_3j4KgA2GPYvetcCrh5u3Y3c83kmuoimLUjgAJpSmHP_APtwn",
            "reTcVhzia",
        )],
        unmasked: &["1//0 is not a number", concat!("1//0", "3FEFq6PkVfjhirgbYA87L8_uVEO5hDk")],
    },
    TableRule {
        id: "google-private-key-id",
        reason: "The ID of a service account's key of Google Cloud: 40 hexadecimal digits in the field \
                 `private_key_id` of a key file.",
        expression: r#""private_key_id"[ ]{0,4}:[ ]{0,4}"(?P<secret>[0-9a-f]{40})""#,
        masked: &[concat!("\"private", "_key_id\": \"3cb0b5826fff2e9559a86698ec3dfc9aab7172f4\"")],
        unmasked: &["\"private_key_id\": \"\"", "\"private_key_id\": \"edd4924c7e9097d71aa0218244e6b669b658bd8\""],
    },
];
