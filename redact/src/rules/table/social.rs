//! Tokens of social networks.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "twitch-chat-token",
        reason: "Chat tokens of Twitch: `oauth:` and 30 lower-case letters and digits, described in Twitch's \
                 documentation of IRC.",
        expression: r"oauth:[a-z0-9]{30}",
        masked: &[concat!("oauth:", "o8wiqiwjx63wmcyzcmmf2dq5o9olik")],
        unmasked: &["oauth:authorize", concat!("oauth:", "jn9qut79dgkcphz7dn0b"), "urn:ietf:wg:oauth:2.0:oob"],
    },
    TableRule {
        id: "twitter-bearer-token",
        reason: "Bearer tokens of X: many letters `A`, then URL-encoded base64 with `%2B`, `%2F` or `%3D`, \
                 described in the documentation of X.",
        expression: r"AAAAAAAAAAAAAAAAAAAAA[A-Za-z0-9]{4,40}(?:%[0-9A-F]{2}[A-Za-z0-9]{1,96}){1,8}",
        masked: &[concat!(
            "AAAAAAAAAAAA",
            "AAAAAAAAAhJU5GlDj9pykeo%2BAneXCmp5n037XKjJUJSVznSd%3DVnax2rCCPcjYxXbrHY8pfGyI3Npsz5ZsJ70",
            "yofAbLT4JjBLbPx",
        )],
        unmasked: &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="],
    },
    TableRule {
        id: "facebook-access-token",
        reason: "Access tokens of Meta's Graph API: `EAA`, about 200 letters and digits and `ZD`, as the service \
                 creates them.",
        expression: r"EAA[A-Za-z0-9]{80,500}ZD",
        masked: &[concat!(
            "EAA",
            "GqYf5LoFd7cO4LJiCCy8Mft7umWwSHC92ppq3zoZUvb6XrULjHShufsMYVyud8b00Q7C61SyDSYalTpO0Wazjrzd",
            "XGPoyPTR0mOtaZD",
        )],
        unmasked: &[concat!("EAA", "G7HZ2GQywhT13QBCKLjpRWn2IIUGcymFhNl5DNSJJRh6yJr60zIb0H37p4vIi"), "EAA members"],
    },
    TableRule {
        id: "linkedin-client-secret",
        reason: "Client secrets of LinkedIn: `WPL_AP1.`, 16 letters and digits and eight characters of base64, as \
                 its developer portal shows them.",
        expression: r"WPL_AP[0-9]\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{6}==",
        masked: &[concat!("WPL_AP1", ".B45qMYakwVZ8jjV3.mUXGOq==")],
        unmasked: &["WPL_AP1.", concat!("WPL_AP1", ".P3pXZFafdGnxgD8d")],
    },
];
