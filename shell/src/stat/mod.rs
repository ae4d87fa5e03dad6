//! `sedge stat`: how every tree of a database fills its pages, drawn for people or as JSON for programs.

mod draw;
mod json;

use crate::failure::Failure;
use draw::{Glyphs, Page};
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Columns of what goes into a file or a pipe.
const PLAIN_WIDTH: usize = 100;

/// Measures the database `file` and prints what was found.
///
/// # Errors
/// What keeps the file from being opened or a tree from being walked.
pub(crate) fn run(file: &Path, as_json: bool) -> Result<bool, Failure> {
    let stat = sedge::stat(file)?;
    let mut out = std::io::stdout();
    if as_json {
        json::write(file, &stat, &mut out)?;
        return Ok(true);
    }
    let page = if out.is_terminal() {
        let width = terminal_size::terminal_size().map_or(PLAIN_WIDTH, |(width, _)| width.0.into());
        let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Page { width, glyphs: if colors { Glyphs::COLORED } else { Glyphs::BLOCKS } }
    } else {
        Page { width: PLAIN_WIDTH, glyphs: Glyphs::PLAIN }
    };
    out.write_all(page.database(&file.display().to_string(), &stat).as_bytes())?;
    Ok(true)
}
