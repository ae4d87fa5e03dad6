//! `.backup`, `.save`, `.restore` and `.clone` from outside.

#![allow(missing_docs, clippy::unwrap_used)]

use std::process::Command;

/// Runs the shell on a file with one command line after the other; standard output, standard error and success.
fn sedge(file: &str, lines: &[&str]) -> (String, String, bool) {
    let run = Command::new(env!("CARGO_BIN_EXE_sedge")).arg(file).args(lines).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&run.stdout), text(&run.stderr), run.status.success())
}

const ROWS: &str = "CREATE TABLE t(a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two');";

#[test]
fn what_is_backed_up_can_be_restored() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (from, copy, saved) = (name("from.sedge"), name("a copy.sedge"), name("saved.sedge"));
    let (_, error, done) =
        sedge(&from, &[ROWS, &format!(".backup main '{copy}'"), &format!(".save {saved}")]);
    assert!(done, "{error}");
    assert_eq!(error, "", "no progress is shown where there is no terminal");
    for file in [&copy, &saved] {
        assert_eq!(sedge(file, &["SELECT b FROM t"]).0, "one\ntwo\n");
        let checked = Command::new(env!("CARGO_BIN_EXE_sedge")).args(["check", file]).output().unwrap();
        assert_eq!(checked.stdout, b"ok\n");
    }
    // A later backup to the same file replaces what is there.
    let (_, error, done) = sedge(&from, &["INSERT INTO t VALUES (3, 'three')", &format!(".backup '{copy}'")]);
    assert!(done, "{error}");
    assert_eq!(sedge(&copy, &["SELECT count(*) FROM t"]).0, "3\n");
    let restore = format!(".restore '{copy}'");
    let (rows, error, done) = sedge(&from, &["DELETE FROM t", &restore, "SELECT sum(a) FROM t"]);
    assert!(done, "{error}");
    assert_eq!(rows, "6\n");
    let (rows, error, done) = sedge(":memory:", &[&restore, "SELECT sum(a) FROM t", "VACUUM"]);
    assert_eq!((rows.as_str(), error.as_str(), done), ("6\n", "", true));
}

#[test]
fn a_clone_is_made_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let clone = format!(".clone {}", name("it's.sedge"));
    let (_, error, done) = sedge(&name("from.sedge"), &[ROWS, &clone]);
    assert!(done, "{error}");
    assert_eq!(sedge(&name("it's.sedge"), &["SELECT b FROM t"]).0, "one\ntwo\n");
    let (_, error, done) = sedge(&name("from.sedge"), &[&clone]);
    assert!(!done && error.contains("already exists"), "{error}");
}

#[test]
fn copies_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(name("text"), "no database").unwrap();
    let from = name("from.sedge");
    for (line, expected) in [
        (format!(".backup {}", name("text")), "not a Sedge database"),
        (format!(".restore {}", name("missing")), "cannot open"),
        (format!(".backup temp {}", name("x")), "unknown database temp"),
        (".backup".to_string(), "usage: .backup [DB] FILE"),
        (format!(".save main {}", name("x")), "usage: .save FILE"),
        (format!(".backup --append {}", name("x")), "usage: .backup [DB] FILE"),
        (format!(".backup {from}"), "a database cannot be restored from itself"),
    ] {
        let (_, error, done) = sedge(&from, &["SELECT 1", &line]);
        assert!(!done && error.contains(expected), "{line}: {error}");
    }
    assert_eq!(std::fs::read(name("text")).unwrap(), b"no database");
    let (_, error, done) = sedge(&from, &["BEGIN", &format!(".restore {from}")]);
    assert!(!done && error.contains("from within a transaction"), "{error}");
}
