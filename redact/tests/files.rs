//! Tests files that people register as secrets. The secret lines of such a file are masked on their own, and the other
//! lines are not.

use redact::Redactor;

const KUBECONFIG: &str = "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSURCVENDQWUy
    server: https://kube.example
  name: production
contexts:
- context:
    cluster: production
    user: admin
  name: admin@production
current-context: admin@production
kind: Config
preferences: {}
users:
- name: admin
  user:
    client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFcFFJQkFBS0NB
    password: hunter2hunter2
    token: eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ
";

const ACCOUNT: &str = r#"{
  "type": "service_account",
  "project_id": "example-123456",
  "private_key_id": "8f14e45fceea167a5a36dedd4bea2543",
  "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEA\n-----END PRIVATE KEY-----\n",
  "client_email": "robot@example-123456.iam.gserviceaccount.com",
  "client_id": "103874562209371265432",
  "auth_uri": "https://accounts.google.com/o/oauth2/auth",
  "token_uri": "https://oauth2.googleapis.com/token",
  "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
  "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/robot%40example-123456.iam.gserviceaccount.com",
  "universe_domain": "googleapis.com"
}
"#;

const KEY: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49
AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q
EKTcWGek
-----END EC PRIVATE KEY-----
";

const ENVIRONMENT: &str = "# Settings of the application
NODE_ENV=production
LOG_LEVEL=debug
PORT=8080
API_TOKEN=8f14e45fceea167a
export DATABASE_PASSWORD='hunter2hunter2'
SESSION_KEY = \"correct-horse-1\"
";

/// Redacts each line of `file` on its own, after a number, as `cat -n` prints it. Checks that exactly the lines in
/// `masked` contain masks, and that all other lines are unchanged. Another line follows in each stream, because the
/// beginning of a file would be masked at the end of a stream.
fn check(file: &str, masked: &[&str]) {
    let redactor = Redactor::new([file]);
    let shown: Vec<String> =
        file.lines().map(|line| redactor.redact(format!("7  {line}\n8").as_bytes()).to_string()).collect();
    let is_masked = |line: &&String| line.contains("[REDACTED]");
    let masks: Vec<&str> = shown.iter().filter(is_masked).map(|line| line[1..line.len() - 1].trim()).collect();
    assert_eq!(masks, masked);
    for (line, shown) in file.lines().zip(&shown).filter(|(_, shown)| !is_masked(shown)) {
        assert_eq!(*shown, format!("7  {line}\n8"));
    }
    assert_eq!(redactor.redact(format!("a {file}b").as_bytes()).to_text(), "a [REDACTED]b", "the whole file");
}

#[test]
fn the_keys_and_tokens_of_a_kubeconfig_are_masked() {
    let masked = [
        "certificate-authority-data: [REDACTED]",
        "client-key-data: [REDACTED]",
        "password: [REDACTED]",
        "token: [REDACTED]",
    ];
    check(KUBECONFIG, &masked);
}

#[test]
fn the_key_of_a_service_account_is_masked() {
    let key = r#""private_key": "-----BEGIN PRIVATE KEY-----\n[REDACTED]\n[REDACTED]\n-----END PRIVATE KEY-----\n","#;
    check(ACCOUNT, &[r#""private_key_id": "[REDACTED]","#, key]);
}

#[test]
fn the_public_members_of_a_service_account_are_shown_in_other_logs() {
    let log = "POST https://oauth2.googleapis.com/token for robot@example-123456.iam.gserviceaccount.com\n\
               GET https://accounts.google.com/o/oauth2/auth?project=example-123456\n\
               GET https://www.googleapis.com/oauth2/v1/certs from 103874562209371265432\n";
    for account in [ACCOUNT.to_owned(), ACCOUNT.replace("\": ", "\":")] {
        let redactor = Redactor::new([account]);
        assert_eq!(redactor.redact(log.as_bytes()).to_text(), log);
        let shown = redactor.redact(b"the key 8f14e45fceea167a5a36dedd4bea2543\n");
        assert_eq!(shown.to_text(), "the key [REDACTED]\n");
    }
}

#[test]
fn the_key_of_a_service_account_is_masked_where_its_lines_are_not_escaped() {
    let text = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n  BKcwggSjAgEA\n";
    let shown = "-----BEGIN PRIVATE KEY-----\n[REDACTED]\n  [REDACTED]\n";
    for account in [ACCOUNT.to_owned(), ACCOUNT.replace('\n', "")] {
        assert_eq!(Redactor::new([account]).redact(text.as_bytes()).to_text(), shown);
    }
}

#[test]
fn each_base64_line_of_a_private_key_is_masked() {
    check(KEY, &["[REDACTED]"; 3]);
}

#[test]
fn the_secrets_of_an_environment_file_are_masked() {
    check(ENVIRONMENT, &["[REDACTED]", "export DATABASE_PASSWORD='[REDACTED]'", "SESSION_KEY = \"[REDACTED]\""]);
}

#[test]
fn an_assigned_value_is_masked_with_and_without_its_name() {
    let redactor = Redactor::new([ENVIRONMENT]);
    for text in ["API_TOKEN=8f14e45fceea167a", "8f14e45fceea167a", "hunter2hunter2", "correct-horse-1"] {
        let shown = redactor.redact(format!("> {text} <").as_bytes());
        assert!(shown.to_text().contains("[REDACTED]") && !shown.to_text().contains(text), "{shown}");
    }
}
