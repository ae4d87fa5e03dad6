//! Text beyond ASCII and blobs: lengths, parts, searches, order, trimming. Letters that have two cases are ASCII where
//! something folds, since Sedge folds all letters and SQLite these alone.

use super::Statement;
use crate::generator::{Generator, TABLES};

const TEXTS: [&str; 26] = [
    "'a'",
    "'é'",
    "'e' || char(769)",
    "'日本語'",
    "'日'",
    "'本'",
    "'😀'",
    "'a😀b'",
    "'ß'",
    "'ﬁ'",
    "'   x '",
    "'x' || char(160)",
    "char(0x10ffff)",
    "char(65279) || 'b'",
    "'İ'",
    "''",
    "'abc'",
    "'aXbXc'",
    "x'e697a5'",
    "x'7f41'",
    "x''",
    "NULL",
    "'12é'",
    "'e\u{301}\u{302}'",
    "'\u{200d}'",
    "'a''b'",
];

pub fn make(generator: &mut Generator) -> Statement {
    if generator.0.one_in(6) {
        let table = generator.0.pick(&TABLES);
        let (x, y) = (text(generator), text(generator));
        return Statement::ordered(format!(
            "SELECT v, length(v), hex(v) FROM (SELECT c || {x} AS v FROM {table} UNION ALL SELECT {y} UNION ALL SELECT e FROM {table}) ORDER BY v COLLATE BINARY, typeof(v)"
        ));
    }
    let (x, y) = (value(generator, 2), value(generator, 1));
    Statement::query(format!("SELECT {x}, typeof({x}), length({x}), {y}, {x} < {y}"))
}

fn text(generator: &mut Generator) -> String {
    generator.0.pick(&TEXTS).to_owned()
}

fn value(generator: &mut Generator, depth: u32) -> String {
    if depth == 0 {
        return text(generator);
    }
    let (x, y) = (value(generator, depth - 1), value(generator, depth - 1));
    let (n, m) = (generator.0.below(9) as i64 - 4, generator.0.below(7) as i64 - 2);
    match generator.0.below(22) {
        0 | 1 => format!("({x} || {y})"),
        2 => format!("substr(CAST({x} AS TEXT), {n})"),
        3 | 4 => format!("substr(CAST({x} AS TEXT), {n}, {m})"),
        5 => format!("instr({x}, {y})"),
        6 => format!("replace({x}, {y}, {})", text(generator)),
        7 => format!("{}({x})", generator.0.pick(&["trim", "ltrim", "rtrim"])),
        8 => format!("{}({x}, {y})", generator.0.pick(&["trim", "ltrim", "rtrim"])),
        9 => format!("unicode({x})"),
        10 => format!("hex({x})"),
        11 => format!("quote({x})"),
        12 => format!("octet_length({x})"),
        13 => format!("char(unicode({x}), unicode({y}))"),
        14 => format!("CAST({x} AS {})", generator.0.pick(&["TEXT", "BLOB", "INTEGER"])),
        // Nor may one stand in a pattern or before it.
        15 => format!("({} GLOB '*' || {})", text(generator), text(generator)),
        16 => format!("concat_ws({x}, {y}, {})", text(generator)),
        17 => {
            let format = generator.0.pick(&["s", "5s", "-5s", "!.2s", "q", "Q", "w"]);
            // A zero character ends a text for SQLite's printf alone.
            format!("printf('%{format}|%c', {}, {})", text(generator), text(generator))
        }
        18 => format!("concat({x}, {y}, NULL)"),
        19 => format!("max({x}, {y})"),
        20 => format!("unhex(hex({x}))"),
        _ => format!(
            "soundex({})",
            generator.0.pick(&["'Robert'", "'Pfister'", "''", "'12'", "NULL", "'Tymczak'"])
        ),
    }
}
