//! External programs that encode values. In one run, a program encodes many values, and prints each on one line.

use std::io::Write as _;
use std::process::{Command, Stdio};

use redact::Redactor;

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
    // If a text contains both kinds of quotation marks, or characters such as `^`, the `shlex` crate divides it into
    // several quoted parts. A value that is divided in this way is not found, so these texts are excluded.
    let is_one_part = |quoted: &String| {
        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        !quoted.starts_with(['\'', '"']) && !quoted.contains(['\'', '"'])
            || quoted.starts_with('\'') && quoted.ends_with('\'') && !inner.contains('\'')
    };
    let quote = |text: &String| shlex::try_quote(text).expect("the text contains no NUL").into_owned();
    let quoted: Vec<String> = texts.iter().map(quote).filter(is_one_part).collect();
    assert!(2 * quoted.len() > count, "most texts are quoted as one part");
    check_output("shlex", quoted.join("\n").as_bytes(), quoted.len());
}

/// Returns up to 8 capital letters. No program quotes or escapes these letters.
fn word(dice: &mut Dice) -> String {
    (0..dice.below(9)).map(|_| char::from(b'G' + u8::try_from(dice.below(20)).expect("it is small"))).collect()
}

/// Checks programs that encode all values together and wrap the result into lines.
pub fn check_dumps(dice: &mut Dice, count: usize, missing: Missing) {
    for _ in 0..count {
        let value = format!("q{:x<30}q", secret(dice).trim());
        let redactor = Redactor::new([&value]);
        let text = format!("{:1$}{value}, and so on\n", "", dice.below(50));
        let dumps: [(&str, &[&str]); 6] = [
            ("base64", &["-w76"]),
            ("base64", &["-w64"]),
            ("xxd", &["-p"]),
            ("xxd", &["-p", "-u"]),
            ("od", &["-An", "-v", "-tx1"]),
            ("openssl", &["base64"]),
        ];
        for (program, arguments) in dumps {
            let Some(output) = run(program, arguments, text.as_bytes(), missing) else { continue };
            let shown = redactor.redact(&output).to_string();
            assert_eq!(shown.matches("[REDACTED]").count(), 1, "{program}: {value:?} in {shown}");
            let left = shown.replace("[REDACTED]", "").split_ascii_whitespace().map(str::len).sum::<usize>();
            let most = (text.len() - value.len()) * if program.contains("64") || program == "openssl" { 4 } else { 6 };
            assert!(left <= most.div_ceil(3) + 4, "{program}: {value:?} in {shown}");
        }
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
