//! Tests lines of ordinary logs that mention secrets but contain none.

use crate::stream::{check, redactor};

#[test]
fn ordinary_lines_are_shown_as_they_are() {
    let redactor = redactor([]);
    for line in [
        "error: expected one of `!` or `::`, found token: expected `;`, found `}`",
        "error[E0425]: cannot find value `token` in this scope",
        "   |         let token = self.parser.next_token1()?;",
        "    fn token(&self, kind: TokenKind2) -> Option<Token> {",
        "password: ",
        "Password for user deploy: ",
        "[sudo] password for deploy: ",
        "      --token <TOKEN>        The token to use [env: TOKEN=]",
        "      --password-file <FILE>  Read the password from a file",
        "  --password[=password1] Password to use when connecting to server",
        "secret: kubernetes.io/service-account-token",
        "secretName: default-token-abcde",
        "serviceAccountToken: true",
        "authorization: none",
        "Authorization: Bearer",
        "WWW-Authenticate: Basic realm=\"Registry1\"",
        "usage: {\"prompt_tokens\": 12345678, \"total_tokens\": 23456789}",
        "max_tokens=4096 token_count=123456789",
        "INFO request method=GET path=/v1/tokens/1 key=value status=200",
        "Downloading https://registry.example.com:8443/a@1.0.2/b-1.0.2.tgz",
        "npm notice Publishing with tag latest and default access token: npm_config1",
        "git@github.com:owner/name.git",
        "ssh://git@example.com:2222/owner/name.git",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "550e8400-e29b-41d4-a716-446655440000 finished",
        "checking token cache: 12 hits, 3 misses",
        "secrets.TOKEN is not set; password = None; credentials=null",
        "export TOKEN=\"${TOKEN:?is required}\" PASSWORD=$(cat /run/secrets/db1)",
        "env: { TOKEN: ${{ secrets.TOKEN }} }",
        "data-token=\"\" csrf-token: {{ csrf_token1 }}",
        "private_key: /etc/ssl/private/server1.key",
        "thread 'parser::tests::token' panicked at src/token.rs:12:5",
        "test token::tests::secret_1 ... ok",
        "-----BEGIN CERTIFICATE-----",
        "drwxr-xr-x 2 root root 4096 May  1 12:00 password-store-1.7.4",
    ] {
        check(&redactor, &format!("{line}\n"), &format!("{line}\n"));
    }
}
