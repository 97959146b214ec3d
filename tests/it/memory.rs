//! Attacks do not make the server's memory grow without limit.

use std::process::Command;

use reqwest::Client;

use crate::harness::people::browser;
use crate::harness::process::Process;
use crate::harness::until;

/// The number of clients that try to log in at the same time.
const AT_ONCE: u8 = 4;

/// Tries to log in `count` times with a wrong password, each time from a different address.
async fn fail_to_log_in(client: &Client, base: &str, count: u8) {
    for number in 0..count {
        let form = serde_urlencoded::to_string([("name", "nobody"), ("password", "a wrong password")]);
        let request = client.post(format!("{base}/login")).header("origin", base);
        let request = request.header("x-forwarded-for", format!("10.0.0.{number}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply =
            request.body(form.expect("pairs of strings can be encoded")).send().await.expect("the server answers");
        let location = reply.headers()["location"].to_str().expect("a location is ASCII");
        assert!(location.starts_with("/login?error=password"), "the password was checked: {location}");
    }
}

#[tokio::test]
async fn the_memory_for_hashing_passwords_does_not_depend_on_the_number_of_logins() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut program: Command| {
        program.env("TAILWATER_TRUSTED_PROXIES", "127.0.0.1").env("TAILWATER_FAILED_LOGINS_PER_ACCOUNT", "1000");
        program
    });
    let (client, base) = (browser(), server.api.base.clone());
    // The first login allocates memory that the server keeps for later logins.
    fail_to_log_in(&client, &base, 1).await;
    let before = server.rss();
    let logins = (0..AT_ONCE).map(|_| fail_to_log_in(&client, &base, 15));
    futures_util::future::join_all(logins).await;
    until("the memory is returned", || server.rss() < before + (10 << 10)).await;
}
