//! `sedge test`: runs sqllogictest files, each in a fresh database, several at a time. What a file says and whether that
//! holds is for `sedge_slt` to tell.

use sedge_slt::{Broken, Failure, Outcome, Script, collect};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Runs all files of `paths` (files, and folders with `.test` and `.slt` files at any depth), `jobs` at a time, and
/// reports to `out`. True if nothing failed.
///
/// # Errors
/// Folders that cannot be listed or hold no test file, and I/O errors of `out`; a file that cannot be read counts as
/// a failure.
pub(crate) fn run(paths: &[PathBuf], jobs: usize, out: &mut dyn Write) -> Result<bool, crate::Failure> {
    let mut files = Vec::new();
    for path in paths {
        let known = files.len();
        collect(path, &mut files).map_err(|error| format!("{}: {error}", path.display()))?;
        if files.len() == known {
            // A mistyped path must not look like tests that passed.
            return Err(format!("{}: there is no .test or .slt file in it", path.display()).into());
        }
    }
    let (next, files) = (AtomicUsize::new(0), files.as_slice());
    let (sender, receiver) = mpsc::channel();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    std::thread::scope(|scope| -> std::io::Result<()> {
        for _ in 0..jobs.clamp(1, files.len().max(1)) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((file, run_file(file))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (file, outcome) in receiver {
            passed += outcome.passed;
            skipped += outcome.skipped;
            failed += outcome.failures.len();
            for failure in &outcome.failures {
                let line = if failure.line > 0 { format!(":{}", failure.line) } else { String::new() };
                writeln!(out, "{}{line}: {}", file.display(), failure.detail)?;
                for line in failure.sql.lines() {
                    writeln!(out, "  | {line}")?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    })?;
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    Ok(failed == 0)
}

fn run_file(file: &Path) -> Outcome {
    let run = std::fs::read(file)
        .map_err(|error| Broken { line: 0, detail: error.to_string() })
        .and_then(|bytes| Script::parse(&bytes)?.run());
    run.unwrap_or_else(|broken| Outcome {
        failures: vec![Failure { line: broken.line, sql: String::new(), detail: broken.detail }],
        ..Outcome::default()
    })
}
