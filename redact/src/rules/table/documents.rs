//! Keys of tools for documents, design and planning.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "notion-token",
        reason: "Integration tokens of Notion: `ntn_`, 11 digits and 35 letters and digits, described in its \
                 changelog.",
        expression: r"ntn_[0-9]{11}[A-Za-z0-9]{35}",
        masked: &[concat!("ntn_", "57700856322rwpPiAHxKwWBga6vtkEM4P2ylQ31bQ7jJNG")],
        unmasked: &["ntn_", concat!("ntn_", "75632134060")],
    },
    TableRule {
        id: "notion-legacy-token",
        reason: "First integration tokens of Notion: `secret_` and 43 letters and digits, described in its \
                 documentation.",
        expression: r"secret_[A-Za-z0-9]{43}",
        masked: &[concat!("secret_", "J78rTX27SXvTRl3Ggrps36JvBM3EXk5pKX2YjdoBkZd")],
        unmasked: &[
            concat!("secret_", "8KmYXQxIE7ytO11T3SxZv2IgwbJVG12iWYUn3isZiO"),
            concat!("secret_", "EuBNR2VVjLCSpleWzfDftdLl19NdjyPwcU9yI3mEWZn7"),
            "secret_key",
        ],
    },
    TableRule {
        id: "linear-key",
        reason: "API keys, OAuth tokens and webhook secrets of Linear: `lin_api_` or `lin_wh_` and 40 letters and \
                 digits, or `lin_oauth_` and 64 hexadecimal digits, described in its documentation.",
        expression: r"lin_(?:api|wh)_[A-Za-z0-9]{40}|lin_oauth_[0-9a-f]{64}",
        masked: &[
            concat!("lin_api", "_uyT0yGRnsNs9E955wE3OkWS3vKBMy1aXZeyygUJ7"),
            concat!("lin_oauth", "_732f4a52761c9515d86cf36aa9ffdffee4b5bb0be05fbec3848f982ec8521a57"),
        ],
        unmasked: &["lin_api_", concat!("lin_api", "_9ypwHIE7mOvI6x7QxYkxh7DHqsE5qI")],
    },
    TableRule {
        id: "airtable-token",
        reason: "Personal access tokens of Airtable: `pat`, 14 letters and digits, a dot and 64 hexadecimal \
                 digits, described in its documentation.",
        expression: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        masked: &[concat!("pat", "6mkyj5sxcVhKmA.aeea2a0a46a94c727ba852bbf66f0ed81f53dc379ece0e0dddd8ddb681fd8a53")],
        unmasked: &[concat!("pat", "qaLjf21H9OPjZf"), "pattern.matches"],
    },
    TableRule {
        id: "clickup-token",
        reason: "Personal API tokens of ClickUp: `pk_`, the user, `_` and 32 capital letters and digits, \
                 described in its documentation.",
        expression: r"pk_[0-9]{5,12}_[A-Z0-9]{32}",
        masked: &[concat!("pk_", "27019479_1402DJWWKFVVA2TV8Z1OTBQ276A4VU6S")],
        unmasked: &["pk_85955791", concat!("pk_", "90782644_L6R909VW0HQQ4HUXINDA")],
    },
    TableRule {
        id: "figma-token",
        reason: "Personal access tokens and OAuth tokens of Figma: `figd_`, `figu_` or `figo_` and about 40 \
                 characters, described in its documentation.",
        expression: r"fig[duo]_[A-Za-z0-9_-]{38,60}",
        masked: &[concat!("figd_", "go9pNcEdlkwR6jJhs_PxMzPm3t-q6Un_hZuR_tmz")],
        unmasked: &["figd_", concat!("figd_", "qhw9hJ1__adnnYkv8ZVJ")],
    },
    TableRule {
        id: "typeform-token",
        reason: "Personal access tokens of Typeform: `tfp_`, 44 letters and digits, `_` and more, described in \
                 its documentation.",
        expression: r"tfp_[A-Za-z0-9_.=-]{40,70}",
        masked: &[concat!("tfp_", "D9gJS8TCbA5QUdxTHpWUV3rbhnX6gTh3cuIzAbz448qc_8EOrs1S9fRcqie")],
        unmasked: &["tfp_", concat!("tfp_", "bg9TX3q2y6juB96GvNWj")],
    },
    TableRule {
        id: "contentful-token",
        reason: "Personal access tokens of Contentful: `CFPAT-` and 43 characters, described in its documentation.",
        expression: r"CFPAT-[A-Za-z0-9_-]{43}",
        masked: &[concat!("CFPAT", "-bLRCvy1cGaafPm67kMfX3r-5Mpxx36o43f55exdPbbe")],
        unmasked: &["CFPAT-", concat!("CFPAT", "-2djxMY4l9ZCqHMetskwy")],
    },
    TableRule {
        id: "readme-api-key",
        reason: "API keys of ReadMe: `rdme_` and 70 lower-case letters and digits, described in its documentation.",
        expression: r"rdme_[a-z0-9]{70}",
        masked: &[concat!("rdme_", "owzonzx3yzyvu640fpxeiqcbc74hbm058jver12postutqaocmf95vnck1i327nem5k5wa")],
        unmasked: &["rdme_", concat!("rdme_", "b1z57lfwqor1g5jslnshf1ww4gg8uvh5f42dmp4s")],
    },
    TableRule {
        id: "gitbook-token",
        reason: "API tokens of GitBook: `gb_api_` and 40 letters and digits, described in its documentation.",
        expression: r"gb_api_[A-Za-z0-9]{40}",
        masked: &[concat!("gb_api", "_vBvzESdMWhh5Ms5jfXhBKbT697BHUXm39EYrQsvr")],
        unmasked: &["gb_api_", concat!("gb_api", "_NffjAN87JJhsSkiZLQZq")],
    },
    TableRule {
        id: "frameio-token",
        reason: "Developer tokens of Frame.io: `fio-u-` and 64 characters, described in its documentation.",
        expression: r"fio-u-[A-Za-z0-9_=-]{64}",
        masked: &[concat!("fio-u", "-YRstJS7i5OkWlZKskwf91I5PA8jFL1yGGzZGZnN05zvEZKk6W199NUgK3x3Qf0BP")],
        unmasked: &["fio-u-", concat!("fio-u", "-lKJjEqe2EhoR5iiVxMV-zeWY0HBqph_D5r6o7JRY")],
    },
    TableRule {
        id: "dropbox-access-token",
        reason: "Short-lived access tokens of Dropbox: `sl.` or `sl.u.` and more than 130 characters, described \
                 in its documentation.",
        expression: r"sl\.(?:u\.)?[A-Za-z0-9_-]{130,1024}[A-Za-z0-9_-]{0,1024}",
        masked: &[
            concat!(
                "sl.",
                "Zf83kkzLO5AO4gds1oSNYvjjIv7qoqXQMMpeMQAnBzLCwCr5M0iAd3QDfEXs6iu-aXBEuPvZVk-V0EjPUnDsL_SY",
                "_ntevpaLNTVf7TOEFsAZ1hB3piTfIcMvqxl9VRsHXijJyJXX",
            ),
            concat!(
                "sl.u",
                ".PLIyYnrGaAV9pv7WxxSkk4W1mnPfVdoeZn1sjn7eKTW9PZ8sgxQcafse0KuUUAa46Rmi7vkHlHVMTdymupqyH_S",
                "s6WpU6bjSSkY8LOFsjpUqXpOHKAxj6xHDgctsyX1vGwYhUfrYdjrHi1TpBIItDGidCekgOv6A",
            ),
        ],
        unmasked: &["sl.exe", concat!("sl.", "hQuQnaXgCpqaM3b0q9GQyB-6ABnDbCIvrpr0zd6ceacIXybgHI-MkBMX9_58")],
    },
    TableRule {
        id: "adobe-client-secret",
        reason: "Client secrets of Adobe: `p8e-` and 32 characters, as its developer console creates them.",
        expression: r"p8e-[A-Za-z0-9_-]{32}",
        masked: &[concat!("p8e-", "suEfEHEwyeypC_vRpPXsGEmT3PEHeSfv")],
        unmasked: &["p8e-", concat!("p8e-", "EYrJBMTY3mSY66sGDlGV")],
    },
    TableRule {
        id: "cal-com-api-key",
        reason: "API keys of Cal.com: `cal_` or `cal_live_` and 32 hexadecimal digits, described in its \
                 documentation.",
        expression: r"cal_(?:live_)?[0-9a-f]{32}",
        masked: &[
            concat!("cal_live", "_6cf884143940d7719e93bb9313989270"),
            concat!("cal_", "96294397987754b54514187c53357bdc"),
        ],
        unmasked: &["cal_live_", concat!("cal_", "6ea7f6287dc654cdc70e2a503aa14a7")],
    },
    TableRule {
        id: "plane-api-token",
        reason: "API tokens of Plane: `plane_api_` and 32 hexadecimal digits, as its source code creates them.",
        expression: r"plane_api_[0-9a-f]{32}",
        masked: &[concat!("plane_api", "_85cd393f254d4b85f772c9aab8a1d46b")],
        unmasked: &["plane_api_", concat!("plane_api", "_bdff07caea17fa3d1080")],
    },
    TableRule {
        id: "mapbox-secret-token",
        reason: "Secret access tokens of Mapbox: `sk.`, JSON in base64 and a signature of 22 characters, \
                 described in its documentation.",
        expression: r"(?:sk|tk)\.eyJ[A-Za-z0-9_-]{40,400}\.[A-Za-z0-9_-]{22,86}",
        masked: &[concat!(
            "sk.",
            "eyJSaZi1SHvR1rO0McXa2dr1hXiAJPwNPv99LwvmDl9O6igZuetmGmGrffyRGWj7NadNXkN1voO5Uvoelnc.KPgX",
            "Cwe_mopK4EohUBvOlu",
        )],
        unmasked: &[
            "sk.eyJ",
            concat!(
                "pk.eyJLXIB5yWlkaoGK6Dysv9X4XwIBWr2qllLW8z4LQvtv0AhZepoUR39k8rdQadq6h-m8hk9PTzXcVSKC7ev.V",
                "FCGkZfNJTSrEUdXDzwBj0",
            ),
        ],
    },
];
