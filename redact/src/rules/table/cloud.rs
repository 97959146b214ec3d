//! Keys of other cloud providers.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "alibaba-access-key-id",
        reason: "Access key IDs of Alibaba Cloud: `LTAI` and 12 to 20 letters and digits, as the service creates \
                 them.",
        expression: r"LTAI[A-Za-z0-9]{12,20}",
        masked: &[concat!("LTAI", "5t1NeGeK1NfLFlOuc60b"), concat!("LTAI", "YfYhAy150jZ6")],
        unmasked: &[concat!("LTAI", "xaW1Eo6h"), concat!("LTAI", "zpdCAcUGtmRMoo6HgPyUcWC0cIu3"), "LTAI access keys"],
    },
    TableRule {
        id: "tencent-secret-id",
        reason: "Secret IDs of Tencent Cloud: `AKID` and 32 letters and digits, as the service creates them.",
        expression: r"AKID[A-Za-z0-9]{32}",
        masked: &[concat!("AKID", "CCoC4BqFYhsG6VmgYWi3zTmYWJAMXLOD")],
        unmasked: &[
            concat!("AKID", "Snb8xxKbYeI8n7CWyAVzsWicWZGF9Sz"),
            concat!("AKID", "Rp5883GZJYzUvtRSFzyLE7yzENLO8YIXj"),
            "AKID_NOT_FOUND_IN_CONFIGURATION_FILE",
        ],
    },
    TableRule {
        id: "baidu-api-key",
        reason: "API keys of Baidu AI Cloud: `bce-v3/ALTAK-`, an ID of 21 characters and 40 hexadecimal digits, \
                 as the service creates them.",
        expression: r"bce-v3/ALTAK-[A-Za-z0-9]{21}/[0-9a-f]{40}",
        masked: &[concat!("bce-v3/", "ALTAK-JmwZJ40ieaLlfX4JtSCS3/aba84b58589b3df5e0c5c87e7e1820645bc8d2ee")],
        unmasked: &[
            "bce-v3/ALTAK-example",
            concat!("bce-v3/", "ALTAK-pcOz0irl6D9WoDa5Y8b3p/b32843d4a3433ceccfd9a58583d399b67ef29e5"),
        ],
    },
    TableRule {
        id: "digitalocean-token",
        reason: "Tokens of DigitalOcean: `dop_v1_`, `doo_v1_` or `dor_v1_` and 64 hexadecimal digits, described \
                 in DigitalOcean's announcement of token prefixes.",
        expression: r"(?:dop|doo|dor)_v1_[0-9a-f]{64}",
        masked: &[
            concat!("dop", "_v1_72fe8704cbe47365a09f6965d24142a9194c2c9ae09e389b5bdeadb1362c80f3"),
            concat!("dor", "_v1_c2d1b5c4f9931f13e1f6ffb06c07e38feb8365fbef371a96e01bcdd5495470f2"),
        ],
        unmasked: &[
            concat!("dop", "_v1_d2e957e11ba934560cc0e6cfd9a707bbe4cf70b49d312a2022b13d0151d24e5"),
            concat!("dop", "_v1_a730355bdb603db672c6d2bb6b07216983d5c6eb95fb8122ee79c4b7779021138"),
            "dop_v1_token_prefix",
        ],
    },
    TableRule {
        id: "digitalocean-spaces-key",
        reason: "Access keys of DigitalOcean Spaces: `DO00` or `DO801` and 16 capital letters and digits, as the \
                 control panel creates them.",
        expression: r"(?:DO00|DO801)[A-Z0-9]{15,16}",
        masked: &[concat!("DO00", "5GK6ERWRW76YTQ1P")],
        unmasked: &[concat!("DO00", "MZJZ2DZDGI"), concat!("DO00", "03LZ3OVOCEMRT5LVYUIA")],
    },
    TableRule {
        id: "scaleway-access-key",
        reason: "Access keys of Scaleway: `SCW` and 17 capital letters and digits, described in its documentation \
                 of IAM.",
        expression: r"SCW[A-Z0-9]{17}",
        masked: &[concat!("SCW", "16JR8X8EU1CQ9I0X0")],
        unmasked: &[
            concat!("SCW", "XAGP5PU1P5N9ZHTU"),
            concat!("SCW", "AG9P88S3XC1PSOPS3V"),
            "SCW_ACCESS_KEY_OF_PROJECT",
        ],
    },
    TableRule {
        id: "exoscale-api-key",
        reason: "API keys of Exoscale: `EXO` and 24 hexadecimal digits, described in its documentation of IAM.",
        expression: r"EXO[0-9a-f]{24}",
        masked: &[concat!("EXO", "1efaa6334de60eb3d395b073")],
        unmasked: &[
            concat!("EXO", "699b7acb89dc25f16506"),
            concat!("EXO", "440acd30191f76b25e35c26b73acfcae"),
            "EXOSCALE_API_KEY",
        ],
    },
    TableRule {
        id: "hetzner-api-token",
        reason: "API tokens of Hetzner Cloud: 64 letters and digits in the variable that its command line reads.",
        expression: r#"HCLOUD_TOKEN["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[A-Za-z0-9]{64})"#,
        masked: &[concat!("HCLOUD", "_TOKEN=fVtYCXhpJEswpEJdwnH8mzf89hhoYKMLYZ1rvUi2udtlRMTsaFPXIbJwcazQdgwl")],
        unmasked: &["HCLOUD_TOKEN=$TOKEN", "HCLOUD_TOKEN=buuP0Qannpz8ks0fNu6zKK0UdsZA1vqIntrKwOOo"],
    },
    TableRule {
        id: "linode-api-token",
        reason: "Personal access tokens of Linode: 64 hexadecimal digits in the variables that its tools read.",
        expression: concat!(
            r#"(?:LINODE_TOKEN|LINODE_CLI_TOKEN|LINODE_API_TOKEN)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[0-9a-f]{64})",
        ),
        masked: &[
            concat!("LINODE", "_TOKEN=379bb1be34f7c47dd0d4784b46916bd29c38e24f7e1d57625b984ffcdc128392"),
            concat!("LINODE_CLI", "_TOKEN: 'a35f394049d38cafb3a3d0b8009fd9f8022c1006a08456cb9401863c0c451c0b'"),
        ],
        unmasked: &["LINODE_TOKEN=f9bd30e5d517523914e343ac5c412b1262b0f2f1", "LINODE_TOKEN=changeme"],
    },
    TableRule {
        id: "yandex-api-key",
        reason: "API keys of Yandex Cloud service accounts: `AQVN` and 36 characters, described in its \
                 documentation of IAM.",
        expression: r"AQVN[A-Za-z0-9_-]{35,38}",
        masked: &[concat!("AQVN", "xLErw2Sxle0k91pRqFJjk-hFFLjnSfKSylii")],
        unmasked: &[
            concat!("AQVN", "GgUcjznwWuICZ7K4us2K"),
            concat!("AQVN", "226QTlSUn_D0_qcXHZdHYzRNP8p-YppyUoSIq_n-MGMzEcQjKt"),
        ],
    },
    TableRule {
        id: "yandex-iam-token",
        reason: "IAM tokens of Yandex Cloud: `t1.`, a payload and a signature of 86 characters, described in its \
                 documentation of IAM.",
        expression: r"t1\.[A-Za-z0-9_-]{20,512}={0,2}\.[A-Za-z0-9_-]{86}={0,2}",
        masked: &[concat!(
            "t1",
            ".9euelZj9lUx8PHE8lnrVPrlbOW-ZytdRDQQPO1xLgVA5PA.Dyg5vFEb-cp9A3qAOjVgxb53f5GpAjxxwZ9kZylZ",
            "8GELeI20MvibUyLnwkexXZt0cEuD5XhjMbHEzvVEhA4YqX==",
        )],
        unmasked: &[
            "t1.medium.elasticsearch",
            concat!(
                "t1",
                ".9euelZaNvrA3B9fwW6kgJnnvpE9B5GwAOC9x-0k5NpEj6w6y3lL_GdnXw0WVb33xrN.J_RrUkc8Y6cKyepRP-eP",
                "b012curDE8v8O4immZiH",
            ),
        ],
    },
    TableRule {
        id: "yandex-static-key",
        reason: "Static access keys of Yandex Cloud: `YCM`, `YCN`, `YCO` or `YCP` and 37 characters, described in \
                 its documentation of IAM.",
        expression: r"YC[MNOP][A-Za-z0-9_-]{37}",
        masked: &[concat!("YCM", "cMtnifiHYpzgMZ2GBibMEvIOhRhUTJMpVWzQF")],
        unmasked: &[
            concat!("YCM", "NfDHoOql16RTpIb2WFjVrcG_b3axfd"),
            concat!("YCP", "ua8wIfjDCAf46xpUumvjnM5yOHMwKjOGeA82vMZKevEaVnPHJ-pzgV3grT60"),
        ],
    },
    TableRule {
        id: "yandex-oauth-token",
        reason: "OAuth tokens of Yandex ID: `y0_` and about 55 characters, described in its documentation of \
                 OAuth.",
        expression: r"y0__?[A-Za-z0-9-][A-Za-z0-9_-]{49,100}",
        masked: &[concat!("y0_", "Agte1UORikzm437gLYVEzuoj4LTfcNW5QF7HDaHJV1ui0UZaVLFH-qH")],
        unmasked: &["y0_initial_value", concat!("y0_", "AgrA70odU0z0vKq1qFvnOE")],
    },
];
