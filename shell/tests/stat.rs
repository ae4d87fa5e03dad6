//! `sedge stat` from outside: what it draws of a database, and what it tells programs.

#![allow(missing_docs, clippy::unwrap_used)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn sedge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sedge")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A database with a table that was deleted from, an index, and a value too long for a leaf.
fn make(folder: &Path) -> String {
    let file = folder.join("a.sedge").to_string_lossy().into_owned();
    let digits = "SELECT 0 AS x UNION ALL VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9)";
    let load = format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON t(name); CREATE TABLE gone(a); \
         CREATE VIEW v AS SELECT * FROM t;
         INSERT INTO t WITH d AS ({digits}) SELECT NULL, hex(a.x * 7919 + b.x * 104729 + c.x * 131 + d.x) || '{}' \
         FROM d a, d b, d c, d d WHERE a.x < 3;
         DELETE FROM t WHERE id % 3 = 1;
         INSERT INTO t VALUES (-1, hex(zeroblob(10000))); DROP TABLE gone;",
        "-".repeat(60),
    );
    out(&sedge(&[&file, &load]));
    file
}

#[test]
fn every_tree_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path());
    let text = out(&sedge(&["stat", &file]));
    for part in [
        "schema sedge_schema: 5 records",
        "table t: 2,001 records",
        "index by_name on t: 2,001 records",
        "depth 2",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for part in [" holes, ", "  overflow ", "  level 1 ", "  leaves ", "60-70%"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Plain text in a pipe, with bars of one width.
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 100), "{text}");
    let mut bars = text.lines().filter(|line| line.matches('|').count() == 2);
    assert!(bars.all(|line| line.len() == 100 && line.ends_with('|')), "{text}");
}

#[test]
fn programs_get_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path());
    let stat: Value = serde_json::from_str(&out(&sedge(&["stat", "--json", &file]))).unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    let trees = stat["trees"].as_array().unwrap();
    let names: Vec<&str> = trees.iter().map(|tree| tree["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sedge_schema", "t", "by_name"]);
    let owned: u64 = trees.iter().map(|tree| number(&tree["pages"])).sum();
    assert_eq!(owned + number(&stat["free_pages"]) + 1, number(&stat["page_count"]));
    assert_eq!(number(&stat["free_pages"]), 1);
    for tree in trees {
        let levels = tree["levels"].as_array().unwrap();
        assert_eq!(levels.len() as u64, number(&tree["depth"]));
        for level in levels {
            let parts = ["slot_bytes", "record_bytes", "fence_bytes", "dead_bytes", "gap_bytes"];
            let shared: u64 = parts.iter().map(|part| number(&level[part])).sum();
            assert_eq!(shared, number(&level["capacity_bytes"]));
        }
        let by_fill: u64 = tree["leaf_fill"].as_array().unwrap().iter().map(number).sum();
        assert_eq!(by_fill, number(&levels[0]["pages"]));
    }
    let (table, leaves) = (&trees[1], &trees[1]["levels"][0]);
    assert_eq!(number(&table["overflow_pages"]), 3);
    assert!(number(&leaves["dead_bytes"]) > 0 && leaves["fragmentation"].as_f64().unwrap() > 0.5, "{leaves}");
    // A vacuous file would pass all of the above: compare with what SQL counts.
    let counted = out(&sedge(&[&file, "SELECT count(*), sum(octet_length(name)) > 100000 FROM t"]));
    assert_eq!(counted, format!("{}|1\n", number(&table["records"])));
}

#[test]
fn what_cannot_be_measured_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = make(folder.path());
    let missing = folder.path().join("missing.sedge");
    let run = sedge(&["stat", &missing.to_string_lossy()]);
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("missing.sedge") && !missing.exists());
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let run = sedge(&["stat", &file]);
    assert_eq!(run.status.code(), Some(1));
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("is damaged") && !told.contains("panicked"), "{told}");
}
