//! The `sedge` command from outside: what it prints, what it exits with, what it says of bad files.

#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn sedge(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sedge"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_string_lossy().into_owned()
}

const TWO_ROWS: &str =
    "CREATE TABLE t(a INTEGER, b TEXT, r REAL); INSERT INTO t VALUES (1, 'x,y', 0.5), (2, NULL, 3);\n";

#[test]
fn batch_mode_prints_a_list() {
    let run = sedge(&[], &format!("{TWO_ROWS}SELECT * FROM t ORDER BY a DESC;"));
    assert_eq!((out(&run).as_str(), run.status.code()), ("2||3.0\n1|x,y|0.5\n", Some(0)), "{}", err(&run));
}

#[test]
fn every_mode_prints_its_form() {
    for (option, expected) in [
        ("--csv", "1,\"x,y\",0.5\r\n2,,3.0\r\n"),
        ("--json", "[{\"a\":1,\"b\":\"x,y\",\"r\":0.5},\n{\"a\":2,\"b\":null,\"r\":3.0}]\n"),
        ("--list", "1|x,y|0.5\n2||3.0\n"),
    ] {
        let run = sedge(&[option], &format!("{TWO_ROWS}SELECT * FROM t;"));
        assert_eq!(out(&run), expected, "{option}: {}", err(&run));
    }
    let table = out(&sedge(&["--table"], &format!("{TWO_ROWS}SELECT * FROM t;")));
    assert!(table.contains("│ a ") && table.contains("NULL") && table.contains("2 rows"), "{table}");
    let headed = out(&sedge(&["--header", ":memory:", "SELECT 1 AS one, 'b' AS two"], ""));
    assert_eq!(headed, "one|two\n1|b\n");
}

#[test]
fn an_error_names_its_line_and_place_and_the_rest_still_runs() {
    let run = sedge(&[], "SELECT 1;\n\nSELECT 2,\n  missing;\nSELECT 3;\n");
    assert_eq!((out(&run).as_str(), run.status.code()), ("1\n3\n", Some(1)));
    let message = err(&run);
    assert!(
        message.contains("line 4: no such column: missing\n")
            && message.contains("missing;\n")
            && message.contains("^^^^^^^"),
        "{message}"
    );
    let bailed = sedge(&["--bail"], "SELECT missing; SELECT 3;");
    assert_eq!((out(&bailed).as_str(), bailed.status.code()), ("", Some(1)));
}

#[test]
fn a_dump_makes_the_same_database() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (path(&folder, "from.sedge"), path(&folder, "to.sedge"));
    let made = sedge(
        &[&from],
        "CREATE TABLE \"odd name\"(a INTEGER PRIMARY KEY, b TEXT, c BLOB, d ANY);\n\
         INSERT INTO \"odd name\" VALUES (1, 'it''s', x'00ff', 1.5), (2, 'two\nlines', NULL, 'x'), (3, '', x'', 1e300);\n\
         CREATE UNIQUE INDEX i ON \"odd name\"(b); CREATE VIEW v AS SELECT a FROM \"odd name\" WHERE d > 1;\n",
    );
    assert!(made.status.success(), "{}", err(&made));
    let dump = out(&sedge(&[&from, ".dump"], ""));
    let read = sedge(&[&to], &dump);
    assert!(read.status.success(), "{}\n{dump}", err(&read));
    assert_eq!(out(&sedge(&[&to, ".dump"], "")), dump);
    assert_eq!(out(&sedge(&[&to, "SELECT count(*) FROM v"], "")), "3\n");
}

#[test]
fn import_knows_nothing_from_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "data.csv");
    std::fs::write(&file, "id,name,score\n1,Ada,1.5\n2,,\n3,\"\",2\n").unwrap();
    let run = sedge(
        &[],
        &format!(
            "CREATE TABLE t(id INTEGER, name TEXT, score REAL);\n.import --csv --skip 1 '{file}' t\n\
             SELECT id, quote(name), quote(score) FROM t;\n.import '{file}' fresh\nSELECT count(*), max(score) FROM fresh;\n"
        ),
    );
    assert_eq!(out(&run), "1|'Ada'|1.5\n2|''|NULL\n3|''|2.0\n3|2\n", "{}", err(&run));
    std::fs::write(&file, "1,Ada,1.5\nx,Bob,2\n").unwrap();
    let bad = sedge(
        &[],
        &format!(
            "CREATE TABLE t(id INTEGER, name TEXT, score REAL);\n.import '{file}' t\nSELECT count(*) FROM t;\n"
        ),
    );
    assert_eq!((out(&bad).as_str(), bad.status.code()), ("0\n", Some(1)));
    assert!(err(&bad).contains("data.csv:2"), "{}", err(&bad));
}

#[test]
fn commands_tell_of_the_schema() {
    let setup = "CREATE TABLE t(a INTEGER); CREATE INDEX ti ON t(a); CREATE VIEW v AS SELECT 1;\n";
    for (command, expected) in [
        (".tables", "t  v\n"),
        (".databases", "main: \"\"\n"),
        (".indexes", "ti\n"),
        (".indexes v", ""),
        (".schema t", "CREATE TABLE t(a INTEGER);\nCREATE INDEX ti ON t(a);\n"),
        (".schema v", "CREATE VIEW v AS SELECT 1;\n"),
    ] {
        let run = sedge(&[], &format!("{setup}{command}\n"));
        assert_eq!((out(&run).as_str(), run.status.code()), (expected, Some(0)), "{command}: {}", err(&run));
    }
    let unknown = sedge(&[], ".nonsense\n");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains(".help"), "{}", err(&unknown));
}

/// Runs a query on `file` that must fail with a message that holds `part`.
fn refused(file: &str, part: &str) {
    let run = sedge(&[file, "SELECT * FROM sedge_schema"], "");
    assert_eq!(run.status.code(), Some(1), "{}", out(&run));
    assert!(err(&run).contains(part) && !err(&run).contains("panicked"), "{}", err(&run));
}

#[test]
fn what_is_no_database_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = path(&folder, "letter.txt");
    std::fs::write(&text, "Dear reader,\n".repeat(1000)).unwrap();
    refused(&text, "not a Sedge database");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "Dear reader,\n".repeat(1000));
    let sqlite = path(&folder, "old.db");
    rusqlite::Connection::open(&sqlite).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    let before = std::fs::read(&sqlite).unwrap();
    refused(&sqlite, "SQLite");
    refused(&sqlite, ".dump");
    assert_eq!(std::fs::read(&sqlite).unwrap(), before);
    refused(&path(&folder, "no/such/folder/a.sedge"), "no/such/folder");
    refused(&folder.path().to_string_lossy(), "it is a folder");
}

#[test]
fn a_second_writer_is_told_who_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a.sedge");
    let mut first = Command::new(env!("CARGO_BIN_EXE_sedge"))
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Standard input is read before the file is used, but the file is open by then.
    std::thread::sleep(std::time::Duration::from_millis(300));
    refused(&file, "another process");
    first.stdin.take().unwrap().write_all(b"CREATE TABLE t(a);").unwrap();
    assert!(first.wait().unwrap().success());
    assert_eq!(out(&sedge(&[&file, "SELECT name FROM sedge_schema"], "")), "t\n");
}

#[test]
fn check_finds_a_flipped_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a.sedge");
    let fill = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b);\nBEGIN;\n".to_string()
        + &(0..500).map(|n| format!("INSERT INTO t VALUES ({n}, 'text number {n}');\n")).collect::<String>()
        + "COMMIT;\n";
    let made = sedge(&[&file], &fill);
    assert!(made.status.success(), "{}", err(&made));
    let clean = sedge(&["check", &file], "");
    assert_eq!((out(&clean).as_str(), clean.status.code()), ("ok\n", Some(0)));
    let sound = std::fs::read(&file).unwrap();
    let answer = out(&sedge(&[&file, "SELECT count(*), sum(a), max(b) FROM t"], ""));
    for place in (0..sound.len()).step_by(sound.len() / 23) {
        let mut damaged = sound.clone();
        damaged[place] ^= 0x40;
        std::fs::write(&file, &damaged).unwrap();
        let checked = sedge(&["check", &file], "");
        assert!(!err(&checked).contains("panicked"), "byte {place}: {}", err(&checked));
        assert_eq!(checked.status.code(), Some(1), "byte {place} of {} passed", sound.len());
        let asked = sedge(&["--readonly", &file, "SELECT count(*), sum(a), max(b) FROM t"], "");
        assert!(!err(&asked).contains("panicked"), "byte {place}: {}", err(&asked));
        assert!(!asked.status.success() || out(&asked) == answer, "byte {place}: {}", out(&asked));
    }
}

#[test]
fn a_read_only_folder_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "a.sedge");
    assert!(sedge(&[&file, "CREATE TABLE t(a)"], "").status.success());
    let lock = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    lock(0o555);
    // The superuser may write everywhere: there is nothing to see then.
    if std::fs::write(folder.path().join("probe"), "").is_err() {
        refused(&path(&folder, "b.sedge"), "b.sedge");
        let write = sedge(&[&file, "INSERT INTO t VALUES (1)"], "");
        assert_eq!(write.status.code(), Some(1));
    }
    lock(0o755);
    assert_eq!(out(&sedge(&["--readonly", &file, "SELECT count(*) FROM t"], "")), "0\n");
    let write = sedge(&["--readonly", &file, "INSERT INTO t VALUES (1)"], "");
    assert_eq!(write.status.code(), Some(1));
    assert!(err(&write).contains("read-only"), "{}", err(&write));
}

#[test]
fn the_test_runner_counts_and_exits() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("good.slt"), "query I\nSELECT 1 + 1\n----\n2\n").unwrap();
    std::fs::write(folder.path().join("sub/other.test"), "statement error\nSELECT missing\n").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a test").unwrap();
    let good = sedge(&["test", &folder.path().to_string_lossy()], "");
    assert_eq!((out(&good).as_str(), good.status.code()), ("2 passed, 0 failed, 0 skipped\n", Some(0)));
    std::fs::write(folder.path().join("bad.slt"), "\nquery I\nSELECT 1 + 1\n----\n3\n").unwrap();
    let bad = sedge(&["test", &folder.path().to_string_lossy()], "");
    assert_eq!(bad.status.code(), Some(1));
    let report = out(&bad);
    assert!(report.contains("bad.slt:2: ") && report.contains("SELECT 1 + 1"), "{report}");
    assert!(report.ends_with("2 passed, 1 failed, 0 skipped\n"), "{report}");
    assert!(Path::new(&path(&folder, "notes.txt")).exists());
}

#[test]
fn our_own_test_files_pass() {
    let run = sedge(&["test", concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/slt")], "");
    assert!(run.status.success(), "{}", out(&run));
    assert!(!out(&run).starts_with("0 passed"), "{}", out(&run));
}

#[test]
fn a_result_without_rows_is_told_where_people_or_parsers_read() {
    for (option, expected) in [("--table", "0 rows\n"), ("--json", "[]\n"), ("--csv", ""), ("--list", "")] {
        let run = sedge(&[option, ":memory:", "SELECT 1 WHERE 0", "CREATE TABLE t(a)"], "");
        assert_eq!(out(&run), expected, "{option}: {}", err(&run));
    }
}

#[test]
fn a_table_shows_what_cannot_be_printed() {
    let sql =
        "SELECT x'00ff' AS b, 'a' || char(27) || 'c' AS e, replace(hex(zeroblob(2000)), '0', 'é') AS long";
    let table = out(&sedge(&["--table", ":memory:", sql], ""));
    assert!(table.contains("x'00ff'") && table.contains("a\\u{1b}c"), "{table}");
    assert_eq!(table.matches('é').count(), 2000, "{table}");
    let exact = out(&sedge(&["--list", ":memory:", sql], ""));
    assert_eq!(exact.matches('é').count(), 4000);
}

#[test]
fn scripts_of_other_systems_are_read() {
    let run = sedge(
        &[],
        "\u{feff}CREATE TABLE t(a INTEGER,\r\n b TEXT);\r\n.mode csv\r\nINSERT INTO t VALUES (1, 'x');\r\nSELECT * FROM t;\r\n",
    );
    assert_eq!((out(&run).as_str(), run.status.code()), ("1,x\r\n", Some(0)), "{}", err(&run));
    let folder = tempfile::tempdir().unwrap();
    let test = path(&folder, "a.slt");
    std::fs::write(
        &test,
        "query IT\r\nSELECT 1, 'x'\r\n----\r\n1\r\nx\r\n\r\nstatement ok\r\nVALUES (1)\r\n",
    )
    .unwrap();
    assert_eq!(out(&sedge(&["test", &test], "")), "2 passed, 0 failed, 0 skipped\n");
    std::fs::write(&test, b"statement ok\nSELECT 1\n\nstatement ok\nSELECT '\xff'\n").unwrap();
    let bad = sedge(&["test", "--jobs", "2", &test], "");
    assert!(out(&bad).contains("a.slt:5: ") && bad.status.code() == Some(1), "{}", out(&bad));
    let empty = tempfile::tempdir().unwrap();
    let none = sedge(&["test", &empty.path().to_string_lossy()], "");
    assert_eq!((out(&none).as_str(), none.status.code()), ("", Some(1)));
}

#[test]
fn errors_of_a_file_name_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let script = path(&folder, "a.sql");
    std::fs::write(
        &script,
        "SELECT 1;\n-- a comment\nSELECT 2; SELECT\n  missing;\n.nonsense\nINSERT INTO t\n VALUES (1);\n",
    )
    .unwrap();
    let run = sedge(&[":memory:", &format!(".read '{script}'"), ".read missing.sql"], "");
    assert_eq!((out(&run).as_str(), run.status.code()), ("1\n2\n", Some(1)));
    for part in
        ["a.sql:4: no such column", "a.sql:5: there is no command", "a.sql:6: no such table", "missing.sql: "]
    {
        assert!(err(&run).contains(part), "{part}: {}", err(&run));
    }
}

#[test]
fn a_closed_pipe_ends_the_shell_quietly() {
    let many = format!(
        "SELECT 1 FROM (VALUES {}) a, (VALUES {}) b;",
        vec!["(1)"; 400].join(","),
        vec!["(1)"; 400].join(",")
    );
    for script in [many, "CREATE TABLE t(a);\n".to_string() + &".schema\n".repeat(20_000)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sedge"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let run = child.wait_with_output().unwrap();
        assert_eq!((err(&run).as_str(), run.status.code()), ("", Some(1)));
    }
}

#[test]
fn an_open_transaction_is_told_at_the_end() {
    let run = sedge(&[], "CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1); SELECT a FROM t;");
    assert_eq!((out(&run).as_str(), run.status.code()), ("1\n", Some(0)));
    assert!(err(&run).contains("rolled back"), "{}", err(&run));
}

#[test]
fn an_import_inside_a_transaction_undoes_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "data.csv");
    std::fs::write(&file, "a,b\n1,x\n").unwrap();
    let script = format!(
        "CREATE TABLE t(a INTEGER, b TEXT); BEGIN; INSERT INTO t VALUES (7, 'kept');\n.import '{file}' t\n\
         .import --skip 1 '{file}' t\nCOMMIT; SELECT * FROM t ORDER BY a;\n"
    );
    let run = sedge(&[], &script);
    assert_eq!((out(&run).as_str(), run.status.code()), ("1|x\n7|kept\n", Some(1)));
    assert!(err(&run).contains("data.csv:1: ") && err(&run).contains("--skip 1"), "{}", err(&run));
}

#[test]
fn an_interrupt_ends_the_script() {
    let rows = vec!["(1)"; 2000].join(",");
    let script = format!(
        "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES {rows}; SELECT 'started';\n\
         SELECT count(*) FROM t a, t b, t c WHERE a.a + b.a <> c.a;\nSELECT 'not reached';\n"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_sedge"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let mut started = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = child.wait_with_output().unwrap();
    assert_eq!((out(&run).as_str(), run.status.code()), ("", Some(1)));
    assert!(err(&run).contains("line 2: interrupted"), "{}", err(&run));
}

#[test]
fn recover_saves_what_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) = (path(&folder, "bad.sedge"), path(&folder, "good.sedge"));
    let made =
        sedge(&[&bad, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (3, 'x')"], "");
    assert!(made.status.success(), "{}", err(&made));
    let mut bytes = std::fs::read(&bad).unwrap();
    bytes[..4096].fill(0);
    std::fs::write(&bad, bytes).unwrap();
    assert_eq!(sedge(&["check", &bad], "").status.code(), Some(1));
    let recovered = sedge(&["recover", &bad, &good], "");
    assert!(recovered.status.success(), "{}", err(&recovered));
    assert!(out(&recovered).starts_with("table t: 1 rows saved\n"), "{}", out(&recovered));
    assert_eq!(out(&sedge(&[&good, "SELECT * FROM t"], "")), "3|x\n");
    // What is there already is not overwritten.
    let again = sedge(&["recover", &bad, &good], "");
    assert!(!again.status.success() && err(&again).contains("exists already"), "{}", err(&again));
}
