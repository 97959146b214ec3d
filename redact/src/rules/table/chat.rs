//! Tokens and webhooks of chat services.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "slack-token",
        reason: "Tokens of Slack: `xoxb-`, `xoxp-` or another letter, numbers and a secret in groups, described \
                 in Slack's documentation of token types.",
        expression: r"xox[abcoprs]-(?:[0-9]-)?[0-9]{8,14}-[A-Za-z0-9-]{20,250}",
        masked: &[
            concat!("xoxb", "-130364406748-1713804342138-R1LgGaSY9umZvU1MbysdRbBX"),
            concat!("xoxp", "-435553061256-821681397075-8507568448853-7f1ffe15955779d32eb6d793de59dc09"),
        ],
        unmasked: &["xoxb-token", "xoxb-your-slack-bot-token-goes-here", concat!("xoxb", "-136755")],
    },
    TableRule {
        id: "slack-app-token",
        reason: "App-level tokens of Slack: `xapp-1-`, the ID of the app, a number and 64 hexadecimal digits, \
                 described in Slack's documentation of token types.",
        expression: r"xapp-[0-9]-[A-Z0-9]{8,15}-[0-9]{10,15}-[0-9a-f]{64}",
        masked: &[concat!(
            "xapp",
            "-1-A3G2IOW5AJA-5890131794500-8d486d5643dab4229edbf8342946742d449ee3adb2f7c845c54f16270e1",
            "46a42",
        )],
        unmasked: &["xapp-1-", concat!("xapp", "-1-ASI4UMAKCDH-5081272999145")],
    },
    TableRule {
        id: "slack-refresh-token",
        reason: "Configuration and refresh tokens of Slack: `xoxe-1-` or `xoxe.xoxp-1-` and about 150 characters, \
                 described in Slack's documentation of token rotation.",
        expression: r"xoxe(?:\.xox[bp])?-[0-9]-[A-Za-z0-9]{100,250}",
        masked: &[
            concat!(
                "xoxe",
                ".xoxp-1-0wS8VKh1xnt38trY8wF9G9pFTABhFrkD3X4AnN8osDAFcvQgYjpGIIUAXTYQXdvknJ4H6ifkHvTdSMIK",
                "fBB4qhXZU2KiXMOSZMFz3sLGcqTbUB9gyQHo9JmE6ZbDJMYffPhgvReZUi0ZU1yMpsk9VWne4ijKp5TjxUR",
            ),
            concat!(
                "xoxe",
                "-1-q42ZNfGjYb8PUgX2D7V0WCDkZKDTGvv4kc2Dsb3T6bltJBODlCJvOWcWi7E9f2CrieDg4EdD7en0llVwFyP7p",
                "pEVIlsKkTmXzNiIJXe8mxh2P7Rlr1nfYr1Lv80NWf1hgnl3neTLTeY8wvPGG9",
            ),
        ],
        unmasked: &["xoxe-1-", concat!("xoxe", "-1-Xh6SEdkwuEwjXv66jBl5loblkuisvUduPqpy0QLQ")],
    },
    TableRule {
        id: "slack-session-cookie",
        reason: "Session cookies of Slack: `xoxd-` and URL-encoded base64, as Slack's web client stores them.",
        expression: r"xoxd-[A-Za-z0-9%+/=_-]{60,400}",
        masked: &[concat!(
            "d=xoxd",
            "-Qx2sQWVHX9Gpk63qXh2CVkmZ3WdLOC4du1fk9Gb6j8dBEXBc8FYR8XIkBi5ZWd0KoDsAEyGvzKqPYsQE%2BUOre",
            "RhG7F030RoLWEmwVgvA8ZRllrY1rxqbD1NhX%3D",
        )],
        unmasked: &["xoxd-", concat!("xoxd", "-yGJQyGdn9a2X7cTEmazW")],
    },
    TableRule {
        id: "slack-webhook",
        reason: "Incoming webhooks and workflow triggers of Slack: a path of IDs and a secret on \
                 `hooks.slack.com`, described in Slack's documentation.",
        expression: concat!(
            r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Z0-9]{8,15}/[A-Z0-9]{8,15}/(?:",
            r"[0-9]{10,20}/)?[A-Za-z0-9]{20,64})",
        ),
        masked: &[
            concat!("https://hooks.slack", ".com/services/T4T7E4RQHMP/BM5XD677EUE/aWqX9xUOta7a0WY9XymIK77E"),
            concat!(
                "https://hooks.slack",
                ".com/workflows/TUBKU91RKZ3/A8KU5QNYW6H/714360485715963991/HypjSTsShD55jHRYjHmWdlAQ",
            ),
        ],
        unmasked: &["https://hooks.slack.com/services/", "https://hooks.slack.com/services/T00000000/B00000000/XXXX"],
    },
    TableRule {
        id: "discord-webhook",
        reason: "Webhooks of Discord: the ID and a secret of 68 characters on `discord.com`, described in \
                 Discord's documentation.",
        expression: concat!(
            r"(?:discord|discordapp)\.com/api/(?:v[0-9]{1,2}/)?webhooks/(?P<secret>[0-9]{17,20}/",
            r"[A-Za-z0-9_-]{60,80})",
        ),
        masked: &[
            concat!(
                "https://discord",
                ".com/api/webhooks/6738601437665021926/2jIM9nLv4wyfHVyIqUlbw0oFaz8kEa1xEMJgzTmtdBTRFDZSYv",
                "NBc6V1HpmAx2qXFTSg",
            ),
            concat!(
                "https://canary.discordapp",
                ".com/api/v10/webhooks/703709839984926263/i6-Nh2nC91W2XOoQsoCXiGsvR3RP_IAGlRFJDbo1NZb5sa9",
                "TQbVlaTXIwDRwJRZqSI4L",
            ),
        ],
        unmasked: &["https://discord.com/api/webhooks/", "https://discord.com/api/webhooks/9679917379493974247"],
    },
    TableRule {
        id: "telegram-bot-token",
        reason: "Bot tokens of Telegram: the ID of the bot, `:AA` and 33 characters, after `bot` in the URL of \
                 the API or in the usual variable, described in Telegram's documentation.",
        expression: r"(?:bot|TELEGRAM_BOT_TOKEN=|TELEGRAM_TOKEN=)(?P<secret>[0-9]{8,10}:AA[A-Za-z0-9_-]{33})",
        masked: &[
            concat!("https://api.telegram.org/b", "ot4982296380:AAB5agC7-Yz-t6_gkBcGRoV9QL4XRMg6KaH/getMe"),
            concat!("TELEGRAM_BOT", "_TOKEN=9881566405:AAVsI8y4aSroWUY4Y1SmnmGPXGGG7d88uHu"),
        ],
        unmasked: &["bot9194699836", "bot4932389252:AATKEdihZcCd1_oKW2V8Mo", "TELEGRAM_TOKEN=123456"],
    },
    TableRule {
        id: "microsoft-teams-webhook",
        reason: "Incoming webhooks of Microsoft Teams: GUIDs and a secret of 32 hexadecimal digits on \
                 `webhook.office.com`, described in Microsoft's documentation.",
        expression: concat!(
            r"webhook\.office\.com/webhookb2/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-",
            r"[0-9a-f]{12}@[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/[A-Za-z0-9]{4,40}/",
            r"[0-9a-f]{32}/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:/",
            r"[A-Za-z0-9_-]{1,100})?)",
        ),
        masked: &[concat!(
            "https://example.webhook.office",
            ".com/webhookb2/72d8f73e-7899-40bf-af3b-6d4e3ad2701f@ff0df224-05c4-46be-ae1b-a55fa1285ba6",
            "/IncomingWebhook/ddadbfcb1dad5da61ec63542b3057b1a/7fd83879-5c7f-4eeb-aee0-5b4030b28924",
        )],
        unmasked: &[
            "https://example.webhook.office.com/webhookb2/",
            "webhook.office.com/webhookb2/e55d2684-ebe6-4119-ad26-6466615446ae",
        ],
    },
    TableRule {
        id: "google-chat-webhook",
        reason: "Webhooks of Google Chat: a token of 43 characters in the URL of a space, described in Google's \
                 documentation.",
        expression: concat!(
            r"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]{6,24}/messages\?key=[A-Za-z0-9_-]{39}&token=(?P<se",
            r"cret>[A-Za-z0-9_-]{43}(?:%3D)?)",
        ),
        masked: &[concat!(
            "https://chat.googleapis",
            ".com/v1/spaces/mBq6eMkdU4D/messages?key=BI",
            "zapX3_Z9UmDTf_oxclB8YcsWkly45lULqP6SM&token=on9gigWqSI4lFgSQ8I3s2JsD0JaSJ-M8TIaOzJwf7Jy",
        )],
        unmasked: &[
            "https://chat.googleapis.com/v1/spaces/AAAA/messages",
            "https://chat.googleapis.com/v1/spaces/RbMCLiGIZpV/messages?key=example&token=example",
        ],
    },
    TableRule {
        id: "lark-webhook",
        reason: "Bot webhooks of Feishu and Lark: a UUID in the URL of the hook, described in Feishu's \
                 documentation.",
        expression: concat!(
            r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-",
            r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        ),
        masked: &[
            concat!("https://open.feishu", ".cn/open-apis/bot/v2/hook/634fdb34-148c-43e8-a1e8-fe08a4e56248"),
            concat!("https://open.larksuite", ".com/open-apis/bot/v2/hook/5586fb8a-4e18-4036-a11d-ef4b41affa14"),
        ],
        unmasked: &[
            "https://open.feishu.cn/open-apis/bot/v2/hook/",
            "open.feishu.cn/open-apis/bot/v2/hook/cc5a7bc77a7b9d388c66",
        ],
    },
    TableRule {
        id: "dingtalk-webhook",
        reason: "Bot webhooks of DingTalk: 64 hexadecimal digits in the URL of the robot, described in DingTalk's \
                 documentation.",
        expression: r"oapi\.dingtalk\.com/robot/send\?access_token=(?P<secret>[0-9a-f]{64})",
        masked: &[concat!(
            "https://oapi.dingtalk",
            ".com/robot/send?access_token=73eaaee5005e8d1f848b6dc018f5dcdef702959223bef463bc245ee7253",
            "dbbc8",
        )],
        unmasked: &[
            "https://oapi.dingtalk.com/robot/send?access_token=",
            "oapi.dingtalk.com/robot/send?access_token=0fcbbf1851c5e9e9c107a2628b5dc513",
        ],
    },
    TableRule {
        id: "wecom-webhook",
        reason: "Bot webhooks of WeCom: a UUID in the URL of the robot, described in WeCom's documentation.",
        expression: concat!(
            r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
            r"[0-9a-f]{4}-[0-9a-f]{12})",
        ),
        masked: &[concat!(
            "https://qyapi.weixin.qq",
            ".com/cgi-bin/webhook/send?key=1394decd-b347-470d-a730-8a761e8d48a8"
        )],
        unmasked: &[
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
            "qyapi.weixin.qq.com/cgi-bin/webhook/send?key=5f26ed1cc323ab5a687f",
        ],
    },
    TableRule {
        id: "matrix-access-token",
        reason: "Access tokens of Matrix homeservers: Synapse's `syt_` or `syr_`, the user in base64, 20 letters \
                 and a CRC-32 checksum in base62, as the source code of Synapse creates them.",
        expression: r"sy[tr]_[A-Za-z0-9+/=-]{1,128}_[A-Za-z]{20}_[A-Za-z0-9]{6}",
        masked: &[concat!("syt_", "Vy4CsLl7_zcJtXnuMFheNqOOHfZzp_H9cvdu")],
        unmasked: &["syt_token", concat!("syt_", "43GxPtXs_PdwakonLpwYc_XPrV7y")],
    },
    TableRule {
        id: "matrix-authentication-service-token",
        reason: "Tokens of the Matrix Authentication Service: `mat_`, `mar_`, `mct_` or `mpt_`, 30 letters and \
                 digits and a CRC-32 checksum in base62, as its source code creates them.",
        expression: r"(?:mat|mar|mct|mpt)_[A-Za-z0-9]{30}_[A-Za-z0-9]{6}",
        masked: &[
            concat!("mat_", "UsvEFIrTuPuN7Xj3QoumJG6g4V2oWE_JYxM5K"),
            concat!("mar_", "ntvdlIUrDKb6XJhDEsZPkzcsXJW6sm_xRNPSo"),
        ],
        unmasked: &["mat_mul_into_existing_buffer_unsafe", concat!("mat_", "28xaKwDneHVsbae7AxKX_CIQ5Ps")],
    },
    TableRule {
        id: "ntfy-token",
        reason: "Access tokens of ntfy: `tk_` and 29 lower-case letters and digits, described in ntfy's \
                 documentation.",
        expression: r"tk_[a-z0-9]{29}",
        masked: &[concat!("tk_", "u0aocncwreyiemenkxg2r698he57d")],
        unmasked: &[
            concat!("tk_", "rnmm8jf7pjcgtdu98x2fylk1nual"),
            concat!("tk_", "pep88gb3yfvlrv1bnyb0tfiusovhtx"),
            "tk_interpreter_window_event_loop",
        ],
    },
];
