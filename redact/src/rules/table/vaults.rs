//! Tokens and keys of secret managers.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "vault-token",
        reason: "Tokens of HashiCorp Vault: `hvs.`, `hvb.` or `hvr.` and 24 or more characters, described in \
                 Vault's documentation.",
        expression: r"hv[sbr]\.[A-Za-z0-9_-]{24,512}",
        masked: &[
            concat!("hvs.", "8nEWPAJRTPKO2IKmN10ifSm4"),
            concat!(
                "hvs.",
                "CAESIa5FpwqMwhXK7n9oX628T0yQyyOoXlrWLFLYJsaUjEEbCnjBlO6RFQTDM1_U0U1BXeXe9VPSh9DaVia-kFrq",
                "foxRjkf",
            ),
            concat!(
                "hvb.",
                "bA5SGTQWf_xez1iPeBeV-Cp7iSElZ33t1o4ympvq3iWKJ0aPgWE8JIVTL7W1NxCzChNkB8qqJaBnxkeP3EtfGJRo",
                "u1denmNfjRUp",
            ),
        ],
        unmasked: &["hvs.", concat!("hvs.", "iJMnvOEGKfUNrkHyEFUe"), "hvr.example"],
    },
    TableRule {
        id: "terraform-token",
        reason: "API tokens of HCP Terraform: `atlasv1.` and about 67 characters after the ID of the token, \
                 described in its documentation.",
        expression: r"atlasv1\.[A-Za-z0-9_=-]{60,80}",
        masked: &[concat!(
            "az1jFZ2vx3lQKF.atlas",
            "v1.8DsbKxWxHZO4EuZLtNHFMNSFkzdI4xWAB8VoBpxWYM6uFZBoFyWURK73I2Mf4W0Eyqy"
        )],
        unmasked: &["atlasv1.", concat!("atlasv1", ".VJVswk0tjFnQbficPjf9CoNiTdCXhXXxPAU0Jl7B")],
    },
    TableRule {
        id: "onepassword-service-token",
        reason: "Tokens of 1Password service accounts: `ops_` and JSON in base64, described in 1Password's \
                 documentation.",
        expression: r"ops_eyJ[A-Za-z0-9+/_-]{200,1024}[A-Za-z0-9+/_-]{0,1024}={0,2}",
        masked: &[concat!(
            "ops_",
            "eyJsv875JF5FKdsJ6pqzkHZZc2qX6RwNqlMkYmpVukZ0egovq7iXikPvrkOYxON3rJIZk9rmDHgFlgAg35GgzkN0",
            "41KdzsU3EzbTr6AnfysQZlIsqGjyecoJNUClr1yC0bRvmFd9PBlINTcDgTl8Y6FowrjdWk2eahwqEifmHwKQchkU",
            "AwflVHfgLkJgobUhp37T6a4HiKBVPM0TBe59V",
        )],
        unmasked: &["ops_eyJ", concat!("ops_", "eyJhul6sCwCRvahWFH6MHB4RpKieNE58qxfTrXqxYzC4avf1nBag6J0vo72nKFp")],
    },
    TableRule {
        id: "onepassword-secret-key",
        reason: "Secret Keys of 1Password: `A3-` and groups of 6, 11 and three times 5 capital letters and \
                 digits, described in 1Password's documentation.",
        expression: r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
        masked: &[
            concat!("A3-", "66CRE1-M49Z5ZYD39C-NDCUQ-J5AZL-66DLN"),
            concat!("A3-", "9D75MO-91RUP0-QY3RZ-HHRCW-C8P8L-CZMYQ"),
        ],
        unmasked: &["A3-size", concat!("A3-", "P7XT61-UKS84O3MUYQ")],
    },
    TableRule {
        id: "doppler-token",
        reason: "Tokens of Doppler: `dp.`, the kind, perhaps the config, and 40 to 44 letters and digits, \
                 described in Doppler's documentation.",
        expression: r"dp\.(?:pt|st|ct|sa|said|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
        masked: &[
            concat!("dp.pt", ".z8PHLKrw9tAQYdDT31yrjnYAHMNkfGENMU00YvxrF0F"),
            concat!("dp.st", ".prd.Z1l36FHSwkwNFdCo1AxYu8OrzLX1zAz1LCx7eK6POFQ"),
        ],
        unmasked: &["dp.pt.", "dp.st.dev", concat!("dp.ct", ".WP0prv2Dh4Po8fcmymat")],
    },
    TableRule {
        id: "infisical-service-token",
        reason: "Service tokens of Infisical: `st.` and three groups of 24, 32 and 32 hexadecimal digits, \
                 described in Infisical's documentation.",
        expression: r"st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}",
        masked: &[concat!(
            "st.",
            "cecd6ae1a2f482f54aced42e.c635a06f788de715762098751d147bbe.8b4b8d3bb1d876142ae89433cd7677",
            "fc",
        )],
        unmasked: &["st.union", concat!("st.", "19b723d47c93d74a253de324.bd309bf9f034023b9cc0bf4aa6d24d52")],
    },
    TableRule {
        id: "age-secret-key",
        reason: "Private keys of age: `AGE-SECRET-KEY-1` and 58 characters of bech32 with a checksum, described \
                 in the specification of age.",
        expression: r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}",
        masked: &[concat!("AGE-SECRET", "-KEY-1ZPF6X92X40EJ0QG9ESNPH43AV8J97MUZZUQRTV825WCGFCUVFLT965UAMC")],
        unmasked: &["AGE-SECRET-KEY-1", concat!("AGE-SECRET", "-KEY-1R9W0RSA3G3WQEHKY7Z32WQV7XZ0HMR6RQTS728V3")],
    },
    TableRule {
        id: "age-plugin-identity",
        reason: "Identities of age plugins and post-quantum keys of age: `AGE-PLUGIN-`, the plugin and bech32, or \
                 `AGE-SECRET-KEY-PQ-1` and bech32, described in the specification of age plugins.",
        expression: r"AGE-(?:PLUGIN-[A-Z0-9-]{2,40}|SECRET-KEY-PQ)-1[02-9AC-HJ-NP-Z]{20,512}",
        masked: &[
            concat!("AGE-PLUGIN", "-YUBIKEY-1X25SJHNG9ZWWUSEFN25CVERN4F5RNZTTW7Y65N"),
            concat!("AGE-SECRET", "-KEY-PQ-189GL4NA9SSMWN5F5S33G2KL5LL70Z2DYSPF5VM0KNAN0R9LHTP7ZPP6DKD"),
        ],
        unmasked: &["AGE-PLUGIN-YUBIKEY-1", concat!("AGE-PLUGIN", "-TPM-16UX0SJX3FPGG")],
    },
];
