//! Tokens of hosting platforms and content delivery networks.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "cloudflare-token",
        reason: "API keys and tokens of Cloudflare: `cfk_`, `cfut_` or `cfat_`, 40 characters and a checksum of \
                 eight, described in Cloudflare's documentation of token formats.",
        expression: r"cf(?:k|ut|at)_[A-Za-z0-9]{48}",
        masked: &[
            concat!("cfut_", "MEfATnlnb3YhCUQD02yO4IFrGxL5Hpt7E2IYY4J0592b41dc"),
            concat!("cfat_", "UPeOa1r02ZMzkjFZtIHHIDD4vUbxzhB60wITp9RWc6525e87"),
            concat!("cfk_", "ZdCulHPE2w9CdRhNXZ9pR6pboJLeJgCBRcYKJq7Be839a5cb"),
        ],
        unmasked: &["cfk_", concat!("cfut_", "qnTNkpckQvGETEozoXnC185wIoSVvCXhAKkrWmyd")],
    },
    TableRule {
        id: "cloudflare-origin-ca-key",
        reason: "Origin CA keys of Cloudflare: `v1.0-`, 24 hexadecimal digits, a hyphen and 146 more, described \
                 in Cloudflare's documentation.",
        expression: r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
        masked: &[concat!(
            "v1.0",
            "-8e46e9ae7d8d5404b7130254-d687b5d00367b57274e9727618cc54b340bd241cd900ae0e3d2769f9514f24",
            "353880ab83a4add4786a04425926ed0bb8facd4a2d0029a027f0e246927bfca7cc646642166cb4d8b160",
        )],
        unmasked: &["v1.0-beta", concat!("v1.0", "-07b918651d02c336ef213b6d-2617f560e7832d05caee3656a7b5e317ea9a37aa")],
    },
    TableRule {
        id: "cloudflare-turnstile-secret",
        reason: "Secret keys of Cloudflare Turnstile: `0x4AAAAAA` and 26 characters, described in Cloudflare's \
                 documentation.",
        expression: r"0x4AAAAAA[A-Za-z0-9_-]{26}",
        masked: &[concat!("0x4AAAA", "AA57iSWhTlUN0Vd0ep7j50ldysRX")],
        unmasked: &["0x4AAAAAA", concat!("0x4AAAA", "AAPgMXT-J_ua8LJ39")],
    },
    TableRule {
        id: "fly-token",
        reason: "Tokens of Fly.io: macaroons that begin with `fm1r_`, `fm1a_` or `fm2_`, or `fo1_` and 43 \
                 characters, described in Fly.io's documentation.",
        expression: r"fm(?:1[ar]|2)_[A-Za-z0-9+/=,_]{100,1024}[A-Za-z0-9+/=,_]{0,1024}|fo1_[A-Za-z0-9_-]{43}",
        masked: &[
            concat!(
                "FlyV1 fm2",
                "_LCRNdgrhUR7iNG2a6r7Xq1L4KrorcO+j63Y0+Fpn6/xEzKDgospBM/PXAxdqRXYxDgqUwRWjWAbvCZIxCsr7vRR",
                "9RCwPojuu6MlzdaF834fh3xSBQIUUaL8X==",
            ),
            concat!("fo1_", "XGzoNO02xYYAN_f_VjOgOuYrWT99x6qp6PDecWfk3Xf"),
        ],
        unmasked: &["fm2_", concat!("fo1_", "ABjX02EdTrwYgFFoyS6b")],
    },
    TableRule {
        id: "heroku-api-key",
        reason: "API keys of Heroku: `HRKU-` and a UUID or 60 characters, described in Heroku's changelog.",
        expression: r"HRKU-(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9_-]{60})",
        masked: &[
            concat!("HRKU", "-AA8AL7bMJg4O38zxgSmB8-r6FcSNUx6gG4hKPgMiAaVFYThMFXZeQNupHJP1"),
            concat!("HRKU", "-33d8d46d-28c8-4c96-a41c-c8fbd1da478b"),
        ],
        unmasked: &["HRKU-", concat!("HRKU", "-j6ppgkg5mBHn0tQiq86x")],
    },
    TableRule {
        id: "render-api-key",
        reason: "API keys of Render: `rnd_` and 32 letters and digits, described in Render's documentation.",
        expression: r"rnd_[A-Za-z0-9]{28,40}",
        masked: &[concat!("rnd_", "UUg6nE7eRGgzKl5Xe3tmyBPBqHAR"), concat!("rnd_", "qYuME2GiMlEZgaLoO6EPXXzRBldk7kGN")],
        unmasked: &["rnd_", concat!("rnd_", "HBBShQ9tewzTB215R7l1"), "rnd_seed"],
    },
    TableRule {
        id: "render-deploy-hook",
        reason: "Deploy hooks of Render: a key in the URL of the hook, described in Render's documentation.",
        expression: r"api\.render\.com/deploy/[a-z]{3}-[a-z0-9]{20}\?key=(?P<secret>[A-Za-z0-9_-]{11})",
        masked: &[concat!("https://api.render", ".com/deploy/srv-uxf0tcprh5lbmewtn7nt?key=3SpcwN1ERs3")],
        unmasked: &["https://api.render.com/deploy/", "https://api.render.com/deploy/srv-lbiysq9jj4rya2i0ortj"],
    },
    TableRule {
        id: "vercel-token",
        reason: "Tokens and API keys of Vercel: `vcp_`, `vci_`, `vca_`, `vcr_` or `vck_` and about 56 letters and \
                 digits, described in Vercel's changelog.",
        expression: r"vc[piark]_[A-Za-z0-9]{24,100}",
        masked: &[
            concat!("vcp_", "tbp73xMv2zBgvf2JGKBDUSbtgCEFebXBLRkz33W3ta1nM6KqJ72SmKrZ"),
            concat!("vck_", "UjUbXxlZWoxjB6slAzCre4AsLdoQ9qgns9OFGunY6YZV6X5MGlnAfSRo"),
        ],
        unmasked: &["vcp_", concat!("vck_", "PW8fferhC0dH")],
    },
    TableRule {
        id: "vercel-blob-token",
        reason: "Tokens of Vercel Blob: `vercel_blob_rw_`, the store and a secret of about 30 letters and digits, \
                 described in Vercel's documentation.",
        expression: r"vercel_blob_rw_[A-Za-z0-9]{12,20}_[A-Za-z0-9]{24,40}",
        masked: &[concat!("vercel_blob", "_rw_agO0ZFqOroPT2iA3_7G2PtEiNnOG0SD9b7KzGCn8XG4ppND")],
        unmasked: &["vercel_blob_rw_", concat!("vercel_blob", "_rw_ktSyF2EUlrxzMTUi")],
    },
    TableRule {
        id: "netlify-token",
        reason: "Tokens of Netlify: `nfp_`, `nfc_`, `nfo_`, `nfu_` or `nfb_` and 36 letters and digits, as the \
                 service creates them.",
        expression: r"nf[pcoub]_[A-Za-z0-9]{36}",
        masked: &[concat!("nfp_", "bJ8hAvmVF4SeoWQ1mi74t76UEPQzNIQBm9uC")],
        unmasked: &["nfp_", concat!("nfp_", "EVBAJBevtmWDgGocDWB1h5OxYdhelK")],
    },
    TableRule {
        id: "netlify-build-hook",
        reason: "Build hooks of Netlify: 24 hexadecimal digits in the URL of the hook, described in Netlify's \
                 documentation.",
        expression: r"api\.netlify\.com/build_hooks/(?P<secret>[0-9a-f]{24})",
        masked: &[concat!("https://api.netlify", ".com/build_hooks/569fde0e71eb45d550ad2131")],
        unmasked: &["https://api.netlify.com/build_hooks/", "api.netlify.com/build_hooks/ec55f81070e5206cdc83"],
    },
    TableRule {
        id: "fastly-api-token",
        reason: "API tokens of Fastly: 32 characters in the usual variables or in the header `Fastly-Key`, \
                 described in Fastly's documentation.",
        expression: concat!(
            r#"(?:FASTLY_API_TOKEN|FASTLY_API_KEY|Fastly-Key)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[A-Za-z0-9_-]{32})",
        ),
        masked: &[
            concat!("FASTLY_API", "_TOKEN=7SucSM2xZ6GH7x7M72YPTePxf9fDpb31"),
            concat!("Fastly", "-Key: Y9qp3wxMyQZUslsJZApVMOKUYdXQmTgd"),
        ],
        unmasked: &["FASTLY_API_TOKEN=", "Fastly-Key: 6I1lnqDad5lZ59l2gc0i"],
    },
    TableRule {
        id: "northflank-api-token",
        reason: "API tokens of Northflank: `nf-` and a JWT, as its dashboard creates them.",
        expression: r"nf-eyJ[A-Za-z0-9_-]{16,256}\.[A-Za-z0-9_-]{16,1024}\.[A-Za-z0-9_-]{16,512}",
        masked: &[concat!(
            "nf-",
            "eyJv11YLnKc1WHNqpjvgqMMR1jau18nqef1B.gMVimxB3elN5YEt6L0_A0QCI2xIVi-a29gELlZKrAQ8h-Ha73_o",
            "bomeAAPgg.l0LxWtPuXf2NMGtUXGlriOFk2Cqv9I2VsedXQ_6wgQu",
        )],
        unmasked: &["nf-eyJ", concat!("nf-", "eyJ0dITFu2wGrjEB2B-EU2AGMWs3jMMoQYi9")],
    },
];
