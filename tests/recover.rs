//! Salvage of a database each of whose pages is damaged in turn: what is saved is what stands on the other pages.

#![allow(missing_docs, clippy::unwrap_used)]

use sedge::{Database, Options, SalvageReport, params};
use std::collections::BTreeSet;
use std::path::Path;

const PAGE_SIZE: usize = 4096;

type Rows = BTreeSet<(i64, String, Option<i64>)>;

/// Two tables with indexes, a view, long values, and freed pages.
fn sample(path: &Path) {
    let db = Options::new().page_size(PAGE_SIZE).open(path).unwrap();
    let mut conn = db.connect().unwrap();
    conn.execute_batch(
        "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, people INTEGER);
         CREATE TABLE note(text TEXT, city INTEGER);
         CREATE TABLE gone(a TEXT);
         CREATE INDEX city_people ON city(people DESC);
         CREATE VIEW large AS SELECT name FROM city WHERE people > 500;
         PRAGMA user_version = 7;",
    )
    .unwrap();
    let tx = conn.transaction().unwrap();
    for row in 0..500_i64 {
        let people = (row % 7 != 0).then_some(row * 3);
        tx.execute("INSERT INTO city VALUES (?, ?, ?)", params![row * 2, format!("city {row:04}"), people])
            .unwrap();
    }
    for row in 0..120_i64 {
        let text = format!("note {row} ").repeat(if row % 40 == 7 { 900 } else { 5 });
        tx.execute("INSERT INTO note(rowid, text, city) VALUES (?, ?, ?)", params![row * 5, text, row])
            .unwrap();
        tx.execute("INSERT INTO gone VALUES (?)", params!["x".repeat(200)]).unwrap();
    }
    tx.commit().unwrap();
    conn.execute("DELETE FROM gone", []).unwrap();
    drop(conn);
    db.close().unwrap();
}

fn rows(path: &Path, sql: &str) -> Rows {
    let db = Options::new().read_only(true).open(path).unwrap();
    let conn = db.connect().unwrap();
    let rows = conn.query(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.into_iter().collect()
}

const CITIES: &str = "SELECT id, name, people FROM city";
const NOTES: &str = "SELECT rowid, text, city FROM note";

fn recover(folder: &Path, bytes: &[u8]) -> SalvageReport {
    let (bad, good) = (folder.join("bad.sedge"), folder.join("good.sedge"));
    std::fs::write(&bad, bytes).unwrap();
    let _ = std::fs::remove_file(&good);
    let report = sedge::recover(&bad, &good).unwrap();
    assert!(std::fs::read(&bad).unwrap() == bytes, "the damaged file was changed");
    let db = Database::open(&good).unwrap();
    assert_eq!(db.check().unwrap(), Vec::<String>::new(), "{report}");
    report
}

fn saved(report: &SalvageReport, table: &str) -> u64 {
    report.tables.iter().find(|saved| saved.name == table).map_or(0, |saved| saved.rows)
}

/// What a page holds, by the byte behind its sequence, and the records of a leaf.
fn kind_and_count(page: &[u8]) -> (u8, u64) {
    (page[8], u64::from(u16::from_le_bytes([page[16], page[17]])))
}

#[test]
fn a_sound_database_is_saved_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sedge");
    sample(&whole);
    let report = recover(folder.path(), &std::fs::read(&whole).unwrap());
    assert!(
        report.skipped.is_empty() && report.notes.is_empty() && report.lost_and_found.is_none(),
        "{report}"
    );
    assert!(report.tables.iter().all(|table| table.is_whole), "{report}");
    let good = folder.path().join("good.sedge");
    for sql in [CITIES, NOTES, "SELECT 0, sql, NULL FROM sedge_schema WHERE sql IS NOT NULL"] {
        assert!(rows(&good, sql) == rows(&whole, sql), "{sql}");
    }
    let conn = Database::open(&good).unwrap().connect().unwrap();
    assert_eq!(conn.query_row("PRAGMA user_version", (), |row| row.get::<i64>(0)).unwrap(), 7);
    drop(conn);
    assert_eq!(
        rows(&good, "SELECT count(*), '', NULL FROM large"),
        rows(&whole, "SELECT count(*), '', NULL FROM large")
    );
}

#[test]
fn what_stands_on_sound_pages_is_saved_whichever_page_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sedge");
    sample(&whole);
    let sound = std::fs::read(&whole).unwrap();
    let (cities, notes) = (rows(&whole, CITIES), rows(&whole, NOTES));
    let all = (cities.len() + notes.len()) as u64;
    let good = folder.path().join("good.sedge");
    let mut kinds_seen = BTreeSet::new();
    for page in 0..sound.len() / PAGE_SIZE {
        let mut bytes = sound.clone();
        let range = page * PAGE_SIZE..(page + 1) * PAGE_SIZE;
        // Alternately a page that is all zero and one that has a byte changed.
        if page % 2 == 0 {
            bytes[range.clone()].fill(0)
        } else {
            bytes[range.start + 700] ^= 0x55
        }
        let report = recover(folder.path(), &bytes);
        let (kind, count) = kind_and_count(&sound[range]);
        kinds_seen.insert(kind);
        let what = format!("page {page} of kind {kind} damaged:\n{report}");
        let (good_cities, good_notes) = if saved(&report, "city") + saved(&report, "note") == 0 {
            (Rows::new(), Rows::new())
        } else {
            (rows(&good, CITIES), rows(&good, NOTES))
        };
        assert!(good_cities.is_subset(&cities) && good_notes.is_subset(&notes), "{what}");
        let kept = (good_cities.len() + good_notes.len()) as u64;
        let lost = report.lost_and_found.as_ref().map_or(0, |(_, rows)| *rows);
        match (page, kind) {
            // The freelist is lost with page 0: rows of freed pages may appear in the lost and found.
            (0, _) | (_, 7) => assert_eq!(kept, all, "{what}"),
            // The schema: its tables are not known any more, their rows are.
            (1, _) => assert_eq!((kept, lost), (0, all), "{what}"),
            // A leaf of a table takes its own rows along.
            (_, 2) => assert!(kept == all - count || kept == all, "{what}"),
            // A branch of a table, or anything of an index, takes none.
            (_, 3..=5) => assert_eq!((kept, lost), (all, 0), "{what}"),
            // An overflow page takes the one row that it is a part of.
            _ => assert!(kept == all - 1 || kept == all, "{what}"),
        }
        assert!(report.skipped.iter().any(|skipped| skipped.page == page as u32) || kept == all, "{what}");
    }
    assert!([2, 3, 4, 5, 6, 7].iter().all(|kind| kinds_seen.contains(kind)), "{kinds_seen:?}");
}

#[test]
fn leaves_are_found_below_lost_branches() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sedge");
    let db = Options::new().page_size(PAGE_SIZE).open(&whole).unwrap();
    let mut conn = db.connect().unwrap();
    conn.execute_batch("CREATE TABLE small(a TEXT); CREATE TABLE t(a TEXT)").unwrap();
    let tx = conn.transaction().unwrap();
    let mut insert = tx.prepare("INSERT INTO t VALUES (?)").unwrap();
    for row in 0..5_000 {
        insert.execute([format!("{row:0400}")]).unwrap();
    }
    drop(insert);
    tx.commit().unwrap();
    drop(conn);
    db.close().unwrap();
    let sound = std::fs::read(&whole).unwrap();
    let pages = sound.chunks(PAGE_SIZE).enumerate().skip(1);
    let branches: Vec<usize> =
        pages.filter(|(_, page)| kind_and_count(page).0 == 3).map(|(id, _)| id).collect();
    assert!(branches.len() > 2, "a tree of three levels");
    let mut damages: Vec<Vec<usize>> = branches.iter().map(|branch| vec![*branch]).collect();
    damages.push(branches);
    for damaged in damages {
        let mut bytes = sound.clone();
        for page in &damaged {
            bytes[page * PAGE_SIZE + 100] ^= 1;
        }
        let report = recover(folder.path(), &bytes);
        assert_eq!((saved(&report, "t"), &report.lost_and_found), (5_000, &None), "{damaged:?}:\n{report}");
        assert_eq!(report.skipped.len(), damaged.len(), "{report}");
        let good = folder.path().join("good.sedge");
        let found =
            rows(&good, "SELECT count(DISTINCT rowid), max(a), min(CAST(a AS INTEGER) = rowid - 1) FROM t");
        assert_eq!(found, Rows::from([(5_000, format!("{:0400}", 4_999), Some(1))]));
    }
}

#[test]
fn rows_of_a_table_that_the_schema_lost_are_in_the_lost_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sedge");
    sample(&whole);
    let mut bytes = std::fs::read(&whole).unwrap();
    bytes[PAGE_SIZE..2 * PAGE_SIZE].fill(0);
    let report = recover(folder.path(), &bytes);
    assert!(report.tables.is_empty(), "{report}");
    let good = folder.path().join("good.sedge");
    let found = rows(&good, "SELECT row_id, hex(record), root_page FROM lost_and_found");
    let ids: BTreeSet<i64> = found.iter().map(|row| row.0).collect();
    let roots: BTreeSet<Option<i64>> = found.iter().map(|row| row.2).collect();
    assert!(rows(&whole, CITIES).iter().all(|city| ids.contains(&city.0)));
    assert_eq!(roots.len(), 2, "each table is under its own root page");
}

#[test]
fn commits_that_only_the_logs_hold_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.sedge");
    sample(&whole);
    let db = Database::open(&whole).unwrap();
    let conn = db.connect().unwrap();
    conn.execute("INSERT INTO city VALUES (5001, 'Newtown', 1)", []).unwrap();
    for suffix in ["", "-wal0"] {
        let from = format!("{}{suffix}", whole.display());
        std::fs::copy(from, folder.path().join(format!("bad.sedge{suffix}"))).unwrap();
    }
    let bad = folder.path().join("bad.sedge");
    // Its identity is lost: the log still tells what file it is.
    let mut bytes = std::fs::read(&bad).unwrap();
    bytes[..PAGE_SIZE].fill(0);
    std::fs::write(&bad, bytes).unwrap();
    let good = folder.path().join("good.sedge");
    let report = sedge::recover(&bad, &good).unwrap();
    assert_eq!(saved(&report, "city"), 501, "{report}");
    assert_eq!(rows(&good, "SELECT id, name, people FROM city WHERE id = 5001").len(), 1);
}

#[test]
fn what_is_no_database_and_what_is_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) = (folder.path().join("bad"), folder.path().join("good"));
    std::fs::write(&bad, vec![7; 40_000]).unwrap();
    assert_eq!(sedge::recover(&bad, &good).unwrap_err().code(), sedge::ErrorCode::Corrupt);
    assert!(!good.exists());
    std::fs::write(&good, "mine").unwrap();
    assert_eq!(sedge::recover(&bad, &good).unwrap_err().code(), sedge::ErrorCode::Misuse);
    assert_eq!(std::fs::read(&good).unwrap(), b"mine");
}
