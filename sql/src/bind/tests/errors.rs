//! Errors: the message, and behind `@` the text it points at.

use super::error;

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("SELECT nosuch FROM t", "no such column: nosuch @ nosuch"),
        ("SELECT t.ide FROM t", "no such column: t.ide; did you mean id? @ t.ide"),
        ("SELECT z.a FROM t", "no such column: z.a; z is no table of this query @ z.a"),
        (
            "SELECT \"hello world\" FROM t",
            "no such column: hello world; \"double quotes\" name columns, strings take 'single quotes' @ \"hello world\"",
        ),
        ("SELECT a FROM t, u", "ambiguous column name: a; put the table's name before it, as in t.a @ a"),
        ("SELECT * FROM tt", "no such table: tt; did you mean t? @ tt"),
        ("SELECT * FROM aux.t", "no such table: aux.t; there is no database aux @ aux"),
        ("SELECT *", "no tables specified @ SELECT"),
        ("SELECT z.* FROM t", "no such table: z @ z"),
        ("SELECT absx(a) FROM t", "no such function: absx; did you mean abs? @ absx"),
        ("SELECT abs(a, 1) FROM t", "wrong number of arguments to function abs() @ abs"),
        ("SELECT coalesce(a) FROM t", "wrong number of arguments to function coalesce() @ coalesce"),
        ("SELECT sum(*) FROM t", "wrong number of arguments to function sum() @ sum"),
        ("SELECT sum(sum(a)) FROM t", "misuse of aggregate function sum() @ sum"),
        ("SELECT a FROM t WHERE sum(a) > 1", "misuse of aggregate function sum() @ sum"),
        ("SELECT sum(a) AS s FROM t WHERE s > 1", "misuse of aggregate function sum() @ sum"),
        ("SELECT a FROM t GROUP BY sum(a)", "misuse of aggregate function sum() @ sum"),
        ("SELECT sum(a) FROM t GROUP BY 1", "aggregate functions are not allowed in the GROUP BY clause @ 1"),
        ("SELECT a FROM t HAVING a > 1", "HAVING clause on a non-aggregate query"),
        ("SELECT a FROM t ORDER BY 3", "1st ORDER BY term out of range - should be between 1 and 1 @ 3"),
        ("SELECT a FROM t ORDER BY a, -1", "2nd ORDER BY term out of range - should be between 1 and 1 @ 1"),
        ("SELECT a FROM t GROUP BY 0", "1st GROUP BY term out of range - should be between 1 and 1 @ 0"),
        (
            "SELECT a FROM t UNION SELECT 1 ORDER BY zz",
            "1st ORDER BY term does not match any column in the result set @ zz",
        ),
        ("SELECT (1, 2)", "row value misused @ 1, 2"),
        ("SELECT (SELECT 1, 2)", "sub-select returns 2 columns - expected 1 @ SELECT 1, 2"),
        ("SELECT 1 IN (SELECT 1, 2)", "sub-select returns 2 columns - expected 1 @ 1 IN (SELECT 1, 2"),
        ("SELECT (1, 2) = (1, 2, 3)", "row value misused @ 1, 2) = (1, 2, 3"),
        (
            "SELECT * FROM t JOIN u USING (zz)",
            "cannot join using column zz - column not present in both tables @ zz",
        ),
        ("SELECT a COLLATE nocas FROM t", "no such collation sequence: nocas; did you mean NOCASE? @ nocas"),
        ("SELECT abs(a) FILTER (WHERE 1) FROM t", "FILTER may not be used with non-aggregate abs() @ abs"),
        ("SELECT abs(a) OVER () FROM t", "abs() may not be used as a window function @ abs"),
        ("SELECT sum(a) OVER w FROM t", "no such window: w @ w"),
        ("SELECT a FROM t LIMIT b", "no such column: b @ b"),
        ("SELECT * FROM t INDEXED BY t_b", "no such index: t_b; did you mean t_a? @ t_b"),
        (
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT max(n) FROM c) SELECT * FROM c",
            "recursive aggregate queries not supported @ SELECT",
        ),
        ("WITH c AS (SELECT * FROM c) SELECT * FROM c", "circular reference: c @ c"),
        ("WITH c(p, q) AS (SELECT 1) SELECT * FROM c", "table c has 1 values for 2 columns @ c"),
        ("SELECT * FROM broken", "view broken: no such column: nosuch @ broken"),
        ("INSERT INTO u VALUES (1, 2, 3)", "table u has 2 columns but 3 values were supplied @ (1, 2, 3)"),
        ("INSERT INTO u (a) VALUES (1, 2)", "2 values for 1 columns @ (1, 2)"),
        ("INSERT INTO u (zz) VALUES (1)", "table u has no column named zz @ zz"),
        (
            "INSERT INTO v VALUES (1)",
            "cannot modify v because it is a view; an INSTEAD OF trigger can say what to change instead @ v",
        ),
        ("INSERT INTO sqlite_master VALUES (1)", "table sqlite_master may not be modified @ sqlite_master"),
        ("INSERT INTO u VALUES (d, 1)", "no such column: d @ d"),
        ("UPDATE u SET zz = 1", "no such column: zz @ zz"),
        ("UPDATE u SET (a, d) = (1, 2, 3)", "2 columns assigned 3 values @ 1, 2, 3"),
        ("DELETE FROM u WHERE count(*) > 1", "misuse of aggregate function count() @ count"),
    ];
    for (sql, expected) in cases {
        assert_eq!(error(sql), expected, "{sql}");
    }
}

#[test]
fn views_on_themselves_end() {
    let message = error("SELECT * FROM loop");
    assert!(message.contains("circularly defined"), "{message}");
}

#[test]
fn common_tables_on_common_tables_do_not_explode() {
    let mut sql = "WITH c0 AS (SELECT 1 AS x)".to_owned();
    for i in 1..25 {
        sql += &format!(", c{i} AS (SELECT l.x FROM c{} l, c{} r)", i - 1, i - 1);
    }
    assert!(error(&(sql + " SELECT * FROM c24")).contains("more than"));
}
