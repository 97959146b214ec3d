//! Keys of services that send e-mail.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "sendgrid-api-key",
        reason: "API keys of SendGrid: `SG.`, an ID of 22 characters and a secret of 43, described in SendGrid's \
                 documentation.",
        expression: r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        masked: &[concat!("SG.", "XLkHqpEXeLHDJb_Lw79-pB.we-tNaq1y4Rz8IvVXIUxx8sA7tcF1LG-fWjg8CPcTpD")],
        unmasked: &["SG.", concat!("SG.", "U5Yxkb5ZPxLrJ_naI1Rqvb"), "SG.com"],
    },
    TableRule {
        id: "mailgun-api-key",
        reason: "API keys of Mailgun: `key-` or `pubkey-` and 32 hexadecimal digits, described in Mailgun's \
                 documentation.",
        expression: r"(?:pub)?key-[0-9a-f]{32}",
        masked: &[concat!("key-", "26a96b9cf90f5897836992ab74794a81")],
        unmasked: &[
            concat!("key-", "d43130bd0375ecadd0d1f4f76bbe1d0"),
            concat!("key-", "ce34050cd7ea1e34a9a04c2422b144e076892af0"),
            "key-value-store",
        ],
    },
    TableRule {
        id: "mailchimp-api-key",
        reason: "API keys of Mailchimp: 32 hexadecimal digits, `-us` and the number of the data centre in the \
                 usual variable, described in Mailchimp's documentation.",
        expression: r#"MAILCHIMP_API_KEY["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[0-9a-f]{32}-us[0-9]{1,2})"#,
        masked: &[concat!("MAILCHIMP_API", "_KEY=f7574fa586ce712b260903493d4112fd-us14")],
        unmasked: &[
            "MAILCHIMP_API_KEY=",
            "119cadd54af923a776c4164740e82331-us14",
            "MAILCHIMP_API_KEY=a5e5aab9b6f03445f39b22581514b4f8-eu1",
        ],
    },
    TableRule {
        id: "brevo-api-key",
        reason: "API and SMTP keys of Brevo: `xkeysib-` or `xsmtpsib-`, 64 hexadecimal digits, a hyphen and 16 \
                 letters and digits, as Brevo's settings create them.",
        expression: r"(?:xkeysib|xsmtpsib)-[0-9a-f]{64}-[A-Za-z0-9]{16}",
        masked: &[
            concat!("xkeysib", "-c135e207927a72cbcacb43c6f4a59b1ecfc15569e23323e2f59d891ab01a0539-V9tihmxBOOFXtyKX"),
            concat!("xsmtpsib", "-602e118f1ddc1c865723be9ddf908426b09de995eaeea7f9238019b98213ea9e-BE9gsOQMtWk0KDj1"),
        ],
        unmasked: &[
            "xkeysib-",
            concat!("xkeysib", "-4ff44839a5079f2a5c671413278043a5565309a851d04654b414fa87ea2a45d8"),
        ],
    },
    TableRule {
        id: "resend-api-key",
        reason: "API keys of Resend: `re_`, an ID of eight letters and digits, `_` and a secret of 24, as its \
                 dashboard creates them.",
        expression: r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
        masked: &[concat!("re_", "Yl6KKrGo_H3WMhweNJVOB1j9NO1Yzrqhs")],
        unmasked: &["re_compile_pattern", concat!("re_", "ebU6rf4O_0BABW1Hex9j4")],
    },
    TableRule {
        id: "mailersend-token",
        reason: "API tokens of MailerSend: `mlsn.` and 64 hexadecimal digits, described in its documentation.",
        expression: r"mlsn\.[0-9a-f]{64}",
        masked: &[concat!("mlsn.", "e973bfa8be19754a61e4fb9f802b4e13cb21264db0121d88288dc1580672a777")],
        unmasked: &["mlsn.", concat!("mlsn.", "26cdeb51f1f1d1d08df800603f14e689585d874e")],
    },
    TableRule {
        id: "smtp2go-api-key",
        reason: "API keys of SMTP2GO: `api-` and 32 capital hexadecimal digits, described in its documentation.",
        expression: r"api-[0-9A-F]{32}",
        masked: &[concat!("api-", "C4ACB3513AA3365450FA7042CC36E92C")],
        unmasked: &[concat!("api-", "EE555E99DA6CE585B95B"), "api-gateway"],
    },
    TableRule {
        id: "nylas-api-key",
        reason: "API keys of Nylas: `nyk_v0_` and 64 letters and digits, described in its documentation.",
        expression: r"nyk_v[0-9]_[A-Za-z0-9]{64}",
        masked: &[concat!("nyk_v0", "_FWxO8F8QJqMlsvjieruPGg8KgWbBHTZleuzLXBWcMK1dJeQG8g8t3HT6EgIaR73l")],
        unmasked: &["nyk_v0_", concat!("nyk_v0", "_Nq2uzIjIq229WVFfpZp4bIU52AzFcuThxl4HA4sC")],
    },
];
