//! `sedge test`: runs sqllogictest files, each in a fresh database, several at a time.
//!
//! ```text
//! file -> normalise (spelling the parser rejects) -> sqllogictest (records) -> script (run) -> compare (verdict)
//!                                                                                  \-> cell (values as text)
//! ```

mod cell;
mod compare;
mod normalise;
mod script;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// What running one file came to.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    skipped: usize,
    failures: Vec<Failure>,
}

/// A record that did not do what its file says.
#[derive(Debug)]
struct Failure {
    /// 0 if it is about the whole file.
    line: u32,
    sql: String,
    /// What is wrong, what was expected and what came, each on lines of its own.
    detail: String,
}

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
        collect(path, true, &mut files).map_err(|error| format!("{}: {error}", path.display()))?;
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

/// Adds the test files at `path`, in order of name. A file named by the user counts whatever its name is.
fn collect(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        let mut entries =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        entries.sort();
        for entry in entries {
            collect(&entry, false, files)?;
        }
    } else if named || path.extension().is_some_and(|extension| extension == "test" || extension == "slt") {
        files.push(path.to_path_buf());
    }
    Ok(())
}

fn run_file(file: &Path) -> Outcome {
    let run = std::fs::read(file)
        .map_err(|error| script::Broken { line: 0, detail: error.to_string() })
        .and_then(|bytes| script::run(text(&bytes)?));
    run.unwrap_or_else(|broken| Outcome {
        failures: vec![Failure { line: broken.line, sql: String::new(), detail: broken.detail }],
        ..Outcome::default()
    })
}

/// The script as text; one that is none cannot be run, and the line where it goes wrong is told.
fn text(bytes: &[u8]) -> Result<&str, script::Broken> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        script::Broken {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            detail: "the line is not UTF-8".to_string(),
        }
    })
}

#[cfg(test)]
mod tests;
