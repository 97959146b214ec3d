//! Counts the masks that the built-in rules cause in logs: `make false-masks`.
//!
//! No value is registered, so every mask is the guess of a rule. For each file and each rule, the program prints the
//! number of masks, with samples from which a person can judge whether the masks are right. The program itself cannot
//! know this. It therefore counts all masks as wrong, except those of [known secrets](KNOWN), and fails if there are
//! more than [`MOST_PER_MB`] wrong masks per megabyte.
//!
//! The samples contain the masked text, so only the person who runs the program should see the output.

#![expect(clippy::print_stdout, reason = "the program's purpose is to print")]

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use redact::{Finding, Redactor, Rules};

/// The maximum number of wrong masks per megabyte.
const MOST_PER_MB: f64 = 1.0;

/// The minimum total size of the logs, in bytes. Smaller logs say little about the rules.
const LEAST_BYTES: usize = 20_000_000;

/// The number of different samples that are printed for each rule.
const SAMPLES: usize = 5;

/// The number of bytes that a sample contains before and after the masked text.
const CONTEXT: usize = 32;

/// Parts of the secrets that this project's own tests contain, and therefore its history too. Masking them is correct.
/// Other projects also use some of these words as examples of secrets, so the number of these masks is printed too.
const KNOWN: [&str; 9] = [
    "hunter2",
    "swordfish",
    "sesame",
    "changeme",
    "another-secret-value",
    "end2end-token-0123456789abcdef",
    "secret-0123456789abcdef",
    "aB3dE5gH7jK9mN2pQ4rS6tU8vW1xY0z",
    "MIIEowIBAAKCAQEAy8Dbv8prpJ",
];

/// The masks of one rule.
#[derive(Default)]
struct Found {
    count: usize,
    known: usize,
    samples: Vec<String>,
}

fn main() -> io::Result<ExitCode> {
    let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let (mut bytes, mut masks) = (0, 0);
    println!("{:>10}  {:>5}  {:>6}  log", "bytes", "masks", "per MB");
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let text = std::fs::read(&path)?;
        let before: usize = found.values().map(|found| found.count).sum();
        redactor.explain(&text).iter().for_each(|finding| add(&mut found, finding, &text));
        masks = found.values().map(|found| found.count).sum();
        bytes += text.len();
        print_rate(text.len(), masks - before, &path.display().to_string());
    }
    print_rate(bytes, masks, "all logs");
    for (rule, Found { count, known, samples }) in found {
        println!("\n{rule}: {count}, and {known} of known secrets");
        for sample in samples {
            println!("  {sample}");
        }
    }
    if bytes < LEAST_BYTES {
        println!("\nThese are fewer than {LEAST_BYTES} bytes of logs.");
        return Ok(ExitCode::FAILURE);
    }
    Ok(if per_mb(bytes, masks) > MOST_PER_MB { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn add(found: &mut BTreeMap<String, Found>, Finding { range, rule }: &Finding, text: &[u8]) {
    let found = found.entry(rule.clone().unwrap_or_default()).or_default();
    let secret = String::from_utf8_lossy(&text[range.clone()]);
    if KNOWN.iter().any(|known| secret.contains(known)) {
        found.known += 1;
        return;
    }
    found.count += 1;
    if found.samples.len() < SAMPLES && !found.samples.iter().any(|sample| sample.contains(&*secret)) {
        found.samples.push(sample(text, range.clone(), &secret));
    }
}

/// Returns the masked text between brackets, with the text around it.
fn sample(text: &[u8], range: std::ops::Range<usize>, secret: &str) -> String {
    let before = &text[range.start.saturating_sub(CONTEXT)..range.start];
    let after = &text[range.end..text.len().min(range.end + CONTEXT)];
    let line = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    format!("{}⟦{}⟧{}", line(before), secret.escape_debug(), line(after))
}

fn print_rate(bytes: usize, masks: usize, name: &str) {
    println!("{bytes:>10}  {masks:>5}  {:>6.2}  {name}", per_mb(bytes, masks));
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are far below 2^52")]
fn per_mb(bytes: usize, masks: usize) -> f64 {
    masks as f64 / (bytes.max(1) as f64 / 1e6)
}
