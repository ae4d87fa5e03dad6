//! Window functions.

use super::{Pair, Random, setting};

const SCHEMA: &[&str] = &[
    "CREATE TABLE w(id INTEGER PRIMARY KEY, g TEXT COLLATE NOCASE, k INTEGER, x INTEGER, r REAL, t TEXT, v ANY) STRICT",
    "INSERT INTO w VALUES
     (1,'a',1,10,0.5,'one',1),(2,'A',1,20,1.25,'two',NULL),(3,'a',2,NULL,-2.0,'three','x'),(4,'b',2,40,4.0,NULL,2.5),
     (5,'b',5,50,NULL,'five',x'01'),(6,'B',7,60,8.5,'six',3),(7,NULL,7,70,0.25,'seven',-1),(8,NULL,9,5,1.0,'eight','y'),
     (9,'c',NULL,15,2.5,'nine',7),(10,'c',NULL,25,3.75,'ten',0),(11,'c',12,35,-4.5,'',4),(12,'c',12,45,0.125,'z',NULL)",
    "CREATE TABLE none(a INTEGER, b TEXT) STRICT",
];

#[test]
fn fixed_statements() {
    let mut pair = Pair::new(SCHEMA);
    for sql in [
        "SELECT id, row_number() OVER (ORDER BY id DESC) FROM w ORDER BY id",
        "SELECT id, row_number() OVER () FROM w",
        "SELECT id, rank() OVER o, dense_rank() OVER o, percent_rank() OVER o, cume_dist() OVER o FROM w WINDOW o AS (ORDER BY k) ORDER BY id",
        "SELECT id, rank() OVER (PARTITION BY g ORDER BY k), ntile(2) OVER (PARTITION BY g ORDER BY id) FROM w ORDER BY id",
        "SELECT id, ntile(5) OVER (ORDER BY id), ntile(100) OVER (ORDER BY id), ntile(1) OVER (ORDER BY id) FROM w",
        "SELECT id, lag(x) OVER o, lead(x) OVER o, lag(x, 2, 'none') OVER o, lead(x, k, -x) OVER o, lag(x, -1) OVER o, lag(x, '1') OVER o, lag(x, 0.5) OVER o, lead(x, NULL, 7) OVER o FROM w WINDOW o AS (ORDER BY id)",
        "SELECT id, first_value(t) OVER o, last_value(t) OVER o, nth_value(t, 2) OVER o, nth_value(t, 3.0) OVER o FROM w WINDOW o AS (PARTITION BY g ORDER BY id)",
        "SELECT id, sum(x) OVER (ORDER BY id), sum(x) OVER (ORDER BY k), sum(x) OVER (PARTITION BY g), sum(x) OVER () FROM w ORDER BY id",
        "SELECT id, count(*) OVER o, count(x) OVER o, total(x) OVER o, avg(x) OVER o, min(x) OVER o, max(x) OVER o, group_concat(t) OVER o FROM w WINDOW o AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)",
        "SELECT id, sum(v) OVER (ORDER BY id ROWS 2 PRECEDING), total(v) OVER (ORDER BY id ROWS 1 PRECEDING), avg(v) OVER (ORDER BY id ROWS 1 PRECEDING) FROM w",
        "SELECT id, sum(r) OVER (ORDER BY id ROWS 1 PRECEDING), sum(coalesce(r, 7)) OVER (ORDER BY id ROWS CURRENT ROW) FROM w",
        "SELECT id, sum(x) FILTER (WHERE x > 20) OVER (ORDER BY id ROWS 2 PRECEDING), count(*) FILTER (WHERE g = 'a') OVER () FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k DESC RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k NULLS LAST RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k DESC NULLS FIRST RANGE BETWEEN CURRENT ROW AND 2.5 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY r RANGE BETWEEN 0.5 PRECEDING AND 0.5 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY t, id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k GROUPS BETWEEN 1 PRECEDING AND 1 PRECEDING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY k GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING), sum(r) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING) FROM w ORDER BY id",
        "SELECT id, group_concat(id, '-') OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 3 PRECEDING) FROM w ORDER BY id",
        "SELECT id, first_value(id) OVER o, last_value(id) OVER o, nth_value(id, 2) OVER o, min(id) OVER o, max(id) OVER o, sum(r) OVER o, count(*) OVER o FROM w WINDOW o AS (ORDER BY k ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) ORDER BY id",
        "SELECT id, group_concat(id) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE GROUP), group_concat(id) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE TIES) FROM w ORDER BY id",
        "SELECT id, sum(x) OVER (ORDER BY k EXCLUDE NO OTHERS) FROM w ORDER BY id",
        "SELECT id, sum(x) OVER (ORDER BY k ROWS UNBOUNDED PRECEDING EXCLUDE TIES), max(x) OVER (ORDER BY k ROWS UNBOUNDED PRECEDING EXCLUDE GROUP) FROM w ORDER BY id",
        "SELECT id, first_value(id) OVER (ORDER BY k RANGE UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), nth_value(id, 2) OVER (ORDER BY k GROUPS 1 PRECEDING EXCLUDE TIES) FROM w ORDER BY id",
        "SELECT g, sum(x), rank() OVER (ORDER BY sum(x) DESC), sum(sum(x)) OVER (ORDER BY g) FROM w GROUP BY g ORDER BY g",
        "SELECT k % 3, count(*), sum(count(*)) OVER (), row_number() OVER (ORDER BY k % 3) FROM w GROUP BY k % 3 HAVING count(*) > 1",
        "SELECT count(*), sum(count(*)) OVER () FROM w",
        "SELECT DISTINCT g, count(*) OVER (PARTITION BY g) FROM w ORDER BY 1",
        "SELECT DISTINCT sum(x) OVER (PARTITION BY g) FROM w ORDER BY 1",
        "SELECT id FROM w ORDER BY row_number() OVER (ORDER BY x DESC)",
        "SELECT id, row_number() OVER (ORDER BY x) AS n FROM w ORDER BY n DESC",
        "SELECT id, row_number() OVER (ORDER BY x) AS n FROM w ORDER BY n % 3, n",
        "SELECT * FROM (SELECT id, g, row_number() OVER (PARTITION BY g ORDER BY x DESC) AS n FROM w) WHERE n = 1 ORDER BY id",
        "SELECT * FROM (SELECT id, g, k, row_number() OVER (PARTITION BY g ORDER BY x DESC) AS n FROM w) WHERE g = 'c' AND k IS NOT NULL ORDER BY id",
        "SELECT * FROM (SELECT id, k, count(*) OVER (PARTITION BY k) AS n FROM w) WHERE k > 2 ORDER BY id",
        "SELECT id, sum(x) OVER w2, count(*) OVER (w1 ROWS 1 PRECEDING), max(x) OVER (w1 ORDER BY id) FROM w WINDOW w1 AS (PARTITION BY g), w2 AS (w1 ORDER BY k) ORDER BY id",
        "SELECT id, sum(x) OVER (ORDER BY id ROWS BETWEEN 1+1 PRECEDING AND +1 FOLLOWING) FROM w",
        "SELECT id, sum(x) OVER (ORDER BY id ROWS '2' PRECEDING), sum(x) OVER (ORDER BY id ROWS 2.0 PRECEDING) FROM w",
        "SELECT id, (SELECT sum(x) OVER (ORDER BY id) FROM w AS i WHERE i.id >= w.id LIMIT 1) FROM w ORDER BY id",
        "SELECT id, lag(id) OVER (ORDER BY g COLLATE BINARY, id), rank() OVER (ORDER BY g) FROM w ORDER BY id",
        "SELECT id, min(t) OVER (ORDER BY id ROWS 2 PRECEDING), max(g) OVER (ORDER BY id ROWS 2 PRECEDING), min(v) OVER (ORDER BY id ROWS 2 PRECEDING) FROM w",
        "SELECT a, count(*) OVER (), row_number() OVER (ORDER BY a) FROM none",
        "SELECT row_number() OVER () , sum(1) OVER ()",
        "SELECT id, count(*) OVER (PARTITION BY g ORDER BY k), sum(x) OVER (PARTITION BY g) FROM w ORDER BY g, k, id",
        "WITH c AS (SELECT id, row_number() OVER (ORDER BY x) n FROM w) SELECT a.id, b.id FROM c a JOIN c b ON a.n = b.n + 1 ORDER BY a.n",
        "SELECT id, abs(sum(x) OVER (ORDER BY id)) + 1, CASE WHEN row_number() OVER (ORDER BY id) % 2 THEN 'odd' END FROM w",
        "SELECT id, row_number() OVER (PARTITION BY (SELECT max(id) FROM w) ORDER BY (SELECT -w.id)) FROM w ORDER BY id",
        "SELECT id, sum(x) OVER (ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM w",
        "SELECT id, string_agg(t, '/') OVER (PARTITION BY g ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM w ORDER BY id",
        "SELECT over FROM (SELECT id AS over FROM w) ORDER BY over",
        "SELECT id, sum(x) OVER w FROM w WINDOW w AS (ORDER BY id)",
        "SELECT id, max(x) OVER (PARTITION BY NULL), min(x) OVER (ORDER BY NULL) FROM w ORDER BY id",
        "SELECT id, sum(x) OVER (ORDER BY 1) FROM w ORDER BY id",
        "SELECT id, first_value(id) OVER (PARTITION BY g ORDER BY x DESC NULLS LAST) FROM w ORDER BY id",
        "SELECT g, max(x) OVER (PARTITION BY g) - min(x) OVER (PARTITION BY g) FROM w ORDER BY id",
        "SELECT sum(x) OVER (ORDER BY id) FROM w UNION ALL SELECT row_number() OVER (ORDER BY id) FROM w",
        "SELECT id FROM w WHERE x > (SELECT avg(m) FROM (SELECT max(x) OVER (PARTITION BY g) AS m FROM w)) ORDER BY id",
    ] {
        pair.same(sql);
    }
    for (sql, message) in [
        ("SELECT row_number() FROM w", "misuse of window function row_number()"),
        ("SELECT id FROM w WHERE row_number() OVER () = 1", "misuse of window function row_number()"),
        ("SELECT id FROM w WHERE sum(x) OVER () = 1", "misuse of window function sum()"),
        ("SELECT id FROM w GROUP BY row_number() OVER ()", "misuse of window function row_number()"),
        ("SELECT count(*) FROM w HAVING row_number() OVER () = 1", "misuse of window function row_number()"),
        ("SELECT sum(row_number() OVER ()) OVER () FROM w", "misuse of window function row_number()"),
        ("SELECT sum(row_number() OVER ()) FROM w", "misuse of window function row_number()"),
        ("SELECT abs(x) OVER () FROM w", "abs() may not be used as a window function"),
        ("SELECT sum(x) OVER nope FROM w", "no such window: nope"),
        ("SELECT sum(x) OVER (nope) FROM w", "no such window: nope"),
        (
            "SELECT sum(x) OVER (o PARTITION BY g) FROM w WINDOW o AS (ORDER BY id)",
            "cannot override PARTITION clause of window: o",
        ),
        (
            "SELECT sum(x) OVER (o ORDER BY k) FROM w WINDOW o AS (ORDER BY id)",
            "cannot override ORDER BY clause of window: o",
        ),
        (
            "SELECT sum(x) OVER (o ORDER BY k) FROM w WINDOW o AS (PARTITION BY g ROWS 1 PRECEDING)",
            "cannot override frame specification of window: o",
        ),
        (
            "SELECT sum(x) OVER (RANGE 1 PRECEDING) FROM w",
            "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id, k RANGE 1 PRECEDING) FROM w",
            "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM w",
            "unsupported frame specification",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM w",
            "unsupported frame specification",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id ROWS -1 PRECEDING) FROM w",
            "frame starting offset must be a non-negative integer",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id ROWS 1.5 PRECEDING) FROM w",
            "frame starting offset must be a non-negative integer",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND NULL FOLLOWING) FROM w",
            "frame ending offset must be a non-negative integer",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY id RANGE 'x' PRECEDING) FROM w",
            "frame starting offset must be a non-negative number",
        ),
        ("SELECT ntile(0) OVER (ORDER BY id) FROM w", "argument of ntile must be a positive integer"),
        (
            "SELECT nth_value(id, 0) OVER (ORDER BY id) FROM w",
            "second argument to nth_value must be a positive integer",
        ),
        ("SELECT sum(DISTINCT x) OVER () FROM w", "DISTINCT is not supported for window functions"),
        (
            "SELECT row_number() FILTER (WHERE 1) OVER () FROM w",
            "FILTER clause may only be used with aggregate window functions",
        ),
        ("SELECT rank(1) OVER () FROM w", "wrong number of arguments to function rank()"),
        (
            "WITH c(x) AS (SELECT 1 UNION ALL SELECT row_number() OVER () FROM c) SELECT * FROM c",
            "cannot use window functions in recursive queries",
        ),
    ] {
        pair.refused(sql, message);
    }
    pair.finish();
}

fn frame(random: &mut Random) -> String {
    let unit = random.pick(&["ROWS", "RANGE", "GROUPS"]);
    let offset = random.pick(&["0", "1", "2", "3", "100"]).to_string();
    let other = random.pick(&["0", "1", "2", "4"]).to_string();
    let start = match random.below(5) {
        0 => "UNBOUNDED PRECEDING".to_string(),
        1 | 2 => format!("{offset} PRECEDING"),
        3 => "CURRENT ROW".to_string(),
        _ => format!("{offset} FOLLOWING"),
    };
    let end = match (random.below(4), start.as_str()) {
        (0, _) => "UNBOUNDED FOLLOWING".to_string(),
        (1, start) if start.ends_with("PRECEDING") => format!("{other} PRECEDING"),
        (2, start) if !start.ends_with("FOLLOWING") => "CURRENT ROW".to_string(),
        _ => format!("{other} FOLLOWING"),
    };
    let exclude = random.pick(&[
        "",
        "",
        "",
        " EXCLUDE CURRENT ROW",
        " EXCLUDE GROUP",
        " EXCLUDE TIES",
        " EXCLUDE NO OTHERS",
    ]);
    format!("{unit} BETWEEN {start} AND {end}{exclude}")
}

/// The order is total where the frame or the function tells rows of a group of peers apart.
fn call(random: &mut Random) -> String {
    let arg = random.pick(&["x", "r", "k", "id", "x + k", "v", "t", "coalesce(x, 3)"]);
    let function = match random.below(16) {
        0 => "row_number()".to_string(),
        1 => "rank()".to_string(),
        2 => "dense_rank()".to_string(),
        3 => "cume_dist()".to_string(),
        4 => format!("lag({arg}, {})", random.below(4)),
        5 => format!("lead({arg}, {}, id)", random.below(4)),
        6 => format!("first_value({arg})"),
        7 => format!("last_value({arg})"),
        8 => format!("nth_value({arg}, {})", random.below(4) + 1),
        9 => format!("count({arg})"),
        10 => format!("sum({})", random.pick(&["x", "r", "k", "x * r", "v"])),
        11 => format!("min({arg})"),
        12 => format!("max({arg})"),
        13 => format!("avg({})", random.pick(&["x", "r", "k"])),
        14 => format!("group_concat({arg}, '.')"),
        _ => "count(*)".to_string(),
    };
    let filter = if random.one_in(5) && "scmag".contains(&function[..1]) && !function.starts_with("cume") {
        random.pick(&[" FILTER (WHERE x > 20)", " FILTER (WHERE g = 'a')", " FILTER (WHERE id % 2)"])
    } else {
        ""
    };
    let partition = random.pick(&["", "", "PARTITION BY g ", "PARTITION BY k % 3 ", "PARTITION BY g, k "]);
    let frame = frame(random);
    let order = if frame.starts_with("RANGE") {
        random.pick(&[
            "ORDER BY id",
            "ORDER BY id DESC",
            "ORDER BY x",
            "ORDER BY r DESC",
            "ORDER BY k * 100 + id",
        ])
    } else {
        random.pick(&[
            "ORDER BY id",
            "ORDER BY id DESC",
            "ORDER BY k, id",
            "ORDER BY x DESC, id",
            "ORDER BY g, r, id",
        ])
    };
    format!("{function}{filter} OVER ({partition}{order} {frame})")
}

#[test]
fn random_windows() {
    let mut pair = Pair::new(SCHEMA);
    let mut random = Random(setting("SEDGE_MODEL_SEED", 1));
    for _ in 0..setting("SEDGE_MODEL_STEPS", 1500) {
        let calls: Vec<String> = (0..=random.below(3)).map(|_| call(&mut random)).collect();
        let filter = random.pick(&["", "", " WHERE x > 12", " WHERE id < 9"]);
        let sql = format!("SELECT id, {} FROM w{filter} ORDER BY id", calls.join(", "));
        pair.same(&sql);
        if pair.is_done() {
            break;
        }
    }
    pair.finish();
}

#[test]
fn long_partitions_take_one_pass() {
    let mut pair = Pair::new(&[
        "CREATE TABLE n(i INTEGER PRIMARY KEY, r REAL) STRICT",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 3000) INSERT INTO n SELECT x, (x * 7919 % 1009) / 8.0 FROM c",
    ]);
    for sql in [
        "SELECT sum(s), sum(m), sum(b) FROM (SELECT sum(r) OVER o s, max(r) OVER o m, min(r) OVER o b FROM n WINDOW o AS (ORDER BY i ROWS 500 PRECEDING))",
        "SELECT sum(s), sum(m) FROM (SELECT sum(r) OVER o s, max(r) OVER o m FROM n WINDOW o AS (ORDER BY r, i ROWS BETWEEN 900 PRECEDING AND 900 FOLLOWING EXCLUDE CURRENT ROW))",
        "SELECT sum(s) FROM (SELECT count(*) OVER (ORDER BY r RANGE BETWEEN 3.5 PRECEDING AND 10 FOLLOWING) s FROM n)",
        "SELECT sum(s) FROM (SELECT total(r) OVER (ORDER BY r GROUPS BETWEEN 3 PRECEDING AND 10 FOLLOWING EXCLUDE TIES) s FROM n)",
    ] {
        pair.same(sql);
    }
    pair.finish();
}

/// Lines of a plan that hold `word`.
fn plan_lines(pair: &Pair, sql: &str, word: &str) -> usize {
    let plan = pair.ours(&format!("EXPLAIN {sql}")).unwrap();
    plan.iter().filter(|line| line.contains(word)).count()
}

#[test]
fn windows_share_sorts() {
    let pair = Pair::new(SCHEMA);
    for (sql, windows, sorts) in [
        (
            "SELECT sum(x) OVER (PARTITION BY g ORDER BY k), rank() OVER (PARTITION BY g ORDER BY k) FROM w",
            1,
            1,
        ),
        ("SELECT sum(x) OVER (PARTITION BY g), rank() OVER (PARTITION BY g ORDER BY k) FROM w", 2, 1),
        ("SELECT sum(x) OVER (), rank() OVER (PARTITION BY g ORDER BY k) FROM w", 2, 1),
        ("SELECT sum(x) OVER (PARTITION BY g), rank() OVER (ORDER BY k) FROM w", 2, 2),
        ("SELECT sum(x) OVER (ORDER BY id) FROM w", 1, 0),
        ("SELECT g, sum(x) OVER (PARTITION BY g ORDER BY k) FROM w ORDER BY g, k", 1, 1),
        ("SELECT sum(x) OVER (ORDER BY k) FROM w ORDER BY x", 1, 2),
    ] {
        assert_eq!(plan_lines(&pair, sql, "Window"), windows, "{sql}");
        assert_eq!(plan_lines(&pair, sql, "Sort by"), sorts, "{sql}");
    }
    let of_one_partition =
        "SELECT * FROM (SELECT g, k, rank() OVER (PARTITION BY k ORDER BY x) FROM w) WHERE k = 7";
    assert_eq!(plan_lines(&pair, of_one_partition, "where"), 1, "whole partitions are left out by the scan");
}
