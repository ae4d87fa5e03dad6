//! Runs sqllogictest files: what `sedge test` and `corpus-bench` share.
//!
//! ```text
//! file -> normalise (spelling the parser rejects) -> sqllogictest (records) -> script (run) -> compare (verdict)
//!                                                          engine (Sedge, or another) -/ \-> cell (values as text)
//! ```
//!
//! Uses `sedge` for its values and as the first engine; knows nothing of files that are run at once or of reports.
#![forbid(unsafe_code)]

mod cell;
mod compare;
mod engine;
mod normalise;
mod script;

pub use cell::Letter;
pub use engine::{Engine, Refusal, Rows};
pub use script::{Broken, Failure, Outcome, Script};

use std::path::{Path, PathBuf};

/// Adds the test files at `path`, a file or a folder with `.test` and `.slt` files at any depth, in order of name. A
/// file named by the user counts whatever its name is.
///
/// # Errors
/// Folders that cannot be listed.
pub fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|e| e == "test" || e == "slt") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
