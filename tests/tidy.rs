//! The house rules, as a test: headers, sizes, who imports whom, where unsafe code lives.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Longest file of code, in lines; tests aside.
const LINES_MAX: usize = 700;

struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "sql/src", "storage/src", "slt/src", "shell/src", "bench/src"] {
        collect(&root.join(folder), &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
        .iter()
        .map(|path| Source {
            path: path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"),
            text: std::fs::read_to_string(path).unwrap(),
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// What fails a rule, each on a line, or nothing.
fn report(offenders: Vec<String>) {
    assert!(offenders.is_empty(), "\n{}", offenders.join("\n"));
}

#[test]
fn every_file_says_what_lives_in_it() {
    report(sources().into_iter().filter(|s| !s.text.starts_with("//! ")).map(|s| s.path).collect());
}

#[test]
fn files_are_rooms_not_halls() {
    let long = |s: &Source| !is_test(&s.path) && s.text.lines().count() > LINES_MAX;
    report(
        sources()
            .into_iter()
            .filter(long)
            .map(|s| format!("{}: {} lines", s.path, s.text.lines().count()))
            .collect(),
    );
}

#[test]
fn imports_go_down_only() {
    // A folder, and what must not be named in it.
    let forbidden: &[(&str, &[&str])] = &[
        ("storage/src/", &["sedge_sql"]),
        ("storage/src/wal/", &["crate::btree", "crate::txn", "crate::store"]),
        (
            "storage/src/btree/",
            &["crate::wal", "crate::txn", "crate::store", "crate::overlay", "crate::disk"],
        ),
        ("storage/src/disk/", &["crate::overlay", "crate::wal", "crate::txn", "crate::btree"]),
        ("sql/src/bind/", &["crate::exec", "crate::plan", "crate::session"]),
        ("sql/src/plan/", &["crate::exec", "crate::bind", "crate::functions", "crate::session"]),
        ("sql/src/functions/", &["crate::plan", "crate::bind", "crate::exec", "crate::session"]),
        ("sql/src/exec/", &["crate::bind", "crate::session"]),
        (
            "sql/src/parser/",
            &["crate::bind", "crate::plan", "crate::exec", "crate::catalog", "crate::session"],
        ),
        ("sql/src/ir/", &["crate::bind", "crate::plan", "crate::exec", "crate::session"]),
        ("slt/src/", &["sedge_sql", "sedge_storage"]),
        ("shell/src/", &["sedge_sql", "sedge_storage"]),
    ];
    let mut offenders = Vec::new();
    for source in sources().iter().filter(|s| !is_test(&s.path)) {
        // Unit tests at the end of a file may look wherever they need.
        let code = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = code.split("#[cfg(test)]\n#[allow").next().unwrap_or_default();
        for (folder, names) in forbidden.iter().filter(|(folder, _)| source.path.starts_with(folder)) {
            for name in names.iter().filter(|name| code.contains(*name)) {
                offenders.push(format!("{} (in {folder}) names {name}", source.path));
            }
        }
    }
    report(offenders);
}

#[test]
fn unsafe_code_lives_in_the_mapping_alone() {
    let offends = |s: &Source| {
        s.path != "storage/src/disk/mapping.rs"
            && s.text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains("unsafe ") && !code.contains("unsafe_code")
            })
    };
    report(sources().into_iter().filter(offends).map(|s| s.path).collect());
}

#[test]
fn nothing_is_left_for_later_in_silence() {
    let words = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "allow(dead_code"];
    let mut offenders = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                offenders.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    report(offenders);
}
