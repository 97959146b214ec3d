//! Kills the server 200 times with `kill -9`, at random moments and at every fail point. A fail point is a place in the
//! server's code at which the server kills itself if a test has requested it.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use engine::fail_point::FailPoint::{self, *};

use super::witness::Witness;
use crate::harness::Random;
use crate::harness::process::Process;

/// The number of kills at each fail point that is not part of a recovery.
const TIMES: usize = 6;
/// The number of kills at each fail point that is part of a recovery.
const TIMES_IN_RECOVERY: usize = 4;
/// The number of kills at random moments.
const TIMES_AT_RANDOM: usize = 40;

const OUTPUT: [FailPoint; 9] =
    [Claimed, Prepared, ProcessStarted, Captured, SpoolBytes, SpoolRecords, SpoolLogSynced, StepEnded, FileKept];
const APPEND: [FailPoint; 9] =
    [BatchMade, SeqAssigned, EventsStored, BatchStored, Commit, Committed, Notified, Answered, Shipped];
const END: [FailPoint; 6] = [Finish, AttemptEnded, LeaseEnded, Finished, Compressed, OriginalRemoved];
const RECOVERY: [FailPoint; 4] = [OrphansKilled, SpoolMended, SpoolCompleted, RestShipped];

/// Starts a server that kills itself when it reaches `point` for the `time`-th time. Returns `None` if it has killed
/// itself before it listens.
fn doomed(data: &Path, point: FailPoint, time: usize) -> Option<Process> {
    let started = Process::start_to_die(data, |mut server| {
        server.env("TAILWATER_FAIL_POINT", format!("{}:{time}", point.name()));
        server
    });
    let log = || std::fs::read_to_string(data.join("server.log")).unwrap_or_default();
    started.inspect_err(|status| assert_eq!(status.signal(), Some(9), "at {point:?}: {}", log())).ok()
}

/// Repeatedly kills the server at each of the given fail points, and then checks that everything that the server had
/// acknowledged or shown still exists.
///
/// `often` is the number of times that each running job passes each of the points, approximately.
async fn kill_at(points: &[FailPoint], often: usize) {
    let mut deaths = 0;
    let mut random = Random::new("fail_points");
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut witness = Witness::default();
    for time in 0..TIMES {
        for point in points {
            // The first kill at a point happens when the point is first reached. The other kills usually happen later.
            let reached = if time == 0 { 1 } else { 1 + random.below(often * time) };
            if let Some(mut server) = doomed(data.path(), *point, reached) {
                witness.submit_long(&server.api).await;
                witness.submit_until_server_dies(&server.api).await;
                // Only the fail point sends SIGKILL to this server.
                assert_eq!(server.exited().await.signal(), Some(9), "at {point:?}");
            }
            deaths += 1;
        }
    }
    assert_eq!(deaths, points.len() * TIMES);
    witness.check_after_restart(data.path()).await;
}

#[tokio::test]
async fn kills_at_every_fail_point_of_output_lose_nothing_acknowledged() {
    kill_at(&OUTPUT, 3).await;
}

#[tokio::test]
async fn kills_at_every_fail_point_of_an_append_lose_nothing_acknowledged() {
    kill_at(&APPEND, 12).await;
}

#[tokio::test]
async fn kills_at_every_fail_point_of_finishing_a_job_lose_nothing_acknowledged() {
    kill_at(&END, 2).await;
}

#[tokio::test]
async fn kills_at_every_fail_point_of_a_recovery_lose_nothing_acknowledged() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut witness = Witness::default();
    let (mut random, mut deaths) = (Random::new("recovery"), 0);
    for _ in 0..TIMES_IN_RECOVERY {
        let server = Process::start(data.path());
        witness.submit_long(&server.api).await;
        witness.submit_long(&server.api).await;
        let (api, life) = (server.api.clone(), Duration::from_millis(100 + random.below(400) as u64));
        let killed = async {
            tokio::time::sleep(life).await;
            server.kill();
        };
        tokio::join!(killed, witness.submit_until_server_dies(&api));
        // Each recovery completes the work that the previous, interrupted recovery did not finish.
        for point in RECOVERY {
            if let Some(mut server) = doomed(data.path(), point, 1) {
                assert_eq!(server.exited().await.signal(), Some(9), "at {point:?}");
            }
            deaths += 1;
        }
    }
    assert_eq!(deaths, RECOVERY.len() * TIMES_IN_RECOVERY);
    witness.check_after_restart(data.path()).await;
}

#[tokio::test]
async fn kills_at_random_moments_lose_nothing_acknowledged() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut witness = Witness::default();
    let (mut random, mut deaths) = (Random::new("kill_9_at_random"), 0);
    for _ in 0..TIMES_AT_RANDOM {
        let server = Process::start(data.path());
        witness.submit_long(&server.api).await;
        let (api, life) = (server.api.clone(), Duration::from_micros(random.below(700_000) as u64));
        let killed = async {
            tokio::time::sleep(life).await;
            server.kill()
        };
        let (status, ()) = tokio::join!(killed, witness.submit_until_server_dies(&api));
        assert_eq!(status.signal(), Some(9), "the server ran until it was killed");
        deaths += 1;
    }
    assert_eq!(deaths, TIMES_AT_RANDOM);
    witness.check_after_restart(data.path()).await;
}

#[test]
fn every_fail_point_has_a_test_and_the_tests_kill_the_server_200_times() {
    let lists: [&[FailPoint]; 4] = [&OUTPUT, &APPEND, &END, &RECOVERY];
    assert_eq!(lists.concat(), FailPoint::ALL);
    // Each test asserts its own number of kills. Their sum must be 200, as the documentation of this module states.
    let times = (OUTPUT.len() + APPEND.len() + END.len()) * TIMES + RECOVERY.len() * TIMES_IN_RECOVERY;
    assert_eq!(times + TIMES_AT_RANDOM, 200);
}
