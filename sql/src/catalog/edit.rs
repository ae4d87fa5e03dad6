//! Edits of the texts that the schema keeps: spans of a statement replaced, everything else as it was written.

use crate::error::Span;
use crate::parser::ast::Ident;
use crate::parser::span_of;

/// A name in a text of the schema that stands for a table, or for one of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// Where it stands.
    pub span: Span,
    /// The table.
    pub table: String,
    /// The column; `None` for the table's own name.
    pub column: Option<String>,
}

/// A text to put in the place of a span, which may be empty.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) span: Span,
    pub(super) text: String,
}

impl Edit {
    pub(super) fn replace(span: Span, text: impl Into<String>) -> Edit {
        Edit { span, text: text.into() }
    }

    pub(super) fn insert(at: usize, text: impl Into<String>) -> Edit {
        Edit { span: Span { start: at, end: at }, text: text.into() }
    }

    pub(super) fn remove(start: usize, end: usize) -> Edit {
        Edit { span: Span { start, end }, text: String::new() }
    }
}

/// The text after all edits, which do not overlap; of two at one place the first counts.
pub(super) fn edited(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    edits.dedup_by_key(|edit| edit.span.start);
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        result.push_str(text.get(at..edit.span.start).unwrap_or_default());
        result.push_str(&edit.text);
        at = edit.span.end.max(at);
    }
    result.push_str(text.get(at..).unwrap_or_default());
    result
}

/// An identifier that may hold anything, as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `next` in the place of the name at `span`: in quotes where either of them stood in some.
pub(super) fn renamed(text: &str, span: Span, next: &Ident) -> Edit {
    let first = text.get(span.start..).and_then(|rest| rest.chars().next());
    let was_quoted = matches!(first, Some('"' | '`' | '[' | '\''));
    let is_quoted = was_quoted || next.quoted;
    Edit::replace(span, if is_quoted { quoted(&next.value) } else { next.value.to_string() })
}

/// The place of a name in the text that it was parsed from.
pub(super) fn at(ident: &Ident) -> Span {
    span_of(ident.span)
}

/// True if `ident` is called `name`, in any case.
pub(super) fn is_called(ident: &Ident, name: &str) -> bool {
    ident.value.eq_ignore_ascii_case(name)
}
