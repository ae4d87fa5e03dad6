//! The library from outside: statements, parameters, transactions, errors, several connections.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{ConstraintKind, Database, ErrorCode, Named, Value, params};

fn open() -> sedge::Connection {
    Database::open_in_memory().unwrap().connect().unwrap()
}

fn count(connection: &sedge::Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

#[test]
fn values_come_back_as_they_went_in() {
    let connection = open();
    connection.execute_batch("CREATE TABLE t(i INTEGER, r REAL, t TEXT, b BLOB, a ANY)").unwrap();
    let blob = vec![0_u8, 255, 7];
    let mut insert = connection.prepare("INSERT INTO t VALUES (:i, :r, :t, :b, :a)").unwrap();
    let row: &[(&str, &dyn sedge::ToValue)] =
        &[(":i", &i64::MIN), (":r", &-0.5), (":t", &"grüße"), (":b", &blob), (":a", &None::<i64>)];
    assert_eq!(insert.execute(Named(row)).unwrap(), 1);
    let back = connection
        .query_row("SELECT * FROM t", (), |row| {
            Ok((
                row.get::<i64>(0)?,
                row.get::<f64>("r")?,
                row.get::<String>(2)?,
                row.get::<Vec<u8>>(3)?,
                row.get::<Value>(4)?,
            ))
        })
        .unwrap();
    assert_eq!(back, (i64::MIN, -0.5, "grüße".to_string(), blob, Value::Null));
}

#[test]
fn a_statement_outlives_its_borrow_and_runs_again() {
    struct Counter {
        insert: sedge::Statement,
        connection: sedge::Connection,
    }
    let connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER)").unwrap();
    let mut counter =
        Counter { insert: connection.prepare("INSERT INTO t(b) VALUES (?)").unwrap(), connection };
    for n in 0..10 {
        assert_eq!(counter.insert.execute([n * n]).unwrap(), 1);
        assert_eq!(counter.connection.last_insert_rowid(), n + 1);
    }
    let mut select = counter.connection.prepare("SELECT b FROM t WHERE a = ?").unwrap();
    for n in [3_i64, 10, 1] {
        assert_eq!(select.query_row([n], |row| row.get::<i64>(0)).unwrap(), (n - 1) * (n - 1));
    }
    let missing = select.query_row([11], |row| row.get::<i64>(0)).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NoRows);
    assert_eq!(
        std::thread::spawn(move || select.query_row([2], |row| row.get::<i64>(0)).unwrap()).join().unwrap(),
        1
    );
}

#[test]
fn a_failed_statement_changes_nothing_and_tells_why() {
    let connection = open();
    connection
        .execute_batch("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INTEGER CHECK (c > 0), d INTEGER NOT NULL)")
        .unwrap();
    connection.execute("INSERT INTO t VALUES (1, 'x', 1, 1)", []).unwrap();
    for (sql, kind, columns) in [
        ("INSERT INTO t VALUES (2, 'y', 1, 1), (3, 'x', 1, 1)", ConstraintKind::Unique, vec!["b"]),
        ("INSERT INTO t VALUES (2, 'y', 1, 1), (1, 'z', 1, 1)", ConstraintKind::PrimaryKey, vec!["a"]),
        ("INSERT INTO t VALUES (2, 'y', 0, 1)", ConstraintKind::Check, vec![]),
        ("INSERT INTO t VALUES (2, 'y', 1, NULL)", ConstraintKind::NotNull, vec!["d"]),
        ("INSERT INTO t VALUES (2, 'y', 'many', 1)", ConstraintKind::Type, vec!["c"]),
        ("UPDATE t SET d = NULL", ConstraintKind::NotNull, vec!["d"]),
    ] {
        let error = connection.execute(sql, []).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Constraint, "{sql}: {error}");
        let constraint = error.constraint().unwrap();
        assert_eq!((constraint.kind, constraint.table.as_str()), (kind, "t"), "{sql}");
        if !columns.is_empty() {
            assert_eq!(constraint.columns, columns, "{sql}");
        }
        assert_eq!(count(&connection, "t"), 1, "{sql}");
    }
}

#[test]
fn errors_point_at_their_place() {
    let connection = open();
    connection.execute_batch("CREATE TABLE person(name TEXT, age INTEGER)").unwrap();
    for (sql, code, place) in [
        ("SELECT nam FROM person", ErrorCode::Name, "nam"),
        ("SELECT name FROM persn", ErrorCode::Name, "persn"),
        ("SELECT name FORM person", ErrorCode::Syntax, "person"),
        ("SELECT lenght(name) FROM person", ErrorCode::Name, "lenght"),
    ] {
        let error = connection.prepare(sql).unwrap_err();
        assert_eq!(error.code(), code, "{sql}: {error}");
        let span = error.span().unwrap_or_else(|| panic!("{sql}: {error} has no place"));
        assert_eq!(&sql[span.start..span.end.max(span.start + place.len())], place, "{sql}: {error}");
    }
    let batch = "SELECT 1;\n SELECT 2; SELECT agge FROM person";
    let error = connection.execute_batch(batch).unwrap_err();
    assert_eq!(error.span().map(|span| &batch[span.start..span.end]), Some("agge"));
    assert_eq!(error.line_in(batch), Some(2));
    let hint = connection.prepare("SELECT nam FROM person").unwrap_err().to_string();
    assert!(hint.contains("did you mean name?"), "no suggestion: {hint}");
}

#[test]
fn parameters_have_all_of_sqlites_forms() {
    let connection = open();
    let texts = |sql: &str, params: &[(&str, &dyn sedge::ToValue)]| {
        connection.query_row(sql, Named(params), |row| row.get::<String>(0)).unwrap()
    };
    assert_eq!(
        texts("SELECT :name || @name || $name", &[(":name", &"a"), ("@name", &"b"), ("$name", &"c")]),
        "abc"
    );
    assert_eq!(texts("SELECT :name || :other || :name", &[(":name", &"a"), (":other", &"b")]), "aba");
    let numbered =
        |sql: &str| connection.query_row(sql, params!["a", "b", "c"], |row| row.get::<String>(0)).unwrap();
    assert_eq!(numbered("SELECT ?2 || ?1 || ?3 || ?2"), "bacb");
    // A bare one takes the number after the largest so far.
    assert_eq!(numbered("SELECT ?2 || ? || ?1"), "bca");
    let unbound = connection.query_row("SELECT ?3", params!["a"], |row| row.get::<Value>(0)).unwrap_err();
    assert_eq!(unbound.code(), ErrorCode::Misuse, "{unbound}");
    let unknown =
        connection.query_row("SELECT :a", Named(&[(":b", &1)]), |row| row.get::<Value>(0)).unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::Misuse, "{unknown}");
}

#[test]
fn transactions_end_as_they_are_told() {
    let mut connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER)").unwrap();
    drop({
        let transaction = connection.transaction().unwrap();
        transaction.execute("INSERT INTO t VALUES (1)", []).unwrap();
        transaction
    });
    assert_eq!(count(&connection, "t"), 0);
    let transaction = connection.transaction().unwrap();
    transaction.execute("INSERT INTO t VALUES (1)", []).unwrap();
    transaction
        .execute_batch("SAVEPOINT a; INSERT INTO t VALUES (2); SAVEPOINT b; INSERT INTO t VALUES (3)")
        .unwrap();
    transaction.execute_batch("ROLLBACK TO b; INSERT INTO t VALUES (4); RELEASE a").unwrap();
    transaction.execute_batch("CREATE TABLE u(a); SAVEPOINT c; DROP TABLE u; ROLLBACK TO c").unwrap();
    transaction.commit().unwrap();
    let kept: Vec<i64> = connection.query("SELECT a FROM t ORDER BY a", (), |row| row.get(0)).unwrap();
    assert_eq!(kept, [1, 2, 4]);
    assert_eq!(count(&connection, "u"), 0);
}

#[test]
fn rows_show_what_was_there_when_they_started() {
    let connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    let mut select = connection.prepare("SELECT a FROM t").unwrap();
    let mut rows = select.query(()).unwrap();
    assert!(rows.next().unwrap().is_some());
    connection.execute("DELETE FROM t", []).unwrap();
    connection.execute("INSERT INTO t VALUES (9)", []).unwrap();
    let rest: Vec<i64> = rows.map_rows(|row| row.get(0)).unwrap();
    assert_eq!(rest, [2, 3]);
}

#[test]
fn a_rollback_ends_rows_that_read_what_it_undid() {
    let connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER); BEGIN; INSERT INTO t VALUES (1), (2)").unwrap();
    let mut select = connection.prepare("SELECT a FROM t").unwrap();
    let mut rows = select.query(()).unwrap();
    assert!(rows.next().unwrap().is_some());
    connection.execute("ROLLBACK", []).unwrap();
    assert_eq!(rows.next().unwrap_err().code(), ErrorCode::Interrupted);
}

#[test]
fn connections_see_each_others_commits_and_nothing_else() {
    let database = Database::open_in_memory().unwrap();
    let (writer, reader) = (database.connect().unwrap(), database.connect().unwrap());
    writer.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(count(&reader, "t"), 1);
    writer.execute_batch("BEGIN; INSERT INTO t VALUES (2)").unwrap();
    assert_eq!((count(&writer, "t"), count(&reader, "t")), (2, 1));
    reader.execute("BEGIN", []).unwrap();
    assert_eq!(count(&reader, "t"), 1);
    writer.execute("COMMIT", []).unwrap();
    assert_eq!(count(&reader, "t"), 1, "a transaction reads one snapshot");
    let conflict = reader.execute("INSERT INTO t VALUES (3)", []).unwrap_err();
    assert_eq!(conflict.code(), ErrorCode::Busy);
    reader.execute("ROLLBACK", []).unwrap();
    assert_eq!(count(&reader, "t"), 2);
    let mut prepared = reader.prepare("SELECT * FROM t").unwrap();
    writer.execute_batch("DROP TABLE t; CREATE TABLE t(a INTEGER, b INTEGER)").unwrap();
    assert_eq!(prepared.query(()).unwrap().column_names(), ["a", "b"], "a changed schema prepares again");
}

#[test]
fn a_second_writer_waits_and_then_says_busy() {
    let database =
        sedge::Options::new().busy_timeout(std::time::Duration::from_millis(50)).open_in_memory().unwrap();
    let (first, second) = (database.connect().unwrap(), database.connect().unwrap());
    first.execute_batch("CREATE TABLE t(a INTEGER); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(second.execute("INSERT INTO t VALUES (2)", []).unwrap_err().code(), ErrorCode::Busy);
    first.execute("COMMIT", []).unwrap();
    second.execute("INSERT INTO t VALUES (2)", []).unwrap();
    assert_eq!(count(&first, "t"), 2);
}

#[test]
fn interrupts_end_a_long_query() {
    let connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER)").unwrap();
    let rows: Vec<String> = (0..2000).map(|n| format!("({n})")).collect();
    connection.execute(&format!("INSERT INTO t VALUES {}", rows.join(",")), []).unwrap();
    let handle = connection.interrupt_handle();
    let (sender, receiver) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        sender.send(()).unwrap();
        connection.query_row("SELECT count(*) FROM t a, t b, t c WHERE a.a + b.a <> c.a", (), |row| {
            row.get::<i64>(0)
        })
    });
    receiver.recv().unwrap();
    while !worker.is_finished() {
        handle.interrupt();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(worker.join().unwrap().unwrap_err().code(), ErrorCode::Interrupted);
}

#[test]
fn misuse_is_told() {
    let connection = open();
    for (result, part) in [
        (connection.execute("SELECT ?", []), "1 parameters"),
        (connection.execute("SELECT 1; SELECT 2", []), "more than one"),
        (connection.execute("  -- nothing", []), "no statement"),
        (connection.execute("COMMIT", []), "no transaction"),
        (connection.execute("SELECT :a", Named(&[(":b", &1)])), ":b"),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Misuse, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let wrong =
        connection.query_row("SELECT 'a' AS word", params![], |row| row.get::<i64>("word")).unwrap_err();
    assert_eq!((wrong.code(), wrong.to_string().contains("word")), (ErrorCode::Type, true));
}

#[test]
fn a_file_is_one_file_at_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sedge");
    {
        let database = Database::open(&path).unwrap();
        let connection = database.connect().unwrap();
        connection
            .execute_batch("CREATE TABLE t(a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
            .unwrap();
        drop(connection);
        database.close().unwrap();
    }
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a.sedge"]);
    let database = Database::open(&path).unwrap();
    assert!(database.recovery_report().is_none());
    assert_eq!(count(&database.connect().unwrap(), "t"), 2);
    assert!(database.check().unwrap().is_empty());
    // Within a process, opening twice gives the same database.
    let again = Database::open(&path).unwrap();
    database.connect().unwrap().execute("DELETE FROM t WHERE a = 1", []).unwrap();
    assert_eq!(count(&again.connect().unwrap(), "t"), 1);
}

#[test]
fn rows_go_on_while_their_connection_writes_and_commits() {
    let mut connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)").unwrap();
    for n in 0..5000 {
        connection.execute("INSERT INTO t VALUES (?, 'before')", [n]).unwrap();
    }
    let mut select = connection.prepare("SELECT a, b FROM t").unwrap();
    let mut rows = select.query(()).unwrap();
    let mut seen = 0;
    let transaction = connection.transaction().unwrap();
    while let Some(row) = rows.next().unwrap() {
        assert_eq!((row.get::<i64>(0).unwrap(), row.get::<String>(1).unwrap()), (seen, "before".to_string()));
        transaction.execute("UPDATE t SET b = 'after' WHERE a = ?", [seen]).unwrap();
        transaction.execute("INSERT INTO t VALUES (?, 'new')", [seen + 10_000]).unwrap();
        seen += 1;
        if seen == 2500 {
            transaction
                .execute_batch("CREATE TABLE u(a); DELETE FROM t WHERE a BETWEEN 4000 AND 4500")
                .unwrap();
        }
    }
    drop(rows);
    transaction.commit().unwrap();
    assert_eq!((seen, count(&connection, "t")), (5000, 10_000 - 501));
    let after: i64 =
        connection.query_row("SELECT count(*) FROM t WHERE b = 'after'", (), |row| row.get(0)).unwrap();
    assert_eq!(after, 5000 - 501);
    // The statement is planned again for the schema that there is now.
    assert_eq!(select.query(()).unwrap().map_rows(|_| Ok(())).unwrap().len(), 10_000 - 501);
}

#[test]
fn rows_dropped_in_the_middle_hold_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("a.sedge")).unwrap();
    let connection = database.connect().unwrap();
    connection.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    let mut select = connection.prepare("SELECT a FROM t ORDER BY a").unwrap();
    for _ in 0..3 {
        let mut rows = select.query(()).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), 1);
    }
    connection.execute("DELETE FROM t", []).unwrap();
    // An old snapshot would keep the checkpoint waiting.
    database.checkpoint().unwrap();
    assert!(database.metrics().overlay_pages <= 1, "only the file's first page is kept beside it");
    assert!(select.query(()).unwrap().next().unwrap().is_none());
}

#[test]
fn a_statement_follows_the_schema() {
    let connection = open();
    connection.execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)").unwrap();
    let mut select = connection.prepare("SELECT * FROM t").unwrap();
    let mut insert = connection.prepare("INSERT INTO t VALUES (5)").unwrap();
    assert_eq!(select.column_names(), ["a"]);
    connection
        .execute_batch("DROP TABLE t; CREATE TABLE t(x TEXT, y INTEGER); INSERT INTO t VALUES ('v', 2)")
        .unwrap();
    let row = select.query_row((), |row| Ok((row.get::<String>("x")?, row.get::<i64>("y")?))).unwrap();
    assert_eq!((row, select.column_names()), (("v".to_string(), 2), vec!["x", "y"]));
    assert_eq!(insert.execute(()).unwrap_err().code(), ErrorCode::Invalid);
    connection.execute("DROP TABLE t", ()).unwrap();
    assert_eq!(select.query(()).unwrap_err().code(), ErrorCode::Name);
}

#[test]
fn a_read_only_database_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sedge");
    let read_only = || sedge::Options::new().read_only(true).create(false).open(&path);
    assert_eq!(read_only().unwrap_err().code(), ErrorCode::Io);
    let database = Database::open(&path).unwrap();
    database
        .connect()
        .unwrap()
        .execute_batch("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2)")
        .unwrap();
    database.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let database = read_only().unwrap();
    let (first, second) = (database.connect().unwrap(), database.connect().unwrap());
    assert_eq!((count(&first, "t"), count(&second, "t")), (2, 2));
    for sql in ["INSERT INTO t VALUES (3)", "DELETE FROM t", "CREATE TABLE u(a)", "BEGIN IMMEDIATE"] {
        assert_eq!(first.execute(sql, ()).unwrap_err().code(), ErrorCode::ReadOnly, "{sql}");
    }
    first.execute_batch("BEGIN; SELECT * FROM t; COMMIT").unwrap();
    assert!(database.check().unwrap().is_empty());
    drop((first, second));
    database.close().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_closed_database_tells_of_what_is_open() {
    let database = Database::open_in_memory().unwrap();
    let connection = database.connect().unwrap();
    assert_eq!(database.clone().close().unwrap_err().code(), ErrorCode::Misuse);
    let statement = connection.prepare("SELECT 1").unwrap();
    drop(connection);
    assert_eq!(database.clone().close().unwrap_err().code(), ErrorCode::Misuse);
    drop(statement);
    database.close().unwrap();
}
