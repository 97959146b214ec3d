//! Keys of services for AI applications: search, tracing, sandboxes and data sets.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "voyage-api-key",
        reason: "API keys of Voyage AI: `pa-` and 43 characters in the variable that its SDK reads.",
        expression: r#"VOYAGE_API_KEY["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>pa-[A-Za-z0-9_-]{43})"#,
        masked: &[concat!("VOYAGE_API", "_KEY=pa-6ayQ53zJezpaDK6AX_X4OsSsYf-b6jXIUH_0om96WK6")],
        unmasked: &["VOYAGE_API_KEY=pa-", "pa-i8wdnKDOzixPbC6Qi6rjtRTrT_wtEUZoB-YtJciE4cp"],
    },
    TableRule {
        id: "brave-search-api-key",
        reason: "API keys of Brave Search: `BSA` and 28 characters in the usual variables or in the header \
                 `X-Subscription-Token`, described in its documentation.",
        expression: concat!(
            r#"(?:BRAVE_API_KEY|BRAVE_SEARCH_API_KEY|X-Subscription-Token)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P"#,
            r"<secret>BSA[A-Za-z0-9_-]{28})",
        ),
        masked: &[
            concat!("BRAVE_API", "_KEY=BSAFwH5HpdRxKCAm2tbcEIVjoSABYRA"),
            concat!("X-Subscription", "-Token: BSAKIXtyJt6u3T1o9x2S9hnPYYB2PBo"),
        ],
        unmasked: &["BRAVE_API_KEY=", "X-Subscription-Token: BSA"],
    },
    TableRule {
        id: "jina-api-key",
        reason: "API keys of Jina AI: `jina_` and 60 characters, as its dashboard creates them.",
        expression: r"jina_[A-Za-z0-9_-]{60}",
        masked: &[concat!("jina_", "41fdbf0194f33929583584c7d2dbc6d2tEGTwAw29tsHnZeO5XDQ8NoHtdFT")],
        unmasked: &[concat!("jina_", "237ffd2e0e3c589a66391b88b6bd0ee5"), "jina_embeddings_v3"],
    },
    TableRule {
        id: "langsmith-api-key",
        reason: "API keys of LangSmith: `lsv2_pt_` or `lsv2_sk_`, 32 hexadecimal digits, `_` and ten more, as its \
                 settings create them.",
        expression: r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
        masked: &[concat!("lsv2", "_pt_781502628d29f8937f2a3a184a2220dc_bf2b18029b")],
        unmasked: &["lsv2_pt_", concat!("lsv2", "_sk_366d7c92720f6dc5a2843831a6e32525")],
    },
    TableRule {
        id: "langfuse-secret-key",
        reason: "Secret keys of Langfuse: `sk-lf-` and a UUID, described in Langfuse's documentation.",
        expression: r"sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        masked: &[concat!("sk-lf", "-a1766fe5-d12c-4aeb-a80c-5e8ed1c2373b")],
        unmasked: &["sk-lf-", "pk-lf-99b20287-370d-48db-a226-aa1685030a11"],
    },
    TableRule {
        id: "wandb-api-key",
        reason: "API keys of Weights & Biases: `wandb_v1_`, an ID of 27 letters and digits and a secret of about \
                 50, as the service creates them.",
        expression: r"wandb_v1_[A-Za-z0-9]{20,40}_[A-Za-z0-9_-]{30,80}",
        masked: &[concat!(
            "wandb_v1",
            "_leeVG9X2RsU6FHVrXGUflNwVChU_LEi4hJKsbWbw5NcNmdeVfgmBAPNQvMkdGIHgahShSjDVnfRNc"
        )],
        unmasked: &["wandb_v1_", concat!("wandb_v1", "_PRdFd4RnWUfhmc3b14cRn9S0wQu")],
    },
    TableRule {
        id: "llamacloud-api-key",
        reason: "API keys of LlamaCloud: `llx-` and 48 letters and digits, as its dashboard creates them.",
        expression: r"llx-[A-Za-z0-9]{48}",
        masked: &[concat!("llx-", "9bT3MAvnYx8lbzcifueFIswbXe30EXWtIuvwtxY572tAas6l")],
        unmasked: &[concat!("llx-", "Zelwe55ku7x2gnhxrDcrK2qOET7nmczxMn3QclEn"), "llx-parse"],
    },
    TableRule {
        id: "tavily-api-key",
        reason: "API keys of Tavily: `tvly-`, perhaps `dev-` or `prod-`, and 32 letters and digits, described in \
                 Tavily's documentation.",
        expression: r"tvly-(?:(?:dev|prod)-)?[A-Za-z0-9_-]{32,60}",
        masked: &[
            concat!("tvly-", "vowemikoZRv8JTAPxVde02cjLtRqVmzL"),
            concat!("tvly-", "dev-VgFOdIikfEQsqZEQGBJQjyXKARaBMcBg"),
        ],
        unmasked: &["tvly-", concat!("tvly-", "cHxZ7AQEKrYu")],
    },
    TableRule {
        id: "firecrawl-api-key",
        reason: "API keys of Firecrawl: `fc-` and 32 hexadecimal digits, as its dashboard creates them.",
        expression: r"fc-[0-9a-f]{32}",
        masked: &[concat!("fc-", "0de8154d55b70e6d4e156ca582b5f8ae")],
        unmasked: &[concat!("fc-", "7e320fdb421f98c911a24ba935d40ca"), "fc-cache"],
    },
    TableRule {
        id: "apify-api-token",
        reason: "API tokens of Apify: `apify_api_` and 36 letters and digits, described in Apify's documentation.",
        expression: r"apify_api_[A-Za-z0-9]{34,40}",
        masked: &[concat!("apify_api", "_M6ujDLMj2g96Cotj62ZpTK1kEahsypmXEwsQ")],
        unmasked: &["apify_api_", concat!("apify_api", "_nEIYaar9A9c6ZmKvIEbk")],
    },
    TableRule {
        id: "e2b-api-key",
        reason: "API keys of E2B: `e2b_` and 40 hexadecimal digits, described in E2B's documentation.",
        expression: r"e2b_[0-9a-f]{40}",
        masked: &[concat!("e2b_", "92f51693806317326e11a91c04806b5805a1cc15")],
        unmasked: &[concat!("e2b_", "e7268486c9bc844987bedb57c8b57f73932fb30"), "e2b_sandbox"],
    },
    TableRule {
        id: "cursor-api-key",
        reason: "API keys of Cursor: `crsr_` or `key_` and 64 hexadecimal digits, as its dashboard creates them.",
        expression: r"(?:crsr|key)_[0-9a-f]{64}",
        masked: &[
            concat!("crsr_", "f54548e4d5083323055fced7aa75af9445a53c49153d2c8ae7852422c8262878"),
            concat!("key_", "401790e5be1691de13f93b32a74243ed50d8680e530d118b7d6eb267040fc28b"),
        ],
        unmasked: &[
            concat!("crsr_", "aecfc9b813c5049d62f4cd5d4c517bdc36b897d9"),
            concat!("key_", "321d30f8dfb50330c4774c10f01e82d7471914c395c9d37943a6ff9c4c3e7ae"),
        ],
    },
    TableRule {
        id: "kaggle-api-token",
        reason: "API tokens of Kaggle: `KGAT_` and 32 hexadecimal digits, as its settings create them.",
        expression: r"KGAT_[0-9a-f]{32}",
        masked: &[concat!("KGAT_", "c008cf9b538f73264fa7b31cf1da8a4f")],
        unmasked: &[concat!("KGAT_", "a4afecf6f8e2aef9e603a41821eb50"), "KGAT_TOKEN"],
    },
];
