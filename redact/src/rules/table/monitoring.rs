//! Keys of monitoring services.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "datadog-api-key",
        reason: "API keys of Datadog: 32 hexadecimal digits in the variables and headers that its agents read.",
        expression: concat!(
            r#"(?:DD_API_KEY|DATADOG_API_KEY|DD-API-KEY)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[0-9a-f]{32})",
        ),
        masked: &[
            concat!("DD_API", "_KEY=14b52db191e092345862b8c90d98c3ed"),
            concat!("DD-API", "-KEY: dee2891a7253adbdc6a23366361fecf4"),
        ],
        unmasked: &["DD_API_KEY=", "DD_API_KEY=18d4b50d7c295f5155698712dba12c3", "e6e36cc6fe3fea331dbe4f77c9ea167d"],
    },
    TableRule {
        id: "datadog-application-key",
        reason: "Application keys of Datadog: 40 hexadecimal digits in the variables and headers that its clients \
                 read.",
        expression: concat!(
            r#"(?:DD_APP_KEY|DD_APPLICATION_KEY|DATADOG_APP_KEY|DD-APPLICATION-KEY)["']?[ \t]{0,4}[:=]"#,
            r#"[ \t]{0,4}["']?(?P<secret>[0-9a-f]{40})"#,
        ),
        masked: &[
            concat!("DD_APP", "_KEY=84b54b797844e2c99b0aada72d3924faaf94f3cb"),
            concat!("DD-APPLICATION", "-KEY: b437d99414d6cc1a613f216329b11c6b679afc3b"),
        ],
        unmasked: &["DD_APP_KEY=", "DD_APP_KEY=33a95c43d479c7de4bc9cd97d463cd46"],
    },
    TableRule {
        id: "sentry-org-token",
        reason: "Organisation tokens of Sentry: `sntrys_`, JSON in base64, `_` and a secret of 43 characters, \
                 described in Sentry's documentation.",
        expression: r"sntrys_eyJ[A-Za-z0-9+/=_-]{60,400}_[A-Za-z0-9+/]{43}",
        masked: &[concat!(
            "sntrys",
            "_eyJpYXQiOWb8zPnUQGwprFe9mkQ6eS0FU6QP3By7ljzqArtryDoF3ZPWLlOaAZGftPeu6qteVpkclwmhzKM1INi",
            "q2=_w8wXLqKltih6myiVB5nKaaBNYy24sR9+ROGQta8H/L0",
        )],
        unmasked: &["sntrys_", concat!("sntrys", "_eyJAPXNux5bvc82R3RW2MeI")],
    },
    TableRule {
        id: "sentry-token",
        reason: "User and integration tokens of Sentry: `sntryu_`, `sntrya_` or `sntryi_` and 64 hexadecimal \
                 digits, described in Sentry's documentation.",
        expression: r"sntry[uai]_[0-9a-f]{64}",
        masked: &[concat!("sntryu", "_b06e542f72127cdf38fa7eee4e78e57d9fcb9f62221c09bcdea864a9cbcbcc5d")],
        unmasked: &["sntryu_", concat!("sntryu", "_321b61fe2ffd6e38f8530d10353c89052faeef99")],
    },
    TableRule {
        id: "grafana-cloud-token",
        reason: "Access policy tokens of Grafana Cloud: `glc_` and JSON in base64, described in Grafana's \
                 documentation.",
        expression: r"glc_eyJ[A-Za-z0-9+/]{40,500}={0,2}",
        masked: &[concat!("glc_", "eyJvtKggVuqUKgeoffqtpsjNPxPlR9OAFx4K5sZ6KRwlngpMG289hcoS092io9T==")],
        unmasked: &["glc_eyJ", concat!("glc_", "eyJ8XbR0e06srla1bLvtmgZ")],
    },
    TableRule {
        id: "grafana-service-account-token",
        reason: "Tokens of Grafana service accounts: `glsa_`, 32 letters and digits, `_` and a CRC-32 checksum of \
                 eight hexadecimal digits, described in Grafana's documentation.",
        expression: r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}",
        masked: &[concat!("glsa_", "Sx2AJmYzFDLA8l6ib9ajQSxXSXvOsGWN_35d4b7c9")],
        unmasked: &["glsa_", concat!("glsa_", "5WV3ICgcR2CJqhQj1l0LGLQ9qsQelc0P")],
    },
    TableRule {
        id: "newrelic-user-key",
        reason: "User keys of New Relic: `NRAK-` and 27 capital letters and digits, described in its \
                 documentation.",
        expression: r"NRAK-[A-Z0-9]{27}",
        masked: &[concat!("NRAK-", "5NGLCCK94Z8PLVMUTYTMOH8T442")],
        unmasked: &["NRAK-", concat!("NRAK-", "1E5808P8W0P4MRZ1MEE9")],
    },
    TableRule {
        id: "newrelic-insights-key",
        reason: "Insights keys of New Relic: `NRII-` or `NRIQ-` and 32 characters, described in its documentation.",
        expression: r"NRI[IQ]-[A-Za-z0-9_-]{32}",
        masked: &[concat!("NRII-", "rfWbKZo7ppOLlOMIkXOflNAtV2vsfArT")],
        unmasked: &["NRII-", concat!("NRIQ-", "n7ODljKqtpckRlv9HQ3m")],
    },
    TableRule {
        id: "honeycomb-key",
        reason: "Ingest keys of Honeycomb: `hc`, a letter for the region, `ik_` and 58 lower-case letters and \
                 digits, described in its documentation.",
        expression: r"hc[abcx]ik_[a-z0-9]{58}",
        masked: &[concat!("hcaik", "_01c5jy6nq1egxo8dm1lcm6ivejdogmw50g6dgv2yji8t8r0ssfqtwmcwnw")],
        unmasked: &["hcaik_", concat!("hcaik", "_01xvqvurrkzmdomyeiawy8m6rclm44g5")],
    },
    TableRule {
        id: "dynatrace-token",
        reason: "Tokens of Dynatrace: `dt0`, the kind, an ID of 24 capital letters and digits and a secret of 64, \
                 described in Dynatrace's documentation.",
        expression: r"dt0[a-z][0-9]{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}",
        masked: &[
            concat!(
                "dt0c01",
                ".YYJRXQZ2WJ7VIALCTDVFI6LE.GRUCWKDNL5AALCT7KFT6R4QU7UFLZCUNUG6VSL7EN4LXT7DJXVJVHGFHXNXETG",
                "ZN",
            ),
            concat!("dt0s16", ".BZ3WLPKC.ACIPLPGHMY42IRGD2YMLXS2R25HGMSVMN2FONIARM2EREDNUWQPN5L3EA66DZMN6"),
        ],
        unmasked: &["dt0c01.", concat!("dt0c01", ".O3S6VYSE2ZVUMBIEPHPOXUJV")],
    },
    TableRule {
        id: "logfire-token",
        reason: "Tokens of Pydantic Logfire: `pylf_v`, a version, the region and 43 letters and digits, as the \
                 service creates them.",
        expression: r"pylf_v[0-9]{1,2}_(?:us|eu|stagingus|stagingeu)_[A-Za-z0-9]{43}",
        masked: &[concat!("pylf", "_v1_eu_inUWm79QAUUXyYEcSPTfzIbH5OYjyXKZsHQ3K42Vkbv")],
        unmasked: &["pylf_v1_us_", concat!("pylf", "_v1_us_uLszrJSMEjlR98IBgwal")],
    },
    TableRule {
        id: "axiom-token",
        reason: "Tokens of Axiom: `xaat-` or `xapt-` and a UUID, described in Axiom's documentation.",
        expression: r"xa(?:at|pt)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        masked: &[
            concat!("xaat-", "907d89b8-0f1b-4859-a36d-932ebfefdf1f"),
            concat!("xapt-", "1da92ab6-3856-48e7-ad59-34fbd56f5ec6"),
        ],
        unmasked: &["xaat-", concat!("xaat-", "b18eeeae900d4f9876b5")],
    },
    TableRule {
        id: "coralogix-api-key",
        reason: "API keys of Coralogix: `cxtp_` for teams or `cxup_` for users and 30 letters and digits, as the \
                 service creates them.",
        expression: r"cx[tu]p_[A-Za-z0-9]{30}",
        masked: &[concat!("cxtp_", "Boc9Yv4APenLRbDuCxVPWxbGsr1Dh1")],
        unmasked: &["cxtp_", concat!("cxtp_", "VSss2wv3grGo9qbaoDIy")],
    },
    TableRule {
        id: "healthchecks-ping-url",
        reason: "Ping URLs of Healthchecks.io: a UUID on `hc-ping.com`, described in its documentation.",
        expression: r"hc-ping\.com/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        masked: &[concat!("https://hc-ping", ".com/52c0bf29-c6e7-4674-ae90-e3caafad08a4/fail")],
        unmasked: &["https://hc-ping.com/", "hc-ping.com/1bf97ee5b6f00827/start"],
    },
    TableRule {
        id: "deadmanssnitch-url",
        reason: "Check-in URLs of Dead Man's Snitch: ten hexadecimal digits on `nosnch.in`, described in its \
                 documentation.",
        expression: r"nosnch\.in/(?P<secret>[0-9a-f]{10})",
        masked: &[concat!("https://nosnch", ".in/acd1f477f0")],
        unmasked: &["https://nosnch.in/", "nosnch.in/7b90a2d1b"],
    },
];
