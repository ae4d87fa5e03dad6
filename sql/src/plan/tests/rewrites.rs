//! What the passes make of subqueries, projections and predicates.

use super::sample;
use insta::assert_snapshot;

#[test]
fn subqueries_become_joins() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE EXISTS (SELECT 1 FROM t WHERE t.a = s.k AND t.c > s.id)"),
        @r"
    Semi nested-loop join on t.c > s.id
      Scan s
      Scan t by index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.a = s.k)"),
        @r"
    Anti nested-loop join
      Scan s
      Scan t by covering index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k IN (SELECT a FROM t WHERE b = 'x')"),
        @r"
    Semi nested-loop join
      Scan s
      Scan t by covering index t_ab [a = s.k AND b = 'x']
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k NOT IN (SELECT a FROM t)"),
        @r"
    Anti hash join (NULL-aware) on s.k = t.a
      Scan s
      Scan t by covering index t_ab
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE id NOT IN (SELECT id FROM r)"),
        @r"
    Anti hash join on s.id = r.id
      Scan s
      Scan r
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k > (SELECT avg(c) FROM t WHERE t.a = s.k)"),
        @r"
    Inner hash join on t.a = s.k AND s.k > avg(t.c)
      Aggregate avg(t.c) by t.a
        Scan t
      Scan s
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE 0 = (SELECT count(*) FROM t WHERE t.a = s.k)"),
        @r"
    Filter 0 = coalesce(count(*), 0)
      Left hash join on s.k = t.a
        Scan s
        Sorted aggregate count(*) by t.a
          Scan t by covering index t_ab
    "
    );
}

#[test]
fn subqueries_that_stay() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT (SELECT max(c) FROM t WHERE t.a = s.k) FROM s"),
        @r"
    Project (subquery 1)
      Scan s
    Subquery 1 for each s.k
      Aggregate max(t.c)
        Scan t by index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k = (SELECT max(k) FROM r)"),
        @r"
    Scan s where s.k = (subquery 1)
    Subquery 1 once
      Aggregate max(r.k)
        Scan r
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k > (SELECT sum(a) FROM t WHERE t.a = s.k)"),
        @r"
    Scan s where s.k > (subquery 1)
    Subquery 1 for each s.k
      Aggregate sum(t.a)
        Scan t by covering index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k > (SELECT c FROM t WHERE t.a < s.k LIMIT 1)"),
        @r"
    Scan s where s.k > (subquery 1)
    Subquery 1 for each s.k
      Limit 1
        Scan t where t.a < s.k
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE EXISTS (SELECT 1 FROM r)"),
        @r"
    Scan s where EXISTS (subquery 1)
    Subquery 1 once
      Project 1
        Scan r
    "
    );
    assert_snapshot!(
        database.plan("SELECT k FROM s WHERE k = 1 OR EXISTS (SELECT 1 FROM t WHERE t.a = s.k)"),
        @r"
    Scan s where (s.k = 1) OR EXISTS (subquery 1)
    Subquery 1 for each s.k
      Project 1
        Scan t by covering index t_ab [a = s.k]
    "
    );
}

#[test]
fn predicates_move() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT * FROM (SELECT a + 1 AS x, c FROM t) WHERE x = 3 AND c > 1"),
        @r"
    Project t.a + 1, t.c
      Scan t where (t.c > 1) AND ((t.a + 1) = 3)
    "
    );
    assert_snapshot!(
        database.plan("SELECT * FROM (SELECT a, count(*) AS n FROM t GROUP BY a) WHERE a = 3 AND n > 1"),
        @r"
    Filter count(*) > 1
      Sorted aggregate count(*) by t.a
        Scan t by covering index t_ab [a = 3]
    "
    );
    assert_snapshot!(
        database.plan("SELECT * FROM (SELECT k FROM s UNION ALL SELECT a FROM t) WHERE k = 3"),
        @r"
    Union all
      Scan s where s.k = 3
      Scan t by covering index t_ab [a = 3]
    "
    );
    assert_snapshot!(
        database.plan("SELECT * FROM (SELECT k FROM s LIMIT 3) WHERE k = 3"),
        @r"
    Filter s.k = 3
      Limit 3
        Scan s
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k FROM s, r WHERE abs(s.k) > 1 AND s.k = r.k"),
        @r"
    Filter abs(s.k) > 1
      Inner hash join on s.k = r.k
        Scan s
        Scan r
    "
    );
}

#[test]
fn constants_fold() {
    let database = sample();
    assert_snapshot!(database.plan("SELECT k FROM s WHERE 1 AND k = 1 + 2"), @"Scan s where s.k = 3");
    assert_snapshot!(database.plan("SELECT k FROM s WHERE 0"), @"Empty");
    assert_snapshot!(database.plan("SELECT k FROM s WHERE NULL AND k = 1"), @"Empty");
}

#[test]
fn or_branches_share() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT 1 FROM s, r WHERE (s.k = r.k AND s.id = 1 AND r.id < 5) OR (s.k = r.k AND s.id = 2 AND r.id < 9)"),
        @r"
    Project 1
      Inner nested-loop join on (s.k = r.k) AND (((s.id = 1) AND (r.id < 5)) OR ((s.id = 2) AND (r.id < 9)))
        Scan r where (r.id < 5) OR (r.id < 9)
        Scan s [rowid = any of 1, 2]
    "
    );
}
