//! Keys of services for telephony, push messages and notifications.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "twilio-auth-token",
        reason: "Auth tokens of Twilio: 32 hexadecimal digits in the variable that its tools read, described in \
                 Twilio's documentation.",
        expression: r#"TWILIO_AUTH_TOKEN["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[0-9a-f]{32})"#,
        masked: &[concat!("TWILIO_AUTH", "_TOKEN=0d350330b4c71aee66f5596948a9026d")],
        unmasked: &["TWILIO_AUTH_TOKEN=", "TWILIO_AUTH_TOKEN=5acd755a8b82858ea1f9785fde55b01"],
    },
    TableRule {
        id: "twilio-api-key-secret",
        reason: "API key secrets of Twilio: 32 letters and digits in the variables that its tools read, described \
                 in Twilio's documentation.",
        expression: concat!(
            r#"(?:TWILIO_API_KEY_SECRET|TWILIO_API_SECRET)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[A-Za-z0-9]{32})",
        ),
        masked: &[concat!("TWILIO_API_KEY", "_SECRET=LKdfDPLYTh3iOGbV2wy6yhCWGgnTBYfv")],
        unmasked: &["TWILIO_API_SECRET=", "TWILIO_API_SECRET=2lfpql7w9BiCM6UrpcL0"],
    },
    TableRule {
        id: "telnyx-api-key",
        reason: "API keys of Telnyx: `KEY`, 32 hexadecimal digits, `_` and 22 letters and digits, as its portal \
                 creates them.",
        expression: r"KEY[0-9A-F]{32}_[A-Za-z0-9]{22}",
        masked: &[concat!("KEY01", "0F1BD431E0B6F8119AAE061A98100F_wEzcqSieMcd07YC8ST7yK8")],
        unmasked: &["KEY_FILE", concat!("KEY01", "3401B2B6DC7EACA2A730025F3A52DD")],
    },
    TableRule {
        id: "pubnub-key",
        reason: "Secret, publish and subscribe keys of PubNub: `sec-c-` and 36 bytes of base64, or `pub-c-` or \
                 `sub-c-` and a UUID, described in PubNub's documentation.",
        expression: concat!(
            r"sec-c-[A-Za-z0-9+/]{48}|(?:pub|sub)-c-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-",
            r"[0-9a-f]{12}",
        ),
        masked: &[
            concat!("sec-c", "-8Ngm0/ZOhZ8edG5WvlQzEh38UkSgb5R5BKTeMAILG13k6T8w"),
            concat!("pub-c", "-2023de26-22f1-4bd1-a801-ef554d03227e"),
        ],
        unmasked: &["sec-c-", concat!("sub-c", "-b0bf5a8ee0f05320c2e3")],
    },
    TableRule {
        id: "onesignal-api-key",
        reason: "API keys of OneSignal: `os_v2_app_` or `os_v2_org_` and about 103 characters of base32, \
                 described in OneSignal's documentation.",
        expression: r"os_v2_(?:app|org)_[a-z2-7]{90,120}",
        masked: &[concat!(
            "os_v2",
            "_app_morx2ydxhstpgua5mrmkh5svmgxvqeylvyjyrrlns4eockmxjupfykvngkrtwkjsc6idy3rablcfotxxxtf",
            "qf6gcqz7tfneqcvtxs47",
        )],
        unmasked: &["os_v2_app_", concat!("os_v2", "_app_waqn72vv7slytveqsx3o3dsgupeteufey72orahh")],
    },
    TableRule {
        id: "klaviyo-private-key",
        reason: "Private API keys of Klaviyo: `pk_` and 34 hexadecimal digits, described in Klaviyo's \
                 documentation.",
        expression: r"pk_[0-9a-f]{34}",
        masked: &[concat!("pk_", "48321de7e99fd174e78ecb8d0ce5c0bd6d")],
        unmasked: &[
            concat!("pk_", "547c8fdafb0fb7428969f9066cc01a5ad"),
            concat!("pk_", "51f421b39dc0156a64d8a718109c8488d23bbbc0"),
        ],
    },
];
