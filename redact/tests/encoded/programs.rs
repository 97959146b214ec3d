//! External programs that encode values. In one run, a program encodes many values, and prints each on one line.

use std::io::Write as _;
use std::ops::Range;
use std::process::{Command, Stdio};

use redact::{Redacted, Redactor};

use crate::dice::Dice;
use crate::secret::secret;

/// The programs and their arguments. A program reads values, each of which ends with a NUL byte, and prints each value
/// on one line, usually between `<` and `>`.
const PROGRAMS: [(&str, &[&str]); 8] = [
    ("bash", &["-c", r#"while IFS= read -rd '' v; do printf '<%q>\n' "$v"; done"#]),
    ("bash", &["-c", r#"while IFS= read -rd '' v; do printf '<%s>\n' "${v@Q}"; done"#]),
    ("bash", &["-c", r#"while IFS= read -rd '' v; do (set -x; : "$v") 2>&1; done"#]),
    ("python3", &["-c", "import sys\nfor v in sys.stdin.read().split('\\0')[:-1]: print(f'<{v!r}>')"]),
    ("python3", &["-c", "import sys\nfor v in sys.stdin.buffer.read().split(b'\\0')[:-1]: print(f'<{v!r}>')"]),
    (
        "python3",
        &["-c", "import sys, shlex\nfor v in sys.stdin.read().split('\\0')[:-1]: print(f'<{shlex.quote(v)}>')"],
    ),
    ("python3", &["-c", "import sys, json\nfor v in sys.stdin.read().split('\\0')[:-1]: print(f'<{json.dumps(v)}>')"]),
    ("python3", &["-c", "import sys, html\nfor v in sys.stdin.read().split('\\0')[:-1]: print(f'<{html.escape(v)}>')"]),
];

/// A function that returns the column at which a byte begins, given its index in the line.
type Column = fn(usize) -> usize;

/// The programs that print dumps with offsets and a column of text, and their arguments.
const COLUMNS: [(&str, &[&str], Column); 4] = [
    ("xxd", &[], |byte| 10 + byte / 2 * 5 + byte % 2 * 2),
    ("xxd", &["-u", "-g1"], |byte| 10 + 3 * byte),
    ("hexdump", &["-v", "-C"], |byte| 10 + 3 * byte + byte / 8),
    ("od", &["-Ax", "-v", "-tx1z"], |byte| 7 + 3 * byte),
];

/// What to do if a program is not installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Skipped,
    Fails,
}

/// Checks that the redacted output of each program contains one mask for each value, and nothing else of the value.
/// There may be other words directly before and after a value.
pub fn check(dice: &mut Dice, count: usize, missing: Missing) {
    let values: Vec<String> = (0..count).map(|_| format!("q{:x<6}q", secret(dice).trim())).collect();
    let texts: Vec<String> = values.iter().map(|value| format!("{}{value}{}", word(dice), word(dice))).collect();
    let input: String = texts.iter().map(|text| format!("{text}\0")).collect();
    let redactor = Redactor::new(&values);
    let check_output = |name: &str, output: &[u8], count: usize| {
        let shown = redactor.redact(output).to_string();
        let is_beside = |char: char| char.is_ascii_uppercase() || "'$\"b<>\n+: ".contains(char);
        let left: Vec<&str> = shown.split("[REDACTED]").map(|part| part.trim_matches(is_beside)).collect();
        assert_eq!(left, vec![""; count + 1], "{name}");
    };
    for (program, arguments) in PROGRAMS {
        if let Some(output) = run(program, arguments, input.as_bytes(), missing) {
            check_output(&format!("{program} {arguments:?}"), &output, count);
        }
    }
    let quote = |text: &String| shlex::try_quote(text).expect("the text contains no NUL").into_owned();
    let quoted: Vec<String> = texts.iter().map(quote).collect();
    check_output("shlex", quoted.join("\n").as_bytes(), quoted.len());
}

/// Returns up to 8 capital letters. No program quotes or escapes these letters.
fn word(dice: &mut Dice) -> String {
    (0..dice.below(9)).map(|_| char::from(b'G' + u8::try_from(dice.below(20)).expect("it is small"))).collect()
}

/// Values with text between them, which one run of a program encodes together.
struct Batch {
    redactor: Redactor,
    text: String,
    /// The range of each value in the text.
    values: Vec<Range<usize>>,
}

impl Batch {
    fn new(dice: &mut Dice, count: usize, shortest: usize) -> Self {
        let secrets: Vec<String> = (0..count).map(|_| format!("q{:x<shortest$}q", secret(dice).trim())).collect();
        let mut text = " ".repeat(dice.below(50));
        let mut values = Vec::new();
        for secret in &secrets {
            let start = text.len();
            text += secret;
            values.push(start..text.len());
            text += ", and so on\n";
            text += &" ".repeat(dice.below(50));
        }
        Self { redactor: Redactor::new(&secrets), text, values }
    }
}

/// Checks programs that encode all values together and wrap the result into lines. Each mask must replace a value, and
/// at most 4 bits of the value may be shown on either side.
pub fn check_dumps(dice: &mut Dice, count: usize, missing: Missing) {
    let Batch { redactor, text, values } = Batch::new(dice, count, 30);
    let dumps: [(&str, &[&str]); 6] = [
        ("base64", &["-w76"]),
        ("base64", &["-w64"]),
        ("xxd", &["-p"]),
        ("xxd", &["-p", "-u"]),
        ("od", &["-An", "-v", "-tx1"]),
        ("openssl", &["base64"]),
    ];
    let starts = values.iter().map(|value| value.start).chain([text.len()]);
    let ends = [0].into_iter().chain(values.iter().map(|value| value.end));
    let gaps: Vec<usize> = starts.zip(ends).map(|(start, end)| start - end).collect();
    for (program, arguments) in dumps {
        let Some(output) = run(program, arguments, text.as_bytes(), missing) else { continue };
        let shown = redactor.redact(&output).to_string();
        let parts: Vec<&str> = shown.split("[REDACTED]").collect();
        assert_eq!(parts.len(), gaps.len(), "{program}: {text:?} becomes {shown}");
        let characters = if program.contains("64") || program == "openssl" { 4 } else { 6 };
        for (part, gap) in parts.iter().zip(&gaps) {
            let left: usize = part.split_ascii_whitespace().map(str::len).sum();
            assert!(left <= (gap * characters).div_ceil(3) + 4, "{program}: {part} beside a value in {text:?}");
        }
    }
}

/// Checks dumps with offsets and a column of text. One mask must replace the text from the first digit of a value to
/// the end of the line that contains its last digit.
pub fn check_columns(dice: &mut Dice, count: usize, missing: Missing) {
    let Batch { redactor, text, values } = Batch::new(dice, count, 6);
    for (program, arguments, column) in COLUMNS {
        let Some(output) = run(program, arguments, text.as_bytes(), missing) else { continue };
        let output = String::from_utf8(output).expect("a dump is ASCII");
        let ends: Vec<usize> = output.match_indices('\n').map(|(end, _)| end).collect();
        let begin = |line: usize| line.checked_sub(1).map_or(0, |before| ends[before] + 1);
        let (mut expected, mut shown) = (String::new(), 0);
        for value in &values {
            let start = begin(value.start / 16) + column(value.start % 16);
            if start >= shown {
                expected += &output[shown..start];
                expected += "[REDACTED]";
            }
            shown = ends[(value.end - 1) / 16];
        }
        expected += &output[shown..];
        let whole = redactor.redact(output.as_bytes()).to_string();
        assert_eq!(whole, expected, "{program} {arguments:?}: {text:?}");
        assert_eq!(redactor.redact(whole.as_bytes()).to_string(), whole, "{program}: it is not idempotent");
        let (mut stream, mut pieces, mut rest) = (redactor.stream(), Redacted::new(), output.as_bytes());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + dice.below(200)));
            pieces.append(&stream.push(piece));
            rest = after;
        }
        pieces.append(&stream.finish());
        assert_eq!(pieces.to_string(), expected, "{program} {arguments:?} depends on the cuts: {text:?}");
    }
}

/// Returns the output of a program, or `None` if it is not installed and may be skipped.
fn run(program: &str, arguments: &[&str], input: &[u8], missing: Missing) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).env("PYTHONUTF8", "1").env("LC_ALL", "C.UTF-8");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok();
    assert!(child.is_some() || missing == Missing::Skipped, "{program} is not installed");
    let mut child = child?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the thread ends").expect("the program reads its input");
    assert!(output.status.success(), "{program} {arguments:?} failed");
    Some(output.stdout)
}
