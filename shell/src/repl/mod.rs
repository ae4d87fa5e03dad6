//! The interactive shell: lines with history, statements over several lines, completion.

mod helper;

use crate::failure::Failure;
use crate::session::Session;
use helper::ShellHelper;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};
use std::path::PathBuf;

/// Commands that a newcomer tries without their dot.
const PLAIN_WORDS: [&str; 3] = ["help", "exit", "quit"];

/// The command that `input` is but for its dot; nothing else that starts so is a statement.
fn plain_command(input: &str) -> Option<String> {
    let words = input.trim().trim_end_matches(';');
    let first = words.split_whitespace().next()?.to_ascii_lowercase();
    PLAIN_WORDS.contains(&first.as_str()).then(|| format!(".{first}{}", &words[first.len()..]))
}

/// Reads and runs statements until the end of input or `.quit`.
///
/// # Errors
/// When the terminal cannot be used.
pub(crate) fn run(session: &mut Session) -> Result<(), Failure> {
    println!("Sedge {}. Statements end with a semicolon; .help lists commands.", env!("CARGO_PKG_VERSION"));
    let terminal = |error: ReadlineError| Failure::Message(format!("terminal: {error}"));
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(10_000);
    let config = config.and_then(|config| config.history_ignore_dups(true)).map_err(terminal)?.build();
    let mut editor: Editor<ShellHelper, DefaultHistory> = Editor::with_config(config).map_err(terminal)?;
    editor.set_helper(Some(ShellHelper::default()));
    let history = history_file();
    if let Some(history) = &history {
        // The first start has no history yet.
        let _ = editor.load_history(history);
    }
    while !session.stopped() {
        if let Some(helper) = editor.helper_mut() {
            helper.learn(session);
        }
        // A star tells that a transaction is open.
        let prompt = if session.connection.is_autocommit() { "sedge> " } else { "sedge*> " };
        match editor.readline(prompt) {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                // A history that cannot be kept is no reason to stop.
                let _ = editor.add_history_entry(input.trim_end());
                session.run_script(&plain_command(&input).unwrap_or(input), None);
                session.interrupt.forget();
            }
            // Ctrl-C drops the input.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(terminal(error)),
        }
    }
    if let Some(history) = &history {
        let _ = editor.save_history(history);
    }
    Ok(())
}

fn history_file() -> Option<PathBuf> {
    std::env::var_os("SEDGE_HISTORY")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".sedge_history")))
}
