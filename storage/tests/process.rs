//! Two processes and one file: the lock, and what a killed process leaves behind.
//!
//! The second process is this very test program, told by an environment variable to play its part.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Error, Options, Store, TreeId, TreeKind, row_key};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const PATH: &str = "SEDGE_TEST_PROCESS_PATH";
const PART: &str = "SEDGE_TEST_PROCESS_PART";

/// Starts this program again to run `part` on the file.
fn start(part: &str, path: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(PART, part)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Reads lines until one starts with `word`, and gives back the number behind it.
fn wait_for(output: &mut BufReader<ChildStdout>, word: &str) -> u64 {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The test harness may have begun the line.
        if let Some((_, number)) = line.split_once(word) {
            return number.trim().parse().unwrap();
        }
        line.clear();
    }
    panic!("the other process ended without saying {word}");
}

/// The part of the other process; does nothing in the first one.
#[test]
fn the_other_process() {
    let Ok(path) = std::env::var(PATH) else { return };
    let part = std::env::var(PART).unwrap();
    let options = Options { read_only: part == "read", ..Options::default() };
    let store = Store::open(Path::new(&path), &options).unwrap();
    if part == "write" {
        let mut transaction = store.begin_write(Duration::ZERO).unwrap();
        let tree = transaction.create_tree(TreeKind::Table).unwrap();
        transaction.commit().unwrap();
        println!("tree={}", tree.0);
        for row in 0..100_000 {
            let mut transaction = store.begin_write(Duration::ZERO).unwrap();
            transaction.insert(tree, &row_key(row), &[row as u8; 100]).unwrap();
            transaction.commit().unwrap();
            println!("row={row}");
        }
    }
    println!("open=1");
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_second_process_learns_who_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.sedge");
    let (child, mut output) = start("hold", &path);
    wait_for(&mut output, "open=");
    for read_only in [false, true] {
        let error = Store::open(&path, &Options { read_only, ..Options::default() }).unwrap_err();
        assert!(matches!(error, Error::Busy(_)), "{error}");
        let message = error.to_string();
        assert!(message.contains("locked.sedge: another process"), "{message}");
        if cfg!(target_os = "linux") {
            assert!(message.contains(&format!("(pid {})", child.id())), "{message}");
        }
    }
    end(child);
    drop(Store::open(&path, &Options::default()).unwrap());

    let (child, mut output) = start("read", &path);
    wait_for(&mut output, "open=");
    drop(Store::open(&path, &Options { read_only: true, ..Options::default() }).unwrap());
    assert!(matches!(Store::open(&path, &Options::default()), Err(Error::Busy(_))));
    end(child);
}

#[test]
fn a_killed_process_loses_no_acknowledged_commit() {
    for round in 1..4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.sedge");
        let (child, mut output) = start("write", &path);
        let tree = TreeId(wait_for(&mut output, "tree=") as u32);
        let mut acknowledged = 0;
        while acknowledged < round * 150 {
            acknowledged = wait_for(&mut output, "row=");
        }
        end(child);
        let store = Store::open(&path, &Options::default()).unwrap();
        let snapshot = store.snapshot();
        for row in 0..=acknowledged {
            let value = snapshot.get(tree, &row_key(row as i64), <[u8]>::to_vec).unwrap();
            assert_eq!(value, Some(vec![row as u8; 100]));
        }
        let trees = [
            (Store::SCHEMA_TREE, TreeKind::Index, "schema".to_owned()),
            (tree, TreeKind::Table, "rows".to_owned()),
        ];
        assert_eq!(store.check(&trees).unwrap(), Vec::<String>::new());
    }
}
