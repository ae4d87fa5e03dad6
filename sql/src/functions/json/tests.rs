//! JSON functions against SQLite's, by seeded random calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::functions::oracle::{Random, agree, sedge, sqlite};
use crate::value::Value;

/// Labels that meet often; some need quotes, some are the same written otherwise.
const LABELS: [&str; 9] = ["a", "b", "c", "a b", "\\u0061", "x_1", "é", "", "0"];

const ATOMS: [&str; 40] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "12",
    "123456789012",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "1.5",
    "-0.25",
    "1e3",
    "1.0E-7",
    "-0",
    "1e999",
    "\"\"",
    "\"abc\"",
    "\"a long text, longer than eleven\"",
    "\"q\\\"uote\"",
    "\"\\u00e9\\ud83d\\ude00\"",
    "\"tab\\t\"",
    "\"é\"",
    "\"it's\"",
    "[]",
    "{}",
    "0x1F",
    "-0xff",
    "+7",
    ".5",
    "5.",
    "-.5e2",
    "Infinity",
    "-infinity",
    "NaN",
    "'single'",
    "'\\x41\\v\\0'",
    "'say \"it\"'",
];

const SPOILERS: [&str; 15] =
    ["}", "]", ",", ":", "\"", "'", "tru", "01", "--1", "1.e", "\\", "/* x", "\u{1}", "1 2", "\"\\u12\""];

const SPACES: [&str; 8] = ["", "", "", " ", "\n\t", "/* c */", "// c\n", "\u{a0}"];

fn document(random: &mut Random, depth: u32, out: &mut String) {
    out.push_str(random.pick(&SPACES));
    match random.below(if depth == 0 { 1 } else { 4 }) {
        0 | 1 => out.push_str(random.pick(&ATOMS)),
        2 => {
            out.push('[');
            let parts = random.below(4);
            for part in 0..parts {
                if part > 0 {
                    out.push(',');
                }
                document(random, depth - 1, out);
            }
            if parts > 0 && random.one_in(20) {
                out.push(',');
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for part in 0..random.below(4) {
                if part > 0 {
                    out.push(',');
                }
                let label = random.pick(&LABELS);
                match random.below(12) {
                    0 => out.push_str("bare_1"),
                    1 => out.push_str(&format!("'{label}'")),
                    _ => out.push_str(&format!("\"{label}\"")),
                }
                out.push_str(random.pick(&SPACES));
                out.push(':');
                document(random, depth - 1, out);
            }
            out.push('}');
        }
    }
    out.push_str(random.pick(&SPACES));
    if random.one_in(60) {
        out.push_str(random.pick(&SPOILERS));
    }
}

fn text(random: &mut Random) -> Value {
    let mut out = String::new();
    document(random, 3, &mut out);
    Value::text(out)
}

/// A document as text, or as binary JSON that may have been changed in one byte and still is.
fn json(random: &mut Random) -> Value {
    let text = text(random);
    if !random.one_in(3) {
        return text;
    }
    let Some(whole) = sedge("jsonb", &[text]) else { return Value::Null };
    let changed = damaged(random, &whole);
    let is_whole = sedge("json_valid", &[changed.clone(), Value::Integer(8)]) == Some(Value::Integer(1));
    if is_whole { changed } else { whole }
}

/// Binary JSON with another byte in some place.
fn damaged(random: &mut Random, json: &Value) -> Value {
    let Value::Blob(bytes) = json else { return Value::Null };
    let mut bytes = bytes.clone();
    let place = random.below(bytes.len() as u64) as usize;
    bytes[place] = random.bits() as u8;
    Value::Blob(bytes)
}

/// Every function goes on or raises an error where SQLite may give nonsense; both say alike what is wrong.
#[test]
fn damage_is_found_as_in_sqlite_and_stops_nothing() {
    let mut found = 0;
    agree(20_000, |random| {
        let text = text(random);
        let whole = sedge("jsonb", &[text]).unwrap_or(Value::Blob([11].into()));
        let blob = damaged(random, &whole);
        let (path, other) = (path(random), json(random));
        for name in ["json", "json_pretty", "json_quote", "json_array", "json_type", "json_array_length"] {
            found += u64::from(sedge(name, std::slice::from_ref(&blob)).is_none());
        }
        for name in ["json_extract", "jsonb_extract", "->", "->>", "jsonb_remove", "jsonb_patch"] {
            sedge(name, &[blob.clone(), path.clone()]);
        }
        for name in ["jsonb_set", "jsonb_insert", "json_replace", "json_array_insert"] {
            sedge(name, &[blob.clone(), path.clone(), other.clone()]);
            sedge(name, &[other.clone(), path.clone(), blob.clone()]);
        }
        sedge("jsonb_patch", &[other, blob.clone()]);
        sedge("jsonb_patch", &[blob.clone(), whole]);
        match random.below(2) {
            0 => ("json_valid", vec![blob, Value::Integer(8)]),
            _ => ("json_error_position", vec![blob]),
        }
    });
    assert!(found > 1000, "only {found} calls on damaged documents were refused");
}

fn path(random: &mut Random) -> Value {
    if random.one_in(40) {
        let paths = ["", "a", "$.", "$[", "$[x]", "$a", "$.\"a", "$[#-]", "$[#]x"];
        return if random.one_in(4) { Value::Null } else { Value::text(random.pick(&paths)) };
    }
    let mut path = String::from("$");
    for _ in 0..random.below(4) {
        match random.below(5) {
            0 => path.push_str(&format!("[{}]", random.below(4))),
            1 => path.push_str(random.pick(&["[#]", "[#-1]", "[#-2]", "[0]"])),
            2 => path.push_str(&format!(".\"{}\"", random.pick(&LABELS))),
            _ => path.push_str(random.pick(&[".a", ".b", ".c", ".x_1", ".é", ".0"])),
        }
    }
    Value::text(path)
}

fn scalar(random: &mut Random) -> Value {
    match random.below(9) {
        0 => Value::Null,
        1 => Value::Integer(random.bits() as i64),
        2 => Value::Integer(random.between(-3, 3)),
        3 => Value::Real(random.pick(&[0.5, -1e300, 1.0, 1e-9, f64::INFINITY, f64::NEG_INFINITY])),
        4 => Value::text(random.pick(&["", "x", "it's \"so\"\n", "[1]", "\u{1}é"])),
        5 => Value::text("a text that is longer than eleven bytes"),
        6 => Value::Blob([0x01, 0x02].into()),
        _ => json(random),
    }
}

#[test]
fn documents_are_read_and_written_as_in_sqlite() {
    agree(20_000, |random| {
        let name = random.pick(&[
            "json",
            "jsonb",
            "json_valid",
            "json_error_position",
            "json_type",
            "json_pretty",
            "json_array_length",
            "json_quote",
            "json_remove",
        ]);
        let mut args = vec![json(random)];
        if name == "json_valid" && random.one_in(2) {
            args.push(Value::Integer(random.between(0, 16)));
        }
        if name == "json_pretty" && random.one_in(3) {
            args.push(Value::text("\t"));
        }
        (name, args)
    });
}

#[test]
fn paths_lead_where_they_lead_in_sqlite() {
    agree(20_000, |random| {
        let name =
            random.pick(&["json_extract", "jsonb_extract", "json_type", "json_array_length", "json_remove"]);
        let mut args = vec![json(random)];
        let single = matches!(name, "json_type" | "json_array_length");
        for _ in 0..if single { 1 } else { 1 + random.below(3) } {
            args.push(path(random));
        }
        (name, args)
    });
}

#[test]
fn edits_are_those_of_sqlite() {
    agree(30_000, |random| {
        let name = random.pick(&[
            "json_set",
            "json_insert",
            "json_replace",
            "json_array_insert",
            "jsonb_set",
            "jsonb_insert",
            "jsonb_replace",
            "jsonb_array_insert",
            "jsonb_remove",
        ]);
        let mut args = vec![json(random)];
        for _ in 0..1 + random.below(2) {
            args.push(path(random));
            if name != "jsonb_remove" {
                args.push(scalar(random));
            }
        }
        (name, args)
    });
}

#[test]
fn patches_are_those_of_sqlite() {
    agree(10_000, |random| (random.pick(&["json_patch", "jsonb_patch"]), vec![json(random), json(random)]));
}

#[test]
fn values_become_json_as_in_sqlite() {
    agree(10_000, |random| {
        let name = random.pick(&["json_array", "jsonb_array", "json_object", "jsonb_object"]);
        let mut args = Vec::new();
        for _ in 0..random.below(4) {
            if name.ends_with("object") {
                args.push(Value::text(random.pick(&LABELS)));
            }
            args.push(scalar(random));
        }
        (name, args)
    });
}

/// The arrows are operators: SQLite is asked by their functions' names in quotes.
#[test]
fn arrows_lead_where_they_lead_in_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let mut random = Random::seeded(3);
    for _ in 0..10_000 {
        let right = match random.below(4) {
            0 => Value::Integer(random.between(-3, 3)),
            1 => Value::text(random.pick(&LABELS)),
            2 => Value::text(random.pick(&["[0]", "[#-1]", "a.b", "[", "1", "bare_1"])),
            _ => path(&mut random),
        };
        let args = [json(&mut random), right];
        for name in ["->", "->>"] {
            let theirs = sqlite(&connection, &format!("\"{name}\""), &args);
            assert_eq!(sedge(name, &args), theirs, "{name}{args:?}");
        }
    }
}

#[test]
fn nothing_nests_deeper_than_the_limit() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for depth in [999, 1000, 1001, 100_000] {
        let deep = [Value::text("[".repeat(depth) + &"]".repeat(depth))];
        for name in ["json", "jsonb", "json_valid", "json_pretty", "json_error_position"] {
            assert_eq!(sedge(name, &deep), sqlite(&connection, name, &deep), "{name} of {depth}");
        }
    }
}
