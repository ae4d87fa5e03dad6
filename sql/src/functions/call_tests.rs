//! Random calls of the scalar functions, here and in SQLite: `printf` with every flag, and functions over texts and
//! numbers with arguments of every kind. And percentiles over random groups.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::oracle::{Random, agree, to_theirs};
use super::*;

fn value(random: &mut Random) -> Value {
    match random.below(20) {
        0 => Value::Null,
        1..5 => {
            Value::Integer(random.pick(&[0, 1, -1, 7, 12, 100, -999, 1_234_567, i64::MAX, i64::MIN, 1 << 53]))
        }
        5..7 => Value::Integer(random.bits() as i64 >> random.below(64)),
        7..11 => Value::Real(random.pick(&[
            0.0,
            0.5,
            -1.5,
            1e-7,
            123.456,
            1e15,
            9.99e22,
            -2.5,
            1e300,
            0.1,
            99.995,
            1e-300,
            f64::INFINITY,
            2.675,
        ])),
        11..13 => Value::Real((random.bits() as i64 >> 20) as f64 / 10_f64.powi(random.below(14) as i32)),
        13 => Value::Blob(b"ab\x01"[..].into()),
        14 => Value::text(random.pick(&["12abc", "-3.5e2x", " 42 ", "0x1F", "1e3"])),
        _ => Value::text(random.pick(&[
            "",
            "hello",
            "it's",
            "a\"b",
            "äöü€",
            "hello world hello",
            "tab\tline\n",
            "back\\slash",
            "%d",
            "xyx",
        ])),
    }
}

fn small(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => Value::text("2"),
        2 => Value::Real(2.7),
        _ => Value::Integer(random.between(-9, 9)),
    }
}

#[test]
fn printf_is_as_in_sqlite() {
    agree(60_000, |random| {
        let (mut format, mut args) = (String::new(), Vec::new());
        for _ in 0..=random.below(2) {
            format.push_str(random.pick(&["", "", "a", "|", "é"]));
            format.push('%');
            for _ in 0..random.pick(&[0, 0, 1, 1, 2, 3]) {
                format.push(char::from(random.pick(b"-+ 0#!,")));
            }
            match random.below(6) {
                0 => {
                    format.push('*');
                    args.push(Value::Integer(random.between(-12, 12)));
                }
                1..3 => format.push_str(&random.below(25).to_string()),
                _ => {}
            }
            match random.below(5) {
                0 => {
                    format.push_str(".*");
                    args.push(Value::Integer(random.between(-8, 12)));
                }
                1 | 2 => format.push_str(&format!(".{}", random.below(22))),
                _ => {}
            }
            format.push_str(random.pick(&["", "", "", "l", "ll"]));
            let letter = char::from(random.pick(b"diufeEgGxXoscqQwz%dfgs"));
            format.push(letter);
            if letter != '%' {
                args.push(value(random));
            }
        }
        args.insert(0, Value::text(format));
        ("printf", args)
    });
}

#[test]
fn texts_and_numbers_are_as_in_sqlite() {
    agree(60_000, |random| {
        let name = random.pick(&[
            "quote",
            "unistr_quote",
            "hex",
            "length",
            "octet_length",
            "unicode",
            "substr",
            "replace",
            "instr",
            "trim",
            "ltrim",
            "rtrim",
            "round",
            "abs",
            "sign",
            "concat",
            "concat_ws",
            "char",
            "unhex",
            "soundex",
            "nullif",
            "max",
            "min",
            "typeof",
            "coalesce",
            "iif",
            "ceil",
            "floor",
            "trunc",
            "subtype",
            "if",
            "zeroblob",
            "like",
            "glob",
        ]);
        let args = match name {
            "substr" => vec![value(random), small(random), small(random)],
            "replace" => {
                vec![value(random), Value::text(random.pick(&["l", "hello", "", "ü", "1"])), value(random)]
            }
            "round" => vec![value(random), small(random)],
            "char" | "zeroblob" => vec![small(random)],
            "unhex" => vec![Value::text(random.pick(&["", "0aFF", "0", "zz", "AB cd", "äb"]))],
            "instr" | "trim" | "ltrim" | "rtrim" | "nullif" | "like" | "glob" => {
                vec![value(random), value(random)]
            }
            "concat" | "concat_ws" | "max" | "min" | "coalesce" | "iif" | "if" => {
                vec![value(random), value(random), value(random)]
            }
            _ => vec![value(random)],
        };
        (name, args)
    });
}

#[test]
fn unicode_escapes_are_as_in_sqlite() {
    agree(5_000, |random| {
        let mut text = String::new();
        for _ in 0..random.below(4) {
            text.push_str(random.pick(&[
                "a",
                "é",
                "\\\\",
                "\\0041",
                "\\u00e9",
                "\\+01F600",
                "\\U0001F600",
                "\\00e",
                "\\x",
                "\\U0000004a",
                "'",
            ]));
        }
        ("unistr", vec![Value::text(text)])
    });
}

/// Percentiles of every kind over the same random groups.
#[test]
fn percentiles_are_as_in_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t(x ANY) STRICT").unwrap();
    let mut random = Random::seeded(7);
    for _ in 0..400 {
        let values: Vec<Value> = (0..random.below(12))
            .map(|_| match random.below(5) {
                0 => Value::Null,
                1 => Value::Real(random.between(-50, 50) as f64 / 4.0),
                _ => Value::Integer(random.between(-20, 20)),
            })
            .collect();
        connection.execute("DELETE FROM t", []).unwrap();
        for value in &values {
            connection.execute("INSERT INTO t VALUES (?1)", [to_theirs(value)]).unwrap();
        }
        let name = random.pick(&["median", "percentile", "percentile_cont", "percentile_disc"]);
        let fraction = random.pick(&[0.0, 0.25, 0.5, 0.9, 1.0, 1.5, 33.0, 100.0, -0.1]);
        let call = if name == "median" { "median(x)".to_owned() } else { format!("{name}(x, {fraction})") };
        let theirs: Option<Option<f64>> =
            connection.query_row(&format!("SELECT {call} FROM t"), [], |row| row.get(0)).ok();
        let function = lookup_aggregate(name, if name == "median" { 1 } else { 2 }).unwrap();
        let mut state = function.state(Collation::Binary);
        let steps = values.iter().try_for_each(|value| {
            let args = [value.as_ref(), ValueRef::Real(fraction)];
            state.step(&args[..function.0.min_args])
        });
        let ours = steps.and_then(|()| state.finish()).ok();
        assert_eq!(ours, theirs.map(|real| real.map_or(Value::Null, Value::Real)), "{call} of {values:?}");
    }
}
