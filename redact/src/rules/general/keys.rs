//! Private keys and signed tokens.

use super::{Beginning, Boundary, GeneralRule, Matching};
use crate::rules::table::TableRule;

/// The end of a line, which may be escaped for JSON, a shell or a query string.
macro_rules! line_end {
    () => {
        r"(?:\r*\n|(?:\\+r)?\\+n|(?:%0[Dd])?%0[Aa]|&#(?:10|x[Aa]);)"
    };
}

/// The text that may separate two lines of a key: line ends, indentation, the quotation marks of concatenated strings,
/// and the signs that begin a comment.
macro_rules! gap {
    () => {
        concat!(r#"(?:(?:["'] *[+,.]?)? *"#, line_end!(), r#"[ \t>|#*"']*)+"#)
    };
}

/// The lines of a key. They consist of base64 and have 16 characters or more, or 32 or more if spaces separate them.
macro_rules! lines {
    () => {
        concat!("[A-Za-z0-9+/=]{16,}(?:", gap!(), r"[A-Za-z0-9+/=]{16,}|[ \t]+[A-Za-z0-9+/=]{32,})*")
    };
}

pub(super) const RULES: &[GeneralRule] = &[
    GeneralRule {
        rule: TableRule {
            id: "private-key",
            reason: "Private keys in the formats of PEM (RFC 7468), OpenSSH, SSH2 (RFC 4716) and OpenPGP (RFC 9580), \
                     with line ends that may be escaped.",
            expression: concat!(
                r"(?:-----BEGIN |---- BEGIN )(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?(?:-----| ----)",
                "(?:",
                gap!(),
                r"[A-Z][A-Za-z-]{2,}: [^\r\n\\]+)*",
                "(?P<variable>(?:",
                gap!(),
                r"|[ \t]+)?",
                lines!(),
                // If the end line follows, a short last line, with or without a checksum after it, is masked too.
                "(?:(?:(?:",
                gap!(),
                r"|[ \t]+)[A-Za-z0-9+/=]+(?:",
                gap!(),
                "=[A-Za-z0-9+/]{4})?)?(?:",
                gap!(),
                r"|[ \t]+)?(?:-----END |---- END )(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?(?:-----| ----))?)",
            ),
            masked: &[
                "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOlcaBXqPwRI4zaJmZ4xsHo7KJx1oNHuzDZsWGtPBLKnoAoGCCqGSM49\n\
                 AwEHoUQDQgAE==\n-----END EC PRIVATE KEY-----\n",
                r#"{"key":"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH\n-----END PRIVATE KEY-----\n"}"#,
                "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,4F1A\r\n\r\n\
                 MIIEowIBAAKCAQEAy8Dbv8prpJ\r\n",
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nlQOYBGPq2ZkBCADJ7v0z\nabcd\n=Zm9v\n\
                 -----END PGP PRIVATE KEY BLOCK-----",
                "-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB \
                 -----END OPENSSH PRIVATE KEY-----",
            ],
            unmasked: &[
                "key.pem:-----BEGIN RSA PRIVATE KEY-----\nkey2.pem:-----BEGIN RSA PRIVATE KEY-----\n",
                "-----BEGIN RSA PRIVATE KEY-----\nFinished: 2 files were searched\n",
                "-----BEGIN CERTIFICATE-----\nMIIDazCCAlOgAwIBAgIUQ2Vy\n-----END CERTIFICATE-----\n",
                "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
            ],
        },
        matching: Matching { boundary: Boundary::None, beginning: Beginning::Literal, certain: Some(0), accepts: None },
    },
    GeneralRule {
        rule: TableRule {
            id: "putty-private-key",
            reason: "Private keys in PuTTY's own format, according to PuTTY's manual.",
            expression: concat!(
                r"Private-Lines: [0-9]{1,3}(?P<variable>",
                gap!(),
                lines!(),
                "(?:",
                gap!(),
                "[A-Za-z0-9+/=]+",
                gap!(),
                "Private-(?:MAC|Hash): [0-9a-f]{40,64})?)",
            ),
            masked: &["Private-Lines: 2\nAAAAgQCPmLLdYWaVdDrnmWrzPoPzVEyz\nAAAAQQ==\n"],
            unmasked: &["Private-Lines: 2\nPublic-Lines: 6\n", "Public-Lines: 2\nAAAAgQCPmLLdYWaVdDrnmWrzPoPzVEyz\n"],
        },
        matching: Matching {
            boundary: Boundary::Token,
            beginning: Beginning::Literal,
            certain: Some(0),
            accepts: None,
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "jwt",
            reason: "JSON Web Tokens (RFC 7519): the encoded header and payload both begin with `{\"`, and a signature \
                     may follow.",
            expression: r"eyJ[A-Za-z0-9_-]{8,1024}\.eyJ(?P<variable>[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,})?)",
            masked: &[
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
            ],
            unmasked: &["eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.e30.short", "eyJ.eyJ.", "keyJoin.eyJoined"],
        },
        matching: Matching {
            boundary: Boundary::Token,
            beginning: Beginning::Literal,
            certain: Some(0),
            accepts: None,
        },
    },
];
