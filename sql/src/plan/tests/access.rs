//! Ways into a table: which index, which ranges, which order, and what stays a filter.

use super::sample;
use insta::assert_snapshot;

#[test]
fn row_ids() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT b FROM t WHERE id = 5"), @"Scan t [rowid = 5]");
    assert_snapshot!(database.plan("SELECT b FROM t WHERE rowid IN (1, 2, 3)"), @"Scan t [rowid = any of 1, 2, 3]");
    assert_snapshot!(database.plan("SELECT b FROM t WHERE id > 5 AND id <= 9 AND b = 'x'"), @"Scan t [rowid > 5 AND rowid <= 9] where t.b = 'x'");
    assert_snapshot!(database.plan("SELECT b FROM t WHERE id = 'abc'"), @"Scan t [rowid = 'abc']");
}

#[test]
fn index_prefixes() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = 1"), @"Scan t by index t_ab [a = 1]");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = 1 AND b > 'k' AND b <= 'm'"), @"Scan t by index t_ab [a = 1 AND b > 'k' AND b <= 'm']");
    assert_snapshot!(database.plan("SELECT a, b FROM t WHERE a = 1 AND b = 'x'"), @"Scan t by covering index t_ab [a = 1 AND b = 'x']");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a IN (1, 2) AND b = 'x'"), @"Scan t by index t_ab [a = 1 AND b = 'x' OR a = 2 AND b = 'x']");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a IS NULL"), @"Scan t by index t_ab [a IS NULL]");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = 1 OR a > 1000"), @"Scan t by index t_ab [a = 1 OR a > 1000]");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = 1 OR c = 2.5"), @"Scan t where (t.a = 1) OR (t.c = 2.5)");
}

#[test]
fn conversions_and_collations() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = '5'"), @"Scan t by index t_ab [a = '5']");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE n = 5"), @"Scan t by index t_n [n = 5]");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE n = 'X'"), @"Scan t by index t_n [n = 'X']");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE n = 'X' COLLATE BINARY"), @"Scan t where t.n = 'X'");
    assert_snapshot!(database.plan("SELECT c FROM t WHERE n = +c"), @"Scan t where t.n = t.c");
    assert_snapshot!(
        database.plan("SELECT t.c FROM s CROSS JOIN t WHERE t.n = s.k"),
        @r"
    Inner hash join on t.n = s.k
      Scan t
      Scan s
    "
    );
    assert_snapshot!(database.plan("SELECT c FROM t WHERE x = 5"), @"Scan t by index t_x [x = 5]");
}

#[test]
fn costs_decide() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a > 5"), @"Scan t where t.a > 5");
    assert_snapshot!(database.plan("SELECT a FROM t WHERE a > 5"), @"Scan t by covering index t_ab [a > 5]");
    assert_snapshot!(
        database.plan("SELECT count(*) FROM t"),
        @r"
    Aggregate count(*)
      Scan t by covering index t_n
    "
    );
    assert_snapshot!(database.plan("SELECT c FROM t NOT INDEXED WHERE a = 1"), @"Scan t where t.a = 1");
    assert_snapshot!(database.plan("SELECT c FROM t INDEXED BY t_ab WHERE c = 1.5"), @"Scan t by index t_ab where t.c = 1.5");
}

#[test]
fn partial_and_expression_indexes() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT a FROM p WHERE v = 1 AND w = 1"), @"Scan p by index p_v [v = 1]");
    assert_snapshot!(database.plan("SELECT a FROM p WHERE v = 1"), @"Scan p where p.v = 1");
    assert_snapshot!(database.plan("SELECT a FROM p WHERE lower(s) = 'k'"), @"Scan p by index p_lower [lower(s) = 'k']");
}

#[test]
fn orders() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT * FROM t ORDER BY id DESC LIMIT 3"),
        @r"
    Limit 3
      Scan t backwards
    "
    );
    assert_snapshot!(
        database.plan("SELECT a, b FROM t ORDER BY a, b LIMIT 5"),
        @r"
    Limit 5
      Scan t by covering index t_ab
    "
    );
    assert_snapshot!(database.plan("SELECT c FROM t WHERE a = 1 ORDER BY b DESC"), @"Scan t by index t_ab [a = 1] backwards");
    assert_snapshot!(
        database.plan("SELECT c FROM t ORDER BY a, b DESC LIMIT 5"),
        @r"
    Limit 5
      Sort by t.a, t.b DESC (top 5)
        Scan t
    "
    );
    assert_snapshot!(
        database.plan("SELECT c FROM t ORDER BY c LIMIT 5 OFFSET 2"),
        @r"
    Limit 5 offset 2
      Sort by t.c (top 7)
        Scan t
    "
    );
    assert_snapshot!(
        database.plan("SELECT a, count(*) FROM t GROUP BY a"),
        @r"
    Sorted aggregate count(*) by t.a
      Scan t by covering index t_ab
    "
    );
    assert_snapshot!(
        database.plan("SELECT min(a) FROM t"),
        @r"
    Aggregate min(t.a)
      Limit 1
        Scan t by covering index t_ab where t.a IS NOT NULL
    "
    );
    assert_snapshot!(
        database.plan("SELECT max(id) FROM t"),
        @r"
    Aggregate max(t.id)
      Limit 1
        Scan t backwards
    "
    );
    assert_snapshot!(
        database.plan("SELECT max(b) FROM t WHERE a = 3"),
        @r"
    Aggregate max(t.b)
      Limit 1
        Scan t by covering index t_ab [a = 3] backwards where t.b IS NOT NULL
    "
    );
}
