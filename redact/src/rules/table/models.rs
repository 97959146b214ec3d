//! Keys of services that run AI models.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "openai-api-key",
        reason: "API keys of OpenAI: `sk-proj-`, `sk-svcacct-` or `sk-admin-` and two random parts around \
                 `T3BlbkFJ`, the encoding of `OpenAI`, as its dashboard creates them.",
        expression: r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}",
        masked: &[
            concat!(
                "sk-pr",
                "oj-mSIwiSRc2ReKNThk2_KBx3x0dBlGZkKO6Da_Nu74KaLuzGGJqztp2rcaWwPqTz4T-yFVchl7VoT3BlbkFJ8cw",
                "8pyNfsa4LoMWd5_SdnQMKs_Jg0EuiZy48eG-qkKjojkBrEogZyXFUkmvMSGxlwXK9ouL0Wu",
            ),
            concat!(
                "sk-ad",
                "min-NS7943WRNOlsk-MzqodlkccklJuYW3wXQpXlVPTTQJDBSsohnr4kQjsJC7T3BlbkFJ3Tr-JXsdD6UJ1EMI6a",
                "YJrWEGRSvmWok1P6tPnH88wY1GWc34VNLP7JuvMu",
            ),
        ],
        unmasked: &["sk-proj-", "sk-project-name", concat!("sk-proj", "-j6CPAAS25Hn2XvLXX1u2ZDlOA8Wb8i0fZs02zL7s")],
    },
    TableRule {
        id: "openai-legacy-key",
        reason: "First API keys of OpenAI: `sk-` and 48 letters and digits, as its dashboard created them; \
                 Stability AI, Moonshot and other services use the same shape.",
        expression: r"sk-[A-Za-z0-9]{48}",
        masked: &[
            concat!("sk-", "eLjPjUlqcfNBvuFo5QirT3BlbkFJ1FSNjy6mQCi0Kh1RZ9Rm"),
            concat!("sk-", "mlcEHgn0OKOl1lRQN7ymXDfu9bVBeZu2TZrS9riZbgLutJGW"),
        ],
        unmasked: &[
            "sk-learn",
            concat!("sk-", "LAIZ30CN9fzNpRfz8yYSFW5Uw8dHDJL4RbRtbRmn"),
            concat!("sk-", "ZTVRUaCYeLulYZPgQ7kUNdo2pXZeXnXuhACQWvx362IAmu4hmU"),
        ],
    },
    TableRule {
        id: "anthropic-api-key",
        reason: "API keys and OAuth tokens of Anthropic: `sk-ant-`, the kind with a version and about 95 \
                 characters, as its console creates them.",
        expression: r"sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{80,200}",
        masked: &[
            concat!(
                "sk-ant",
                "-api03-Zz9ptZTtlHK6-ZomUligP6c5-A2E7Ovh5p4kIUzAisVcbGbRxJkkx1Wr0lu30QaFbdUoqsnGnIhjKjQE3",
                "KogVPbo6ngrFAA",
            ),
            concat!(
                "sk-ant",
                "-oat01-Tm93r5IIDkEuxNwBGz9hlTgx0APeW1OYUfyFpDV0hQc8XM9fJvm3VsIpHsrCFwB6DjQC0Imtd1TsJl05O",
                "tfgjJVNwdJbgAA",
            ),
            concat!(
                "sk-ant",
                "-admin01-GLQXiaJ78oLcgqdX6YNBWt8lQVdBb5pzBrxWRSTG5Lta54J85n32Zo6ZrglmU9nkxmv_8HTqOY9xMJo",
                "fde2ohbtcFXzvzAA",
            ),
        ],
        unmasked: &[
            "sk-ant-api03-",
            concat!("sk-ant", "-api03-KN6oYX7THsAuKGfgz8W7G9QrtaakoSrlUSVhA0vo"),
            "sk-ant-your-claude-key-here",
        ],
    },
    TableRule {
        id: "openrouter-api-key",
        reason: "API keys of OpenRouter: `sk-or-v1-` and 64 hexadecimal digits, as its dashboard creates them.",
        expression: r"sk-or-v1-[0-9a-f]{64}",
        masked: &[concat!("sk-or", "-v1-3f53e2d1b0bd1970bb403086483c595c9a5c28ab781ed4716fd462e9f77b35c5")],
        unmasked: &["sk-or-v1-", concat!("sk-or", "-v1-621b7a5f761def5bc46697ca495673e204dd7b5f")],
    },
    TableRule {
        id: "deepseek-api-key",
        reason: "API keys of DeepSeek: `sk-` and 32 hexadecimal digits, as its dashboard creates them; Alibaba \
                 Cloud's Model Studio uses the same shape.",
        expression: r"sk-[0-9a-f]{32}",
        masked: &[concat!("sk-", "953b50ecfebc90ed0922e816bc39ec65")],
        unmasked: &[
            concat!("sk-", "4d17f3b2d178570b7feba3d2d7fe722"),
            concat!("sk-", "6346cfc647ec38aaef64efd633bc791c3"),
            "sk-decade-facade",
        ],
    },
    TableRule {
        id: "huggingface-token",
        reason: "Tokens of Hugging Face: `hf_` for users or `api_org_` for organisations and 34 letters, as the \
                 site creates them.",
        expression: r"(?:hf|api_org)_[A-Za-z]{34}",
        masked: &[
            concat!("hf_", "FxlhwffElfSBuhqglGDhIiJWprHWNmBgOq"),
            concat!("api_org", "_OecGHkkZPSZfnGfbUcTsHcXaXDPptJsTOK"),
        ],
        unmasked: &[
            "hf_hub_download_timeout_seconds_xxx",
            concat!("hf_", "YyrhntpWqMkyFSNGJtJJVjGvUSVhqSRkO"),
            concat!("hf_", "VODDVbpkkRQPLJrEEBQlRKSgRSAPhmtvQxz"),
        ],
    },
    TableRule {
        id: "replicate-api-token",
        reason: "API tokens of Replicate: `r8_` and 37 letters and digits, described in Replicate's documentation.",
        expression: r"r8_[A-Za-z0-9]{37}",
        masked: &[concat!("r8_", "q1rszOphRsKHCvQSqgI2VEZu82zvd0cQUzY8H")],
        unmasked: &[concat!("r8_", "fzgxMo0WtkkYwyg0uK7eaBdxFImM7j"), "r8_unorm"],
    },
    TableRule {
        id: "groq-api-key",
        reason: "API keys of Groq: `gsk_` and 52 letters and digits, as its console creates them.",
        expression: r"gsk_[A-Za-z0-9]{52}",
        masked: &[concat!("gsk_", "s4bLyUVQisiSQerip0ichHSMTxqfMj8iSaXqDgpcvnTBDjpn9EqO")],
        unmasked: &[concat!("gsk_", "oH3MoTtDapLcNBTL20P8o547ZZxMJIFP3hUdlnow"), "gsk_render_node_get_node_type"],
    },
    TableRule {
        id: "xai-api-key",
        reason: "API keys of xAI: `xai-` and 80 letters and digits, as its console creates them.",
        expression: r"xai-[A-Za-z0-9]{80}",
        masked: &[concat!("xai-", "OmaP8WxiFVdsKXp8dVQtavatW2OQF1jfVQlKNn9lJFAl5itweFZXgyXXGWzvWamm36h29utElTaKiSDc")],
        unmasked: &[concat!("xai-", "4JT03E0mrqsh1SOqH5X0yeiTnYJ6m6UsNmoHJYOX"), "xai-org"],
    },
    TableRule {
        id: "perplexity-api-key",
        reason: "API keys of Perplexity: `pplx-` and 48 letters and digits, as its settings create them.",
        expression: r"pplx-[A-Za-z0-9]{48}",
        masked: &[concat!("pplx-", "uUgxipqOn4yP3VoHBuO3PHWmpgxp04HLt8aTURm8LMbb2cUn")],
        unmasked: &[concat!("pplx-", "MyQPUeWKMQpaijcIn2EdS1ULuck0VRvcKprmURFA"), "pplx-api"],
    },
    TableRule {
        id: "together-api-key",
        reason: "API keys of Together AI: `tgp_v1_` and 43 characters, as its settings create them.",
        expression: r"tgp_v1_[A-Za-z0-9_-]{43}",
        masked: &[concat!("tgp_v1", "_OsSGukjeShoqMVQByCcl_mWsanoXeiImYn-7RHIXTZn")],
        unmasked: &["tgp_v1_", concat!("tgp_v1", "_DghUsHcJCNlZDS4empbR")],
    },
    TableRule {
        id: "cerebras-api-key",
        reason: "API keys of Cerebras: `csk-` and 48 lower-case letters and digits, as its console creates them.",
        expression: r"csk-[a-z0-9]{48}",
        masked: &[concat!("csk-", "ezbmdsrw104o3dhlqq6sfdaoigmphsaset7nsiwppqxqhpaw")],
        unmasked: &[concat!("csk-", "siz43zfclunai9v1ax8xd69ampkav3lrfv6itcxi"), "csk-model"],
    },
    TableRule {
        id: "nvidia-api-key",
        reason: "API keys of NVIDIA: `nvapi-` and 64 characters, as NVIDIA's catalogue creates them.",
        expression: r"nvapi-[A-Za-z0-9_-]{60,70}",
        masked: &[concat!("nvapi-", "1fnykDRLzrhqZSvN5M4_fR3A8qholZ6K0AQgNZTboua_z2U1QuTkZodpCUy0S-SC")],
        unmasked: &[concat!("nvapi-", "U8CmoRfNNy1Q2UmrEElLjrQInNm9BkHnaG-d27nL"), "nvapi-"],
    },
    TableRule {
        id: "elevenlabs-api-key",
        reason: "API keys of ElevenLabs: `sk_` and 48 hexadecimal digits, as its settings create them.",
        expression: r"sk_[0-9a-f]{48}",
        masked: &[concat!("sk_", "7713c973180b8498ce85378e232149d38efa9b44a56e027a")],
        unmasked: &[concat!("sk_", "37d8541a16c9928fe6498eaf5f346cbde0c8a532"), "sk_buff"],
    },
    TableRule {
        id: "cohere-api-key",
        reason: "API keys of Cohere: 40 letters and digits in the variables that its SDKs read.",
        expression: r#"(?:CO_API_KEY|COHERE_API_KEY)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[A-Za-z0-9]{40})"#,
        masked: &[
            concat!("CO_API", "_KEY=AoUNbYOcdjoqKu1IjZ4mSAaw1wuVCay59OxO0YqB"),
            concat!("COHERE_API", "_KEY: \"41pc4SvyTm3aAWC7shfzfIrt4ab2gf5stgUxCTgX\""),
        ],
        unmasked: &["CO_API_KEY=", "COHERE_API_KEY=0yfhUjKuunOqui8X4xPwv6kG40KqKF"],
    },
    TableRule {
        id: "mistral-api-key",
        reason: "API keys of Mistral AI: 32 letters and digits in the variable that its SDKs read.",
        expression: r#"MISTRAL_API_KEY["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[A-Za-z0-9]{32})"#,
        masked: &[concat!("MISTRAL_API", "_KEY=QyAnkK99tcwFAVmq760hmiEBNSfczL8q")],
        unmasked: &["MISTRAL_API_KEY=$KEY", "MISTRAL_API_KEY=LMTbicStShfwAbZ4WGwX"],
    },
    TableRule {
        id: "deepgram-api-key",
        reason: "API keys of Deepgram: 40 hexadecimal digits in the variable that its SDKs read.",
        expression: r#"DEEPGRAM_API_KEY["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[0-9a-f]{40})"#,
        masked: &[concat!("DEEPGRAM_API", "_KEY=d0a79da145523cc1248e49a096633f3b0278ce60")],
        unmasked: &["DEEPGRAM_API_KEY=", "DEEPGRAM_API_KEY=5d2e668f26c45f6332c158f4858ad03e"],
    },
    TableRule {
        id: "runway-api-key",
        reason: "API keys of Runway: `key_` and 128 hexadecimal digits, described in Runway's documentation.",
        expression: r"key_[0-9a-f]{128}",
        masked: &[concat!(
            "key_",
            "fa26cbc6a786d0def8059083198a0d6d8d1927ebc0001e68e73d5d522193494f4036a64dc782f28d1821d6e4",
            "4c605b753fb8ce5c81251abf0bd04e2b7911f2a1",
        )],
        unmasked: &[
            concat!(
                "key_",
                "58cba80471cb16c1a1d871fdae5917fd9c3bec0010b1c426c1285e528cb45e1dd945261243d8fd6bb55477bb",
                "387778235294",
            ),
            "key_frames",
        ],
    },
    TableRule {
        id: "chutes-api-key",
        reason: "API keys of Chutes: `cpk_`, two groups of 32 hexadecimal digits and 32 letters and digits, as \
                 its command line creates them.",
        expression: r"cpk_[0-9a-f]{32}\.[0-9a-f]{32}\.[A-Za-z0-9]{32}",
        masked: &[concat!(
            "cpk_",
            "f4caa26fe4fa61a330bc7c582b3bdadd.64f7b686b729b032ea950abba7d3c5e6.Li3zeV7LHx35pIFApU2Lqi",
            "Aqc77FuBQD",
        )],
        unmasked: &[concat!("cpk_", "ed2ae0080b1ef3ed1359c260a0003d98"), "cpk_colors"],
    },
];
