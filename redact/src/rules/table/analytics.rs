//! Rules for the API keys of analytics and feature-flag services.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "posthog-api-key",
        reason: "Personal API keys and secure flag keys of PostHog: `phx_` or `phs_` and about 43 letters and \
                 digits, described in PostHog's documentation.",
        expression: r"ph[xs]_[A-Za-z0-9]{32,64}",
        masked: &[
            concat!("phx_", "6DHmAaH5utdDhGBiD96pEbCoH69AJGb0TSwlb0iZMeT"),
            concat!("phs_", "5mNUdHZ12pBwSvYKIUHvohTAi8SvVXrz3Hy2w2rnJUJCHSze"),
        ],
        unmasked: &["phx_", concat!("phx_", "jJS8QkFDRPdeuF4HtEjo")],
    },
    TableRule {
        id: "segment-api-token",
        reason: "Public API tokens of Segment: `sgp_` and 64 letters and digits, as the service creates them.",
        expression: r"sgp_[A-Za-z0-9]{64}",
        masked: &[concat!("sgp_", "JMIMu071GXIfIKWpXJ4SXJU561EQ5eQN31EdPazbH4s0rg2bhBz7z3rWMImdJFFx")],
        unmasked: &[concat!("sgp_", "ENnAEu8tywDnTEjpF6m3OtJJno1p2DTJn5AurekCeHgBCDF5eG"), "sgp_public"],
    },
    TableRule {
        id: "launchdarkly-key",
        reason: "SDK keys and access tokens of LaunchDarkly: `sdk-` or `api-` and a UUID, described in \
                 LaunchDarkly's documentation.",
        expression: r"(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        masked: &[
            concat!("sdk-", "eb795cca-4fd7-4ba6-a6ef-a871efe8e823"),
            concat!("api-", "f2d691e6-fdbf-43ca-af18-ceb412cbc817"),
        ],
        unmasked: &[
            "sdk-",
            concat!("api-", "714ee8c46b01482bc25744f8cd8de063"),
            "mob-78f31893-1264-4cf1-af34-d49d6ccfed24",
        ],
    },
    TableRule {
        id: "configcat-sdk-key",
        reason: "SDK keys of ConfigCat: `configcat-sdk-1/` and two groups of 22 characters, described in its \
                 documentation.",
        expression: r"configcat-sdk-1/[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}",
        masked: &[concat!("configcat-sdk", "-1/cmzi8kFtTRUWelbjVmLxUe/rGwa7RvATXa1pIV4J3D01h")],
        unmasked: &["configcat-sdk-1/", concat!("configcat-sdk", "-1/q4xt-1abprzNGLIvMC5n0s")],
    },
    TableRule {
        id: "metabase-api-key",
        reason: "API keys of Metabase: `mb_` and 32 bytes of base64, as its source code creates them.",
        expression: r"mb_[A-Za-z0-9+/]{43}=",
        masked: &[concat!("mb_", "h2wegc9zLpMi1BrBngP1gOi9+BoRYf+nFERUKSArTic=")],
        unmasked: &[concat!("mb_", "3LvhHr9hwi05bCak87zD="), "mb_strlen"],
    },
];
