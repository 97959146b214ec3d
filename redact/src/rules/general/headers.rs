//! Credentials in the `Authorization` headers of HTTP. The rules for assignments cover headers with a secret-like name,
//! such as `X-Api-Key`.

use super::{Beginning, Boundary, GeneralRule, LONG_VALUE, Matching};
use crate::rules::credential;
use crate::rules::table::TableRule;

pub(super) const RULES: &[GeneralRule] = &[
    GeneralRule {
        rule: TableRule {
            id: "authorization-header",
            reason: "Credentials in the headers Authorization and Proxy-Authorization (RFC 9110), in requests, JSON and \
                     commands.",
            expression: concat!(
                r#"(?i:authorization)(?:\\*["'])?[ \t]*[:=][ \t]*(?:\\*["'])?\[?(?:\\*["'])?"#,
                "(?:(?i:basic|bearer|token|negotiate|digest|apikey|api-key|key|oauth|bot|splunk|sso-key)",
                r"(?:[ \t]+|%20))?(?P<secret>[A-Za-z0-9+/=._~:!-]{6,})",
            ),
            masked: &[
                "Authorization: Basic dXNlcjpwYXNzd29yZA==",
                "> authorization: Bearer mF_9.B5f-4.1JqM",
                r#"{"Authorization": "token 0123456789abcdef0123"}"#,
                "curl -H 'Proxy-Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l' http://a",
                "Authorization: 8f14e45fceea167a5a36dedd4bea2543",
            ],
            unmasked: &[
                "authorization: none",
                "Authorization: Bearer <token>",
                "Authorization: Bearer $TOKEN",
                "authorization: required",
                "Authorization: Basic",
                "authorization = authenticate(request)",
            ],
        },
        matching: Matching {
            boundary: Boundary::Word,
            beginning: Beginning::Literal,
            certain: Some(LONG_VALUE),
            accepts: Some(credential::in_header),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "bearer-token",
            reason: "Bearer tokens (RFC 6750) outside of a header's usual form, which name no service.",
            expression: r"(?i:bearer)(?:[ \t]+|%20)(?P<secret>[A-Za-z0-9+/=._~-]{16,})",
            masked: &["auth=Bearer AbCdEf123456SlAV32hkKG", "sending bearer 0123456789abcdef0123456789abcdef"],
            unmasked: &[
                "Bearer token authentication",
                "bearer authentication-is-required",
                "the bearer of this letter",
            ],
        },
        matching: Matching {
            boundary: Boundary::Word,
            beginning: Beginning::Literal,
            certain: Some(LONG_VALUE),
            accepts: Some(credential::in_header),
        },
    },
];
