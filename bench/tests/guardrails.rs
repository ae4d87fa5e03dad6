//! A broken budget ends the program with an exit code of 1, and says what moved.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn guardrails(budgets: &Path, more: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_guardrails");
    Command::new(program).arg("--budgets").arg(budgets).arg("kv-ascending").args(more).output().unwrap()
}

#[test]
fn a_broken_budget_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.toml");
    // Debug builds count their own proofs too, so that the numbers are first made by this build.
    std::fs::write(&path, "").unwrap();
    assert!(guardrails(&path, &["--write"]).status.success());
    let output = guardrails(&path, &[]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "workloads run: 1, budgets broken: 0\n");
    assert!(output.status.success());

    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("memcopy_bytes = ")).unwrap();
    std::fs::write(&path, text.replace(line, "memcopy_bytes = { measured = 8, most = 9 }")).unwrap();
    let output = guardrails(&path, &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("BROKEN kv-ascending: memcopy_bytes moved from 8 to 10"), "{said}");
    assert!(said.contains("budget: at most 9\nworkloads run: 1, budgets broken: 1\n"), "{said}");
}

#[test]
fn what_cannot_be_checked_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.toml");
    std::fs::write(&path, "").unwrap();
    assert!(!guardrails(&path, &[]).status.success());
    assert!(!guardrails(&path, &["no-such-workload"]).status.success());
}
