//! Resolves YAML scalars to values according to the core schema (YAML 1.2.2, section 10.3).

use granit_parser::ScalarStyle;

use super::super::Node;

/// The value of a scalar, or the reason why it has none: the scalar is invalid, or JSON cannot represent its value.
pub(super) type Resolved = Result<Node, String>;

/// Returns whether a scalar is plain, that is, neither quoted nor a block.
pub(super) fn is_plain(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Plain)
}

/// Resolves a scalar. `tag` is the core schema type that the scalar's tag specifies, or `None` if the scalar has no
/// tag.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&str>) -> Resolved {
    match tag {
        None if is_plain(style) => plain(text),
        None | Some("str") => Ok(Node::String(text.to_owned())),
        Some(tag) => {
            let node = plain(text)?;
            let is_it = match (&node, tag) {
                (Node::Null, "null") | (Node::Bool(_), "bool") | (Node::Number(_), "float") => true,
                (Node::Number(digits), "int") => !digits.contains(['.', 'e', 'E']),
                _ => false,
            };
            if is_it { Ok(node) } else { Err(format!("is not a valid !!{tag}")) }
        }
    }
}

fn plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Node::Null),
        "true" | "True" | "TRUE" => Ok(Node::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Node::Bool(false)),
        _ => match number(text) {
            Some(digits) => digits.map(Node::Number),
            None => Ok(Node::String(text.to_owned())),
        },
    }
}

/// Converts a number to JSON syntax, or returns the reason why JSON cannot represent it. Returns `None` if the text is
/// not a number.
fn number(text: &str) -> Option<Result<String, String>> {
    let radix = |digits: &str, radix| {
        let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        let number = || u128::from_str_radix(digits, radix).map(|number| number.to_string());
        valid.then(|| number().map_err(|_| "is too large; write it as a decimal number".to_owned()))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err("is not a number in JSON; put it in quotes".into()));
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let exponent_is_whole = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !has_digits || !digits(whole) || !fraction.is_none_or(digits) || !exponent_is_whole {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Some(Err("is a number with leading zeros; put it in quotes, or remove them".into()));
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.map(|fraction| format!(".{}", if fraction.is_empty() { "0" } else { fraction }));
    let exponent = exponent.map(|exponent| format!("e{exponent}"));
    Some(Ok(format!("{sign}{whole}{}{}", fraction.unwrap_or_default(), exponent.unwrap_or_default())))
}
