//! Holds `tests/checklist.toml` and `docs/compatibility.md` to the truth: the tests that a row names exist and contain what
//! the row says they show, a finished part has no row without tests, and the page is what the list makes.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table};

/// One thing that a user can do, and the tests that show it.
struct Row {
    feature: String,
    part: i64,
    words: Vec<String>,
    calls: Vec<String>,
    tests: Vec<String>,
}

struct Checklist {
    finished: Vec<i64>,
    rows: Vec<Row>,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn checklist() -> Checklist {
    let text = std::fs::read_to_string(path("tests/checklist.toml")).unwrap();
    let document: DocumentMut = text.parse().unwrap();
    let finished =
        document["finished"].as_array().unwrap().iter().map(|part| part.as_integer().unwrap()).collect();
    let rows = document["row"].as_array_of_tables().unwrap().iter().map(row).collect();
    Checklist { finished, rows }
}

fn row(table: &Table) -> Row {
    let strings = |key: &str| match table.get(key) {
        None => Vec::new(),
        Some(list) => list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_string()).collect(),
    };
    let known = ["feature", "part", "words", "calls", "tests"];
    let stranger = table.iter().find(|(key, _)| !known.contains(key));
    assert!(stranger.is_none(), "an unknown key: {:?}", stranger.map(|(key, _)| key));
    Row {
        feature: table.get("feature").and_then(Item::as_str).unwrap().to_string(),
        part: table.get("part").and_then(Item::as_integer).unwrap(),
        words: strings("words"),
        calls: strings("calls"),
        tests: strings("tests"),
    }
}

/// The text of a test: a whole file of tests/slt, which `sedge test` runs in the shell's tests, or one Rust function.
fn text_of(test: &str) -> Result<String, String> {
    let read = |name: &str| std::fs::read_to_string(path(name)).map_err(|_| format!("there is no {name}"));
    let Some((file, function)) = test.split_once("::") else {
        return read(&format!("tests/slt/{test}"));
    };
    let text = read(file)?;
    let head = format!("#[test]\nfn {function}(");
    let start = text.find(&head).ok_or_else(|| format!("{file} has no test {function}"))?;
    let body = &text[start..];
    Ok(body[..body.find("\n}\n").map_or(body.len(), |end| end + 2)].to_string())
}

/// Whether `text` calls `name`, not some longer name that ends alike.
fn calls(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}(")).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// What is wrong with a row's tests, a line each.
fn faults(row: &Row) -> Vec<String> {
    let mut faults = Vec::new();
    let mut text = String::new();
    for test in &row.tests {
        match text_of(test) {
            Ok(found) => text.push_str(&found.to_lowercase()),
            Err(fault) => faults.push(format!("{}: {fault}", row.feature)),
        }
    }
    if row.tests.is_empty() {
        return faults;
    }
    let words = row.words.iter().filter(|word| !text.contains(&word.to_lowercase()));
    let functions = row.calls.iter().filter(|name| !calls(&text, name));
    let missing = words.chain(functions).map(|what| format!("{}: no test shows `{what}`", row.feature));
    faults.extend(missing);
    faults
}

#[test]
fn the_tests_of_each_row_exist_and_show_what_it_says() {
    let list = checklist();
    assert!(list.rows.len() > 60, "the list was not read");
    let faults: Vec<String> = list.rows.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_finished_part_has_a_test_for_each_row() {
    let list = checklist();
    let bare = list.rows.iter().filter(|row| list.finished.contains(&row.part) && row.tests.is_empty());
    let bare: Vec<&str> = bare.map(|row| row.feature.as_str()).collect();
    assert!(bare.is_empty(), "\n{}", bare.join("\n"));
}

/// The page that the list makes.
fn page(list: &Checklist) -> String {
    let mut page = String::from(
        "# What there is of SQL\n\n\
         Made from `tests/checklist.toml` by `SEDGE_WRITE=1 cargo test --test checklist`. A row is there when tests show it;\n\
         what each thing does, and where Sedge differs from SQLite on purpose, is in [sql.md](sql.md).\n\n\
         | feature | there | shown by |\n|---|---|---|\n",
    );
    for row in &list.rows {
        let there = if row.tests.is_empty() { "not yet" } else { "yes" };
        let feature = row.feature.replace('|', "\\|");
        writeln!(page, "| {feature} | {there} | {} |", row.tests.join(", ")).unwrap();
    }
    page
}

#[test]
fn the_page_is_what_the_list_makes() {
    let page = page(&checklist());
    let file = path("docs/compatibility.md");
    if std::env::var_os("SEDGE_WRITE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == page,
        "write it anew: SEDGE_WRITE=1 cargo test --test checklist"
    );
}
