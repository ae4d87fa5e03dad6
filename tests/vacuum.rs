//! VACUUM, VACUUM INTO, incremental vacuum, backup and restore through the library.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{BackupProgress, Connection, Database, ErrorCode, Options, params};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn texts(conn: &Connection, sql: &str) -> Vec<String> {
    conn.query(sql, [], |row| row.get(0)).unwrap()
}

fn assert_sound(db: &Database) {
    assert_eq!(db.check().unwrap(), Vec::<String>::new());
}

/// A table that comes and goes, and one behind it of which every second row goes.
fn half_deleted(db: &Database) -> Connection {
    let conn = db.connect().unwrap();
    conn.execute_batch(
        "CREATE TABLE gone(a INTEGER PRIMARY KEY, b TEXT);
         CREATE TABLE digit(d INTEGER);
         INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
         INSERT INTO gone SELECT NULL, hex(randomblob(60)) FROM digit a, digit b, digit c, digit e;
         CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c TEXT);
         CREATE INDEX by_b ON t(b);
         CREATE VIEW v AS SELECT a FROM t;
         PRAGMA user_version = 7;
         INSERT INTO t SELECT NULL, hex(randomblob(8)), CASE WHEN a.d = 3 THEN hex(randomblob(9000)) ELSE 'x' || a.d END
             FROM digit a, digit b, digit c, digit e WHERE e.d < 3;
         DROP TABLE gone;
         DELETE FROM t WHERE a % 2 = 0;",
    )
    .unwrap();
    conn
}

const SUMMARY: &str = "SELECT count(*) || ' ' || sum(a) || ' ' || sum(length(c)) || ' ' || max(b) || ' ' ||
     (SELECT count(*) FROM t WHERE b > 'A') || ' ' || (SELECT count(*) FROM v) FROM t";

#[test]
fn vacuum_gives_back_what_was_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.sedge");
    let db = Database::open(&path).unwrap();
    let conn = half_deleted(&db);
    db.checkpoint().unwrap();
    let (before, length) = (texts(&conn, SUMMARY), std::fs::metadata(&path).unwrap().len());
    let kept = conn.prepare(SUMMARY).unwrap();
    conn.execute_batch("VACUUM").unwrap();
    assert_eq!(texts(&conn, SUMMARY), before);
    assert_eq!(number(&conn, "PRAGMA freelist_count"), 0);
    assert_sound(&db);
    let shorter = std::fs::metadata(&path).unwrap().len();
    assert!(shorter * 10 < length * 7, "{length} bytes before, {shorter} after");
    assert_eq!(shorter as i64, number(&conn, "PRAGMA page_count") * number(&conn, "PRAGMA page_size"));
    // What was prepared before goes on, and so do writes.
    let mut kept = kept;
    assert_eq!(kept.query_row((), |row| row.get::<String>(0)).unwrap(), before[0]);
    conn.execute_batch("INSERT INTO t VALUES (NULL, 'new', 'row'); CREATE TABLE u(a); VACUUM main").unwrap();
    assert_eq!(number(&conn, "SELECT count(*) FROM t WHERE b = 'new'"), 1);
    assert_sound(&db);
    drop((kept, conn));
    db.close().unwrap();
    let db = Database::open(&path).unwrap();
    assert_eq!(number(&db.connect().unwrap(), "SELECT count(*) FROM t"), 1501);
    assert_sound(&db);
}

#[test]
fn readers_go_on_over_a_vacuum() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("v.sedge")).unwrap();
    let conn = half_deleted(&db);
    let reader = db.connect().unwrap();
    let expected = texts(&reader, "SELECT b FROM t ORDER BY a");
    let mut statement = reader.prepare("SELECT b FROM t ORDER BY a").unwrap();
    let mut rows = statement.query(()).unwrap();
    let mut seen = vec![rows.next().unwrap().unwrap().get::<String>(0).unwrap()];
    let mut held = db.connect().unwrap();
    let held = held.transaction().unwrap();
    let before = texts(&held, SUMMARY);
    conn.execute_batch("VACUUM; DELETE FROM t WHERE a > 100; VACUUM").unwrap();
    while let Some(row) = rows.next().unwrap() {
        seen.push(row.get(0).unwrap());
    }
    assert_eq!(seen, expected);
    assert_eq!(texts(&held, SUMMARY), before);
    drop(rows);
    held.commit().unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 50);
    assert_sound(&db);
}

#[test]
fn a_vacuum_says_where_it_cannot_be() {
    let db = Database::open_in_memory().unwrap();
    let conn = half_deleted(&db);
    conn.execute_batch("BEGIN").unwrap();
    for sql in ["VACUUM", "VACUUM INTO 'never.sedge'"] {
        let refused = conn.execute(sql, []).unwrap_err();
        assert_eq!(refused.to_string(), "cannot VACUUM from within a transaction");
        assert_eq!(refused.code(), ErrorCode::Misuse);
    }
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(conn.execute("VACUUM other", []).unwrap_err().to_string(), "unknown database other");
    assert_eq!(conn.execute("VACUUM INTO 12", []).unwrap_err().to_string(), "non-text filename");
    conn.execute_batch("VACUUM").unwrap();
    assert_eq!(number(&conn, "PRAGMA freelist_count"), 0);
    assert_sound(&db);
}

#[test]
fn incremental_vacuum_takes_so_many_pages() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path().join("v.sedge")).unwrap();
    let conn = half_deleted(&db);
    let before = texts(&conn, SUMMARY);
    let sizes = || (number(&conn, "PRAGMA page_count"), number(&conn, "PRAGMA freelist_count"));
    let start = sizes();
    // Free pages in front of those that were asked for go with them.
    let cut = |at_least: i64| {
        let now = sizes();
        assert_eq!(start.0 - now.0, start.1 - now.1);
        assert!(start.0 - now.0 >= at_least && now.1 > 0, "{start:?}, then {now:?}");
        now
    };
    assert!(start.1 > 200);
    assert_eq!(number(&conn, "PRAGMA auto_vacuum"), 2);
    conn.execute_batch("PRAGMA auto_vacuum = 0; PRAGMA incremental_vacuum(10)").unwrap();
    let first = cut(10);
    // Inside a transaction it is a part of that.
    conn.execute_batch("BEGIN; PRAGMA incremental_vacuum(25)").unwrap();
    cut(35);
    assert_eq!(texts(&conn, SUMMARY), before);
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(sizes(), first);
    conn.execute_batch("BEGIN; PRAGMA incremental_vacuum(25); INSERT INTO digit VALUES (10); COMMIT")
        .unwrap();
    cut(35);
    assert_sound(&db);
    conn.execute_batch("PRAGMA incremental_vacuum").unwrap();
    assert_eq!(sizes(), (start.0 - start.1, 0));
    assert_eq!(texts(&conn, SUMMARY), before);
    assert_sound(&db);
    let statement = conn.prepare("PRAGMA freelist_count").unwrap();
    assert_eq!(statement.column_names(), ["freelist_count"]);
}

#[test]
fn vacuum_into_makes_a_compact_copy() {
    let folder = tempfile::tempdir().unwrap();
    let db = Options::new().page_size(4096).open(folder.path().join("v.sedge")).unwrap();
    let conn = half_deleted(&db);
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    conn.execute("VACUUM INTO ? || '.sedge'", [name("copy")]).unwrap();
    let copy = Database::open(name("copy.sedge")).unwrap();
    assert_sound(&copy);
    assert_eq!(copy.recovery_report(), None);
    let copied = copy.connect().unwrap();
    assert_eq!(texts(&copied, SUMMARY), texts(&conn, SUMMARY));
    let schema = "SELECT group_concat(type || name || tbl_name || coalesce(sql, ''), ';') FROM sedge_schema";
    assert_eq!(texts(&copied, schema), texts(&conn, schema));
    assert_eq!((number(&copied, "PRAGMA user_version"), number(&copied, "PRAGMA page_size")), (7, 4096));
    assert_eq!(number(&copied, "PRAGMA freelist_count"), 0);
    conn.execute_batch("VACUUM").unwrap();
    let (vacuumed, fresh) = (number(&conn, "PRAGMA page_count"), number(&copied, "PRAGMA page_count"));
    assert!(vacuumed <= fresh + fresh / 20, "{vacuumed} pages vacuumed in place, {fresh} in a copy");
    copied
        .execute_batch("INSERT INTO t VALUES (NULL, 'z', 'z'); DROP TABLE digit; CREATE TABLE w(a)")
        .unwrap();
    assert_sound(&copy);

    let refused = conn.execute("VACUUM INTO ?", [name("copy.sedge")]).unwrap_err();
    assert!(refused.to_string().contains("exists already and is not empty"), "{refused}");
    std::fs::write(name("empty"), "").unwrap();
    conn.execute("VACUUM INTO ?", [name("empty")]).unwrap();
    assert_eq!(
        number(&Database::open(name("empty")).unwrap().connect().unwrap(), "SELECT count(*) FROM t"),
        1500
    );
    assert!(conn.execute("VACUUM INTO ?", [name("no/such/folder")]).is_err());
}

const ACCOUNTS: i64 = 1000;

/// A bank whose writer goes on while `during` runs.
fn with_a_writer(folder: &Path, during: impl FnOnce(&Database)) {
    let db = Database::open(folder.join("bank.sedge")).unwrap();
    let conn = db.connect().unwrap();
    conn.execute_batch("CREATE TABLE account(id INTEGER PRIMARY KEY, held INTEGER, note TEXT); BEGIN")
        .unwrap();
    for id in 0..ACCOUNTS {
        conn.execute("INSERT INTO account VALUES (?, 100, ?)", params![id, "note ".repeat(100)]).unwrap();
    }
    conn.execute_batch("COMMIT").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                db.write(|tx| {
                    let (from, to) = (round * 7 % ACCOUNTS, round * 13 % ACCOUNTS);
                    tx.execute("UPDATE account SET held = held - 1 WHERE id = ?", [from])?;
                    tx.execute(
                        "UPDATE account SET held = held + 1, note = note || ? WHERE id = ?",
                        params!["x", to],
                    )
                })
                .unwrap();
            }
        });
        during(&db);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(number(&conn, "SELECT sum(held) FROM account"), 100 * ACCOUNTS);
    assert_sound(&db);
}

fn assert_balanced(path: &Path) {
    let copy = Database::open(path).unwrap();
    assert_sound(&copy);
    let conn = copy.connect().unwrap();
    assert_eq!(number(&conn, "SELECT sum(held) FROM account"), 100 * ACCOUNTS);
    assert_eq!(number(&conn, "SELECT count(*) FROM account"), ACCOUNTS);
}

#[test]
fn copies_and_vacuums_under_a_writer_keep_the_sum() {
    let folder = tempfile::tempdir().unwrap();
    with_a_writer(folder.path(), |db| {
        let conn = db.connect().unwrap();
        for round in 0..3 {
            let path = folder.path().join(format!("backup{round}"));
            let mut reports: Vec<BackupProgress> = Vec::new();
            db.backup(&path, |progress| {
                reports.push(progress);
                ControlFlow::Continue(())
            })
            .unwrap();
            let last = reports.last().unwrap();
            assert!(reports.is_sorted_by_key(|progress| progress.done) && last.done == last.total);
            assert_balanced(&path);
            let path = folder.path().join(format!("into{round}"));
            conn.execute("VACUUM INTO ?", [path.to_str().unwrap()]).unwrap();
            assert_balanced(&path);
            conn.execute_batch("VACUUM").unwrap();
        }
    });
}

#[test]
fn a_restore_replaces_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("from.sedge");
    let from = Options::new().page_size(16384).open(&path).unwrap();
    let expected = texts(&half_deleted(&from), SUMMARY);
    let db = Database::open(folder.path().join("to.sedge")).unwrap();
    let conn = db.connect().unwrap();
    conn.execute_batch(
        "CREATE TABLE t(other TEXT); CREATE INDEX i ON t(other); INSERT INTO t VALUES ('mine')",
    )
    .unwrap();
    let ended = db.restore(&from, |progress| match progress.done {
        0..100 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert_eq!(ended.unwrap_err().code(), ErrorCode::Interrupted);
    assert_eq!(texts(&conn, "SELECT other FROM t"), ["mine"]);
    let mut statement = conn.prepare("SELECT * FROM t").unwrap();
    let mut rows = statement.query(()).unwrap();
    db.restore(&from, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().get::<String>(0).unwrap(), "mine", "readers keep what they saw");
    drop(rows);
    assert_eq!(texts(&conn, SUMMARY), expected);
    assert_eq!(number(&conn, "PRAGMA user_version"), 7);
    assert_sound(&db);
    assert_eq!(from.restore(&from, |_| ControlFlow::Continue(())).unwrap_err().code(), ErrorCode::Misuse);
    let stopped = from.backup(folder.path().join("no.sedge"), |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(stopped.code(), ErrorCode::Interrupted);
    assert!(!folder.path().join("no.sedge").exists());
}
