//! Queries: what stands above what, names, kinds and correlation.

use super::{catalog, query, render};
use crate::catalog::schema_rows;

fn names(sql: &str) -> Vec<String> {
    render::names(&query(sql).unwrap())
}

#[test]
fn result_columns_are_named_as_sqlite_does() {
    let sql = "SELECT ROWID, A, (a), +a, a collate nocase, t.a, main.t.a, a  +  b , count( * ) -- c
        , CASE WHEN a THEN 'x,y' END, a AS k, 1 IS DISTINCT FROM 2 FROM t";
    let expected = [
        "id",
        "a",
        "a",
        "+a",
        "a collate nocase",
        "a",
        "a",
        "a  +  b",
        "count( * )",
        "CASE WHEN a THEN 'x,y' END",
        "k",
        "1 IS DISTINCT FROM 2",
    ];
    assert_eq!(names(sql), expected);
    assert_eq!(
        names("SELECT * FROM (SELECT a COLLATE nocase, a, A, a + 1 FROM t)"),
        ["a", "a:1", "a:2", "a + 1"]
    );
    assert_eq!(names("SELECT * FROM v"), ["k", "count(*)"]);
    assert_eq!(names("SELECT * FROM v2"), ["p", "q"]);
    assert_eq!(names("VALUES (1, 2)"), ["column1", "column2"]);
    assert_eq!(names("WITH c(p) AS (SELECT 1) SELECT * FROM c"), ["p"]);
    assert_eq!(names("SELECT a FROM u UNION SELECT id FROM t"), ["a"]);
    assert_eq!(names("SELECT rowid FROM u"), ["rowid"]);
}

#[test]
fn outputs_say_kinds_affinity_and_collation() {
    let sql =
        "SELECT id, b, n, x, c + 1, n COLLATE rtrim AS r, CAST(a AS TEXT) AS k, count(*) FROM t GROUP BY b";
    insta::assert_snapshot!(render::outputs(&query(sql).unwrap()), @r#"
    id {"integer"} Integer BINARY
    b {"null", "text"} Text BINARY
    n {"null", "text"} Text NOCASE
    x {"null", "integer", "real", "text", "blob", "decimal"} Blob BINARY
    c + 1 {"null", "real"} None BINARY
    r {"null", "text"} Text RTRIM
    k {"text"} Text BINARY
    count(*) {"integer"} None BINARY
    "#);
    let sql = "SELECT a FROM u UNION ALL SELECT 'x' UNION ALL SELECT n FROM t";
    insta::assert_snapshot!(render::outputs(&query(sql).unwrap()), @r#"a {"null", "integer", "text"} Blob BINARY"#);
    let sql = "SELECT id, t.a, u.a, d FROM t LEFT JOIN u ON t.a = u.a";
    insta::assert_snapshot!(render::outputs(&query(sql).unwrap()), @r#"
    id {"integer"} Integer BINARY
    a {"integer"} Integer BINARY
    a {"null", "integer"} Integer BINARY
    d {"null", "text"} Text BINARY
    "#);
}

/// Each query as its relation, outputs, subqueries and pinned literals.
macro_rules! bound {
    ($sql:expr, @$expected:literal) => {
        insta::assert_snapshot!(render::bound(&query($sql).unwrap()), @$expected)
    };
}

#[test]
fn selects() {
    bound!("SELECT b, a FROM t WHERE a = 5", @"filter(t[#0..], (#1 Equal $0)) -> #2 b, #1 a");
    bound!("SELECT a + 1 FROM t ORDER BY b DESC, 1", @r#"
    sort(project(t[#0..], #7=(#1 Add $0) #2=#2), #2 desc, #7) -> #7 a + 1
    pinned [0, 1]
    "#);
    bound!("SELECT a AS b FROM t WHERE b = 'x' ORDER BY b", @"sort(filter(t[#0..], (#2 Equal $0)), #1) -> #1 b");
    bound!("SELECT a * 2 AS k FROM t WHERE k > 4 ORDER BY k + 1", @"sort(project(filter(t[#0..], ((#1 Multiply $0) Greater $1)), #7=(#1 Multiply $0) #8=((#1 Multiply $0) Add $2)), #8) -> #7 k");
    bound!("SELECT DISTINCT b FROM t ORDER BY b", @"sort(distinct(t[#0..], #2), #2) -> #2 b");
    bound!("SELECT DISTINCT n FROM t ORDER BY a LIMIT 3 OFFSET 1", @"limit(sort(group(project(t[#0..], #4=#4 #1=#1), #7=#4 nocase | #8~#1), #8), $0, $1) -> #7 n");
    bound!("SELECT n FROM t ORDER BY n COLLATE binary NULLS LAST", @"sort(t[#0..], #4 nulls) -> #4 n");
    bound!("SELECT 1", @r#"
    project(row, #0=$0) -> #0 1
    pinned [0]
    "#);
    bound!("VALUES (1, 'a'), (NULL, 2.5)", @"values[#0..] ($0, $1) (Null, $2) -> #0 column1, #1 column2");
    bound!("SELECT t.a FROM t INDEXED BY t_a, u NOT INDEXED WHERE t.id = 1", @"filter(Inner(t[#0..] by t_a, u[#7..] not indexed), (#0 Equal $0)) -> #1 a");
}

#[test]
fn the_schema_is_a_table_of_constants() {
    let bound = query("SELECT name, rootpage FROM sedge_schema").unwrap();
    let crate::ir::Relation::Values { rows, columns } = &bound.root.relation else { panic!("no values") };
    assert_eq!((columns.len(), bound.root.outputs[1].column), (6, columns[3]));
    assert!(rows.len() == schema_rows(&catalog()).len() && rows.iter().all(|row| row.len() == 6));
    assert_eq!(names("SELECT * FROM sqlite_master"), ["type", "name", "tbl_name", "rootpage", "sql"]);
}

#[test]
fn joins() {
    bound!("SELECT * FROM t AS l JOIN u USING (a)", @"Inner(l[#0..], u[#7..], (#1 Equal #7)) -> #0 id, #1 a, #2 b, #3 c, #4 n, #5 x, #8 d");
    bound!("SELECT a, u.a FROM t RIGHT JOIN u USING (a)", @"Right(t[#0..], u[#7..], (#1 Equal #7)) -> #7 a, #7 a");
    bound!("SELECT * FROM u NATURAL FULL JOIN w", @"project(Full(u[#0..], w[#3..], (#0 Equal{r:Numeric} #3)), #6=coalesce(#0, #3) #1=#1 #4=#4) -> #6 a, #1 d, #4 b");
    bound!("SELECT 1 AS one FROM u x, u y LEFT JOIN (t JOIN w ON w.b = t.a) ON x.a = t.id", @"project(Left(Inner(x[#0..], y[#3..]), Inner(t[#6..], w[#13..], (#14 Equal #7)), (#0 Equal #6)), #16=$0) -> #16 one");
    bound!("SELECT * FROM u FULL JOIN w USING (a) FULL JOIN (SELECT id AS a FROM t) USING (a)", @"project(Full(Full(u[#0..], w[#3..], (#0 Equal{r:Numeric} #3)), t[#6..], (coalesce(#0, #3) Equal{l:Numeric} #6)), #13=coalesce(#0, #3, #6) #1=#1 #4=#4) -> #13 a, #1 d, #4 b");
}

#[test]
fn aggregates() {
    bound!("SELECT count(*) FROM t", @"group(t[#0..], | #7=count()) -> #7 count(*)");
    bound!("SELECT b, count(*), sum(a) FROM t GROUP BY b HAVING count(*) > 1 ORDER BY sum(a)", @"sort(filter(group(t[#0..], #11=#2 | #7=count() #8=sum(#1)), (#7 Greater $0)), #8) -> #11 b, #7 count(*), #8 sum(a)");
    bound!("SELECT a + 1, a FROM t GROUP BY a + 1", @r#"
    group(t[#0..], #7=(#1 Add $1) | #8~#1) -> #7 a + 1, #8 a
    pinned [0, 1]
    "#);
    bound!("SELECT max(a), b FROM t", @"group(t[#0..], | #7=max(#1) #8~#2 from 0) -> #7 max(a), #8 b");
    bound!("SELECT n, count(DISTINCT n) FILTER (WHERE a > 1) FROM t GROUP BY 1", @r#"
    group(t[#0..], #8=#4 nocase | #7=count(distinct #4) if (#1 Greater $0) nocase) -> #8 n, #7 count(DISTINCT n) FILTER (WHERE a > 1)
    pinned [0, 1]
    "#);
    bound!("SELECT a % 2 AS k FROM t GROUP BY k ORDER BY count(*)", @"sort(group(t[#0..], #8=(#1 Remainder $0) | #7=count()), #7) -> #8 k");
    bound!("SELECT b, (SELECT d FROM u WHERE u.a = t.a AND d = t.b) AS s FROM t GROUP BY b", @r#"
    project(group(t[#0..], #10=#2 | #11~#1), #10=#10 #12=q0.0) -> #10 b, #12 s
    q0(#10 #11): filter(u[#7..], and((#7 Equal #11), (#8 Equal #10))) -> #8
    "#);
    bound!("SELECT a FROM u WHERE EXISTS (SELECT 1 FROM t GROUP BY t.b HAVING sum(t.a) > u.a)", @r#"
    filter(u[#0..], exists q0) -> #0 a
    q0(#0): project(filter(group(t[#3..], #11=#5 | #10=sum(#4)), (#10 Greater #0)), #12=$0) -> #12
    "#);
    bound!("SELECT (SELECT sum(u.a) FROM t) AS s FROM u", @r#"
    project(group(u[#0..], | #10=sum(#0)), #12=q0.0) -> #12 s
    q0(#10): project(t[#3..], #11=#10) -> #11
    "#);
    bound!("SELECT (SELECT sum(u.a + t.a) FROM t) AS s FROM u", @r#"
    project(u[#0..], #11=q0.0) -> #11 s
    q0(#0): group(t[#3..], | #10=sum((#0 Add #4))) -> #10
    "#);
}

#[test]
fn subqueries_know_what_they_use_from_around_them() {
    bound!("SELECT a FROM t WHERE a IN (SELECT a FROM u)", @r#"
    filter(t[#0..], (#1 in q0)) -> #1 a
    q0(): u[#7..] -> #7
    "#);
    bound!("SELECT a FROM t WHERE EXISTS (SELECT * FROM u WHERE u.a = t.a AND d IN (SELECT a FROM w WHERE w.b = t.id))", @r#"
    filter(t[#0..], exists q1) -> #1 a
    q0(#0): filter(w[#10..], (#11 Equal #0)) -> #10 
    q1(#0 #1): filter(u[#7..], and((#7 Equal #1), (#8 in q0))) -> #7 a, #8 d
    "#);
    bound!("SELECT (SELECT t.a) AS k FROM t", @r#"
    project(t[#0..], #8=q0.0) -> #8 k
    q0(#1): project(row, #7=#1) -> #7
    "#);
    bound!("SELECT a FROM t WHERE (a, b) = (SELECT a, d FROM u)", @r#"
    filter(t[#0..], ([#1, #2] Equal [q0.0, q0.1])) -> #1 a
    q0(): u[#7..] -> #7 , #8
    "#);
    bound!("SELECT a FROM t WHERE (a, b) IN u", @r#"
    filter(t[#0..], (#1, #2 in q0)) -> #1 a
    q0(): u[#7..] -> #7 a, #8 d
    "#);
    bound!("SELECT a AS z FROM t WHERE EXISTS (SELECT 1 FROM u WHERE d = z)", @r#"
    filter(t[#0..], exists q0) -> #1 z
    q0(#1): project(filter(u[#7..], (#8 Equal{l:Numeric} #1)), #10=$0) -> #10
    "#);
    bound!("SELECT (SELECT k FROM (SELECT t.a + u.a AS k FROM u)) AS s FROM t", @r#"
    project(t[#0..], #11=q0.0) -> #11 s
    q0(#1): project(u[#7..], #10=(#1 Add #7)) -> #10
    "#);
}

#[test]
fn compounds() {
    bound!("SELECT n FROM t UNION SELECT d FROM u ORDER BY n", @"sort(Union(t[#0..], u[#7..]; #10 nocase), #10 nocase) -> #10 n");
    bound!("SELECT a FROM u EXCEPT SELECT a FROM t ORDER BY 1 DESC", @r#"
    sort(Except(u[#0..], t[#3..]; #10), #10 desc) -> #10 a
    pinned [0]
    "#);
    bound!("SELECT a + 1 FROM u UNION ALL SELECT a FROM t INTERSECT SELECT 1 ORDER BY a + 1 LIMIT 2", @r#"
    limit(sort(Intersect(UnionAll(project(u[#0..], #3=(#0 Add $0)), t[#4..]; #13), project(row, #12=$1); #13), #13), $3, -) -> #13 a + 1
    pinned [0, 2]
    "#);
    bound!("SELECT 1 AS x UNION VALUES (2) ORDER BY x", @"sort(Union(project(row, #0=$0), values[#1..] (Integer(2)); #2), #2) -> #2 x");
}

#[test]
fn common_tables_and_views() {
    bound!("WITH c AS (SELECT a FROM u) SELECT * FROM c l, c r WHERE l.a = r.a", @"filter(Inner(u[#0..], u[#3..]), (#0 Equal #3)) -> #0 a, #3 a");
    bound!("WITH c AS (SELECT a FROM u), e AS (SELECT a FROM c) SELECT (SELECT max(a) FROM e) AS m", @r#"
    project(row, #4=q0.0) -> #4 m
    q0(): group(u[#0..], | #3=max(#0)) -> #3
    "#);
    bound!("SELECT q FROM v2 AS z WHERE z.p = 3", @"filter(filter(group(u[#0..], #4=#0 | #3=count()), (#4 Greater Integer(1))), (#4 Equal $0)) -> #3 q");
}

#[test]
fn what_reads_a_literal_pins_it() {
    let pinned = |sql: &str| query(sql).unwrap().pinned;
    assert_eq!(pinned("SELECT a FROM t WHERE a = 5 LIMIT 1"), Vec::<usize>::new());
    assert_eq!(pinned("SELECT a FROM t WHERE a = 5 ORDER BY 1"), [1]);
    assert_eq!(pinned("SELECT a + 1, 2 AS k FROM t"), [0]);
    assert_eq!(pinned("SELECT k FROM (SELECT 1 AS k, 2)"), [1]);
    assert_eq!(pinned("SELECT a FROM t WHERE EXISTS (SELECT 1)"), Vec::<usize>::new());
    assert_eq!(pinned("SELECT a + 1 AS k FROM t GROUP BY a + 1"), [0, 1]);
    assert_eq!(pinned("SELECT a + 1 AS k FROM t GROUP BY a + 2"), Vec::<usize>::new());
    assert_eq!(pinned("SELECT likelihood(a, 0.5) AS k FROM t"), [0]);
    // A partial index is of use by what the literals say; one compared with another column alone stays free.
    assert_eq!(pinned("SELECT a FROM part WHERE a = 'x' AND b > 0 AND a IN ('y', 'z')"), [1]);
    assert_eq!(pinned("SELECT a FROM part WHERE b + 1 > 0"), [0, 1]);
    assert_eq!(pinned("SELECT t.a FROM t, part WHERE t.a = 1 AND part.b BETWEEN 2 AND 3"), [1, 2]);
}
