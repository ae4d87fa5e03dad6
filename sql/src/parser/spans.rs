//! Places in the text: how byte offsets travel through sqlparser's trees. Touches no other part of the parser.
//!
//! sqlparser's spans are lines and columns. Our token list keeps everything on line 1 and lets the column be the
//! byte offset plus one, so that a span of any tree converts back without a table of lines.

use crate::error::Span;
use sqlparser::tokenizer::{Location, Span as TreeSpan};

/// The bytes that a span of a parsed tree stands for: offsets into [`super::Parsed::text`].
///
/// The empty span (line 0), which sqlparser gives to what has no place, is the span at offset 0.
#[must_use]
pub fn span_of(span: TreeSpan) -> Span {
    let offset = |location: Location| location.column.saturating_sub(1) as usize;
    let start = offset(span.start);
    Span { start, end: offset(span.end).max(start) }
}

/// The tree span of a range of bytes.
pub(super) fn tree_span(start: usize, end: usize) -> TreeSpan {
    TreeSpan::new(Location::new(1, start as u64 + 1), Location::new(1, end as u64 + 1))
}
