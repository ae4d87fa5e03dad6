//! The state of one shell: its database, how it prints, and what has failed so far.

use crate::command;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::render::{Mode, Printer};
use sedge::{Connection, Counters, Database, Error, ErrorCode, Options};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A shell's state.
pub(crate) struct Session {
    pub(crate) database: Database,
    pub(crate) connection: Connection,
    pub(crate) mode: Mode,
    /// `.headers on`: names above the rows in modes where that is a choice.
    pub(crate) headers: bool,
    pub(crate) bail: bool,
    pub(crate) timer: bool,
    pub(crate) stats: bool,
    /// What NULL prints as in the modes for people.
    pub(crate) null: String,
    pub(crate) interrupt: Interrupt,
    /// How many databases were opened: what was learned of another one is stale.
    pub(crate) opened: u64,
    failed: bool,
    quit: bool,
    /// How many `.read` files are open around the present line.
    depth: usize,
}

/// `.read` may nest this deep: a file that reads itself ends with an error.
const READ_DEPTH: usize = 16;

/// Where a script comes from, as the beginning of what names a line of it: `line ` or `file.sql:`.
type Origin<'a> = Option<&'a str>;

impl Session {
    /// Opens `file`, or a database in memory, and tells what had to be recovered.
    pub(crate) fn open(file: Option<&Path>, readonly: bool, mode: Mode) -> Result<Session, Failure> {
        let (database, connection) = open(file, readonly)?;
        let interrupt = Interrupt::new(connection.interrupt_handle());
        Ok(Session {
            database,
            connection,
            mode,
            headers: false,
            bail: false,
            timer: false,
            stats: false,
            null: String::new(),
            interrupt,
            opened: 1,
            failed: false,
            quit: false,
            depth: 0,
        })
    }

    /// True once `.quit` was run, Ctrl-C pressed, or an error came with `--bail`.
    pub(crate) fn stopped(&self) -> bool {
        self.quit || self.interrupt.pressed() || (self.bail && self.failed)
    }

    /// Makes `stopped` true.
    pub(crate) fn quit(&mut self) {
        self.quit = true;
    }

    /// Notes a failure and tells it, in the text `sql` where it has a place there. `first_line` is that of `sql`.
    fn fail(&mut self, failure: &Failure, sql: &str, origin: Origin<'_>, first_line: usize) {
        self.failed = true;
        let (message, line) = match failure {
            Failure::Output(error) => {
                // There is no point in going on, and where nobody reads on (a closed pipe), nothing to tell.
                self.quit = true;
                if error.kind() == ErrorKind::BrokenPipe {
                    return;
                }
                (failure.to_string(), 1)
            }
            Failure::Sql(error) => {
                // Without a place of its own an error is told with the statement's first line.
                let blank = &sql[..sql.len() - sql.trim_start().len()];
                let line = error.line_in(sql).unwrap_or_else(|| blank.matches('\n').count() + 1);
                (error.display_in(sql).to_string(), line)
            }
            Failure::Message(_) => (failure.to_string(), 1),
        };
        // A closed standard error leaves nobody to tell.
        let _ = match origin {
            Some(origin) => {
                writeln!(std::io::stderr(), "Error: {origin}{}: {message}", first_line + line - 1)
            }
            None => writeln!(std::io::stderr(), "Error: {message}"),
        };
    }

    /// Runs SQL and dot commands. Errors name their line of `origin`.
    pub(crate) fn run_script(&mut self, script: &str, origin: Origin<'_>) {
        let script = script.strip_prefix('\u{feff}').unwrap_or(script);
        let mut statement = String::new();
        let mut first_line = 1;
        for (at, line) in script.lines().enumerate() {
            if self.stopped() {
                return;
            }
            if statement.trim().is_empty() {
                statement.clear();
                first_line = at + 1;
                if line.starts_with('.') {
                    if let Err(failure) = command::run(self, line) {
                        self.fail(&failure, "", origin, first_line);
                    }
                    continue;
                }
            }
            statement.push_str(line);
            statement.push('\n');
            // A semicolon must be there for the statement to be complete: looking for one first keeps long
            // statements of many lines from being scanned again at each.
            if line.contains(';') && sedge::is_complete(&statement) {
                let text = std::mem::take(&mut statement);
                self.run_sql(&text, origin, first_line);
            }
        }
        if !self.stopped() && !statement.trim().is_empty() {
            self.run_sql(&statement, origin, first_line);
        }
    }

    /// Runs a file of SQL and dot commands.
    pub(crate) fn run_file(&mut self, file: &Path) -> Result<(), Failure> {
        if self.depth == READ_DEPTH {
            return Err(format!("{}: .read nests deeper than {READ_DEPTH} files", file.display()).into());
        }
        let script = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.depth += 1;
        self.run_script(&script, Some(&format!("{}:", file.display())));
        self.depth -= 1;
        Ok(())
    }

    /// Runs the statements of `text` in order, printing rows as they come.
    fn run_sql(&mut self, text: &str, origin: Origin<'_>, first_line: usize) {
        let mut rest = text;
        while !rest.is_empty() && !self.stopped() {
            match self.run_first(rest) {
                Ok(Some(used)) => rest = &rest[used..],
                Ok(None) => return,
                Err(failure) => {
                    let line = first_line + text[..text.len() - rest.len()].matches('\n').count();
                    self.fail(&failure, rest, origin, line);
                    // What follows in the same text still runs, unless the statement's end cannot be told.
                    match sedge::statement_end(rest) {
                        Some(end) => rest = &rest[end..],
                        None => return,
                    }
                }
            }
        }
    }

    /// Runs the first statement of `text` and tells how many bytes it takes; `None` if there is none.
    fn run_first(&self, text: &str) -> Result<Option<usize>, Failure> {
        let started = Instant::now();
        let before = self.stats.then(|| self.counters());
        let Some((mut statement, used)) = self.connection.prepare_first(text)? else { return Ok(None) };
        let names: Vec<String> = statement.column_names().into_iter().map(String::from).collect();
        let mut out = BufWriter::new(std::io::stdout().lock());
        if names.is_empty() {
            statement.execute(())?;
        } else {
            let mut rows = statement.query(())?;
            let mut printer = Printer::new(self.mode, self.headers, &self.null, names);
            while let Some(row) = rows.next()? {
                let values = (0..row.column_count()).map(|column| row.get_ref(column));
                printer.row(&values.collect::<sedge::Result<Vec<_>>>()?, &mut out)?;
            }
            printer.finish(&mut out)?;
        }
        if self.timer {
            writeln!(out, "Run Time: {:.6} s", started.elapsed().as_secs_f64())?;
        }
        if let Some(before) = before {
            command::stats::print_statement(&self.counters().since(&before), &mut out)?;
        }
        out.flush()?;
        Ok(Some(used))
    }

    /// What the engine did since the database was opened, by the open transaction too.
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = self.database.metrics().counters;
        counters.add(&self.connection.transaction_counters());
        counters
    }

    /// Opens another database in place of the present one, which is closed.
    pub(crate) fn reopen(&mut self, file: Option<PathBuf>) -> Result<(), Failure> {
        let (database, connection) = open(file.as_deref(), false)?;
        self.interrupt.aim(connection.interrupt_handle());
        self.connection = connection;
        self.opened += 1;
        // Two handles of one database are open when it was opened again: the other one goes on.
        match std::mem::replace(&mut self.database, database).close() {
            Err(error) if error.code() != ErrorCode::Misuse => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Closes the database; true if nothing has failed.
    pub(crate) fn close(self) -> Result<bool, Failure> {
        let done = !self.failed && !self.interrupt.pressed();
        if !self.connection.is_autocommit() {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "-- the open transaction is rolled back");
        }
        drop(self.connection);
        self.database.close()?;
        Ok(done)
    }
}

/// Opens a database and tells what had to be recovered.
fn open(file: Option<&Path>, readonly: bool) -> Result<(Database, Connection), Failure> {
    let database = match file {
        Some(file) if file.as_os_str() != ":memory:" => {
            let options = Options::new().read_only(readonly).create(!readonly);
            options.open(file).map_err(|error| match readable_alone(&error, file) && !readonly {
                true => Failure::Message(format!("{error}; --readonly opens it for reading alone")),
                false => error.into(),
            })?
        }
        _ => Options::new().open_in_memory()?,
    };
    if let Some(report) = database.recovery_report() {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(std::io::stderr(), "-- {report}");
    }
    let connection = database.connect()?;
    Ok((database, connection))
}

/// True if a file could not be opened for writing, but can be for reading.
fn readable_alone(error: &Error, file: &Path) -> bool {
    matches!(error.code(), ErrorCode::Io | ErrorCode::ReadOnly)
        && file.is_file()
        && std::fs::File::open(file).is_ok()
}
