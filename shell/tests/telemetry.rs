//! What the shell tells of the engine's work: `.stats`, and timers with `SEDGE_PROFILE=1`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::process::Command;

/// What the shell prints after `commands`, with SEDGE_PROFILE as given.
fn sedge(commands: &[&str], profile: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sedge"));
    let run = command.arg(":memory:").args(commands).env("SEDGE_PROFILE", profile).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// The number after a counter's name.
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    line.split_whitespace().last().unwrap().replace(',', "").parse().unwrap()
}

const FILL: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); \
    INSERT INTO t SELECT NULL, hex(a.column1 * 7919 + b.column1) || '0123456789' FROM \
    (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) a, (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) b, \
    (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) c";

#[test]
fn stats_show_every_counter_in_its_group() {
    let text = sedge(&[FILL, ".stats"], "");
    let titles: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = ["sizes", "leaf allocator", "pages", "log", "transactions", "times", "commit times"];
    assert_eq!(titles, expected, "{text}");
    assert_eq!(number(&text, "page_size"), 8192);
    assert!(number(&text, "splits") > 0 && number(&text, "commits") == 2, "{text}");
    assert!(number(&text, "snapshot_reuses") > 700 && number(&text, "slot_extent_builds") == 0, "{text}");
    assert!(text.contains("p50 ") && text.contains("p90 ") && text.contains("p99 "), "{text}");
    assert!(text.contains("SEDGE_PROFILE=1") && !text.contains("commit_seal"), "{text}");
}

#[test]
fn stats_of_a_statement_are_its_own() {
    let text = sedge(&[FILL, ".stats on", "INSERT INTO t VALUES (10000, 'x')", "SELECT count(*) FROM t"], "");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.contains("commits 1")).count(), 1, "{text}");
    assert!(lines[0].starts_with("leaf allocator:") && !lines[0].contains("splits"), "{text}");
    assert_eq!(lines[lines.len() - 2..], ["730", "no page was read for the first time, none was changed"]);
}

#[test]
fn stats_inside_a_transaction_are_those_of_each_statement() {
    let text = sedge(
        &[
            FILL,
            ".stats on",
            "BEGIN",
            "INSERT INTO t VALUES (10000, 'x')",
            "INSERT INTO t VALUES (10001, 'y')",
            "COMMIT",
        ],
        "",
    );
    let edits: Vec<&str> = text.lines().filter(|line| line.starts_with("leaf allocator:")).collect();
    assert!(edits.len() == 2 && edits[0].contains("allocator_builds 1"), "{text}");
    assert!(edits[1].contains("snapshot_reuses 1") && !edits[1].contains("allocator_builds"), "{text}");
    assert_eq!(text.lines().last(), Some("transactions:   commits 1"), "{text}");
    let text = sedge(
        &["CREATE TABLE t(a)", "BEGIN", "INSERT INTO t VALUES (1)", ".stats", "ROLLBACK", ".stats"],
        "",
    );
    let commits = |part: &str| number(part, "commits");
    let (open, ended) = text.split_at(text.rfind("sizes").unwrap());
    assert_eq!(
        [number(open, "pages_copied"), commits(open)],
        [number(ended, "pages_copied"), commits(ended)]
    );
    assert_eq!([number(open, "rollbacks"), number(ended, "rollbacks")], [0, 1]);
}

#[test]
fn profiling_adds_times() {
    let text = sedge(&[FILL, ".stats"], "1");
    for name in ["allocator  ", "commit_seal", "commit_publish"] {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let told = line.split_whitespace().nth(1).unwrap();
        assert!(told.parse::<f64>().unwrap() > 0.0, "{line}");
    }
    assert!(!text.contains("SEDGE_PROFILE"), "{text}");
}
