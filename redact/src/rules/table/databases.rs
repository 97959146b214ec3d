//! Keys of databases and data platforms.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "neon-api-key",
        reason: "API keys of Neon: `napi_` and 64 lower-case letters and digits, as its console creates them.",
        expression: r"napi_[a-z0-9]{64}",
        masked: &[concat!("napi_", "6cr7b30ehcnj8g9h35bdk8fa7vbf7qlnjd73d80uaqegbo8frxrlaoo0lyqyimxm")],
        unmasked: &["napi_", concat!("napi_", "vl2p1ulb7l18haefnrj3sbf6ujk4z8z9snxwqrrh"), "napi_create_reference"],
    },
    TableRule {
        id: "neon-password",
        reason: "Passwords of Neon's database roles: `npg_` and 12 letters and digits, as its console creates \
                 them.",
        expression: r"npg_[A-Za-z0-9]{12,24}",
        masked: &[concat!("npg_", "FNPa8NbSbGpC")],
        unmasked: &["npg_", concat!("npg_", "OHWtlTI5"), "npg_connection_pool_size"],
    },
    TableRule {
        id: "planetscale-token",
        reason: "Tokens and passwords of PlanetScale: `pscale_tkn_`, `pscale_pw_` or `pscale_oauth_` and 32 to 64 \
                 characters, described in its documentation.",
        expression: r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}",
        masked: &[
            concat!("pscale_tkn", "_yFrQCUC1RBWl1vGkzFrtFwxb0YwY-_pHK7XDJjw1Yii"),
            concat!("pscale_pw", "_2UfcLpTQthr9Cl3X4Kju_FNhoAfsXI4PPp99XZaDQfO"),
        ],
        unmasked: &["pscale_tkn_", concat!("pscale_pw", "_Ccn1znSR0wfFsWQ0zJXd")],
    },
    TableRule {
        id: "mongodb-atlas-secret",
        reason: "Client secrets of MongoDB Atlas service accounts: `mdb_sa_sk_` and 40 characters, described in \
                 the Atlas documentation.",
        expression: r"mdb_sa_sk_[A-Za-z0-9_-]{40}",
        masked: &[concat!("mdb_sa", "_sk_EEh0-4ZgYp-r6Rgna6xOA5w6Riuj-KMn5ZbuUK77")],
        unmasked: &["mdb_sa_sk_", "mdb_sa_id_a2495b712229d7b939f2c88f"],
    },
    TableRule {
        id: "databricks-token",
        reason: "Personal access tokens and OAuth secrets of Databricks: `dapi` or `dose` and 32 hexadecimal \
                 digits, perhaps with a suffix, described in its documentation.",
        expression: r"(?:dapi|dose|dkea)[0-9a-f]{32}(?:-[0-9]{1,2})?",
        masked: &[
            concat!("dapi", "830865db7dd383144c09b7b1b2da59f3"),
            concat!("dapi", "805e348f9abfe5d037a5ef66075f3890-3"),
            concat!("dose", "1f978451cb57c9d23b1fc011cd12f77d"),
        ],
        unmasked: &[
            concat!("dapi", "b91cc9592680149bde652d289da2505"),
            concat!("dapi", "67cb55e663703d620fe863c8ee886488c5f4415e"),
            "dose-response",
        ],
    },
    TableRule {
        id: "clickhouse-cloud-secret",
        reason: "API key secrets of ClickHouse Cloud: `4b1d` and 38 letters and digits, as its console creates \
                 them.",
        expression: r"4b1d[A-Za-z0-9]{38}",
        masked: &[concat!("4b1d", "JeSjuBXVWWmYHwVQGJcFw7Yu77IgSePUa6LyrO")],
        unmasked: &[
            concat!("4b1d", "abfe37982fbe8a176f7b1580035896e73503"),
            concat!("4b1d", "ead98ed7ea729e5c636a89ba92e8d0de41e949861166c382481dca057203"),
        ],
    },
    TableRule {
        id: "confluent-api-secret",
        reason: "API secrets of Confluent Cloud: `cflt` and 60 characters of base64, described in Confluent's \
                 documentation.",
        expression: r"cflt[A-Za-z0-9+/]{60}",
        masked: &[concat!("cflt", "h6cZUHQM2rU9cm3zET4rcRgt8HRHSW8l4UsY4XYUFN4ODJyTNcOCeYHBFQlU")],
        unmasked: &[
            concat!("cflt", "pOxEfnb3tzaZtPcfyRKqxYacMj17gnWONQHyYb+I"),
            concat!("cflt", "RLiF6XDuVUwrEfsMepta4O3S5x0xyQPOmChceUhGXYpBn0K7piiKhtpoBqm23OWb4V7Wki"),
        ],
    },
    TableRule {
        id: "aiven-password",
        reason: "Passwords of Aiven's services: `AVNS_` and 19 characters, as its console creates them.",
        expression: r"AVNS_[A-Za-z0-9_-]{19}",
        masked: &[concat!("AVNS_", "gPnliKQQbMvWGUXIQ8E")],
        unmasked: &["AVNS_", concat!("AVNS_", "1q5F-xwf3F38")],
    },
    TableRule {
        id: "supabase-access-token",
        reason: "Personal access tokens of Supabase: `sbp_` and 40 hexadecimal digits, described in Supabase's \
                 documentation.",
        expression: r"sbp_(?:(?:oauth|v0)_)?[0-9a-f]{40}",
        masked: &[
            concat!("sbp_", "00678e81ba40a1a1292ff1424a47bdc2d7cdacf8"),
            concat!("sbp_", "oauth_22516dce968417f521d2c52cf3ea6042cb31f7b6"),
        ],
        unmasked: &[concat!("sbp_", "252e36f22a8b6fcaaadb4e2d6dbf86d0f7e0bd2"), "sbp_oauth_"],
    },
    TableRule {
        id: "supabase-secret-key",
        reason: "Secret API keys of Supabase: `sb_secret_`, 22 characters, `_` and a checksum of eight, described \
                 in Supabase's documentation.",
        expression: r"sb_secret_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}",
        masked: &[concat!("sb_secret", "_B9DNjQZCDZh5LMYrNJixuh_s9hqx7nJ")],
        unmasked: &[
            "sb_secret_",
            "sb_publishable_CYGkONxD2Ol9vUMjuTnvsT_mGRJ0pB5",
            concat!("sb_secret", "_8nJLBJT6jqyQntJeWUjP"),
        ],
    },
    TableRule {
        id: "cockroachdb-api-key",
        reason: "API keys of CockroachDB Cloud: `CCDB1_`, an ID of 22 letters and digits, `_` and a secret of 40, \
                 described in its documentation.",
        expression: r"CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}",
        masked: &[concat!("CCDB1_", "Jt6T1Dx1cxYBXkfznbGp1u_jBBBMiuO9yWSDnmKyu5wNP37xEtgdOwSQYY2w5y2")],
        unmasked: &["CCDB1_", concat!("CCDB1_", "8ktiS0TyGTZX3xmuCb98LR")],
    },
    TableRule {
        id: "influxdb-token",
        reason: "Tokens of InfluxDB 3: `apiv3_` and 64 bytes of base64, described in its documentation.",
        expression: r"apiv3_[A-Za-z0-9_-]{86}(?:==)?",
        masked: &[
            concat!("apiv3_", "vAD9QvoC9MbgnXIg49VU-7VRGXcMLiGvDi-GHifzxnCqTA5XZ05ngNpXxU5rKekYYBWVNV9Ypb_EsWrnnATY-v"),
            concat!(
                "apiv3_",
                "66cVcebp4kLbof5cy52CVur0Da-Bb03kLvVYVYIywxSJPH6vhkmAYdtGARKN2agL-S1X23uu6eMPSMOnw5tS4k==",
            ),
        ],
        unmasked: &["apiv3_key", concat!("apiv3_", "bG9nSCU3SYR-Kb8Apv9usjLooZ0NGN_inJaozF7AfGvIxEVNA-F_hpv-wj2A")],
    },
    TableRule {
        id: "astra-token",
        reason: "Application tokens of DataStax Astra: `AstraCS:`, an ID of 24 letters and 64 hexadecimal digits, \
                 described in its documentation.",
        expression: r"AstraCS:[A-Za-z]{24}:[0-9a-f]{64}",
        masked: &[concat!(
            "AstraCS",
            ":EpMadycJeCYmVWbqKzUXcYop:28222ae840ad7236c52f5d1fd0ce436db8faea8682be8056f243d8aee41b0d",
            "e5",
        )],
        unmasked: &["AstraCS:", concat!("AstraCS", ":DPmDYextIxCCOmchNcQOflLj")],
    },
    TableRule {
        id: "tinybird-token",
        reason: "Tokens of Tinybird: `p.`, JSON in base64 and a signature of 43 characters, described in \
                 Tinybird's documentation.",
        expression: r"p\.eyJ[A-Za-z0-9_-]{40,300}\.[A-Za-z0-9_-]{43}",
        masked: &[concat!(
            "p.ey",
            "JBWJ8w8R0hy3WknQh0hO7HK4cK5sRStLE3K6dK98M7QkOD2EgOFVBeAd2axLmfDcOfPfejNHLcdD6JeD8dz12NRn",
            "rmlirTwz9uZ6VuJJRSxOBeVMz9fsIzRcN.tyH9qNy6-41i40a1Yp3f8FzYsg08x1_J5tVdFez0qaf",
        )],
        unmasked: &["p.eyJ", concat!("p.ey", "JFtHaYLAUJfvvnyLkVeJOZHk1ICIKNKOEU2GI9nyNKVbbY8sjV9")],
    },
    TableRule {
        id: "materialize-app-password",
        reason: "App passwords of Materialize: `mzp_` and 64 hexadecimal digits, described in its documentation.",
        expression: r"mzp_[0-9a-f]{64}",
        masked: &[concat!("mzp_", "19516054a3fb340353b365e94437f2e18c29883230ccde24d84eb28d528298ba")],
        unmasked: &[concat!("mzp_", "d5e89231abb87447e16087f148b68c3a16af772a"), "mzp_password"],
    },
    TableRule {
        id: "dbt-cloud-token",
        reason: "Tokens of dbt Cloud: `dbtc_`, `dbtu_` or `dbts_` and about 40 characters, described in its \
                 documentation.",
        expression: r"dbt[cus]_[A-Za-z0-9_=-]{36,100}",
        masked: &[
            concat!("dbtc_", "TAKNUDmXMcQK6jzxmDNumi0TF3GQ8y3U1cQuNul8nh2"),
            concat!("dbtu_", "zob1Xw9444nX6WFdJ621CY2y0ttyAR3YvHyk1f3IYW8"),
        ],
        unmasked: &["dbtc_", concat!("dbtu_", "v3DvX4f2aOUTQvLNRhRF")],
    },
    TableRule {
        id: "convex-deploy-key",
        reason: "Deploy keys of Convex: the kind, the deployment, `|` and JSON in base64 that begins with \
                 `eyJ2MiI6I`, described in Convex's documentation.",
        expression: r"(?:prod|dev|preview|project):[a-z0-9:-]{3,100}\|eyJ2MiI6I[A-Za-z0-9+/]{20,400}={0,2}",
        masked: &[concat!(
            "prod:",
            "happy-animal-123|eyJ2MiI6IdiPM4z9B7V584zvvwzo95SGcSEveozCGKycHZzlfjklUaCST6T8x0QQabKGr==",
        )],
        unmasked: &["prod:happy-animal-123|", "dev:happy-animal-123|eyJ"],
    },
    TableRule {
        id: "appwrite-api-key",
        reason: "API keys of Appwrite: `standard_` and 256 hexadecimal digits, as its source code creates them.",
        expression: r"standard_[0-9a-f]{256}",
        masked: &[concat!(
            "standard",
            "_d2c49cc701ef3a07d233554d726bccd39d2820bf0513a5408fb0121037d87910b8f4478ec4fbbddf9f9221c",
            "329f00fb07e85cad967c6b69ace87a0f0e29fd6c538794f1f0a0e845ec780ef9bbf918ca79e2058224a10e0f",
            "00434e9ecde4e0f5f0eb575f5232a411a148137c2a9cc624a9cba4bea0892053afdc65e95395bce5a",
        )],
        unmasked: &["standard_deviation", concat!("standard", "_fee1df3423496ac4963e67a6257ce6196f8ab5c5")],
    },
    TableRule {
        id: "pinecone-api-key",
        reason: "API keys of Pinecone: `pcsk_`, an ID of five or six letters and digits, `_` and a secret of 63, \
                 described in its documentation.",
        expression: r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,66}",
        masked: &[concat!("pcsk_", "BkmvAU_2DBPVDxxaZJzWECpLzlCG8Q06M9Z5NBExvxzJ9J1bW4Gh1WemGlpuCK6hgHaMQA")],
        unmasked: &["pcsk_", concat!("pcsk_", "XAsci3_6YlDEJ4PTv9krguRRjzM")],
    },
    TableRule {
        id: "algolia-api-key",
        reason: "API keys of Algolia: 32 hexadecimal digits in the usual variables or in the header \
                 `X-Algolia-API-Key`, described in Algolia's documentation.",
        expression: concat!(
            r#"(?:ALGOLIA_ADMIN_KEY|ALGOLIA_ADMIN_API_KEY|ALGOLIA_API_KEY|X-Algolia-API-Key)["']?[ \t]{0,4}[:=]"#,
            r#"[ \t]{0,4}["']?(?P<secret>[0-9a-f]{32})"#,
        ),
        masked: &[
            concat!("ALGOLIA_ADMIN", "_KEY=27ed729701d738f8e41a618cc6eb1efa"),
            concat!("X-Algolia-API", "-Key: 2440ff59203c28c9567327d0bbd9e484"),
        ],
        unmasked: &["ALGOLIA_API_KEY=", "ALGOLIA_API_KEY=7f7920acb6fbaa43f8f29b7e56f8589"],
    },
];
