//! Numbers at the edges of their types: overflow, division, remainders, bits, shifts, rounding, texts that are nearly
//! numbers, and how numbers are printed.

use super::Statement;
use crate::generator::{Generator, TABLES};

/// No zero that is a real: the sign of a literal zero is a chosen difference.
const EDGES: [&str; 42] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "63",
    "64",
    "65",
    "-64",
    "255",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "0x7fffffffffffffff",
    "0xffffffffffffffff",
    "0x10",
    "0.1",
    "0.5",
    "1.5",
    "2.5",
    "-0.5",
    "1e15",
    "1e16",
    "123456789.123456789",
    "1e308",
    "1e-308",
    "5e-324",
    "1e999",
    "-1e999",
    "9.2233720368547758e18",
    "0.30000000000000004",
];

const TEXTS: [&str; 16] = [
    "'12'",
    "'1.5'",
    "' 7 '",
    "'9223372036854775808'",
    "'-9223372036854775809'",
    "'1e5'",
    "'1e'",
    "'0x1f'",
    "'.5'",
    "'5.'",
    "'+3'",
    "'abc'",
    "''",
    "'inf'",
    "'1_0'",
    "NULL",
];

pub fn make(generator: &mut Generator) -> Statement {
    if generator.0.one_in(5) {
        let table = generator.0.pick(&TABLES);
        let (x, y) = (edge(generator), generator.0.pick(&["+", "-", "*", "/", "%", "&", "|", "<<", ">>"]));
        return Statement::query(match generator.0.below(4) {
            0 => format!("SELECT a, b {y} {x}, d {y} {x}, e {y} {x} FROM {table}"),
            1 => format!(
                "SELECT sum(b), total(b {y} {x}), avg(d), count(*), sum(d), max(b {y} {x}) FROM {table}"
            ),
            2 => format!("SELECT a, b < {x}, d >= {x}, e = {x}, c > {x} FROM {table}"),
            _ => format!(
                "SELECT sum(v), avg(v), total(v) FROM (VALUES ({x}), (1), (NULL), ({})) AS q, (SELECT 1 AS one), (SELECT {x} AS v)",
                edge(generator)
            ),
        });
    }
    let (x, y, z) = (value(generator, 2), value(generator, 1), edge(generator));
    Statement::query(format!("SELECT {x}, typeof({x}), {y}, {y} < {z}, {y} = {z}"))
}

fn edge(generator: &mut Generator) -> String {
    if generator.0.one_in(4) { generator.0.pick(&TEXTS) } else { generator.0.pick(&EDGES) }.to_owned()
}

fn value(generator: &mut Generator, depth: u32) -> String {
    if depth == 0 {
        return edge(generator);
    }
    let (x, y) = (value(generator, depth - 1), value(generator, depth - 1));
    let n = generator.0.below(20) as i64 - 3;
    match generator.0.below(22) {
        0..=5 => format!("({x} {} {y})", generator.0.pick(&["+", "-", "*", "/", "%"])),
        6..=8 => format!("({x} {} {y})", generator.0.pick(&["&", "|", "<<", ">>"])),
        9 => format!("(~{x})"),
        10 => format!("(- {x})"),
        11 => format!("round({x}, {n})"),
        12 => format!("CAST({x} AS {})", generator.0.pick(&["INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB"])),
        13 => format!("quote({x})"),
        14 => format!("printf('%d %s %g %.3f', {x}, {x}, {y}, {y})"),
        15 => format!(
            "printf('%{}', {x})",
            generator.0.pick(&["d", "5d", "-8d|", "+d", "08d", ",d", "x", "#x", "o", "i"])
        ),
        16 => format!(
            "printf('%{}', {x})",
            generator.0.pick(&["f", ".0f", "10.2f", "+.1f", "e", ".3e", "g", ".12g", "G", "!.17g", "08.3f"])
        ),
        17 => format!("{}({x})", generator.0.pick(&["sign", "ceil", "floor", "trunc", "ceiling"])),
        18 => format!("max({x}, {y})"),
        19 => format!("min({x}, {y})"),
        20 => format!("({x} || {y})"),
        _ => format!("({x} BETWEEN {y} AND {})", edge(generator)),
    }
}
