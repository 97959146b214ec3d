//! Tokens of identity providers and of private networks.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "okta-api-token",
        reason: "API tokens of Okta: `00` and 40 characters after the scheme `SSWS`, described in Okta's \
                 documentation.",
        expression: r"SSWS (?P<secret>00[A-Za-z0-9_-]{40})",
        masked: &[concat!("Authorization: SS", "WS 005B6Ez3AnfA55TZ_DBxxYSPbj-KQzD9OI2fLoRy7w")],
        unmasked: &["SSWS {apiToken}", "SSWS 00FRfPgke1viYw-82WplhOHqHO2_1HTq"],
    },
    TableRule {
        id: "stytch-secret",
        reason: "Secrets of Stytch projects: `secret-live-` or `secret-test-` and base64 that ends with `=`, \
                 described in Stytch's documentation.",
        expression: r"secret-(?:live|test)-[A-Za-z0-9_-]{27,43}=",
        masked: &[
            concat!("secret-live", "-0FT6LxVxSzbTMEXMspo6tbQdXeCWhGZmK2g="),
            concat!("secret-test", "-j62DvOUP8MMRP8uBpU26pHrOJilEXmXlazM="),
        ],
        unmasked: &[
            "secret-test-",
            "secret-live-r9GI3vawO7OFNPykq7jG",
            "secret-test-configuration-for-the-staging-cluster",
        ],
    },
    TableRule {
        id: "ory-token",
        reason: "API keys and tokens of Ory: `ory_`, the kind and 32 or more characters, for OAuth tokens with a \
                 signature after a dot, described in Ory's documentation.",
        expression: r"ory_(?:pat|apikey|wak|at|rt|ac|st|lo)_[A-Za-z0-9_-]{32,64}(?:\.[A-Za-z0-9_-]{40,64})?",
        masked: &[
            concat!("ory_pat", "_XXTQvgdxzOKLO1qbvdX289O0oF3Oo4xZ"),
            concat!(
                "ory_at",
                "_ikmNX1rxUI4PqgPljLjE6kZdssAzaF90_9R_xxRg5SY.N5tc3WOvj30cC319SwMoXpG5GpAwaiE-u38ihCqwE0r",
            ),
        ],
        unmasked: &["ory_pat_", concat!("ory_st", "_i8UDeA79Ebk9hphuqOUY")],
    },
    TableRule {
        id: "tailscale-key",
        reason: "Keys of Tailscale: `tskey-`, the kind, an ID and a secret, described in Tailscale's \
                 documentation of key prefixes.",
        expression: r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,64}",
        masked: &[
            concat!("tskey-auth", "-kGbqOHjvdReZCNTRL-Bx2jahsvwRMvPCdcfugt8HbVaSayLnID"),
            concat!("tskey-api", "-kUcujox5Pa3mCNTRL-okxQBeHlujzkn7SvcpYZ9u3wpX26jO16"),
        ],
        unmasked: &["tskey-auth-", concat!("tskey-api", "-kcrQNoF6FyzaCNTRL")],
    },
    TableRule {
        id: "headscale-key",
        reason: "Keys of Headscale: `hskey-auth-` or `hskey-api-`, an ID of 12 characters and a secret of 64, as \
                 the source code of Headscale creates them.",
        expression: r"hskey-(?:auth|api|reg)-[A-Za-z0-9_-]{12}-[A-Za-z0-9_-]{64}",
        masked: &[concat!(
            "hskey-auth",
            "-H2uj0CgJ9u7L-MS86mUu05uz9jpjW4LQ2C83bO3qcaSI7IsIFU8QiILvEZd9FZkOfJujuava1aUhL"
        )],
        unmasked: &["hskey-auth-", concat!("hskey-auth", "-QvbM51Cf6MbU")],
    },
    TableRule {
        id: "netbird-token",
        reason: "Personal access tokens of NetBird: `nbp_`, 30 letters and digits and a CRC-32 checksum of six \
                 more, as the service creates them.",
        expression: r"nbp_[A-Za-z0-9]{36}",
        masked: &[concat!("nbp_", "UXbtk1Is9IMCpFX0XojM5ee0gsU0wvaJ2hrI")],
        unmasked: &[concat!("nbp_", "rAj0zgtDpwgYuixANsq2mk3nY4W6yC"), "nbp_peer"],
    },
    TableRule {
        id: "definednetworking-api-key",
        reason: "API keys of Defined Networking: `dnkey-`, 26 characters, a hyphen and 52 characters, described \
                 in its documentation.",
        expression: r"dnkey-[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}",
        masked: &[concat!("dnkey-", "6FFSJ7ZLEHGWLRLGKFPK5IT0YY-UVS0SAGC49G7Y0GKV34066WSE8HLK34J0F32C7GKJLEPKLXV5Q0C")],
        unmasked: &["dnkey-", concat!("dnkey-", "4SMSR86NXITR56PZ1XH5870IFW")],
    },
    TableRule {
        id: "hcaptcha-secret",
        reason: "Secret keys of hCaptcha accounts: `ES_` and 32 hexadecimal digits, as its dashboard creates them.",
        expression: r"ES_[0-9a-f]{32}",
        masked: &[concat!("ES_", "78163ead8edb78451b27c3ed04dda393")],
        unmasked: &[concat!("ES_", "c7bfc712f464b61c6985044471dd9cb"), "ES_VERSION"],
    },
    TableRule {
        id: "secret-token-uri",
        reason: "Tokens in the form of RFC 8959: `secret-token:` and the characters of a URI, which Mercury and \
                 other services use.",
        expression: r"secret-token:[A-Za-z0-9._~%!$&*+=:@-]{16,512}",
        masked: &[
            concat!("secret-token", ":4PCDi9qHEjkcm6LAQujRDYLdUYHUqE6M1feGxj5p"),
            concat!("secret-token", ":mercury_production_wma_LGsd1iR40hAKti7IQIYZ8yfFazcP53ApfSEf2fmd_yrucrem"),
        ],
        unmasked: &["secret-token:", "secret-token: read from the file", "secret-token:short"],
    },
];
