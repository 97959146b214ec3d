use serde::Deserialize;
use serde::de::IgnoredAny;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Outer {
    name: String,
    #[serde(default)]
    inner: Vec<Inner>,
    env: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Inner {
    count: u32,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

#[track_caller]
fn check_refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str, says: &str) {
    let error = read_bytes::<T>(text.as_bytes(), JsonDepth::MAX).expect_err("it is refused");
    assert!(error.problem.contains(says), "{error:?}");
}

#[test]
fn parsed_text_is_written_unchanged() {
    for text in [
        "null",
        "true",
        "-0",
        "12345678901234567890123456789012345678901234567890",
        "0.10000000000000000000000000000000000001",
        "1e400",
        "1E+2",
        "\"a\\\"\\\\\\nb\u{2028}\"",
        "[]",
        "[1,[2.50,[]],{}]",
        "{\"b\":1,\"a\":{\"z\":[null,false]}}",
    ] {
        assert_eq!(parse(text).expect("it is JSON").to_string(), text);
    }
    assert_eq!(parse(" { \"a\" :\n[ 1 , 2 ] } ").expect("it is JSON").to_string(), "{\"a\":[1,2]}");
    assert_eq!(
        parse("{\"b\":1,\"a\":{\"d\":1,\"c\":2}}").expect("it is JSON").sorted().to_string(),
        "{\"a\":{\"c\":2,\"d\":1},\"b\":1}"
    );
}

#[test]
fn arrays_are_not_accepted_as_objects() {
    read_bytes::<Outer>(b"{\"name\":\"a\",\"inner\":[{\"count\":1}]}", JsonDepth::MAX).expect("it is an object");
    check_refused::<Outer>("[\"a\",[]]", "the body: invalid type: sequence, expected an object");
    check_refused::<Outer>("{\"name\":\"a\",\"inner\":[{\"count\":1},[1]]}", "inner[1]: invalid type: sequence");
    check_refused::<Outer>("{\"name\":\"a\",\"env\":[]}", "env: invalid type: sequence");
    check_refused::<Nothing>("[]", "invalid type: sequence");
}

#[test]
fn duplicate_names_are_refused_at_any_depth() {
    check_refused::<Outer>("{\"name\":\"a\",\"name\":\"a\"}", "name: is given twice");
    check_refused::<Outer>("{\"name\":\"a\",\"env\":{\"A\":\"1\",\"\\u0041\":\"2\"}}", "env.A: is given twice");
    check_refused::<RawText>("{\"a\":[0,{\"b\":{\"c\":1,\"c\":2}}]}", "a[1].b.c: is given twice");
}

type RawText = model::RawJson;

#[test]
fn a_byte_order_mark_is_accepted_and_errors_name_other_encodings() {
    read_bytes::<Outer>(b"\xef\xbb\xbf{\"name\":\"a\"}", JsonDepth::MAX).expect("it is UTF-8");
    let utf16 = |to: fn(u16) -> [u8; 2]| "{\"name\":\"a\"}".encode_utf16().flat_map(to).collect::<Vec<u8>>();
    for bytes in [
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
    ] {
        let error = read_bytes::<Outer>(&bytes, JsonDepth::MAX).expect_err("it is refused");
        assert!(error.problem.contains("UTF-16"), "{error:?}");
    }
    assert!(decode(b"{\"name\":\"\xff\"}").expect_err("it is refused").contains("byte 10"));
}

#[test]
fn errors_name_the_field_or_the_position() {
    check_refused::<Outer>("{\"name\":1}", "name: invalid type: integer `1`, expected a string");
    check_refused::<Outer>("{\"name\":\"a\",\"more\":1}", "more: unknown field `more`");
    check_refused::<Outer>("{\"name\":\"a\",\"inner\":[{}]}", "inner[0]: missing field `count`");
    check_refused::<Outer>("{\"name\":\"a\",\"inner\":[{\"count\":4294967296}]}", "inner[0].count: invalid value");
    check_refused::<Outer>("{\"name\":\"a\",\n nonsense}", "at line 2, column 2");
    check_refused::<Outer>("{\"name\":\"\\ud800\"}", "name: ");
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(200), "]".repeat(200));
    check_refused::<Outer>(&deep, "nested deeper than 127 levels");
}

/// Returns `levels` arrays that are nested in each other.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn json_is_refused_at_the_first_value_that_is_nested_too_deeply() {
    let limit = JsonDepth::new(4);
    let read = |text: &str| read_bytes::<IgnoredAny>(text.as_bytes(), limit);
    read("{\"a\":[{\"b\":[1,\"x\"]}]}").expect("it has 4 levels");
    let error = read("{\"a\":[1,{\"b\":[2,{}]}]}").expect_err("it has 5 levels");
    assert_eq!(error.problem, "a[1].b[1]: is nested deeper than 4 levels; use fewer levels, or raise --json-depth");
    assert_eq!(JsonDepth::new(200), JsonDepth::MAX);
    parse(&nested(127)).expect("it is the maximum");
}

#[test]
fn no_depth_exhausts_the_stack() {
    for levels in [128, 1_000, 100_000] {
        let open = ["[", "{\"a\":", "[{\"a\":["].map(|open| open.repeat(levels));
        for text in [nested(levels), format!("{{\"name\":{}}}", nested(levels))].iter().chain(&open) {
            assert!(parse(text).is_err(), "{levels} levels");
        }
    }
    for levels in [128, 1_000, 20_000] {
        let lines = (0..levels.min(2_000)).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
        for text in [nested(levels), "[".repeat(levels), "{a: ".repeat(levels), "- ".repeat(levels), lines] {
            assert!(parse_yaml(&text).is_err(), "{levels} levels");
        }
    }
}

#[test]
fn yaml_aliases_do_not_nest_deeper_than_other_values() {
    // Each anchor is 60 levels deeper than the one before it.
    let chain = |anchors: usize| {
        let (open, close) = ("[".repeat(60), "]".repeat(60));
        let deeper = (1..anchors).map(|number| format!("a{number}: &a{number} {open}*a{}{close}\n", number - 1));
        std::iter::once("a0: &a0 1\n".to_owned()).chain(deeper).collect::<String>()
    };
    parse_yaml(&chain(3)).expect("it has 121 levels");
    for anchors in [4, 1_000] {
        let error = parse_yaml(&chain(anchors)).expect_err("it has 181 levels");
        assert_eq!((error.field().split('[').next(), error.position(&chain(anchors)).0), (Some("a3"), 4), "{error}");
        assert!(error.problem().contains("127 levels"), "{error}");
    }
}

#[track_caller]
fn check_yaml(yaml: &str, json: &str) {
    assert_eq!(parse_yaml(yaml).expect("it is YAML").to_string(), json);
}

#[track_caller]
fn check_yaml_refused(yaml: &str, position: (usize, usize), says: &str) {
    let error = parse_yaml(yaml).expect_err("it is refused");
    assert_eq!(error.position(yaml), position, "{error}");
    assert!(error.problem().contains(says), "{error}");
}

#[test]
fn yaml_is_converted_to_the_equivalent_json() {
    check_yaml("", "null");
    check_yaml("a: ~\nb: [yes, true, no, FALSE]\nc:", "{\"a\":null,\"b\":[\"yes\",true,\"no\",false],\"c\":null}");
    check_yaml(
        "- 1\n- -2\n- +3\n- 0x1F\n- 0o17\n- .5\n- 1.\n- 1.50\n- 1e5\n- 1E-05",
        "[1,-2,3,31,15,0.5,1.0,1.50,1e5,1e-05]",
    );
    check_yaml(
        "- 123456789012345678901234567890\n- 0.30000000000000000000004",
        "[123456789012345678901234567890,0.30000000000000000000004]",
    );
    check_yaml(
        "- '1'\n- \"true\"\n- !!str 1\n- 1.2.3\n- 2026-01-01\n- '!a'\n- -\n- e5\n- .",
        "[\"1\",\"true\",\"1\",\"1.2.3\",\"2026-01-01\",\"!a\",[null],\"e5\",\".\"]",
    );
    check_yaml("a: |\n  x\n  y\nb: >-\n  x\n  y\n1: z", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\",\"1\":\"z\"}");
    check_yaml(
        "- &a {x: 1}\n- *a\n- {<<: *a, y: 2}\n- {y: 2, x: 3, <<: [*a, {z: 4}]}",
        "[{\"x\":1},{\"x\":1},{\"y\":2,\"x\":1},{\"y\":2,\"x\":3,\"z\":4}]",
    );
    check_yaml("--- !!map\na: !!int 1\n...", "{\"a\":1}");
}

#[test]
fn yaml_that_json_cannot_represent_is_refused_with_its_position() {
    check_yaml_refused("run: ! true", (1, 6), "tag");
    check_yaml_refused("title: x\nrun: !secret X", (2, 6), "!secret");
    check_yaml_refused("env: !vault {A: b}", (1, 6), "!vault");
    check_yaml_refused("steps: !!set {A}", (1, 8), "!!set");
    check_yaml_refused("a: !!int x", (1, 10), "!!int");
    check_yaml_refused("a: 1\nb:\n  c: 1\n  c: 2", (4, 3), "given twice");
    check_yaml_refused("a: 1\n\"a\": 2", (2, 1), "given twice");
    check_yaml_refused("a: 007", (1, 4), "zeros");
    check_yaml_refused("a: .nan", (1, 4), "not a number");
    check_yaml_refused("a: 1\n---\nb: 2", (3, 1), "second document");
    check_yaml_refused("? [a]\n: 1", (1, 3), "name of a field");
    check_yaml_refused("a: &x [*x]", (1, 8), "");
}
