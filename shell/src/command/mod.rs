//! Dot commands: how a line is cut into words, and which command each first word is.

mod copy;
mod dump;
mod schema;
pub(crate) mod stats;

use crate::failure::Failure;
use crate::import;
use crate::render::Mode;
use crate::session::Session;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A command: its name, its arguments and what it does, for `.help`.
const COMMANDS: &[(&str, &str, &str)] = &[
    (".backup", "[DB] FILE", "Copy the database to FILE"),
    (".bail", "on|off", "Stop at the first error"),
    (".clone", "NEWDB", "Copy the database to NEWDB, as small as can be"),
    (".databases", "", "List the databases and their files"),
    (".dump", "[TABLE]...", "Print the database as SQL"),
    (".exit", "", "End the shell"),
    (".headers", "on|off", "Print column names above rows"),
    (".help", "[COMMAND]", "List the commands"),
    (".import", "[--csv] [--skip N] FILE TABLE", "Load a CSV file into a table"),
    (".indexes", "[TABLE]", "List indexes"),
    (".mode", "[MODE]", "Choose how rows are printed"),
    (".nullvalue", "TEXT", "Print TEXT for NULL"),
    (".open", "[FILE]", "Close the database, open another"),
    (".print", "TEXT...", "Print TEXT"),
    (".quit", "", "End the shell"),
    (".read", "FILE", "Run the SQL and commands of a file"),
    (".restore", "[DB] FILE", "Put the content of FILE in the place of all"),
    (".save", "FILE", "Copy the database to FILE, as .backup does"),
    (".schema", "[NAME]", "Print the CREATE statements"),
    (".stats", "[on|off]", "Print what the engine did"),
    (".tables", "", "List tables and views"),
    (".timer", "on|off", "Print how long each statement took"),
];

/// What `.help COMMAND` adds where a line is not enough.
const DETAILS: &[(&str, &str)] = &[
    (
        ".backup",
        "Writers may go on meanwhile; what they commit then is not in the copy. A database\n\
         that FILE holds already is replaced in one transaction. DB is main.",
    ),
    (".clone", "There must be no file NEWDB. It has no free pages, and full ones."),
    (".restore", "One transaction: all of it is replaced, or nothing. DB is main."),
    (
        ".import",
        "The records go into TABLE, all or none. A table that is missing is made, with\n\
         TEXT columns named by the first record. --skip 1 leaves out a line of names\n\
         where the table exists. An empty field without quotes is NULL in columns that\n\
         do not hold text.",
    ),
    (".mode", "MODE is csv, insert, json, line, list, quote, table (or box) or tabs."),
    (
        ".stats",
        "on: what each statement did. Without argument: the sums since the database was\nopened, and its sizes.",
    ),
];

/// The names of all commands, for completion.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, ..)| *name)
}

/// Runs one line that starts with a dot.
///
/// # Errors
/// What is wrong with the line, or what the command met.
pub(crate) fn run(session: &mut Session, line: &str) -> Result<(), Failure> {
    let words = split(line)?;
    let Some((name, arguments)) = words.split_first() else { return Ok(()) };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let name = resolve(name)?;
    let mut out = std::io::stdout();
    match (name, arguments.as_slice()) {
        (".backup" | ".save", arguments) => copy::backup(session, copy::file_of(name, arguments)?)?,
        (".bail", [on]) => session.bail = switch(on)?,
        (".clone", [file]) => copy::clone(session, file)?,
        (".databases", []) => schema::databases(session, &mut out)?,
        (".dump", tables) => dump::dump(session, tables)?,
        (".exit" | ".quit", []) => session.quit(),
        (".headers", [on]) => session.headers = switch(on)?,
        (".help", []) => COMMANDS.iter().try_for_each(|command| help(command, &mut out))?,
        (".help", [command]) => {
            let name = resolve(&format!(".{}", command.trim_start_matches('.')))?;
            COMMANDS
                .iter()
                .filter(|(known, ..)| *known == name)
                .try_for_each(|command| help(command, &mut out))?;
            let mut details = DETAILS.iter().filter(|(known, _)| *known == name);
            details.try_for_each(|(_, text)| writeln!(out, "{text}"))?;
        }
        (".import", arguments) => import::run(session, arguments)?,
        (".indexes", []) => schema::indexes(session, None, &mut out)?,
        (".indexes", [table]) => schema::indexes(session, Some(table), &mut out)?,
        (".mode", [mode]) => {
            session.mode = Mode::from_name(mode).ok_or_else(|| {
                let known: Vec<&str> = Mode::ALL.iter().map(|(_, name)| *name).collect();
                format!("there is no mode {mode}; there are {}", known.join(", "))
            })?;
        }
        (".mode", []) => {
            let mode = Mode::ALL.iter().find(|(mode, _)| *mode == session.mode);
            writeln!(out, "{}", mode.map_or("", |(_, name)| *name))?;
        }
        (".nullvalue", [text]) => session.null = (*text).to_string(),
        (".open", []) => session.reopen(None)?,
        (".open", [file]) => session.reopen(Some(PathBuf::from(file)))?,
        (".print", words) => writeln!(out, "{}", words.join(" "))?,
        (".read", [file]) => session.run_file(Path::new(file))?,
        (".restore", arguments) => copy::restore(session, copy::file_of(name, arguments)?)?,
        (".schema", []) => schema::schema(session, None, &mut out)?,
        (".schema", [table]) => schema::schema(session, Some(table), &mut out)?,
        (".stats", [on]) => session.stats = switch(on)?,
        (".stats", []) => stats::print(session, &mut out)?,
        (".tables", []) => schema::tables(session, &mut out)?,
        (".timer", [on]) => session.timer = switch(on)?,
        _ => {
            let usage =
                COMMANDS.iter().find(|(known, ..)| *known == name).map_or("", |(_, arguments, _)| arguments);
            return Err(format!("usage: {name} {usage}").into());
        }
    }
    Ok(())
}

/// The command that `name` is, or the only one that it begins.
fn resolve(name: &str) -> Result<&'static str, String> {
    let found: Vec<&str> = names().filter(|known| known.starts_with(name)).collect();
    match found.as_slice() {
        [only] => Ok(only),
        many if many.contains(&name) => Ok(many[many.iter().position(|known| *known == name).unwrap_or(0)]),
        [] => Err(format!("there is no command {name}; .help lists them")),
        many => Err(format!("{name} may be {}", many.join(" or "))),
    }
}

fn help((name, arguments, what): &(&str, &str, &str), out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{:<38} {what}", format!("{name} {arguments}"))
}

fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" | "yes" | "1" => Ok(true),
        "off" | "no" | "0" => Ok(false),
        _ => Err(format!("{word} is neither on nor off")),
    }
}

/// Cuts a line at blanks; single and double quotes keep a word together, and in double quotes `\n` is a line's end.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut characters = line.trim().trim_end_matches(';').chars().peekable();
    while let Some(first) = characters.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut word = String::new();
        if first == '\'' || first == '"' {
            loop {
                match characters.next() {
                    Some(quote) if quote == first => break,
                    Some('\\') if first == '"' => {
                        word.extend(characters.next().map(|next| if next == 'n' { '\n' } else { next }));
                    }
                    Some(other) => word.push(other),
                    None => return Err(format!("a quote {first} is not closed")),
                }
            }
        } else {
            word.push(first);
            while let Some(next) = characters.next_if(|next| !next.is_whitespace()) {
                word.push(next);
            }
        }
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(split(".import 'a b.csv'  \"t \\\"x\"").unwrap(), [".import", "a b.csv", "t \"x"]);
        assert!(split(".print 'open").is_err());
    }

    #[test]
    fn a_beginning_names_a_command() {
        assert_eq!(resolve(".tab").unwrap(), ".tables");
        assert_eq!(resolve(".read").unwrap(), ".read");
        assert!(resolve(".s").unwrap_err().contains(".save or .schema or .stats"));
        assert!(resolve(".nothing").is_err());
    }
}
