//! Tokens of tools that analyse or translate source code.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "sonarqube-token",
        reason: "Tokens of SonarQube: `squ_`, `sqp_` or `sqa_` and 40 hexadecimal digits, described in \
                 SonarQube's documentation.",
        expression: r"sq[upa]_[0-9a-f]{40}",
        masked: &[
            concat!("squ_", "7928cf88bbbf2cac92fff003fdf1dde5b48ac538"),
            concat!("sqp_", "9c5f7807a2bde215155571e0ddbe84914665d676"),
        ],
        unmasked: &[
            concat!("squ_", "8a8108481e32a3de54a5e3873129968023452da"),
            concat!("sqp_", "484b53067359b0c65804a1e39f11b2abcedb58652"),
            "squ_token",
        ],
    },
    TableRule {
        id: "snyk-token",
        reason: "Access tokens of Snyk: `snyk_uat.` or `snyk_sat.`, a version of eight hexadecimal digits, a \
                 payload and a signature, as the service creates them.",
        expression: r"snyk_(?:uat|sat)\.[0-9a-f]{8}\.[A-Za-z0-9_-]{20,512}\.[A-Za-z0-9_-]{40,128}",
        masked: &[concat!(
            "snyk_uat",
            ".daeb3b08.eyJM_ELgqhNr_gNrO3n6iDVF11p3zuVFw5H-scDQNAroPua6TmvdO-1HbLGbdsC.ibKVTjSwCyqQsL",
            "WoGJ4KmMzD8JZ-bffeEtxWHqxhjPYUAG0rEVCzYqv8U3dc0fH62BDE3xgrQG1xxk61OSZRx1",
        )],
        unmasked: &["snyk_uat.12345678", concat!("snyk_uat", ".4bc7cd33.utgDXOP9PC")],
    },
    TableRule {
        id: "socket-api-key",
        reason: "API keys of Socket: `sktsec_`, about 45 characters and `_api`, as its dashboard creates them.",
        expression: r"sktsec_[A-Za-z0-9_-]{20,96}_api",
        masked: &[concat!("sktsec_", "3oCk562XOiF7WxEU46R0E41cnnm0vPdArnX--s8BvBHv_api")],
        unmasked: &["sktsec_", concat!("sktsec_", "P05XG5u8_P-zXeofx1_0Etf5WB0wEZQoiFk9KJwT_4dC")],
    },
    TableRule {
        id: "veracode-credential",
        reason: "API credentials of Veracode's regional platforms: `vera01`, the region and 32 hexadecimal digits \
                 for the ID or 128 for the key, described in Veracode's documentation.",
        expression: r"vera01[a-z]i-[0-9a-f]{32}|vera01[a-z]s-[0-9a-f]{128}",
        masked: &[
            concat!("vera01ei", "-480bc4ab21ebf73bade75631ce4e6a76"),
            concat!(
                "vera01es",
                "-1c86dcd85b993343eb634830badbf8d660a6955121a43011c209f8c865fa312d92f38c086aeb4f334a0cc08",
                "863f5e90d78533037d53351fadc1c739df90d1aef",
            ),
        ],
        unmasked: &["vera01ei-", concat!("vera01es", "-7d885f71fe4546fab12e666f90da287b")],
    },
    TableRule {
        id: "jetbrains-permanent-token",
        reason: "Permanent tokens of JetBrains Hub, YouTrack and Marketplace: `perm:` or `perm-`, the user and \
                 the name in base64 and 30 letters and digits, described in the YouTrack documentation.",
        expression: r"perm[:-][A-Za-z0-9+/=]{4,128}\.[A-Za-z0-9+/=-]{4,128}\.[A-Za-z0-9]{30}",
        masked: &[
            concat!("perm:", "phmgb+WJT+Zq.5JXabiNqC0l36M84.DiYUgSdKEI10cy7RxiBn1FlZrHntG8"),
            concat!("perm-", "N29VjZ2AIPgc.NDEtMA==.FmUC2LO1lkqLO1J5SRHJu7FijOLOtX"),
        ],
        unmasked: &["perm:read.write", "perm-denied"],
    },
    TableRule {
        id: "infracost-api-key",
        reason: "API keys of Infracost: `ico-` and 32 letters and digits, as its command line creates them.",
        expression: r"ico-[A-Za-z0-9]{32}",
        masked: &[concat!("ico-", "MEU7aZ9eICYd9VPPvFpsIW4gDQJAcNie")],
        unmasked: &[concat!("ico-", "9go2IftkqXfwKa8LUxUg"), "ico-arrow-right-up-circle-outline-24"],
    },
];
