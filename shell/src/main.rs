//! The `sedge` command: an SQL shell on a terminal, a batch runner behind a pipe, `sedge test` for sqllogictest
//! files, `sedge check` and `sedge recover` for damaged ones and `sedge stat` to see how full they are. It uses the public
//! library alone.
#![forbid(unsafe_code)]

mod command;
mod failure;
mod import;
mod interrupt;
mod render;
mod repl;
mod session;
mod slt;
mod stat;

use clap::{Parser, Subcommand};
use failure::Failure;
use render::Mode;
use session::Session;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// An SQL shell for Sedge databases.
#[derive(Parser, Debug)]
#[command(name = "sedge", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The database; it is created if it is missing. Without one, a database in memory.
    file: Option<PathBuf>,
    /// SQL or dot commands to run instead of standard input.
    sql: Vec<String>,
    /// Print rows as CSV.
    #[arg(long, group = "mode")]
    csv: bool,
    /// Print rows as a JSON array.
    #[arg(long, group = "mode")]
    json: bool,
    /// Print rows as a table with borders (the default on a terminal).
    #[arg(long, group = "mode")]
    table: bool,
    /// Print rows with | between the columns (the default elsewhere).
    #[arg(long, group = "mode")]
    list: bool,
    /// Print column names above the rows, in modes where that is a choice.
    #[arg(long)]
    header: bool,
    /// Stop at the first error.
    #[arg(long)]
    bail: bool,
    /// Open the file for reading alone.
    #[arg(long)]
    readonly: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run sqllogictest files, and those in folders (.test, .slt).
    Test {
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// How many files run at a time; as many as there are cores unless told.
        #[arg(long)]
        jobs: Option<usize>,
    },
    /// Verify every page, tree and index of a database.
    Check {
        /// The database.
        file: PathBuf,
    },
    /// Draw how every table and index fills its pages.
    Stat {
        /// The database.
        file: PathBuf,
        /// Print JSON instead.
        #[arg(long)]
        json: bool,
    },
    /// Make a new database of every row that a damaged one has on sound pages.
    Recover {
        /// The damaged database; it is only read.
        bad: PathBuf,
        /// The new one; there must be no such file.
        good: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Some(Command::Test { paths, jobs }) => {
            let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            slt::run(paths, jobs, &mut std::io::stdout().lock())
        }
        Some(Command::Check { file }) => check(file),
        Some(Command::Stat { file, json }) => stat::run(file, *json),
        Some(Command::Recover { bad, good }) => recover(bad, good),
        None => shell(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Nobody reads on, so nobody is there to tell.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(failure) => {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "Error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the SQL of the command line, else a terminal's lines, else standard input; true if all of it succeeded.
fn shell(arguments: &Arguments) -> Result<bool, Failure> {
    let terminal = std::io::stdout().is_terminal();
    let mode = match arguments {
        Arguments { csv: true, .. } => Mode::Csv,
        Arguments { json: true, .. } => Mode::Json,
        Arguments { table: true, .. } => Mode::Table,
        Arguments { list: true, .. } => Mode::List,
        _ if terminal => Mode::Table,
        _ => Mode::List,
    };
    let mut session = Session::open(arguments.file.as_deref(), arguments.readonly, mode)?;
    session.headers = arguments.header;
    session.bail = arguments.bail;
    session.interrupt.catch();
    if !arguments.sql.is_empty() {
        for text in &arguments.sql {
            session.run_script(text, None);
            if session.stopped() {
                break;
            }
        }
    } else if std::io::stdin().is_terminal() && terminal {
        repl::run(&mut session)?;
    } else {
        let mut script = Vec::new();
        std::io::stdin().read_to_end(&mut script).map_err(|error| format!("standard input: {error}"))?;
        let script = String::from_utf8(script).map_err(|_| "standard input is not UTF-8")?;
        session.run_script(&script, Some("line "));
    }
    session.close()
}

/// Lists what is wrong with a database; true if nothing is.
fn check(file: &std::path::Path) -> Result<bool, Failure> {
    let options = sedge::Options::new().read_only(true).create(false);
    let checked = options.open(file).and_then(|database| database.check());
    let problems = checked.unwrap_or_else(|error| vec![error.to_string()]);
    let mut out = std::io::stdout().lock();
    if problems.is_empty() {
        writeln!(out, "ok")?;
    }
    problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
    Ok(problems.is_empty())
}

/// Saves what is sound of `bad`, and says what that was; true if it could be tried.
fn recover(bad: &std::path::Path, good: &std::path::Path) -> Result<bool, Failure> {
    let report = sedge::recover(bad, good)?;
    writeln!(std::io::stdout().lock(), "{report}")?;
    Ok(true)
}
