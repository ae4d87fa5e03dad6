//! kill -9 in the middle of a stream of commits: what was acknowledged is there afterwards, whole, and nothing else.

#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// How many times a writer is killed; `SEDGE_KILLS` raises it.
fn kills() -> u64 {
    std::env::var("SEDGE_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(5)
}

fn ask(file: &str, sql: &str) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_sedge")).args([file, sql]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().to_string()
}

#[test]
fn acknowledged_rows_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.sedge").to_string_lossy().into_owned();
    ask(&file, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX tb ON t(b);");
    let mut acknowledged = 0_u64;
    for round in 0..kills() {
        let mut writer = Command::new(env!("CARGO_BIN_EXE_sedge"))
            .args([file.as_str(), ".read /dev/stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = writer.stdin.take().unwrap();
        let script: String = (acknowledged + 1..acknowledged + 3000)
            .map(|n| {
                format!(
                    "INSERT INTO t VALUES ({n}, 'row number {n} of round {round}'); SELECT max(a) FROM t;\n"
                )
            })
            .collect();
        let feeder = std::thread::spawn(move || {
            // The pipe breaks when the writer is killed.
            let _ = input.write_all(script.as_bytes());
        });
        // Rows are printed after their commit: each number read stands for a row that must survive.
        let wanted = 100 + 37 * (round as usize % 20);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        for line in lines.by_ref().take(wanted) {
            acknowledged = line.unwrap().parse().unwrap();
        }
        writer.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            // Printed before the kill reached it; a last line may be cut short.
            if let Ok(number) = line.parse::<u64>() {
                acknowledged = acknowledged.max(number);
            }
        }
        writer.wait().unwrap();
        feeder.join().unwrap();
        let rows: u64 = ask(&file, "SELECT count(*) FROM t").parse().unwrap();
        assert!(rows >= acknowledged, "round {round}: {acknowledged} were acknowledged, {rows} are there");
        assert_eq!(ask(&file, "SELECT max(a) = count(*) AND min(a) = 1 FROM t"), "1");
        let check = Command::new(env!("CARGO_BIN_EXE_sedge")).args(["check", &file]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&check.stdout), "ok\n");
        acknowledged = rows;
    }
    assert!(acknowledged > 0);
}

/// What a number of accounts hold together, whatever is moved among them.
const SUM: u64 = 100 * 1000;

#[test]
fn the_sum_over_all_accounts_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sum.sedge").to_string_lossy().into_owned();
    let rows: Vec<String> = (1..=100).map(|id| format!("({id}, 1000, '{}')", "x".repeat(500))).collect();
    ask(
        &file,
        &format!(
            "CREATE TABLE account(id INTEGER PRIMARY KEY, n INTEGER, pad TEXT); CREATE INDEX by_n ON account(n);
             CREATE TABLE moved(id INTEGER PRIMARY KEY); INSERT INTO account VALUES {};",
            rows.join(", ")
        ),
    );
    let mut acknowledged = 0_u64;
    for round in 0..kills() {
        let mut writer = Command::new(env!("CARGO_BIN_EXE_sedge"))
            .args([file.as_str(), ".read /dev/stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = writer.stdin.take().unwrap();
        let script: String = (acknowledged + 1..acknowledged + 2000)
            .map(|n| {
                // Some transactions are short, some touch all rows, some are taken back.
                let (from, to) = (1 + n * 7 % 100, 1 + n * 13 % 100);
                let all = if n % 50 == 0 { "UPDATE account SET pad = n || substr(pad, 1, 490);" } else { "" };
                format!(
                    "BEGIN; UPDATE account SET n = n - {n} % 10 WHERE id = {from}; {all}
                     UPDATE account SET n = n + {n} % 10 WHERE id = {to}; INSERT INTO moved VALUES ({n}); COMMIT;
                     BEGIN; UPDATE account SET n = n + 1 WHERE id = {to}; ROLLBACK; SELECT max(id) FROM moved;\n"
                )
            })
            .collect();
        let feeder = std::thread::spawn(move || {
            // The pipe breaks when the writer is killed.
            let _ = input.write_all(script.as_bytes());
        });
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        for line in lines.by_ref().take(20 + 41 * (round as usize % 17)) {
            acknowledged = line.unwrap().parse().unwrap();
        }
        writer.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            // Printed before the kill reached it; a last line may be cut short.
            if let Ok(number) = line.parse::<u64>() {
                acknowledged = acknowledged.max(number);
            }
        }
        writer.wait().unwrap();
        feeder.join().unwrap();
        assert_eq!(ask(&file, "SELECT sum(n) FROM account").parse::<u64>().unwrap(), SUM, "round {round}");
        let moved: u64 = ask(&file, "SELECT max(id) FROM moved").parse().unwrap();
        assert!(moved >= acknowledged, "round {round}: {acknowledged} were acknowledged, {moved} are there");
        assert_eq!(ask(&file, "SELECT count(*) FROM moved").parse::<u64>().unwrap(), moved);
        // Each account must hold what the numbers say: no half transaction, and none twice.
        let mut expected = vec![1000_i64; 100];
        for n in 1..=moved {
            expected[(n * 7 % 100) as usize] -= (n % 10) as i64;
            expected[(n * 13 % 100) as usize] += (n % 10) as i64;
        }
        let held = ask(&file, "SELECT n FROM account ORDER BY id");
        let held: Vec<i64> = held.lines().map(|n| n.parse().unwrap()).collect();
        assert_eq!(held, expected, "round {round}");
        let check = Command::new(env!("CARGO_BIN_EXE_sedge")).args(["check", &file]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&check.stdout), "ok\n");
        acknowledged = moved;
    }
    assert!(acknowledged > 0);
}
