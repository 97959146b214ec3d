//! Settings are read from flags, environment variables, the settings file and the defaults, in this order of
//! precedence. Errors state which setting is invalid.

use serde_json::Value;

use crate::harness::cli::{Cli, Done};
use crate::harness::{Api, TOKEN};

fn write(cli: &Cli, name: &str, text: &str) {
    std::fs::write(cli.folder().join(name), text).expect("the folder can be written");
}

/// Returns the value and the source of a setting.
async fn setting(cli: &Cli, flags: &[&str], key: &str) -> (Value, String) {
    let printed = cli.stdout(&[&["config", "--json"], flags].concat()).await;
    let mut rows = printed.lines().map(|line| serde_json::from_str::<Value>(line).expect("the text is JSON"));
    let row = rows.find(|row| row["key"] == key).expect("it is a setting");
    (row["value"].clone(), row["source"].as_str().expect("it is a text").to_owned())
}

#[tokio::test]
async fn a_flag_overrides_a_variable_which_overrides_the_file_and_the_default() {
    let cli = Cli::without_server();
    assert_eq!(setting(&cli, &[], "live_flush_ms").await, (100.into(), "default".into()));
    write(
        &cli,
        "other.toml",
        "# a comment\nlive_flush_ms = 1_50\nallowed_hosts = [\"a\", \"b\"]\nlive_log_events = false\n",
    );
    let file = ["--config", "other.toml"];
    assert_eq!(setting(&cli, &file, "live_flush_ms").await, (150.into(), "other.toml:2".into()));
    assert_eq!(setting(&cli, &file, "allowed_hosts").await, (vec!["a", "b"].into(), "other.toml:3".into()));
    assert_eq!(setting(&cli, &file, "live_log_events").await, (false.into(), "other.toml:4".into()));
    let cli = cli.with("TAILWATER_CONFIG", "other.toml").with("TAILWATER_LIVE_FLUSH_MS", "250");
    assert_eq!(setting(&cli, &[], "live_flush_ms").await, (250.into(), "TAILWATER_LIVE_FLUSH_MS".into()));
    assert_eq!(
        setting(&cli, &["--live-flush-ms", "350"], "live_flush_ms").await,
        (350.into(), "--live-flush-ms".into())
    );
    assert_eq!(
        setting(&cli, &["--allowed-host", "c"], "allowed_hosts").await,
        (vec!["c"].into(), "--allowed-host".into())
    );
}

#[tokio::test]
async fn the_file_in_the_working_directory_is_read_unless_another_is_given() {
    let cli = Cli::without_server();
    write(&cli, "tailwater.toml", "streams = 7\n");
    assert_eq!(setting(&cli, &[], "streams").await, (7.into(), "tailwater.toml:1".into()));
    write(&cli, "other.toml", "");
    assert_eq!(setting(&cli, &["--config", "other.toml"], "streams").await.1, "default");
    let done = cli.run(&["serve", "--config", "missing.toml"]).await;
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("missing.toml"), "{}", done.stderr);
}

#[tokio::test]
async fn the_secret_of_the_provider_is_not_printed() {
    let cli = Cli::without_server().with("TAILWATER_OIDC_CLIENT_SECRET", "a-client-secret");
    let hidden = setting(&cli, &[], "oidc_client_secret").await;
    assert_eq!(hidden, ("********".into(), "TAILWATER_OIDC_CLIENT_SECRET".into()));
}

#[tokio::test]
async fn the_printed_settings_are_a_valid_file_without_the_token() {
    let cli = Cli::without_server().with("TAILWATER_ADMIN_TOKEN", TOKEN);
    let printed = cli.stdout(&["config", "--data-dir", "a \"b\""]).await;
    assert!(!printed.contains(TOKEN), "{printed}");
    assert!(printed.contains("admin_token = \"********\""), "{printed}");
    write(&cli, "tailwater.toml", &printed);
    let again = cli.stdout(&["config"]).await;
    let keys = |text: &str| {
        text.lines().map(|line| line.split("  # ").next().map(str::trim_end).map(str::to_owned)).collect::<Vec<_>>()
    };
    let differ: Vec<_> = keys(&printed).into_iter().zip(keys(&again)).filter(|(a, b)| a != b).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_type_are_reported_with_their_line() {
    let cli = Cli::without_server();
    for (text, expected) in [
        ("listen = \"127.0.0.1:0\"\nlisten_to = 1\n", "tailwater.toml:2: unknown setting \"listen_to\""),
        ("\n\nlive_flush_ms = \"fast\"\n", "tailwater.toml:3: live_flush_ms must be a whole number"),
        ("live_flush_ms = 0\n", "tailwater.toml:1: live_flush_ms: 0 is not in 1..=60000"),
        ("listen = \n", "tailwater.toml:1: "),
    ] {
        write(&cli, "tailwater.toml", text);
        for verb in ["serve", "config"] {
            let Done { code, stderr, .. } = cli.run(&[verb]).await;
            assert_eq!(code, Some(1), "{stderr}");
            assert!(stderr.starts_with(&format!("tailwater: {expected}")), "{stderr}");
        }
    }
}

#[tokio::test]
async fn secrets_are_refused_as_flags_because_jobs_could_read_them() {
    let cli = Cli::without_server();
    for (flag, instead) in [
        ("--admin-token", "use the variable TAILWATER_ADMIN_TOKEN or the settings file"),
        ("--secrets-key", "use the variable TAILWATER_SECRETS_KEY or the settings file"),
        ("--oidc-client-secret", "use --oidc-client-secret-file, the variable TAILWATER_OIDC_CLIENT_SECRET or the"),
    ] {
        for verb in ["serve", "config"] {
            let Done { code, stderr, .. } = cli.run(&[verb, flag, TOKEN]).await;
            assert_eq!(code, Some(1), "{stderr}");
            assert!(stderr.starts_with(&format!("tailwater: {flag} is refused")), "{stderr}");
            assert!(stderr.contains(instead) && !stderr.contains(TOKEN), "{stderr}");
        }
    }
}

#[tokio::test]
async fn a_server_uses_the_settings_of_its_file() {
    let cli = Cli::without_server();
    let settings =
        format!("listen = \"127.0.0.1:0\"\ndata_dir = \"elsewhere\"\nadmin_token = \"{TOKEN}\"\nconcurrency = 1\n");
    write(&cli, "tailwater.toml", &settings);
    let mut server = cli.start(&["serve"]);
    let line = server.line().await;
    let api = Api::new(line.strip_prefix("Listening on ").expect("the server prints its address").to_owned());
    assert_eq!(api.run("true").await.1["status"], "succeeded");
    assert!(cli.folder().join("elsewhere").is_dir());
    server.interrupt();
    assert_eq!(server.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_world_readable_file_with_secrets_causes_a_warning_at_startup() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let cli = Cli::without_server();
    let common = "listen = \"127.0.0.1:0\"\nredact_values_file = \"values\"\n";
    let with_token = format!("{common}admin_token = \"{TOKEN}\"\n");
    write(&cli, "values", "a-value-to-mask\n");
    for (text, modes, warnings) in [
        (&with_token, (0o644, 0o600), vec!["tailwater.toml"]),
        (&with_token, (0o604, 0o644), vec!["tailwater.toml", "values"]),
        (&with_token, (0o640, 0o600), vec![]),
        (&common.to_owned(), (0o644, 0o600), vec![]),
    ] {
        write(&cli, "tailwater.toml", text);
        for (file, mode) in [("tailwater.toml", modes.0), ("values", modes.1)] {
            set_permissions(cli.folder().join(file), Permissions::from_mode(mode)).expect("the file is ours");
        }
        let mut server = cli.start(&["serve"]);
        assert!(server.line().await.starts_with("Listening on "));
        server.interrupt();
        let Done { code, stderr, .. } = server.ended().await;
        assert_eq!(code, Some(0), "{stderr}");
        let warned: Vec<_> = stderr.lines().filter(|line| line.contains("every user of this machine")).collect();
        assert_eq!(warned.len(), warnings.len(), "{modes:?}: {stderr}");
        for (line, file) in warned.iter().zip(warnings) {
            assert!(line.contains(file) && !line.contains(TOKEN), "{line}");
        }
    }
}

#[tokio::test]
async fn completions_are_valid_shell_scripts() {
    let cli = Cli::without_server();
    let script = cli.stdout(&["completions", "bash"]).await;
    write(&cli, "script.bash", &script);
    let checked = std::process::Command::new("bash").arg("-n").arg(cli.folder().join("script.bash")).status();
    assert!(checked.expect("bash is installed").success());
    for shell in ["bash", "zsh", "fish"] {
        let script = cli.stdout(&["completions", shell]).await;
        for word in ["logs", "follow", "live-flush-ms", "config"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
