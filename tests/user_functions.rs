//! Functions and collations of a program's own, from outside.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use sedge::{Aggregate, Arguments, Connection, Database, Error, ErrorCode, FunctionFlags, Result, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PURE: FunctionFlags = FunctionFlags::DETERMINISTIC;

fn open() -> (Database, Connection) {
    let db = Database::open_in_memory().unwrap();
    let connection = db.connect().unwrap();
    (db, connection)
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, (), |row| row.get::<Value>(0)).map_or_else(|e| format!("error: {e}"), shown)
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(i) => i.to_string(),
        Value::Real(r) => sedge::format_real(r),
        Value::Text(t) => t.into(),
        other => format!("{other:?}"),
    }
}

fn column(connection: &Connection, sql: &str) -> Vec<String> {
    connection.query(sql, (), |row| row.get::<Value>(0).map(shown)).unwrap()
}

fn fails(connection: &Connection, sql: &str) -> Error {
    connection.execute_batch(sql).unwrap_err()
}

/// `create_scalar_function`: typed arguments and results, any number of arguments, overloads.
#[test]
fn scalar_functions() {
    let (db, connection) = open();
    db.create_scalar_function("Twice", Some(1), PURE, |args| Ok(args.get::<i64>(0)? * 2)).unwrap();
    assert_eq!(text(&connection, "SELECT twice(21)"), "42");
    assert_eq!(text(&connection, "SELECT TWICE(?1 + 1)".replace("?1", "2").as_str()), "6");
    assert_eq!(
        text(&connection, "SELECT twice('x')"),
        "error: Twice(): argument 1: expected an integer, the value is text"
    );
    assert_eq!(fails(&connection, "SELECT twice('x')").code(), ErrorCode::Type);
    assert_eq!(
        text(&connection, "SELECT twice(1, 2)"),
        "error: wrong number of arguments to function twice()"
    );
    assert_eq!(text(&connection, "SELECT twic(1)"), "error: no such function: twic; did you mean twice?");

    db.create_scalar_function("twice", Some(2), PURE, |args| {
        Ok(format!("{}{}", args.get::<String>(0)?, args.get::<String>(1)?))
    })
    .unwrap();
    assert_eq!(text(&connection, "SELECT twice('a', 'b') || twice(4)"), "ab8");
    db.create_scalar_function("kinds", None, PURE, |args| {
        Ok(args.iter().map(|value| value.type_name()).collect::<Vec<_>>().join(" "))
    })
    .unwrap();
    assert_eq!(text(&connection, "SELECT kinds(1, 2.0, 'x', x'00', NULL)"), "integer real text blob null");
    assert_eq!(text(&connection, "SELECT kinds()"), "");
    // Whatever a function returns: NULL, a blob, an option.
    db.create_scalar_function("void", Some(0), PURE, |_| Ok(None::<i64>)).unwrap();
    assert_eq!(text(&connection, "SELECT void()"), "NULL");
    // Over many rows, in every clause.
    let sql = "SELECT twice(value) FROM generate_series(1, 3000) WHERE twice(value) % 3 = 0
        GROUP BY twice(value) HAVING twice(max(value)) > 5990 ORDER BY twice(value) DESC";
    assert_eq!(column(&connection, sql), ["6000", "5994"]);
}

#[test]
fn built_in_functions_are_replaced_and_come_back() {
    let (db, connection) = open();
    let mut statement = connection.prepare("SELECT upper('a'), abs(-1), 'a' LIKE 'b', sum(1)").unwrap();
    let mut row = || {
        statement
            .query_row((), |row| (0..4).map(|i| row.get::<Value>(i).map(shown)).collect::<Result<Vec<_>>>())
    };
    assert_eq!(row().unwrap(), ["A", "1", "0", "1"]);
    db.create_scalar_function("upper", Some(1), PURE, |_| Ok("mine")).unwrap();
    db.create_scalar_function("abs", None, PURE, |_| Ok(7)).unwrap();
    db.create_scalar_function("like", Some(2), PURE, |args| {
        Ok(args.get::<String>(0)? == "b" && args.get::<String>(1)? == "a")
    })
    .unwrap();
    db.create_scalar_function("sum", Some(1), PURE, |_| Ok("no sum")).unwrap();
    // What was prepared before is planned anew.
    assert_eq!(row().unwrap(), ["mine", "7", "1", "no sum"]);
    assert_eq!(text(&connection, "SELECT coalesce(NULL, upper('x'))"), "mine");
    for (name, args) in [("upper", Some(1)), ("abs", None), ("LIKE", Some(2)), ("sum", Some(1))] {
        db.remove_function(name, args);
    }
    assert_eq!(row().unwrap(), ["A", "1", "0", "1"]);
    assert_eq!(fails(&connection, "SELECT 'a' MATCH 'b'").code(), ErrorCode::Invalid);
    db.create_scalar_function("match", Some(2), PURE, |args| Ok(args.len())).unwrap();
    assert_eq!(text(&connection, "SELECT 'a' MATCH 'b'"), "2");
    // What stands for no plain function can be replaced as well.
    db.create_scalar_function("coalesce", Some(2), PURE, |_| Ok("first")).unwrap();
    db.create_scalar_function("row_number", Some(0), PURE, |_| Ok("a number")).unwrap();
    assert_eq!(text(&connection, "SELECT coalesce(1, 2) || row_number()"), "firsta number");
    assert_eq!(text(&connection, "SELECT json_array(coalesce(1, 2))"), r#"["first"]"#);
}

#[test]
fn an_open_transaction_sees_what_is_registered_meanwhile() {
    let (db, connection) = open();
    connection.execute_batch("CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)").unwrap();
    let mut statement = connection.prepare("SELECT upper(a) FROM t").unwrap();
    let mut read = move || statement.query_row((), |row| row.get::<Value>(0).map(shown)).unwrap();
    assert_eq!(read(), "1");
    db.create_scalar_function("upper", Some(1), PURE, |_| Ok("mine")).unwrap();
    assert_eq!(read(), "mine");
    connection.execute_batch("CREATE TABLE u(a, b AS (upper(a))); INSERT INTO u VALUES (1); COMMIT").unwrap();
    let other = db.connect().unwrap();
    assert_eq!(text(&other, "SELECT b || upper(b) FROM u"), "minemine");
}

#[test]
fn errors_and_panics_are_errors_of_the_statement() {
    let (db, connection) = open();
    db.create_scalar_function("parse", Some(1), PURE, |args| {
        args.get::<String>(0)?.parse::<i64>().map_err(Error::function)
    })
    .unwrap();
    db.create_scalar_function("burst", Some(1), PURE, |args| {
        if args.get::<i64>(0)? > 2 { panic!("at {:?}", args.value(0)) } else { Ok(1) }
    })
    .unwrap();
    let error = fails(&connection, "SELECT parse('12x')");
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (ErrorCode::Function, "parse(): invalid digit found in string")
    );
    let chain: Vec<String> = std::iter::successors(std::error::Error::source(&error), |e| e.source())
        .map(ToString::to_string)
        .collect();
    assert_eq!(chain.last().map(String::as_str), Some("invalid digit found in string"));
    connection.execute_batch("CREATE TABLE t(a CHECK (burst(a))); INSERT INTO t VALUES (1)").unwrap();
    let error = fails(&connection, "INSERT INTO t VALUES (2), (3), (1)");
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (ErrorCode::Function, "burst(): panicked: at Integer(3)")
    );
    // The failed statement has left nothing, and the connection goes on.
    connection.execute_batch("BEGIN; INSERT INTO t VALUES (2)").unwrap();
    fails(&connection, "UPDATE t SET a = a + 1");
    connection.execute_batch("COMMIT").unwrap();
    assert_eq!(column(&connection, "SELECT a FROM t ORDER BY 1"), ["1", "2"]);
}

/// The values of a group with what separates them, and how often a state was made and left.
struct Joined {
    made: Arc<AtomicUsize>,
    leaves: bool,
}

impl Aggregate for Joined {
    type State = Vec<String>;
    type Output = Option<String>;

    fn start(&self) -> Result<Vec<String>> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Vec::new())
    }

    fn step(&self, state: &mut Vec<String>, args: Arguments<'_>) -> Result<()> {
        let one: String = args.get(0)?;
        if one == "bad" {
            return Err(Error::function("a bad one"));
        }
        state.push(one);
        Ok(())
    }

    fn finish(&self, state: &Vec<String>) -> Result<Option<String>> {
        Ok((!state.is_empty()).then(|| state.join("+")))
    }

    fn leave(&self, state: &mut Vec<String>, _: Arguments<'_>) -> bool {
        if self.leaves {
            state.remove(0);
        }
        self.leaves
    }
}

/// `create_aggregate_function`: groups, DISTINCT, FILTER, ORDER BY, windows.
#[test]
fn aggregate_functions() {
    let (db, connection) = open();
    let made = Arc::new(AtomicUsize::new(0));
    for (name, leaves) in [("joined", false), ("sliding", true)] {
        db.create_aggregate_function(name, Some(1), PURE, Joined { made: Arc::clone(&made), leaves })
            .unwrap();
    }
    connection
        .execute_batch(
            "CREATE TABLE t(g INTEGER, x TEXT); INSERT INTO t VALUES (1,'b'),(2,'c'),(1,'a'),(1,'b'),(2,'d')",
        )
        .unwrap();
    let of = |sql: &str| column(&connection, sql);
    assert_eq!(of("SELECT joined(x ORDER BY x) FROM t GROUP BY g ORDER BY g"), ["a+b+b", "c+d"]);
    assert_eq!(of("SELECT joined(DISTINCT x) FROM t WHERE g = 1"), ["b+a"]);
    assert_eq!(of("SELECT joined(x) FILTER (WHERE x > 'b') FROM t"), ["c+d"]);
    assert_eq!(of("SELECT joined(x) FROM t WHERE x > 'z'"), ["NULL"]);
    assert_eq!(text(&connection, "SELECT joined('bad')"), "error: joined(): a bad one");
    assert_eq!(
        text(&connection, "SELECT joined(1) FROM t"),
        "error: joined(): argument 1: expected a text, the value is integer"
    );
    let window = "OVER (ORDER BY rowid ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t ORDER BY rowid";
    let frames = ["b", "b+c", "c+a", "a+b", "b+d"];
    assert_eq!(of(&format!("SELECT joined(x) {window}")), frames);
    made.store(0, Ordering::Relaxed);
    assert_eq!(of(&format!("SELECT sliding(x) {window}")), frames);
    assert_eq!(made.load(Ordering::Relaxed), 1, "the state slides along");
    assert_eq!(
        of(
            "SELECT joined(x) OVER (ORDER BY x, rowid ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM t LIMIT 1"
        ),
        ["b+b+c+d"]
    );
    assert_eq!(
        fails(&connection, "SELECT upper(x) OVER () FROM t").to_string(),
        "upper() may not be used as a window function"
    );
    // An aggregate may stand in the place of a scalar function.
    db.create_aggregate_function("upper", Some(1), PURE, Joined { made, leaves: false }).unwrap();
    assert_eq!(of("SELECT upper(x ORDER BY x) FROM t"), ["a+b+b+c+d"]);
}

#[test]
fn the_schema_uses_functions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("functions.sedge");
    let register = |db: &Database| {
        db.create_scalar_function("digits", Some(1), PURE, |args| Ok(args.get::<i64>(0)?.to_string().len()))
            .unwrap();
    };
    {
        let db = Database::open(&path).unwrap();
        let connection = db.connect().unwrap();
        db.create_scalar_function("chance", Some(0), FunctionFlags::NONE, |_| Ok(4)).unwrap();
        register(&db);
        assert_eq!(
            fails(&connection, "CREATE TABLE x(a, b AS (chance()))").to_string(),
            "non-deterministic functions prohibited in generated columns"
        );
        connection
            .execute_batch(
                "CREATE TABLE t(a INTEGER CHECK (digits(a) < 5), b AS (digits(a)));
                 CREATE INDEX by_digits ON t(digits(a));
                 CREATE INDEX long ON t(a) WHERE digits(a) > 2;
                 CREATE TABLE d(a DEFAULT (digits(100)), b);
                 CREATE VIEW v AS SELECT digits(a) AS n FROM t;
                 INSERT INTO t VALUES (1), (22), (333), (4444);
                 INSERT INTO d(b) VALUES (1)",
            )
            .unwrap();
        assert_eq!(fails(&connection, "INSERT INTO t VALUES (55555)").code(), ErrorCode::Constraint);
        let plan = column(&connection, "EXPLAIN SELECT a FROM t INDEXED BY by_digits WHERE digits(a) = 2")
            .join("\n");
        assert!(plan.contains("by_digits"), "{plan}");
        assert_eq!(text(&connection, "SELECT a FROM t INDEXED BY by_digits WHERE digits(a) = 2"), "22");
        assert_eq!(text(&connection, "SELECT a FROM d"), "3");
        assert!(db.check().unwrap().is_empty());
    }
    // Without the function: what needs it is an error, all else goes on.
    let db = Database::open(&path).unwrap();
    let connection = db.connect().unwrap();
    assert_eq!(column(&connection, "SELECT b FROM t ORDER BY a"), ["1", "2", "3", "4"]);
    assert_eq!(text(&connection, "SELECT count(*) FROM t WHERE a > 100"), "2");
    assert_eq!(text(&connection, "SELECT sum(n) FROM v"), "error: view v: no such function: digits");
    for sql in
        ["INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "INSERT INTO d(b) VALUES (2)"]
    {
        assert_eq!(fails(&connection, sql).to_string(), "no such function: digits", "{sql}");
    }
    let problems = db.check().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0], "index by_digits was not checked: no such function: digits");
    register(&db);
    connection.execute_batch("INSERT INTO t VALUES (7)").unwrap();
    assert_eq!(text(&connection, "SELECT count(*) FROM t WHERE digits(a) = 1"), "2");
    assert!(db.check().unwrap().is_empty());
}

/// Words by their letters from behind.
fn backwards(text: &str, key: &mut Vec<u8>) {
    for c in text.chars().rev() {
        key.extend(c.to_string().bytes());
    }
}

/// `create_collation`: in expressions, in the schema, in indexes, and a schema whose collation is missing.
#[test]
fn collations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("collations.sedge");
    let words = "VALUES ('abc'), ('zza'), ('mb'), (NULL), ('abc')";
    {
        let db = Database::open(&path).unwrap();
        let connection = db.connect().unwrap();
        assert_eq!(
            fails(&connection, "CREATE TABLE t(w TEXT COLLATE backward)").to_string(),
            "no such collation sequence: backward"
        );
        db.create_collation("Backwards", backwards).unwrap();
        assert_eq!(
            fails(&connection, "CREATE TABLE t(w TEXT COLLATE backward)").to_string(),
            "no such collation sequence: backward; did you mean Backwards?"
        );
        assert_eq!(db.create_collation("nocase", backwards).unwrap_err().code(), ErrorCode::Misuse);
        connection
            .execute_batch(&format!(
                "CREATE TABLE t(w TEXT COLLATE BACKWARDS); INSERT INTO t {words};
                 CREATE INDEX i ON t(w); CREATE TABLE u(w TEXT, n INTEGER, UNIQUE (w COLLATE backwards))"
            ))
            .unwrap();
        let of = |sql: &str| column(&connection, sql);
        let sorted = ["NULL", "zza", "mb", "abc", "abc"];
        assert_eq!(of("SELECT w FROM t ORDER BY w"), sorted);
        assert_eq!(of("SELECT w FROM t NOT INDEXED ORDER BY w"), sorted);
        assert_eq!(of("SELECT w FROM t WHERE w > 'b' ORDER BY w"), ["mb", "abc", "abc"]);
        assert_eq!(of("SELECT w FROM t NOT INDEXED WHERE w > 'b' ORDER BY w"), ["mb", "abc", "abc"]);
        assert_eq!(of("SELECT w FROM t WHERE w BETWEEN 'a' AND 'b'"), ["zza"]);
        assert_eq!(of("SELECT DISTINCT w FROM t ORDER BY w DESC"), ["abc", "mb", "zza", "NULL"]);
        assert_eq!(of("SELECT min(w) || max(w) FROM t"), ["zzaabc"]);
        assert_eq!(of("SELECT w FROM t GROUP BY w HAVING count(*) > 1"), ["abc"]);
        assert_eq!(
            of("SELECT column1 FROM (VALUES ('ab'), ('ba')) ORDER BY column1 COLLATE backwards"),
            ["ba", "ab"]
        );
        assert_eq!(of("PRAGMA collation_list").len(), 4);
        connection.execute_batch("INSERT INTO u VALUES ('x', 1)").unwrap();
        let error = fails(&connection, "INSERT INTO u VALUES ('x', 2)");
        assert_eq!(error.constraint().unwrap().columns, ["w"]);
        assert!(db.check().unwrap().is_empty());
    }
    let db = Database::open(&path).unwrap();
    let connection = db.connect().unwrap();
    // The rows can be read, and nothing can be compared.
    assert_eq!(text(&connection, "SELECT count(w) FROM t"), "4");
    assert_eq!(text(&connection, "SELECT n FROM u WHERE w = 'x'"), "1");
    let refused = [
        "SELECT w FROM t ORDER BY w",
        "SELECT w FROM t WHERE w = 'abc'",
        "SELECT DISTINCT w FROM t",
        "SELECT max(w) FROM t",
        "SELECT 1 FROM t GROUP BY w",
        "SELECT w FROM t UNION SELECT 'x'",
        "SELECT (SELECT 1 FROM t WHERE w IN ('a'))",
        "SELECT rank() OVER (ORDER BY w) FROM t",
        "INSERT INTO t VALUES ('n')",
        "UPDATE u SET n = 2",
        "DELETE FROM t",
        "REINDEX t",
        "SELECT 'a' < 'b' COLLATE backwards",
    ];
    for sql in refused {
        let error = fails(&connection, sql);
        assert!(
            error.to_string().to_lowercase().starts_with("no such collation sequence: backwards"),
            "{sql}: {error}"
        );
        assert_eq!(error.code(), ErrorCode::Name, "{sql}");
    }
    assert_eq!(db.check().unwrap().len(), 2);
    db.create_collation("backwards", backwards).unwrap();
    assert_eq!(column(&connection, "SELECT w FROM t WHERE w > 'b' ORDER BY w"), ["mb", "abc", "abc"]);
    connection.execute_batch("INSERT INTO t VALUES ('n'); DELETE FROM t WHERE w = 'zza'").unwrap();
    assert!(db.check().unwrap().is_empty());
    // Another order under the same name: the index is ordered anew on demand.
    db.create_collation("backwards", |text, key| key.extend(text.bytes())).unwrap();
    assert!(!db.check().unwrap().is_empty());
    connection.execute_batch("REINDEX backwards").unwrap();
    assert!(db.check().unwrap().is_empty());
    assert_eq!(column(&connection, "SELECT w FROM t ORDER BY w"), ["NULL", "abc", "abc", "mb", "n"]);
}

/// REINDEX without the name of a database is about all of them, as in SQLite.
#[test]
fn a_collation_is_reindexed_in_all_databases() {
    let (db, connection) = open();
    db.create_collation("own", |text, key| key.extend(text.bytes())).unwrap();
    connection
        .execute_batch(
            "ATTACH ':memory:' AS other;
             CREATE TABLE other.word(w TEXT COLLATE own UNIQUE);
             INSERT INTO other.word VALUES ('a'), ('b'), ('c');
             CREATE TEMP TABLE passing(w TEXT COLLATE own UNIQUE);
             INSERT INTO passing SELECT w FROM word",
        )
        .unwrap();
    let queries = ["SELECT w FROM other.word ORDER BY w", "SELECT w FROM passing ORDER BY w"];
    for reindex in ["REINDEX own", "REINDEX"] {
        db.create_collation("own", |text, key| key.extend(text.bytes().map(|byte| !byte))).unwrap();
        connection.execute_batch(reindex).unwrap();
        for sql in queries {
            assert_eq!(column(&connection, sql), ["c", "b", "a"], "{reindex}: {sql}");
        }
        db.create_collation("own", |text, key| key.extend(text.bytes())).unwrap();
        connection.execute_batch("REINDEX other.word; REINDEX temp.passing").unwrap();
        for sql in queries {
            assert_eq!(column(&connection, sql), ["a", "b", "c"], "{sql}");
        }
    }
}

#[test]
fn a_panic_of_a_collation_fails_the_statement() {
    let (db, mut connection) = open();
    db.create_collation("fussy", |text, key| {
        assert!(text != "bad", "a bad text");
        key.extend(text.bytes());
    })
    .unwrap();
    connection
        .execute_batch("CREATE TABLE t(a TEXT COLLATE fussy UNIQUE); INSERT INTO t VALUES ('good')")
        .unwrap();
    assert_eq!(fails(&connection, "INSERT INTO t VALUES ('a'), ('bad')").code(), ErrorCode::Type);
    assert_eq!(fails(&connection, "SELECT 'x' < 'bad' COLLATE fussy").code(), ErrorCode::Type);
    assert_eq!(column(&connection, "SELECT a FROM t"), ["good"]);
    // Inside a transaction the whole of it goes, since nobody noticed in time.
    let transaction = connection.transaction().unwrap();
    transaction.execute("INSERT INTO t VALUES ('fine')", ()).unwrap();
    assert_eq!(transaction.execute("INSERT INTO t VALUES ('bad')", ()).unwrap_err().code(), ErrorCode::Type);
    assert!(transaction.is_autocommit());
    drop(transaction);
    assert_eq!(column(&connection, "SELECT a FROM t"), ["good"]);
    assert!(db.check().unwrap().is_empty());
}
