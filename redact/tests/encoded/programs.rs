//! External programs that encode values. Each encodes many values in one run, one on each line.

use std::io::Write as _;
use std::process::{Command, Stdio};

use redact::Redactor;

use crate::dice::Dice;
use crate::secret::secret;

/// The programs. They read values that are separated by NUL, and print each on one line between `<` and `>`.
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

/// Checks that the redacted output of the programs contains a mask for each value, and nothing else of the value.
pub fn check(dice: &mut Dice, count: usize) {
    let values: Vec<String> = (0..count).map(|_| format!("q{:x<6}q", secret(dice).trim())).collect();
    let input: String = values.iter().map(|value| format!("{value}\0")).collect();
    let redactor = Redactor::new(&values);
    for (program, arguments) in PROGRAMS {
        let Some(output) = run(program, arguments, input.as_bytes()) else { continue };
        let shown = redactor.redact(&output).to_string();
        let left: Vec<&str> =
            shown.split("[REDACTED]").map(|part| part.trim_matches(|char| "'$\"b<>\n+: ".contains(char))).collect();
        assert_eq!(left, vec![""; count + 1], "{program} {arguments:?}");
    }
}

/// Checks programs that encode all values together and wrap the result into lines.
pub fn check_dumps(dice: &mut Dice, count: usize) {
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
            let Some(output) = run(program, arguments, text.as_bytes()) else { continue };
            let shown = redactor.redact(&output).to_string();
            assert_eq!(shown.matches("[REDACTED]").count(), 1, "{program}: {value:?} in {shown}");
            let left = shown.replace("[REDACTED]", "").split_ascii_whitespace().map(str::len).sum::<usize>();
            let most = (text.len() - value.len()) * if program.contains("64") || program == "openssl" { 4 } else { 6 };
            assert!(left <= most.div_ceil(3) + 4, "{program}: {value:?} in {shown}");
        }
    }
}

/// Returns the output of a program, or `None` if it is not installed.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).env("PYTHONUTF8", "1").env("LC_ALL", "C.UTF-8");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the thread ends").expect("the program reads its input");
    assert!(output.status.success(), "{program} {arguments:?} failed");
    Some(output.stdout)
}
