//! What the fuzz targets share: edits beside a model (`edits`), real files to start from (`sample`), and changes of
//! their bytes under checksums that are right again (`forge`); SQL that is nearly right and the watch over its run (`grammar`,
//! `watch`), which a test of the repository shares. Uses the public interfaces alone.
#![forbid(unsafe_code)]

pub mod edits;
pub mod forge;
#[path = "../../tests/fuzzing/grammar.rs"]
pub mod grammar;
pub mod sample;
#[path = "../../tests/fuzzing/watch.rs"]
pub mod watch;

use arbitrary::Arbitrary;
use sample::Files;
use sedge::{Connection, Database, Options};

/// What is done with forged files: one thing a run, since each takes some time.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Use {
    Check,
    Read,
    Write,
    Salvage,
}

/// Opens the files and does with them what a hostile one could make hurt.
pub fn use_forged(files: &Files, mmap: bool, how: Use) {
    let folder = sample::folder();
    let path = folder.path().join("forged.sedge");
    files.write(&path);
    let options = Options::new().mmap(mmap).cache_size(1 << 20).synchronous(sedge::Synchronous::Off);
    match how {
        Use::Check => {
            if let Ok(database) = options.read_only(true).open(&path) {
                let _ = database.check();
                let _ = database.stat();
            }
        }
        Use::Read => {
            if let Ok(database) = options.open(&path)
                && let Ok(connection) = database.connect()
            {
                read(&database, &connection);
            }
        }
        Use::Write => {
            if let Ok(database) = options.open(&path)
                && let Ok(connection) = database.connect()
            {
                for sql in WRITES {
                    let _ = connection.execute_batch(sql);
                }
            }
        }
        Use::Salvage => {
            let _ = sedge::recover(&path, folder.path().join("saved.sedge"));
        }
    }
}

/// Reads every table by scans, by indexes and by row id.
fn read(database: &Database, connection: &Connection) {
    let _ = database.recovery_report();
    for sql in QUERIES {
        let _ = connection.query(sql, (), |row| {
            for column in 0..row.column_count() {
                row.get_ref(column)?;
            }
            Ok(())
        });
    }
}

const QUERIES: [&str; 9] = [
    "SELECT * FROM sedge_schema",
    "SELECT * FROM city",
    "SELECT * FROM city ORDER BY id DESC",
    "SELECT name, people FROM city ORDER BY people DESC, name",
    "SELECT * FROM note, city WHERE city.id = note.city AND amount > 3",
    "SELECT text, kind, typeof(kind) FROM note WHERE text > 'note 5' COLLATE NOCASE ORDER BY text COLLATE NOCASE",
    "SELECT count(*), sum(people), max(name), min(length(seal)) FROM city",
    "SELECT * FROM city WHERE id IN (0, 4, 77, 100)",
    "SELECT * FROM large",
];

const WRITES: [&str; 8] = [
    "INSERT INTO city(name, people) VALUES ('a new one', 5)",
    "UPDATE city SET name = name || '!', people = people + 1 WHERE id < 60",
    "DELETE FROM note WHERE city BETWEEN 10 AND 50",
    "INSERT INTO note SELECT text || text, kind, amount, city + 1000 FROM note",
    "INSERT OR REPLACE INTO city SELECT id + 1, name, area, people, seal FROM city LIMIT 40",
    "DROP INDEX note_text",
    "DELETE FROM city",
    "DROP TABLE note",
];
