//! Expressions: affinity, collation and kinds.

use super::{parse, query, query_of, render};
use crate::parser::parse_one;

/// The expression of `SELECT (expr) AS r FROM t` and its kinds.
fn bound(expr: &str) -> String {
    let bound = query(&format!("SELECT {expr} AS r FROM t")).unwrap();
    let crate::ir::Relation::Project { columns, .. } = &bound.root.relation else {
        panic!("{expr} is a column")
    };
    format!("{} {:?}", render::expr(&columns.last().unwrap().1), bound.root.outputs[0].types)
}

#[test]
fn comparisons_convert_what_their_operands_say() {
    // t is #0.. id a b c n x; no rule is written where nothing would change.
    let cases = [
        ("a = 1", r#"(#1 Equal $0) {"integer"}"#),
        ("a = '1'", r#"(#1 Equal{r:Numeric} $0) {"integer"}"#),
        ("'1' = a", r#"($0 Equal{l:Numeric} #1) {"integer"}"#),
        ("b = 1", r#"(#2 Equal{r:Text} $0) {"null", "integer"}"#),
        ("b = a", r#"(#2 Equal{l:Numeric} #1) {"null", "integer"}"#),
        ("x = a", r#"(#5 Equal{l:Numeric} #1) {"null", "integer"}"#),
        ("x = 1", r#"(#5 Equal $0) {"null", "integer"}"#),
        ("1 = '1'", r#"($0 Equal $1) {"integer"}"#),
        ("+b = 1", r#"(#2 Equal $0) {"null", "integer"}"#),
        ("CAST(b AS INT) = '1'", r#"(cast(#2 Integer) Equal{r:Numeric} $0) {"null", "integer"}"#),
        ("CAST(1 AS STRING) = '1'", r#"(cast($0 Numeric) Equal{r:Numeric} $1) {"integer"}"#),
        ("a = ?", r#"(#1 Equal{r:Numeric} ?0) {"null", "integer"}"#),
        ("a IS NOT b", r#"(#1 IsNot{r:Numeric} #2) {"integer"}"#),
        ("a BETWEEN '1' AND 2", r#"and((#1 GreaterOrEqual{r:Numeric} $0), (#1 LessOrEqual $1)) {"integer"}"#),
        ("a IN ('1', 2)", r#"(#1 in{r:Numeric} [$0; $1]) {"integer"}"#),
        ("1 IN (a, b)", r#"($0 in [#1; #2]) {"null", "integer"}"#),
        ("b NOT IN (1, NULL)", r#"(#2 not in{r:Text} [$0; Null]) {"null", "integer"}"#),
        ("NULL IN ()", r#"(Null in [] ) {"integer"}"#),
        ("(a, b) < (1, 2)", r#"([#1, #2] Less{r:Text} [$0, $1]) {"null", "integer"}"#),
        ("CASE b WHEN 1 THEN 'x' END", r#"case(#2 {r:Text}$0 => $1, -) {"null", "text"}"#),
    ];
    for (expr, expected) in cases {
        assert_eq!(bound(expr), expected.replace("[] )", "[])"), "{expr}");
    }
}

#[test]
fn collations_come_from_collate_then_left_then_right() {
    let cases = [
        ("n = 'x'", "(#4 Equal{nocase} $0)"),
        ("'x' = n", "($0 Equal{nocase} #4)"),
        ("b = n", "(#2 Equal #4)"),
        ("n = b", "(#4 Equal{nocase} #2)"),
        ("b = n COLLATE RTRIM", "(#2 Equal{rtrim} #4)"),
        ("n COLLATE binary = b COLLATE nocase", "(#4 Equal #2)"),
        ("(b || 'x' COLLATE nocase) = n", "(concat(#2, $0) Equal{nocase} #4)"),
        ("n || 'x' = b", "(concat(#4, $0) Equal #2)"),
        ("CAST(n AS TEXT) = 'x'", "(cast(#4 Text) Equal{nocase} $0)"),
        ("'x' IN (n)", "($0 in [#4])"),
        ("n IN ('x')", "(#4 in{nocase} [$0])"),
        ("max(n, 'x')", "max(#4, $0) nocase"),
        ("nullif('x', n)", "nullif($0, #4) nocase"),
    ];
    for (expr, expected) in cases {
        let found = bound(expr);
        assert!(found.starts_with(&format!("{expected} {{")), "{expr}: {found}");
    }
}

#[test]
fn kinds_follow_the_operators() {
    let cases = [
        ("a + 1", r#"{"integer", "real"}"#),
        ("a + b", r#"{"null", "integer", "real"}"#),
        ("a + c", r#"{"null", "real"}"#),
        ("a / 2", r#"{"null", "integer", "real"}"#),
        ("a % 2", r#"{"null", "integer"}"#),
        ("a & 2", r#"{"integer"}"#),
        ("-5", r#"{"integer"}"#),
        ("-a", r#"{"integer", "real"}"#),
        ("NOT a", r#"{"integer"}"#),
        ("b IS NULL", r#"{"integer"}"#),
        ("a || b", r#"{"null", "text"}"#),
        ("coalesce(b, 'x')", r#"{"text"}"#),
        ("ifnull(b, c)", r#"{"null", "real", "text"}"#),
        ("iif(a, 1, 'x')", r#"{"integer", "text"}"#),
        ("a IS TRUE", r#"{"integer"}"#),
        ("(SELECT a)", r#"{"null", "integer"}"#),
        ("NULL + 1", r#"{"null"}"#),
        ("b LIKE 'x%' ESCAPE '!'", r#"{"null", "integer"}"#),
        ("likely(a) + 0", r#"{"integer", "real"}"#),
    ];
    for (expr, expected) in cases {
        let found = bound(expr);
        assert!(found.ends_with(&format!(" {expected}")), "{expr}: {found}");
    }
}

#[test]
fn shapes_of_their_own() {
    let cases = [
        ("a AND b AND c AND x", "and(#1, #2, #3, #5)"),
        ("a OR (b OR c) OR x", "or(#1, #2, #3, #5)"),
        ("b || n || 'x'", "concat(#2, #4, $0)"),
        ("a IS TRUE", "(#1 is true)"),
        ("a IS NOT FALSE", "(#1 is not false)"),
        ("a IS NOT NULL", "(#1 is not null)"),
        ("NOT a ISNULL", "(#1 is not null)"),
        ("b NOT LIKE 'x'", "not (#2 Like $0)"),
        ("like('x', b)", "(#2 Like $0)"),
        ("b NOT GLOB 'x*'", "not (#2 Glob $0)"),
        ("TRUE", "Integer(1)"),
        ("-9223372036854775808", "Integer(-9223372036854775808)"),
        ("0x10 + 1", "($0 Add $1)"),
        (":p || ?3 || :p", "concat(?0, ?2, ?0)"),
    ];
    for (expr, expected) in cases {
        let found = bound(expr);
        assert!(found.starts_with(&format!("{expected} {{")), "{expr}: {found}");
    }
}

#[test]
fn long_chains_need_no_deep_stack() {
    for operator in [" AND ", " OR ", " || "] {
        let text = format!("SELECT {} FROM t", vec!["a"; 1000].join(operator));
        assert!(query(&text).is_ok());
    }
}

/// `count` times `open` around `inside`.
fn nested(open: &str, close: &str, inside: &str, count: usize) -> String {
    format!("SELECT {}{inside}{} AS r FROM t", open.repeat(count), close.repeat(count))
}

#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    /// Runs `work` on a stack of so many bytes.
    fn on_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work).unwrap().join().unwrap()
        })
    }
    for (open, close) in [
        ("(", ")"),
        ("abs(", ")"),
        ("NOT ", ""),
        ("CASE WHEN ", " THEN 1 END"),
        ("", " IN (1)"),
        ("(SELECT ", ")"),
        ("(SELECT x FROM (SELECT ", " AS x))"),
        ("EXISTS (SELECT 1 FROM t GROUP BY a HAVING ", ")"),
    ] {
        // The deepest that the parser takes; it has a limit of its own and its own test.
        let (count, parsed) = on_stack(16 << 20, || {
            let counts: Vec<usize> = (1..=900).collect();
            let parses = |&count: &usize| parse_one(&nested(open, close, "a", count), None).is_ok();
            let count = counts.partition_point(parses);
            (count, parse(&nested(open, close, "a", count)))
        });
        assert!(count >= 15, "{open}{close} {count}");
        // Less than the 2 MiB that threads have: the rest is for whoever calls.
        match on_stack(1_800_000, || query_of(&parsed).map(|_| ())) {
            Ok(()) => assert!(count <= super::super::DEPTH_MAX, "{count} times {open}{close} is bound"),
            Err(error) => assert!(
                count > 200 && matches!(error, crate::Error::Limit { .. }),
                "{count} times {open}{close}: {error}"
            ),
        }
        on_stack(16 << 20, || drop(parsed));
    }
}
