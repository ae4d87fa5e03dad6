//! The runner is tested by scripts that must pass, and by the same with their expectations altered, which must not.

#![allow(clippy::unwrap_used)]

use crate::Script;

fn verdict(script: &str) -> (usize, Vec<String>, usize) {
    match Script::parse(script.as_bytes()).and_then(|script| script.run()) {
        Ok(outcome) => (
            outcome.passed,
            outcome.failures.iter().map(|f| format!("{}: {}", f.line, f.detail)).collect(),
            outcome.skipped,
        ),
        Err(broken) => (0, vec![format!("{}: {}", broken.line, broken.detail)], 0),
    }
}

const GOOD: &str = "\
statement ok
CREATE TABLE t(a INTEGER, b TEXT, c FLOAT)

# rows in two orders
statement ok
INSERT INTO t VALUES (2, 'two', 2.5)

statement ok
INSERT INTO t VALUES (1, NULL, 1)

query ITR rowsort all
SELECT a, b, c FROM t
----
1
NULL
1.000
2
two
2.500

query ITR nosort
SELECT a, b, c FROM t ORDER BY a DESC
----
2 two 2.500
1 NULL 1.000

skipif sqlite # it would fail
query I
SELECT missing
----
1

onlyif mssql # another engine
halt

statement error
SELECT missing FROM t
";

#[test]
fn a_good_script_passes() {
    assert_eq!(verdict(GOOD), (6, vec![], 1));
}

#[test]
fn altered_expectations_fail() {
    for (from, to, line) in [
        ("\n2.500\n\n", "\n2.501\n\n", 11),
        ("2 two 2.500", "2 two 2.499", 21),
        ("1 NULL 1.000\n", "", 21),
        ("statement error", "statement ok", 36),
        ("query ITR rowsort", "query IT rowsort", 11),
        ("CREATE TABLE t(", "CREATE TABEL t(", 1),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let (_, failures, _) = verdict(&GOOD.replacen(from, to, 1));
        assert!(
            failures.first().is_some_and(|f| f.starts_with(&format!("{line}: "))),
            "{from} -> {to}: {failures:?}"
        );
    }
}

#[test]
fn long_results_are_hashed() {
    let script =
        |hash: &str| format!("query I valuesort\nVALUES (3),(1),(2)\n----\n3 values hashing to {hash}\n");
    // md5 of "1\n2\n3\n".
    assert_eq!(verdict(&script("bc49e3ff8cb9cd8e11e4a1c8a8a4f0e3")).1.len(), 1);
    let good = "c0710d6b4f15dfa88f600b0e6b624077";
    assert_eq!(verdict(&script(good)), (1, vec![], 0));
}

#[test]
fn queries_with_one_label_must_agree() {
    let script = "query I nosort l\nSELECT 1\n----\n1\n\nquery I nosort l\nSELECT 2\n----\n2\n";
    let (passed, failures, _) = verdict(script);
    assert_eq!((passed, failures.len()), (1, 1));
    assert!(failures[0].contains("labelled l"), "{failures:?}");
}

#[test]
fn a_halt_for_us_ends_the_script() {
    let script = "onlyif sqlite\nhalt\n\nstatement ok\nnonsense\n";
    assert_eq!(verdict(script), (0, vec![], 0));
}

#[test]
fn comments_inside_a_record_and_blank_lines_of_spaces_keep_line_numbers() {
    let script = "query I\nSELECT 1\n# two\n  + 1\n----\n2\n   \nquery I\nSELECT 1\n----\n2\n";
    let (passed, failures, _) = verdict(script);
    assert_eq!(passed, 1);
    assert!(failures[0].starts_with("8: "), "{failures:?}");
}
