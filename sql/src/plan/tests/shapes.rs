//! Plans of whole statements: compounds, VALUES, changes.

use super::sample;
use insta::assert_snapshot;

#[test]
fn compounds() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT k FROM s UNION SELECT a FROM t ORDER BY 1"),
        @r"
    Sort by s.k
      Union
        Scan s
        Scan t by covering index t_ab
    "
    );
    assert_snapshot!(database.plan("VALUES (1, 'a'), (2, 'b')"), @"Values of 2 rows");
    assert_snapshot!(
        database.plan("SELECT DISTINCT k FROM s"),
        @r"
    Distinct
      Scan s
    "
    );
}

#[test]
fn changes() {
    let database = sample();
    assert_snapshot!(
        database.plan("INSERT INTO s(k) VALUES (1), (2)"),
        @r"
    Insert into s
      Values, rows=2
    "
    );
    assert_snapshot!(
        database.plan("INSERT INTO s(k) SELECT k + 1 FROM s"),
        @r"
    Insert into s
      Spool
        Project s.k + 1
          Scan s
    "
    );
    assert_snapshot!(
        database.plan("INSERT INTO s(k) SELECT a FROM t"),
        @r"
    Insert into s
      Scan t by covering index t_ab
    "
    );
    assert_snapshot!(
        database.plan("UPDATE s SET k = k + 1 WHERE id = 3"),
        @r"
    Update s set k = k + 1
      Scan s [rowid = 3]
    "
    );
    assert_snapshot!(
        database.plan("UPDATE s SET k = (SELECT max(a) FROM t WHERE t.a < s.k)"),
        @r"
    Update s set k = (subquery 1)
      Scan s
      Subquery 1 for each k
        Aggregate max(t.a)
          Limit 1
            Scan t by covering index t_ab [a < k] backwards where t.a IS NOT NULL
    "
    );
    assert_snapshot!(
        database.plan("DELETE FROM s WHERE k IN (SELECT a FROM t)"),
        @r"
    Delete from s
      Semi nested-loop join
        Scan s
        Scan t by covering index t_ab [a = s.k]
    "
    );
}
