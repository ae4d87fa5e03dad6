//! Databases to start from, made by SQL: at rest, and as a killed process leaves them.

use sedge::Options;
use std::path::{Path, PathBuf};

/// Bytes of a page in every sample.
pub const PAGE_SIZE: usize = 4096;

/// The files of a database; a log that is not there is empty.
#[derive(Clone)]
pub struct Files {
    pub base: Vec<u8>,
    pub logs: [Vec<u8>; 2],
}

/// A new folder, in memory where the system has a place for that.
pub fn folder() -> tempfile::TempDir {
    let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    made.expect("there is a place for temporary files")
}

fn log_path(path: &Path, log: usize) -> PathBuf {
    PathBuf::from(format!("{}-wal{log}", path.display()))
}

/// Copies a database with its logs, as it lies there.
pub fn copy(from: &Path, to: &Path) {
    read(from).write(to);
}

/// The files of a database as they lie there.
pub fn read(path: &Path) -> Files {
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    Files { base: read(path), logs: [0, 1].map(|log| read(&log_path(path, log))) }
}

impl Files {
    /// Writes the files; an empty log is none.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.base).expect("the folder takes files");
        for (log, bytes) in self.logs.iter().enumerate() {
            if bytes.is_empty() {
                let _ = std::fs::remove_file(log_path(path, log));
            } else {
                std::fs::write(log_path(path, log), bytes).expect("the folder takes files");
            }
        }
    }
}

const SCHEMA: &str = "
    CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, people INTEGER, area REAL, seal BLOB);
    CREATE TABLE note(text TEXT, kind ANY, amount NUMERIC, city INTEGER);
    CREATE INDEX city_people ON city(people DESC, name);
    CREATE INDEX note_text ON note(text COLLATE NOCASE);
    CREATE TABLE gone(a TEXT);
    CREATE VIEW large AS SELECT name, people FROM city WHERE people > 300;
    PRAGMA user_version = 7;";

fn rows(connection: &sedge::Connection, from: i64, to: i64) {
    for row in from..to {
        let people = if row % 7 == 0 { "NULL".to_owned() } else { (row * 31 % 977).to_string() };
        let text = format!("note {} ", row * 7919 % 1000).repeat(if row % 20 == 7 { 900 } else { 3 });
        let kind = ["1", "2.5", "'text'", "x'0102'", "NULL"][row as usize % 5];
        let script = format!(
            "INSERT INTO city VALUES ({}, 'city {row:04}', {people}, {row}.25, zeroblob({}));
             INSERT INTO note VALUES ('{text}', {kind}, {row}.5, {row});
             INSERT INTO gone VALUES ('{}');",
            row * 2,
            row % 9,
            "x".repeat(150)
        );
        connection.execute_batch(&script).expect("the rows are sound");
    }
}

/// The files of a database with two tables, their indexes and freed pages: at rest, after some commits, in the log
/// behind a checkpoint.
pub fn all() -> [Files; 3] {
    let folder = folder();
    let path = folder.path().join("sample.sedge");
    let options = Options::new().page_size(PAGE_SIZE).synchronous(sedge::Synchronous::Normal);
    let database = options.open(&path).expect("the folder takes files");
    let connection = database.connect().expect("a new database opens");
    let batch = |sql: &str| connection.execute_batch(sql).expect("the schema is sound");
    batch("BEGIN");
    batch(SCHEMA);
    rows(&connection, 0, 24);
    batch("COMMIT");
    for start in [24, 32, 40] {
        batch("BEGIN");
        rows(&connection, start, start + 8);
        batch("COMMIT");
    }
    let in_first_log = read(&path);
    database.checkpoint().expect("nobody is in the way");
    batch("DELETE FROM gone");
    batch("UPDATE city SET people = people + 1 WHERE id % 3 = 0");
    batch("DELETE FROM note WHERE city % 4 = 1");
    let in_second_log = read(&path);
    drop(connection);
    database.close().expect("nobody is in the way");
    [read(&path), in_first_log, in_second_log]
}
