//! Tokens of code hosts, issue trackers and code search.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "github-token",
        reason: "Tokens of GitHub: `ghp_`, `gho_`, `ghu_`, `ghs_` or `ghr_` and 36 to 255 letters and digits, the \
                 last six a CRC-32 checksum, described in GitHub's documentation of token formats.",
        expression: r"gh[pousr]_[A-Za-z0-9]{36,255}",
        masked: &[
            concat!("ghp", "_g1MCjlNbFYYH5sIrVsWYLauQHFLYuS0Jxa5V"),
            concat!("ghs", "_eBj2K1J38khZOVAHAjNl4nwsJwRutzB8EPZW"),
            concat!("gho", "_NdEFRZbEK5lYfU2UPrWLilka8Cyb8dodHyFq"),
        ],
        unmasked: &[
            "ghp_ in prose",
            concat!("ghp", "_AHbr9O33ji3LyZCAAQzfFtvxBEzvcjb5YuE"),
            "ghp_abc123",
            "ghs_installation_access_token_for_repository",
        ],
    },
    TableRule {
        id: "github-fine-grained-token",
        reason: "Fine-grained personal access tokens of GitHub: `github_pat_`, 22 characters, `_` and 59 \
                 characters, described in GitHub's documentation of token formats.",
        expression: r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        masked: &[concat!(
            "github",
            "_pat_bA8DPyikHa8sbH4rCBVxrM_ALakHFWpDj7un5ieAMdxEv2d20CyySLPPsIxpDAMxxebTtcXqKYqklHkU9F",
        )],
        unmasked: &[concat!("github", "_pat_RYrwIhC6hBum3bTIVzJv3s"), "github_pat_from_the_environment"],
    },
    TableRule {
        id: "github-installation-token",
        reason: "Installation tokens of GitHub Apps in the long form: `ghs_`, the ID of the app, `_` and a JWT, \
                 described in GitHub's changelog.",
        expression: r"ghs_[0-9]{1,20}_eyJ[A-Za-z0-9_-]{16,1024}\.[A-Za-z0-9_-]{16,1024}\.[A-Za-z0-9_-]{16,1024}",
        masked: &[concat!(
            "ghs",
            "_123456_eyJsD8Vw-RPdRznztqnf8hXsd_lzCwlh3yuy.AZ0Z_OwAL552QiXsEof8lqe7U70tYTiwmlAEfzkkXyf",
            "Cs5PnbDVqyyZUCom6.9blJX4ix05C6Kmfsu0trERxuUlUD72naWFi9JPSCjUk0vY9PTJKoxry_7rytBzRdMD1nbx",
            "D-cuZVDktWIIlso5",
        )],
        unmasked: &["ghs_123456", concat!("ghs", "_123456_eyJKysJI7pVnTOy4tJDss586seP6mrlRWn0h")],
    },
    TableRule {
        id: "gitlab-token",
        reason: "Tokens of GitLab: a prefix such as `glpat-`, `gldt-` or `glrt-` and 20 or more characters, for \
                 routable tokens with a length and a checksum after dots, described in GitLab's documentation of \
                 token prefixes.",
        expression: concat!(
            r"gl(?:pat|oas|dt|rt|rtr|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2}\.",
            r"[0-9a-z]{7,9})?",
        ),
        masked: &[
            concat!("glpat", "-a9Nt2W0YqiRVKTYJjZ0n"),
            concat!("glpat", "-yqzY_wvk0Qbvcb3TyvOJErdku1F.01.aenlwi2pq"),
            concat!("gldt", "-V1_3otaiLpdHWCLULkLf"),
            concat!("glagent", "-ZNQ0fCA_ygeEFGcj48IZUPVWFupgFppdwpk8SGvhJoEerW4G9n"),
            concat!("glrt", "-llxqVqXrKXgjgXmlPTik"),
        ],
        unmasked: &["glpat-", concat!("glpat", "-SUlvkUABs5nB"), "glft-feed-token"],
    },
    TableRule {
        id: "gitlab-job-token",
        reason: "CI/CD job tokens of GitLab: `glcbt-`, up to five hexadecimal digits, `_` and 20 characters, \
                 described in GitLab's documentation of token prefixes.",
        expression: r"glcbt-(?:[0-9a-zA-Z]{1,5}_)?[A-Za-z0-9_-]{20,64}",
        masked: &[concat!("glcbt", "-64_sioqB8U1431c9gaA6dd2")],
        unmasked: &["glcbt-64_", concat!("glcbt", "-gfgGFncA4m")],
    },
    TableRule {
        id: "gitlab-runner-registration-token",
        reason: "Registration tokens of GitLab runners: `GR1348941` and 20 characters, described in GitLab's \
                 documentation of token prefixes.",
        expression: r"GR1348941[A-Za-z0-9_-]{20}",
        masked: &[concat!("GR1348941", "TR4IRhYtKyVV86tkg-DJ")],
        unmasked: &["GR1348941", concat!("GR1348941", "22zkfZJUtZ")],
    },
    TableRule {
        id: "gitlab-session",
        reason: "Session cookies of GitLab: 32 hexadecimal digits after `_gitlab_session=`, as GitLab sets them.",
        expression: r"_gitlab_session=(?P<secret>[0-9a-f]{32})",
        masked: &[concat!("Cookie: _gitlab", "_session=cdb1d4a2c6766a0684f089209c3afbaa")],
        unmasked: &["_gitlab_session=", "_gitlab_session=f0440afbd8d135862b79d89336be07d"],
    },
    TableRule {
        id: "bitbucket-app-password",
        reason: "App passwords of Bitbucket: `ATBB`, 24 letters and digits and a checksum of eight hexadecimal \
                 digits, as Bitbucket creates them.",
        expression: r"ATBB[A-Za-z0-9_=.-]{24}[A-F0-9]{8}",
        masked: &[concat!("ATBB", "Yrt9Cy5Km7dKXeno8kZ0vzsTE58C45B5")],
        unmasked: &[
            concat!("ATBB", "HAIimTSqlKBCyPQUa26K"),
            concat!("ATBB", "bNuzhxOLatmzUHboTuJdncxEAOnDagcCRvMfaZxQ"),
        ],
    },
    TableRule {
        id: "atlassian-api-token",
        reason: "API tokens of Atlassian and access tokens of Bitbucket: `ATATT3xFf` or `ATCTT3xFf`, about 170 \
                 characters and a checksum of eight hexadecimal digits, as Atlassian creates them.",
        expression: r"AT[AC]TT3xFf[A-Za-z0-9_-]{120,300}=[A-F0-9]{8}",
        masked: &[
            concat!(
                "ATATT3",
                "xFfGF0WAVqCYgLIQ6IcSKawaHqDcCwc-OdfhX-MI9j9mSfKy0F0KhKdruePsaIqkF4lvO5nIdM9vk3wxV8p7hZfr",
                "3WxNZyAxZla5YK_SDQuvPsw5z8VPpi7HueTBayxlvoADciaXRXop6UXeGAyDdiPg9tljZMfjLWZ7bubFQfMvW3qM",
                "R=BB311D2C",
            ),
            concat!(
                "ATCTT3",
                "xFfGN0pFZwr5TjFiOqSBDfG2OMmAEW97TiYhBFtl6jdeezb2nRruFE8oTl4hpteLxH2FkTlsG2JWo6s4Cbn5v1Tc",
                "tCYog57m8Ewqot7aN92rwONSnNFAhD7ZZWl1C0aguMFZU0lE-efqelosYdQDh1o03c4Z_UIQOFqhQAvteSNcGASg",
                "P=A586B779",
            ),
        ],
        unmasked: &[concat!("ATATT3", "xFfGF0NzVF6gviQulBD2GCRTz4MVbewrfE2-jktbGsWUwB"), "ATATT3xFfGF0"],
    },
    TableRule {
        id: "trello-token",
        reason: "Tokens of Trello: `ATTA`, 64 hexadecimal digits and a checksum of eight more, as Atlassian \
                 creates them.",
        expression: r"ATTA[0-9a-f]{64}[0-9A-F]{8}",
        masked: &[concat!("ATTA", "304537f49d2b831f9260beaaa1256283532ad9cc089c801d2dc99b9e46fad620E47166D0")],
        unmasked: &[concat!("ATTA", "a01fc6c559cc6f90909e4c00c1b21ecd21185205638a849b0c004c17edabe1ea"), "ATTACHMENT"],
    },
    TableRule {
        id: "gitea-oauth-secret",
        reason: "OAuth client secrets of Gitea and Forgejo: `gto_` and 52 characters of base32, as their source \
                 code creates them.",
        expression: r"gto_[a-z2-7]{52}",
        masked: &[concat!("gto_", "pewyjmvykfnqrww7l6jlnuuf5yurvpjj6vmdyszgkuprnghumurm")],
        unmasked: &[
            concat!("gto_", "5xob5bfidtczso7muqtlhpnakg2ouvumgxbaerm5uzzbr5kvcfi"),
            "gto_index_of_the_first_element",
        ],
    },
    TableRule {
        id: "sourcegraph-token",
        reason: "Access tokens of Sourcegraph: `sgp_`, an instance of 16 hexadecimal digits or `local`, and 40 \
                 hexadecimal digits, described in Sourcegraph's documentation.",
        expression: r"sgp_(?:(?:[0-9a-f]{16}|local)_)?[0-9a-f]{40}",
        masked: &[
            concat!("sgp_", "86d19151391c10b0_35429e921187fb9ef60238d992310ecb4cf8fa83"),
            concat!("sgp_", "local_9cf993c028988eaf88e31ccf17528469678f5bb2"),
            concat!("sgp_", "29c9980324c25b8fbf73b6e58b757a2fbbf8ede5"),
        ],
        unmasked: &[
            concat!("sgp_", "0798f77cbe6791aec7bc68b72ab3ff423af70d4"),
            "sgp_local_token",
            concat!("sgp_", "e434d1abec3899ec_865c719a4b2743383b52"),
        ],
    },
];
