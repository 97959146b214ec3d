//! Rules for the API keys of shop, marketplace and logistics services.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "shopify-token",
        reason: "Tokens and shared secrets of Shopify: `shpat_`, `shpca_`, `shppa_`, `shpss_` or `shpua_` and 32 \
                 hexadecimal digits, described in Shopify's changelog.",
        expression: r"shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}",
        masked: &[
            concat!("shpat", "_9e595ed76cdf383307fecb2ff3b2e9c7"),
            concat!("shpss", "_5caa4677f16c8550ccb18574e1cea87f"),
        ],
        unmasked: &[
            "shpat_",
            concat!("shpat", "_23084b09d71a028d7f223845c5396f1"),
            concat!("shpat", "_5c5dacc9f94b8ee3edc18d724af88c5c0"),
        ],
    },
    TableRule {
        id: "shopify-partner-token",
        reason: "Access tokens of the Shopify Partner API: `prtapi_` and 32 hexadecimal digits, as the service \
                 creates them.",
        expression: r"prtapi_[0-9a-f]{32}",
        masked: &[concat!("prtapi", "_fb9e7fd865cc6859cce46d92622b9e0e")],
        unmasked: &["prtapi_", concat!("prtapi", "_49ad1c5829842356ba02")],
    },
    TableRule {
        id: "woocommerce-key",
        reason: "Consumer keys and secrets of WooCommerce: `ck_` or `cs_` and 40 hexadecimal digits, described in \
                 its documentation.",
        expression: r"c[ks]_[0-9a-f]{40}",
        masked: &[
            concat!("ck_", "883c1a323aa5378083924bd879acd916571d3fec"),
            concat!("cs_", "695473244a374878883ca2c06b6bf79d39e33942"),
        ],
        unmasked: &[
            concat!("ck_", "c6f78581d662f000da9d3218151af7699139e4f"),
            concat!("cs_", "e25f659ec072ba57cb8be414a2d393d4cae79c6be"),
            "cs_main",
        ],
    },
    TableRule {
        id: "wix-api-key",
        reason: "API keys of Wix: `IST.` and a JWT, as the service creates them.",
        expression: r"IST\.eyJ[A-Za-z0-9_-]{20,256}\.[A-Za-z0-9_-]{40,1024}\.[A-Za-z0-9_-]{40,1024}",
        masked: &[concat!(
            "IST.",
            "eyJo8maEtleKnuhZIQGO17-3rhRlDdgZi1ALVpfRTLT.MAnRMkLQVftsFsYnKG7rdKOot6v5Uhz8sgKuJ2EpVXio",
            "V-79XRNvfRLtK74c.YZMBZcFIwbJPVCMr8uN4rdEB1y0Zy8LRrHtQYipVF0CG8Gg7ADAOe4reGiGDsdxyruOhYY_",
            "Q-8AyWZ3lNzhCfA",
        )],
        unmasked: &[
            "IST.eyJ",
            concat!("IST.", "eyJZgFfgk8W6FHe8_4CpKPOZyyOkRRmUrKFSlIRiRdtvI5h1OsXuGwYS10wMLW6eh5uV9VPwv688reC6COJ"),
        ],
    },
    TableRule {
        id: "ebay-cert-id",
        reason: "Cert IDs of eBay's developer program: `PRD-` or `SBX-`, 12 hexadecimal digits and four groups of \
                 four, described in eBay's documentation.",
        expression: r"(?:PRD|SBX)-[0-9a-f]{12}(?:-[0-9a-f]{4}){4}",
        masked: &[concat!("PRD-", "f3843a32b567-cb6e-201b-c30a-da48")],
        unmasked: &["PRD-1234", concat!("SBX-", "bf6d51bc8231-318c")],
    },
    TableRule {
        id: "ebay-oauth-token",
        reason: "User and application tokens of eBay: `v^1.1#i^1#` and several hundred characters, described in \
                 eBay's documentation.",
        expression: r"v\^1\.1#i\^1#[A-Za-z0-9^#+/=]{40,1024}[A-Za-z0-9^#+/=]{0,1024}",
        masked: &[concat!(
            "v^1",
            ".1#i^1#p^3#r^1#f^0#I^3#t^YjoRGVnodXs+GSbJRCUl0LWHN9by4iQycnimEJVf6Bv2oam10HEOsHi4QjK2=="
        )],
        unmasked: &["v^1.1#i^1#", concat!("v^1", ".1#i^1#lKsrfOT7ZHdQ")],
    },
    TableRule {
        id: "shippo-token",
        reason: "API tokens of Shippo: `shippo_live_` or `shippo_test_` and 40 hexadecimal digits, described in \
                 Shippo's documentation.",
        expression: r"shippo_(?:live|test)_[0-9a-f]{40}",
        masked: &[concat!("shippo", "_live_a97d64398e42be4f117445bb57c97f90d368873a")],
        unmasked: &["shippo_test_", concat!("shippo", "_live_d5bbb2f83f323628a6dae6dad529e546927fb40")],
    },
    TableRule {
        id: "easypost-api-key",
        reason: "API keys of EasyPost: `EZAK` or `EZTK` and 54 letters and digits, described in its documentation.",
        expression: r"EZ[AT]K[A-Za-z0-9]{54}",
        masked: &[
            concat!("EZAK", "NsNVtjvs2AOoecLMYQwcFFGiSKPIVSWJ7T6UQGsjJe8AJh93B7IcmI"),
            concat!("EZTK", "GjMkVjhFnyGL7AZgYZQT31f9fTWKvkMBVWsgcFMDZZxpMf0H6RpRZK"),
        ],
        unmasked: &[concat!("EZAK", "3zIg41PzuZU4tURh2EVtnY6JtjqdsOu0xncfQCC9"), "EZTK"],
    },
    TableRule {
        id: "duffel-token",
        reason: "Access tokens of Duffel: `duffel_live_` or `duffel_test_` and 43 characters, described in \
                 Duffel's documentation.",
        expression: r"duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        masked: &[concat!("duffel", "_live_vf8NPa0kqpSctOo-k6QivBdRWE-CNtNOENfIN-kUq_n")],
        unmasked: &["duffel_test_", concat!("duffel", "_test_KoLku1UWdg0oOxMTV8RP")],
    },
    TableRule {
        id: "salesforce-session-id",
        reason: "Session IDs and access tokens of Salesforce: the ID of the organisation, which begins with \
                 `00D`, `!` and about 96 characters, described in its documentation.",
        expression: r"00D[A-Za-z0-9]{12}(?:[A-Z0-9]{3})?![A-Za-z0-9._]{80,140}",
        masked: &[concat!(
            "00D",
            "fUrG2zl2QAHI!AQh2mDt2iSxBOxGqrOIa8jg5hsw6qIcXeQgC97sSc0NDMXglSEtRu4rcc66ZcmuNKyemBW5JS0m",
            "bbnxHWAeBNpMGbwf9MD06",
        )],
        unmasked: &[concat!("00D", "Z2xwFJEmaaDt"), concat!("00D", "1XMHzPakJh8i!")],
    },
    TableRule {
        id: "salesforce-refresh-token",
        reason: "Refresh tokens of Salesforce: `5Aep861` and about 80 characters, as its OAuth service creates \
                 them.",
        expression: r"5Aep861[A-Za-z0-9._]{70,100}",
        masked: &[concat!(
            "5Aep861",
            "RAQRSsiKxxIfIAmCaLCrcoVNaZi4Eu6pat81b79fJT5saqz9ACGIXtRkSR5xPRiA5gPYyULaP66a3lYA"
        )],
        unmasked: &["5Aep861", concat!("5Aep861", "6yjJvDMjS2WMOPLdxbGIixcbbM890ubxXYee5AF2")],
    },
];
