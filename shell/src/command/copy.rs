//! `.backup`, `.save`, `.restore` and `.clone`: whole databases from file to file.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::session::Session;
use sedge::{BackupProgress, Database, Options};
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// The file that `[DB] FILE` names. There is one database, main.
pub(super) fn file_of<'a>(command: &str, arguments: &[&'a str]) -> Result<&'a str, String> {
    // SQLite's option for speed at the price of safety; there is nothing to be gained here.
    let words: Vec<&str> =
        arguments.iter().copied().filter(|w| !matches!(*w, "-async" | "--async")).collect();
    match words.as_slice() {
        [file] if !file.starts_with('-') => Ok(file),
        [database, file] if database.eq_ignore_ascii_case("main") && command != ".save" => Ok(file),
        [database, _] if !database.starts_with('-') && command != ".save" => {
            Err(format!("unknown database {database}; there is main"))
        }
        _ if command == ".save" => Err("usage: .save FILE".to_string()),
        _ => Err(format!("usage: {command} [DB] FILE")),
    }
}

/// Copies what is committed to a file. What a database there held is replaced in one transaction.
pub(super) fn backup(session: &Session, file: &str) -> Result<(), Failure> {
    let is_new = std::fs::metadata(file).map_or(true, |file| file.len() == 0);
    let mut line = ProgressLine::new(&session.interrupt);
    if is_new {
        return Ok(session.database.backup(file, |progress| line.show(progress))?);
    }
    let target = Database::open(file)?;
    target.restore(&session.database, |progress| line.show(progress))?;
    Ok(target.close()?)
}

/// Puts the content of a file in the place of all that the open database holds.
pub(super) fn restore(session: &Session, file: &str) -> Result<(), Failure> {
    if !session.connection.is_autocommit() {
        return Err("cannot restore from within a transaction".into());
    }
    let source = Options::new().read_only(true).create(false).open(file)?;
    let mut line = ProgressLine::new(&session.interrupt);
    Ok(session.database.restore(&source, |progress| line.show(progress))?)
}

/// Copies the database tree by tree to a file that is not there yet.
pub(super) fn clone(session: &Session, file: &str) -> Result<(), Failure> {
    if Path::new(file).exists() {
        return Err(format!("File \"{file}\" already exists.").into());
    }
    Ok(session.connection.execute("VACUUM INTO ?", [file]).map(drop)?)
}

/// How far a copy is, on the last line of a terminal.
struct ProgressLine<'a> {
    interrupt: &'a Interrupt,
    is_shown: bool,
    percent: Option<u64>,
}

impl<'a> ProgressLine<'a> {
    fn new(interrupt: &'a Interrupt) -> ProgressLine<'a> {
        ProgressLine { interrupt, is_shown: std::io::stderr().is_terminal(), percent: None }
    }

    /// Shows it, and ends the copy once Ctrl-C was pressed.
    fn show(&mut self, progress: BackupProgress) -> ControlFlow<()> {
        let percent = u64::from(progress.done) * 100 / u64::from(progress.total.max(1));
        if self.is_shown && self.percent != Some(percent) {
            self.percent = Some(percent);
            // Where it cannot be shown, the copy is none the worse.
            let _ = write!(std::io::stderr(), "\r{percent}% of {} pages", progress.total);
        }
        if self.interrupt.pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for ProgressLine<'_> {
    fn drop(&mut self) {
        if self.percent.is_some() {
            // As above: what was shown is wiped, and with it the word of how far it was.
            let _ = write!(std::io::stderr(), "\r{:40}\r", "");
        }
    }
}
