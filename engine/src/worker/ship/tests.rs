//! Checks with random jobs and bounds that each byte of the output is in exactly one event or gap. The time is
//! simulated, so that a seed always gives the same batches.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use model::{GapPayload, JobId, LogPayload, Payload, Segment, Stage, StepRef, StreamName, Timestamp};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::event_log::{Origin, OutputCursor, StoredOutputPage, pieces};
use crate::queue::{Abandoned, Claimed, Finish, Heartbeat, NewArtifact};
use crate::spool::{Source, SpoolWriter};
use crate::worker::link::Files;
use fastrand::Rng;

/// A link that records the appended batches, and fails after the first `takes` of them. Each batch is serialised as
/// JSON and parsed again, as it would be if it were sent over a network.
#[derive(Clone, Debug)]
struct Recorder {
    batches: Arc<Mutex<Vec<Batch>>>,
    takes: usize,
    server: Arc<Mutex<ServerCopy>>,
}

/// The copy of the output that a server would have.
#[derive(Debug)]
struct ServerCopy {
    spool: SpoolWriter,
    _folder: tempfile::TempDir,
}

impl ServerCopy {
    fn new() -> Arc<Mutex<Self>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        Arc::new(Mutex::new(Self { spool, _folder: folder }))
    }

    /// Adds the output in events, up to the first gap.
    fn add(&mut self, events: &[NewEvent]) -> u64 {
        let output = |event: &NewEvent| match event.payload() {
            Payload::Log(log) => pieces(log, event.message()),
            _ => Vec::new(),
        };
        let mut pieces: Vec<_> = events.iter().flat_map(output).collect();
        pieces.sort_by_key(|piece| piece.offset);
        for piece in &mut pieces {
            assert!(self.spool.append_copy(piece).expect("the write succeeds"), "the output is complete up to here");
        }
        self.spool.end().bytes
    }
}

impl Link for Recorder {
    const SENDS_SUPPRESSED_OUTPUT: bool = true;

    async fn add_output(&self, _: Lease, chunks: Vec<NewEvent>) -> Result<u64, LinkError> {
        Ok(self.server.lock().expect("the lock is not poisoned").add(&chunks))
    }

    async fn append(&self, lease: Lease, batch: Batch, _: Vec<NewArtifact>) -> Result<(), LinkError> {
        let mut batches = self.batches.lock().expect("the lock is not poisoned");
        if batches.len() >= self.takes {
            return Err(LinkError::Fenced(lease.job));
        }
        self.server.lock().expect("the lock is not poisoned").add(&batch.events);
        let sent = serde_json::to_string(&batch).expect("a batch can be serialised");
        batches.push(serde_json::from_str(&sent).expect("what was serialised can be read"));
        Ok(())
    }

    async fn claim(&self, _: &CancellationToken) -> Result<Option<Claimed>, LinkError> {
        unreachable!("{A_SHIPPER}")
    }

    async fn abandoned(&self) -> Result<Vec<Abandoned>, LinkError> {
        unreachable!("{A_SHIPPER}")
    }

    async fn stored_output(&self, _: Lease, _: OutputCursor) -> Result<StoredOutputPage, LinkError> {
        unreachable!("{A_SHIPPER}")
    }

    async fn heartbeat(&self, _: Lease) -> Result<Heartbeat, LinkError> {
        unreachable!("{A_SHIPPER}")
    }

    async fn early_heartbeat(&self) {
        unreachable!("{A_SHIPPER}")
    }

    async fn finish(&self, _: Finish) -> Result<(), LinkError> {
        unreachable!("{A_SHIPPER}")
    }

    fn forget(&self, _: Lease) {
        unreachable!("{A_SHIPPER}")
    }

    fn files(&self, _: Lease) -> Box<dyn Files> {
        unreachable!("{A_SHIPPER}")
    }

    async fn sweep(&self, _: Lease) -> Result<(), LinkError> {
        unreachable!("{A_SHIPPER}")
    }
}

const A_SHIPPER: &str = "a shipper only appends";

/// The expected output, computed without the spool's records.
#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// The line number of each byte.
    lines: Vec<i64>,
    last_line: i64,
    open: [Option<i64>; 2],
    /// The offset at which each step's output ends.
    steps: Vec<usize>,
}

impl Printed {
    fn print(&mut self, stream: StreamName, text: &str) {
        for byte in text.bytes() {
            let line = *self.open[stream as usize].get_or_insert_with(|| {
                self.last_line += 1;
                self.last_line
            });
            self.bytes.push(byte);
            self.lines.push(line);
            if byte == b'\n' {
                self.open[stream as usize] = None;
            }
        }
    }

    fn end_step(&mut self) {
        self.open = [None; 2];
        self.steps.push(self.bytes.len());
    }

    /// Returns the index of the step that printed the byte at `offset`, and the offset at which that step's output
    /// ends.
    fn step_of(&self, offset: usize) -> (i32, usize) {
        let index = self.steps.partition_point(|end| *end <= offset);
        (i32::try_from(index).expect("there are few steps"), self.steps[index])
    }
}

/// A shipper at a simulated time.
struct SimulatedShipper {
    shipper: Shipper<Recorder>,
    now: Instant,
    /// Whether the link has refused a batch, so that the shipper has stopped.
    has_failed: bool,
}

impl SimulatedShipper {
    fn new(shipper: Shipper<Recorder>) -> Self {
        Self { shipper, now: Instant::now(), has_failed: false }
    }

    /// Lets the time pass. Meanwhile the shipper ships whenever something is due, but not more than `turns` times, as
    /// if its appends took long.
    async fn pass(&mut self, time: Duration, turns: usize, spool: &SpoolWriter) {
        let until = self.now + time;
        for _ in 0..turns {
            match self.turn(false, spool).await {
                Some(Wait::Not) => {}
                Some(Wait::Until(Some(at))) if at <= until => self.now = at,
                _ => break,
            }
        }
        self.now = until;
    }

    /// Ships everything that remains, and returns the final progress, or `None` if the link has refused a batch.
    async fn finish(mut self, spool: &SpoolWriter) -> Option<Progress> {
        loop {
            match self.turn(true, spool).await? {
                Wait::Not => {}
                Wait::Until(at) => self.now = at.expect("a shipper does not wait for ever"),
                Wait::Ended => return Some(self.shipper.progress),
            }
        }
    }

    async fn turn(&mut self, closed: bool, spool: &SpoolWriter) -> Option<Wait> {
        if self.has_failed {
            return None;
        }
        let turn = self.shipper.turn(closed, *spool.subscribe().borrow(), self.now).await;
        self.has_failed = turn.is_err();
        if let Ok(Wait::Until(Some(at))) = turn {
            assert!(at > self.now, "the shipper waits for a time that has passed");
        }
        turn.ok()
    }
}

/// A random job that is shipped with random bounds.
struct Case {
    random: Rng,
    printed: Printed,
    recorder: Recorder,
    bounds: Bounds,
    live: LiveLog,
    lease: Lease,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let policy = Policy {
            flush: Duration::from_millis(random.u64(..3)),
            events_per_second: 10_000,
            event_bytes: random.choice([8, 64, 500]).expect("the list is not empty"),
            max_event_bytes: 1_000,
        };
        let lag = random
            .choice([Duration::ZERO, Duration::from_millis(3), Duration::from_hours(1)])
            .expect("the list is not empty");
        let bounds = Bounds {
            job_bytes: random.choice([0, 90, 700, 1 << 30]).expect("the list is not empty"),
            lag,
            tail_bytes: random.choice([1, 40, 200]).expect("the list is not empty"),
        };
        let lease = Lease { job: JobId(uuid::Uuid::nil()), attempt: 1, epoch: 1 };
        let takes =
            if random.u64(..2) == 0 { usize::MAX } else { usize::try_from(random.u64(..12)).expect("it is small") };
        let recorder = Recorder { batches: Arc::default(), takes, server: ServerCopy::new() };
        let live = LiveLog::Events(policy, bounds);
        Self { random, printed: Printed::default(), recorder, bounds, live, lease }
    }

    fn origins() -> Vec<Origin> {
        let step_id = ["a", "b", "c", "d"].map(Redacted::literal);
        let origin = |(step_id, step_index)| Origin {
            step: StepRef { stage: Stage::Execute, index: step_index },
            step_id,
            attempt: 1,
        };
        step_id.into_iter().zip(0..).map(origin).collect()
    }

    fn shipper(&self, spool: &SpoolWriter, lifecycle_events: LifecycleEvents, progress: Progress) -> Shipper<Recorder> {
        let reader = spool.reader().expect("the files can be opened again");
        Shipper::new(
            (self.recorder.clone(), self.lease),
            reader,
            Self::origins(),
            self.live,
            lifecycle_events,
            progress,
        )
    }

    /// Prints output and ships it in turn. If the link fails, ships the remaining output afterwards, as recovery does.
    async fn run(&mut self, spool: &mut SpoolWriter) -> Progress {
        let lifecycle_events = LifecycleEvents::new();
        let mut shipping = SimulatedShipper::new(self.shipper(spool, lifecycle_events.clone(), Progress::default()));
        for step in 0..=u32::try_from(self.random.u64(..4)).expect("it is small") {
            for _ in 0..self.random.u64(..40) {
                self.print(spool, step);
                if self.random.u64(..4) == 0 {
                    let turns = self.random.choice([1, 2, usize::MAX]).expect("the list is not empty");
                    shipping.pass(Duration::from_micros(self.random.u64(..2_000)), turns, spool).await;
                }
            }
            spool.end_step().expect("the write succeeds");
            self.printed.end_step();
            let ended = NewEvent::warning(1, Redacted::literal(ENDED));
            lifecycle_events.push_at(spool.end().bytes, ended, shipping.now);
        }
        lifecycle_events.close();
        match shipping.finish(spool).await {
            Some(progress) => progress,
            None => self.recover(spool).await,
        }
    }

    async fn recover(&mut self, spool: &SpoolWriter) -> Progress {
        self.recorder.takes = usize::MAX;
        let progress = {
            let batches = self.recorder.batches.lock().expect("the lock is not poisoned");
            let unsigned = |number: i64| u64::try_from(number).expect("it is not negative");
            Progress {
                batch: batches.last().map_or(0, |batch| batch.number),
                offset: batches.last().map_or(0, |batch| unsigned(batch.to)),
                suppressed: batches.iter().map(|batch| unsigned(batch.suppressed)).sum(),
                earlier: 0,
            }
        };
        let lifecycle_events = LifecycleEvents::new();
        lifecycle_events.close();
        let mut shipper = self.shipper(spool, lifecycle_events, progress);
        shipper.send_suppressed().await.expect("the link accepts all output");
        SimulatedShipper::new(shipper).finish(spool).await.expect("the link accepts every batch")
    }

    fn print(&mut self, spool: &mut SpoolWriter, step: u32) {
        let stream = self
            .random
            .choice([StreamName::Stdout, StreamName::Stdout, StreamName::Stderr])
            .expect("the list is not empty");
        let pieces = self.random.u64(..12);
        let text: String = (0..pieces)
            .map(|_| self.random.choice(["a", "bc", "é", "日本", "\n", "x y z\n"]).expect("the list is not empty"))
            .collect();
        let source = Source {
            step: StepRef { stage: Stage::Execute, index: i32::try_from(step).expect("it is small") },
            stream,
        };
        spool
            .append(source, &Redacted::from_stored(text.clone().into_bytes()), Timestamp(7))
            .expect("the write succeeds");
        self.printed.print(stream, &text);
    }

    /// Checks that a server that cannot read the spool has received all output, with the same line numbers.
    fn check_copy(&self, spool: &SpoolWriter, seed: u64) {
        let copy = &self.recorder.server.lock().expect("the lock is not poisoned").spool;
        let of = |spool: &SpoolWriter| (spool.end().bytes, spool.end().lines, spool.sha256());
        assert_eq!(of(copy), of(spool), "seed {seed}");
    }

    /// Checks the batches and the progress against the expected output and the bounds.
    fn check(&self, progress: Progress, seed: u64) {
        let batches = self.recorder.batches.lock().expect("the lock is not poisoned");
        let mut tally = Tally::new(&self.printed, self.bounds, seed);
        let (mut number, mut to) = (0, 0);
        for batch in batches.iter() {
            assert_eq!((batch.number, batch.from), (number + 1, to), "seed {seed}: batches follow each other");
            (number, to) = (batch.number, batch.to);
            let before = tally.suppressed;
            batch.events.iter().for_each(|event| tally.add(event));
            assert_eq!(
                tally.suppressed - before,
                batch.suppressed,
                "seed {seed}: the batch reports its suppressed bytes"
            );
        }
        assert!(
            tally.covered.iter().all(|times| *times == 1),
            "seed {seed}: each byte is covered once: {:?}",
            tally.covered
        );
        let produced = i64::try_from(self.printed.bytes.len()).expect("it is small");
        assert_eq!(tally.kept + tally.suppressed, produced, "seed {seed}");
        assert_eq!(i64::try_from(progress.suppressed), Ok(tally.suppressed), "seed {seed}");
        let tails = self.bounds.tail_bytes * self.printed.steps.len() as u64;
        let head = self.bounds.job_bytes.max(self.bounds.tail_bytes);
        assert!(
            u64::try_from(tally.kept).expect("it is not negative") <= head.saturating_add(tails),
            "seed {seed}: budget"
        );
    }
}

const ENDED: &str = "a step ended";

/// Checks events against the printed output, and counts the bytes.
struct Tally<'a> {
    printed: &'a Printed,
    bounds: Bounds,
    seed: u64,
    covered: Vec<u8>,
    kept: i64,
    suppressed: i64,
}

impl<'a> Tally<'a> {
    fn new(printed: &'a Printed, bounds: Bounds, seed: u64) -> Self {
        Self { printed, bounds, seed, covered: vec![0; printed.bytes.len()], kept: 0, suppressed: 0 }
    }

    fn add(&mut self, event: &NewEvent) {
        match event.payload() {
            Payload::Log(log) => self.log(log, event.message().as_bytes()),
            Payload::Gap(gap) => self.gap(gap),
            _ if event.message().as_bytes() == ENDED.as_bytes() => {
                let done = self.covered.iter().take_while(|times| **times > 0).count();
                assert!(self.printed.steps.contains(&done), "seed {}: the event is at the end of a step", self.seed);
                assert!(
                    self.covered[done..].iter().all(|times| *times == 0),
                    "seed {}: no later byte was sent",
                    self.seed
                );
            }
            _ => {}
        }
    }

    fn log(&mut self, log: &LogPayload, mut text: &[u8]) {
        let whole = vec![Segment(log.offset, log.bytes, log.line)];
        for Segment(offset, bytes, line) in log.segments.as_ref().unwrap_or(&whole) {
            let (piece, rest) = text.split_at(index(*bytes));
            text = rest;
            let from = index(*offset);
            assert_eq!(piece, &self.printed.bytes[from..from + piece.len()], "seed {}", self.seed);
            assert_eq!(*line, self.printed.lines[from], "seed {}: the line of byte {from}", self.seed);
            self.cover(from, from + piece.len(), log.step_index);
        }
        assert!(text.is_empty(), "seed {}: the segments cover the text", self.seed);
        self.kept += log.bytes;
    }

    fn gap(&mut self, gap: &GapPayload) {
        let (from, to) = (index(gap.from_offset), index(gap.to_offset));
        let lines: BTreeSet<i64> = self.printed.lines[from..to].iter().copied().collect();
        let reported = (gap.from_line, gap.lines, gap.bytes);
        let expected = (*lines.first().expect("a gap is not empty"), lines.len(), to - from);
        assert_eq!(reported, (expected.0, signed(expected.1), signed(expected.2)), "seed {}: {gap:?}", self.seed);
        let (step, end) = self.printed.step_of(from);
        assert_eq!(gap.step_id, ["a", "b", "c", "d"][index(step.into())], "seed {}", self.seed);
        let tail = index(self.bounds.tail_bytes.try_into().expect("it is small"));
        assert!(to + tail >= end, "seed {}: a tail does not exceed its limit", self.seed);
        let reach = end - tail..end - tail + tail / 2;
        let begins_line = self.printed.bytes[to - 1] == b'\n';
        let could = reach.clone().any(|at| at > 0 && self.printed.bytes[at - 1] == b'\n');
        assert!(begins_line || !could, "seed {}: a tail begins with a line if possible: {gap:?}", self.seed);
        assert!(to <= reach.end + 3, "seed {}: the tail is not suppressed", self.seed);
        assert!(std::str::from_utf8(&self.printed.bytes[to..end]).is_ok(), "seed {}", self.seed);
        self.cover(from, to, step);
        self.suppressed += gap.bytes;
    }

    fn cover(&mut self, from: usize, to: usize, step: i32) {
        assert_eq!(self.printed.step_of(from).0, step, "seed {}", self.seed);
        assert!(to <= self.printed.step_of(from).1, "seed {}: the range belongs to one step", self.seed);
        self.covered[from..to].iter_mut().for_each(|times| *times += 1);
    }
}

/// Returns a short description of an event.
fn reported(event: &NewEvent) -> String {
    match event.payload() {
        Payload::Gap(gap) => {
            let last = gap.from_line + gap.lines - 1;
            format!("gap {}..{}, lines {} to {last}", gap.from_offset, gap.to_offset, gap.from_line)
        }
        _ => event.message().to_string(),
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).expect("it is not negative")
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).expect("it is small")
}

#[tokio::test]
async fn each_byte_is_in_exactly_one_event_or_gap_and_in_the_copy_of_a_server_without_the_spool() {
    let mut with_gaps = 0;
    for seed in 1..=300 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let mut case = Case::new(seed);
        let progress = case.run(&mut spool).await;
        case.check(progress, seed);
        case.check_copy(&spool, seed);
        with_gaps += u32::from(progress.suppressed > 0);
    }
    assert!(with_gaps > 50, "the bounds were tight enough for gaps: {with_gaps}");
}

#[tokio::test]
async fn a_seed_gives_the_same_batches_each_time() {
    let batches = async |seed| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let mut case = Case::new(seed);
        case.run(&mut spool).await;
        let batches = case.recorder.batches.lock().expect("the lock is not poisoned");
        serde_json::to_string_pretty(&*batches).expect("a batch can be serialised")
    };
    for seed in 1..=100 {
        let first = batches(seed).await;
        assert!(first == batches(seed).await, "seed {seed}: {first}");
    }
}

#[tokio::test]
async fn the_head_ends_and_the_tail_begins_at_a_line_boundary() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    let mut case = Case::new(1);
    case.recorder.takes = usize::MAX;
    let policy = Policy {
        flush: Duration::from_millis(1),
        events_per_second: 1_000,
        event_bytes: 1_000,
        max_event_bytes: 1_000,
    };
    case.live = LiveLog::Events(policy, Bounds { job_bytes: 105, lag: Duration::from_hours(1), tail_bytes: 55 });
    let text: String = (1..=100).map(|number| format!("line {number:03}\n")).collect();
    let source = Source { step: StepRef { stage: Stage::Execute, index: 0 }, stream: StreamName::Stdout };
    spool.append(source, &Redacted::from_stored(text.into_bytes()), Timestamp(7)).expect("the write succeeds");
    spool.end_step().expect("the write succeeds");
    let progress = case.recover(&spool).await;
    let batches = case.recorder.batches.lock().expect("the lock is not poisoned");
    let all: Vec<String> = batches.iter().flat_map(|batch| &batch.events).map(reported).collect();
    let head: String = (1..=11).map(|number| format!("line {number:03}\n")).collect();
    let tail: String = (95..=100).map(|number| format!("line {number:03}\n")).collect();
    assert_eq!(all, [head, BUDGET_SPENT.to_owned(), "gap 99..846, lines 12 to 94".to_owned(), tail]);
    assert_eq!(progress.suppressed, 83 * 9);
}

#[tokio::test]
async fn without_live_output_everything_is_suppressed_and_no_gap_is_recorded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    let mut case = Case::new(1);
    (case.recorder.takes, case.live) = (usize::MAX, LiveLog::Off);
    let progress = case.run(&mut spool).await;
    assert_eq!(progress.suppressed, spool.end().bytes);
    case.check_copy(&spool, 1);
    let batches = case.recorder.batches.lock().expect("the lock is not poisoned");
    let kinds = batches.iter().flat_map(|batch| &batch.events);
    assert!(kinds.clone().all(|event| !matches!(event.payload(), Payload::Log(_) | Payload::Gap(_))));
    assert_eq!(kinds.count(), case.printed.steps.len());
}

#[tokio::test]
async fn unreadable_output_is_suppressed_and_does_not_block_the_job() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    let source = Source { step: StepRef { stage: Stage::Execute, index: 0 }, stream: StreamName::Stdout };
    spool.append(source, &Redacted::literal("gone\n"), Timestamp(7)).expect("the write succeeds");
    spool.end_step().expect("the write succeeds");
    for file in std::fs::read_dir(folder.path()).expect("it exists") {
        let log = std::fs::OpenOptions::new().write(true).open(file.expect("it exists").path());
        log.and_then(|log| log.set_len(3)).expect("it can be truncated");
    }
    let mut case = Case::new(1);
    case.recorder.takes = usize::MAX;
    let lifecycle_events = LifecycleEvents::new();
    lifecycle_events.push(5, NewEvent::warning(1, Redacted::literal(ENDED)));
    lifecycle_events.close();
    let shipping = case.shipper(&spool, lifecycle_events, Progress::default()).run(spool.subscribe());
    let progress = shipping.await.expect("the link accepts every batch");
    assert_eq!((progress.offset, progress.suppressed), (5, 5));
    let batches = case.recorder.batches.lock().expect("the lock is not poisoned");
    let all: Vec<String> = batches.iter().flat_map(|batch| &batch.events).map(reported).collect();
    assert_eq!(all, ["The server cannot read the stored output. Output after byte 0 is missing", ENDED]);
}

#[tokio::test]
async fn a_failing_read_is_retried_a_limited_number_of_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    let reader = spool.reader().expect("the files can be opened again");
    let asked = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&asked);
    let read = move |_: &mut SpoolReader, _: &StepOrigins| -> io::Result<()> {
        *counter.lock().expect("the lock is not poisoned") += 1;
        Err(io::Error::from_raw_os_error(5))
    };
    let at_once = Backoff::new(Duration::ZERO, Duration::ZERO);
    let error = read_spool(at_once, &reader, &StepOrigins(Vec::new()), read).await.expect_err("the disk fails");
    assert_eq!((error.raw_os_error(), *asked.lock().expect("the lock is not poisoned")), (Some(5), READ_TRIES + 1));
    let patience: Duration = (1..=READ_TRIES).map(|tries| WAITS.after(tries)).sum();
    assert!((50..70).contains(&patience.as_secs()), "about a minute: {patience:?}");
}
