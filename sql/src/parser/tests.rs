//! Tests of the parser alone: depth, keys, places, errors, where statements end. Those beside SQLite are in
//! `sql/tests/parser_sqlite.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::value::Value;

/// Runs on the stack that the limits promise to fit.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

fn parse(text: &str) -> Result<Statement> {
    parse_one(text, None).map(|parsed| parsed.expect("a statement").0.statement)
}

fn is_limit(text: &str) -> bool {
    match parse(text) {
        Err(Error::Limit { .. }) => true,
        Err(other) => panic!("{other} in {}...", &text[..text.len().min(60)]),
        Ok(statement) => {
            drop(statement);
            false
        }
    }
}

/// The shapes that nest: what repeats in front, the middle, what repeats behind.
const NESTS: &[(&str, &str, &str)] = &[
    ("(", "1", ")"),
    ("(SELECT ", "1", ")"),
    ("abs(", "1", ")"),
    ("max(1, ", "1", ")"),
    ("CASE WHEN ", "1", " THEN 2 END"),
    ("CASE 1 WHEN 2 THEN ", "1", " END"),
    ("CAST(", "1", " AS TEXT)"),
    ("NOT EXISTS (SELECT ", "1", ")"),
    ("EXISTS (SELECT 1 WHERE ", "1", ")"),
    ("1 IN (", "1", ")"),
    ("1 IN (SELECT ", "1", ")"),
    ("1 IN (1, ", "1", ")"),
    ("1 BETWEEN 1 AND (", "1", ")"),
    ("-(", "1", ")"),
    ("NOT (", "1", ")"),
    ("1 + (", "1", ")"),
    ("(1, ", "1", ")"),
    ("(SELECT * FROM (SELECT ", "1", "))"),
    ("(SELECT 1 ORDER BY ", "1", ")"),
    ("sum(1) OVER (ORDER BY ", "1", ")"),
    ("sum(1) FILTER (WHERE ", "1", ")"),
    ("(WITH q AS (SELECT ", "1", ") SELECT 2)"),
    ("(SELECT 1 LIMIT ", "1", ")"),
    ("(VALUES (", "1", "))"),
    ("- + ~ ", "1", ""),
    ("NOT ", "1", ""),
    ("1 = NOT ", "1", ""),
    ("a LIKE NOT ", "1", ""),
];

#[test]
fn nesting_ends_in_a_limit_and_not_in_the_stack() {
    on_small_stack(|| {
        for (before, middle, after) in NESTS {
            for count in [1, 10, 40, 100, 1_000, 100_000] {
                let text = format!("SELECT {}{middle}{}", before.repeat(count), after.repeat(count));
                let limited = is_limit(&text);
                assert!(!limited || count > 10, "{count} x {before}");
                assert!(limited || count < 1_000, "{count} x {before}");
                // What is cut off anywhere must not overflow either.
                let _ = parse(&text[..text.len() / 3]);
            }
        }
        for count in [10, 40, 1_000, 100_000] {
            let tables = format!("SELECT * FROM {}t{}", "(".repeat(count), ")".repeat(count));
            assert_eq!(is_limit(&tables), count > 100);
        }
    });
}

#[test]
fn parentheses_nest_as_deep_as_promised() {
    on_small_stack(|| {
        for (count, limited) in [(NESTING_MAX - 1, false), (NESTING_MAX, true)] {
            let text = format!("SELECT {}1{}", "(".repeat(count), ")".repeat(count));
            assert_eq!(is_limit(&text), limited, "{count}");
        }
    });
}

#[test]
fn chains_are_as_long_as_promised() {
    on_small_stack(|| {
        for operator in [" AND ", " OR ", " || ", " + ", " = ", " IS ", " LIKE ", " -> ", " COLLATE x <> "] {
            for (count, limited) in [(400, false), (50_000, true)] {
                assert_eq!(is_limit(&format!("SELECT 1{}", format!("{operator}1").repeat(count))), limited);
            }
        }
        assert!(!is_limit(&format!("SELECT 1{}", " AND 1".repeat(HEIGHT_MAX - 1))));
        assert!(is_limit(&format!("SELECT 1{}", " AND 1".repeat(HEIGHT_MAX))));
        assert!(!is_limit(&format!("SELECT 1{}", " UNION SELECT 1".repeat(COMPOUND_MAX - 1))));
        assert!(is_limit(&format!("SELECT 1{}", " UNION SELECT 1".repeat(COMPOUND_MAX))));
        assert!(!is_limit(&format!("SELECT 1{}", ", 1 + 2".repeat(10_000))));
        assert!(!is_limit(&format!("SELECT 1 IN (1{})", ", 2".repeat(10_000))));
        assert!(!is_limit(&format!("INSERT INTO t VALUES (1){}", ", (2)".repeat(10_000))));
        assert!(!is_limit(&format!("SELECT * FROM t{}", ", t".repeat(1_000))));
    });
}

fn key(text: &str) -> (Vec<u8>, Vec<Value>) {
    let mut scratch = LiftScratch::default();
    let lifted = lift(text, &mut scratch).expect(text);
    (lifted.key.to_vec(), lifted.literals.clone())
}

#[test]
fn keys_are_equal_for_texts_that_differ_in_literals_and_blanks() {
    let (first, literals) = key("SELECT a FROM t WHERE id = 7 AND b = 'x'");
    assert_eq!(first, b"SELECT a FROM t WHERE id = \x01 AND b = \x03");
    assert_eq!(literals, [Value::Integer(7), Value::text("x")]);
    for same in [
        " SELECT a  FROM t\n WHERE id = 0x1F AND b = 'it''s';",
        "/* c */ SELECT a FROM t -- d\nWHERE id = 1_000 AND b = '' -- e",
    ] {
        assert_eq!(key(same).0, first, "{same}");
    }
    for different in [
        "SELECT a FROM t WHERE id = 7.0 AND b = 'x'",
        "SELECT a FROM t WHERE id = -7 AND b = 'x'",
        "SELECT a FROM t WHERE id = 7 AND b = x'00'",
        "SELECT a FROM t WHERE id = 99999999999999999999 AND b = 'x'",
        "SELECT a FROM t WHERE id = ? AND b = 'x'",
        "SELECT A FROM t WHERE id = 7 AND b = 'x'",
        "SELECT a FROM t WHERE id = NULL AND b = 'x'",
        "SELECT \"a\" FROM t WHERE id = 7 AND b = 'x'",
    ] {
        assert_ne!(key(different).0, first, "{different}");
    }
}

#[test]
fn values_of_literals() {
    let (_, literals) = key("SELECT 1, 1.5, .5, 1e3, 0x1F, 1_000, 'it''s', x'aB', 0xFFFFFFFFFFFFFFFF, \
        9223372036854775807, 99999999999999999999");
    let expected = [
        Value::Integer(1),
        Value::Real(1.5),
        Value::Real(0.5),
        Value::Real(1000.0),
        Value::Integer(31),
        Value::Integer(1000),
        Value::text("it's"),
        Value::Blob([0xab].into()),
        Value::Integer(-1),
        Value::Integer(i64::MAX),
        Value::Real(1e20),
    ];
    assert_eq!(literals, expected);
    assert!(number_value("0x10000000000000000").is_err());
    assert_eq!(number_value("0x00000000000000000001").unwrap(), Value::Integer(1));
    assert_eq!(number_value("-9223372036854775808").unwrap(), Value::Integer(i64::MIN));
    let tree = format!("{:?}", parse("SELECT -9223372036854775808").unwrap());
    assert!(tree.contains("Number(\"-9223372036854775808\""), "{tree}");
}

#[test]
fn what_must_stay_is_not_lifted() {
    assert_eq!(key("SELECT CAST(a AS VARCHAR(10)), 5").1, [Value::Integer(5)]);
    assert_eq!(key("SELECT CAST(a AS DECIMAL(10, -2)), 5").1, [Value::Integer(5)]);
    assert_eq!(key("WITH q AS (SELECT 1) SELECT 2").1.len(), 2);
    assert_eq!(key("WITH q AS NOT MATERIALIZED (SELECT 1) SELECT 2").1.len(), 2);
    assert_eq!(key("SELECT -9223372036854775808, 1").1, [Value::Integer(1)]);
    let mut scratch = LiftScratch::default();
    for text in [
        "CREATE TABLE t (a DEFAULT 1)",
        "PRAGMA a = 1",
        "EXPLAIN SELECT 1",
        "",
        "  ",
        "SELECT 'a",
        "SELECT #",
    ] {
        assert!(lift(text, &mut scratch).is_none(), "{text}");
    }
}

#[test]
fn a_lifted_string_that_is_a_name_is_pinned() {
    let mut scratch = LiftScratch::default();
    let text = "SELECT 1 AS 'one', 'two' FROM 't'";
    let lifted = lift(text, &mut scratch).unwrap();
    let (parsed, _) = parse_one(text, Some(lifted.slots())).unwrap().unwrap();
    assert_eq!(parsed.pinned, [1, 3]);
}

#[test]
fn places_and_parameters() {
    let text = "  ;SELECT é, bc FROM t WHERE a = ? AND b = :n AND c = ?7 AND d = :n ; rest";
    let (parsed, end) = parse_one(text, None).unwrap().unwrap();
    assert_eq!(&text[end..], " rest");
    assert_eq!(parsed.text, "SELECT é, bc FROM t WHERE a = ? AND b = :n AND c = ?7 AND d = :n");
    assert_eq!(parsed.start, 3);
    let names = [None, Some(":n".to_owned()), None, None, None, None, None];
    assert_eq!(parsed.parameters, names);
    let Statement::Query(query) = parsed.statement else { panic!() };
    let select = query.body.as_select().unwrap();
    let ast::SelectItem::UnnamedExpr(Expr::Identifier(bc), _) = &select.projection[1] else { panic!() };
    let span = span_of(bc.span);
    assert_eq!(&parsed.text[span.start..span.end], "bc");
}

#[test]
fn errors_say_what_was_found_and_where() {
    for (text, message, place) in [
        ("SELECT a FROM t WHERE", "expected an expression, found the end of the statement", ""),
        ("SELECT a FORM t", "expected the end of the statement, found \"t\"", "t"),
        ("; SELCT 1", "expected a statement, found \"SELCT\"", "SELCT"),
        ("INSERT INTO t (a VALUES (1)", "expected \")\", found \"VALUES\"", "VALUES"),
        ("SELECT 'abc", "a string without its closing quote", "'abc"),
        ("CREATE TABLE t (a CHECK b)", "expected \"(\", found \"b\"", "b"),
    ] {
        let error = parse(text).unwrap_err();
        let span = error.span().unwrap();
        assert_eq!(error.to_string(), format!("syntax error: {message}"), "{text}");
        assert_eq!(&text[span.start..span.end], place, "{text}");
    }
}

#[test]
fn statements_end_where_sqlite_ends_them() {
    for (text, end) in [
        ("SELECT 1; SELECT 2", Some(9)),
        ("SELECT ';'", None),
        ("SELECT ';' /* ; */ -- ;\n;", Some(25)),
        ("CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END; x", Some(55)),
        ("CREATE TEMP TRIGGER a AFTER INSERT ON b BEGIN SELECT CASE 1 WHEN 1 THEN 1 END; END", None),
        ("EXPLAIN CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END ;", Some(64)),
        (";", Some(1)),
        ("", None),
    ] {
        assert_eq!(statement_end(text), end, "{text}");
    }
    assert!(is_complete("SELECT 1; -- done\n"));
    assert!(is_complete("SELECT 1; SELECT 2;"));
    assert!(!is_complete("SELECT 1; SELECT 2"));
    assert!(!is_complete("  "));
    assert!(!is_complete("CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1;"));
    assert!(parse_one(" ; -- nothing\n;", None).unwrap().is_none());
    assert!(parse_one("\u{feff}SELECT 1", None).unwrap().is_some());
}

#[test]
fn texts_of_the_catalog_parse_back() {
    let Statement::CreateTable(table) =
        parse("CREATE TABLE t (a INT DEFAULT (1 + 2) CHECK (a > 'x'), UNIQUE (a COLLATE nocase DESC))")
            .unwrap()
    else {
        panic!()
    };
    for constraint in &table.columns[0].constraints {
        let (ColumnConstraintKind::Default(expr, text) | ColumnConstraintKind::Check(expr, text)) =
            &constraint.kind
        else {
            panic!()
        };
        assert_eq!(parse_expr_text(text).unwrap(), *expr);
    }
    let TableConstraintKind::Unique(columns) = &table.constraints[0].kind else { panic!() };
    assert_eq!(columns[0].text, "a");
    assert_eq!(columns[0].collation.as_ref().unwrap().value, "nocase");
    assert!(columns[0].descending);
    assert!(parse_query_text("SELECT 1;").is_ok());
    assert!(parse_query_text("SELECT 1; SELECT 2").is_err());
    assert!(parse_query_text("DROP TABLE t").is_err());
    assert!(parse_expr_text("1 +").is_err());
    assert!(parse_expr_text("1; 2").is_err());
}

#[test]
fn clauses_that_trees_cannot_hold_are_hints_by_place() {
    let text = "WITH q AS MATERIALIZED (SELECT 1), r AS NOT MATERIALIZED (SELECT 2) \
        SELECT sum(a) OVER (ORDER BY a ROWS 1 PRECEDING EXCLUDE TIES) FROM t INDEXED BY i, u AS x NOT INDEXED";
    let (parsed, _) = parse_one(text, None).unwrap().unwrap();
    let at = |span: Span| &text[span.start..span.end];
    let indexed: Vec<_> = parsed
        .hints
        .indexed
        .iter()
        .map(|(span, index)| (at(*span), index.as_ref().map(|index| index.value.as_str())))
        .collect();
    assert_eq!(indexed, [("t", Some("i")), ("x", None)]);
    let materialized: Vec<_> =
        parsed.hints.materialized.iter().map(|(span, yes)| (at(*span), *yes)).collect();
    assert_eq!(materialized, [("q", true), ("r", false)]);
    let exclude: Vec<_> = parsed.hints.exclude.iter().map(|(span, what)| (at(*span), *what)).collect();
    assert_eq!(exclude, [("(", Exclude::Ties)]);
}

#[test]
fn a_limit_is_passed_at_a_place() {
    let deep = format!("  SELECT 1 + {}1{}", "(".repeat(NESTING_MAX + 1), ")".repeat(NESTING_MAX + 1));
    let chain = format!("\nSELECT 1{}", " UNION SELECT 1".repeat(COMPOUND_MAX));
    for text in [deep, chain] {
        let error = parse(&text).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        let place = error.span().map(|span| &text[span.start..span.end]);
        assert!(matches!(place, Some("(" | "UNION")), "{place:?}");
    }
}
