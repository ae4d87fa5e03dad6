//! Orders and methods of joins, and outer joins that become inner ones.

use super::sample;
use insta::assert_snapshot;

#[test]
fn methods() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT t.c FROM s, t WHERE s.k = t.a"),
        @r"
    Inner nested-loop join
      Scan s
      Scan t by index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT t.c FROM s, t WHERE s.k = t.a AND s.id = 3"),
        @r"
    Inner nested-loop join
      Scan s [rowid = 3]
      Scan t by index t_ab [a = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT 1 FROM s, big WHERE s.k = big.k"),
        @r"
    Project 1
      Inner hash join on big.k = s.k
        Scan big
        Scan s
    "
    );
    assert_snapshot!(
        database.plan("SELECT 1 FROM s, r WHERE s.k < r.k"),
        @r"
    Project 1
      Inner nested-loop join on s.k < r.k
        Scan s
        Scan r
    "
    );
    assert_snapshot!(
        database.plan("SELECT 1 FROM s CROSS JOIN r"),
        @r"
    Project 1
      Inner nested-loop join
        Scan s
        Scan r
    "
    );
}

#[test]
fn outer_joins() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT s.k, t.c FROM s LEFT JOIN t ON t.id = s.k"),
        @r"
    Left nested-loop join
      Scan s
      Scan t [rowid = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k, t.c FROM s LEFT JOIN t ON t.id = s.k WHERE t.c > 5"),
        @r"
    Inner nested-loop join
      Scan s
      Scan t [rowid = s.k] where t.c > 5
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k FROM s LEFT JOIN t ON t.id = s.k WHERE t.id IS NULL"),
        @r"
    Filter t.id IS NULL
      Left nested-loop join
        Scan s
        Scan t [rowid = s.k]
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k, t.c FROM t RIGHT JOIN s ON t.id = s.k AND t.c > 1 AND s.id > 2"),
        @r"
    Left nested-loop join on s.id > 2
      Scan s
      Scan t [rowid = s.k] where t.c > 1
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k, r.k FROM s FULL JOIN r ON s.k = r.k"),
        @r"
    Full hash join on s.k = r.k
      Scan s
      Scan r
    "
    );
    assert_snapshot!(
        database.plan("SELECT s.k, r.k FROM s FULL JOIN r ON s.k = r.k WHERE s.k = 1"),
        @r"
    Left hash join on s.k = r.k
      Scan s where s.k = 1
      Scan r
    "
    );
}

#[test]
fn constants_spread() {
    let database = sample();
    assert_snapshot!(
        database.plan("SELECT * FROM s JOIN r ON s.id = r.id WHERE s.id = 5"),
        @r"
    Inner nested-loop join on s.id = r.id
      Scan s [rowid = 5]
      Scan r [rowid = 5]
    "
    );
}

#[test]
fn many_tables_plan_quickly() {
    let mut schema = super::Schema::default();
    for at in 0..64 {
        schema.table(&format!("x{at}"), 10.0, "a int key, b int");
    }
    let database = schema.build();
    let tables: Vec<String> = (0..64).map(|at| format!("x{at}")).collect();
    let conditions: Vec<String> = (1..64).map(|at| format!("x{}.a = x{at}.b", at - 1)).collect();
    let sql = format!("SELECT x0.b FROM {} WHERE {}", tables.join(", "), conditions.join(" AND "));
    let start = std::time::Instant::now();
    let plan = database.plan(&sql);
    assert_eq!(plan.matches("Scan x").count(), 64);
    // Far more than it takes, even in a debug build on a busy machine.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
