//! The text of a statement: the places of errors, and what stands at a place. Touches nothing but the text.

use crate::error::Span;
use crate::parser::ast::Place;
use crate::parser::span_of;

/// A text; or none, for expressions whose text is not at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    text: Option<&'a str>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Text<'a> {
        Text { text: Some(text) }
    }

    pub(super) fn none() -> Text<'a> {
        Text { text: None }
    }

    /// The bytes that a place of the tree stands for; `None` where the parser knew no place.
    pub(super) fn span(&self, place: Place) -> Option<Span> {
        let span = span_of(place);
        (self.text.is_some() && span.start < span.end).then_some(span)
    }

    /// The text at a place; nothing where no text is at hand.
    pub(super) fn at(&self, place: Place) -> &'a str {
        let span = span_of(place);
        self.text.and_then(|text| text.get(span.start..span.end)).unwrap_or("")
    }
}
