//! Errors of the SQL layer: what a user did wrong, and where.

use crate::parser::OnConflict;
use std::fmt;

/// The result of an SQL operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in the text of a statement: byte offsets, `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Which constraint a row broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// A CHECK expression was false.
    Check,
    /// A NOT NULL column would hold NULL.
    NotNull,
    /// A UNIQUE constraint or index would hold a key twice.
    Unique,
    /// A PRIMARY KEY would hold a key twice.
    PrimaryKey,
    /// A value does not fit its column's type.
    Type,
    /// A foreign key points nowhere.
    ForeignKey,
}

impl fmt::Display for ConstraintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConstraintKind::Check => "CHECK",
            ConstraintKind::NotNull => "NOT NULL",
            ConstraintKind::Unique => "UNIQUE",
            ConstraintKind::PrimaryKey => "PRIMARY KEY",
            ConstraintKind::Type => "type",
            ConstraintKind::ForeignKey => "FOREIGN KEY",
        })
    }
}

/// What a broken constraint was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The kind.
    pub kind: ConstraintKind,
    /// Its table.
    pub table: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// Its name, or the text of its CHECK.
    pub name: Option<String>,
    /// What else helps: the offending value, shortened.
    pub detail: Option<String>,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} constraint failed: ", self.kind)?;
        match (&self.name, self.columns.as_slice()) {
            (Some(name), []) => write!(f, "{name} in table {}", self.table)?,
            (_, []) => f.write_str(&self.table)?,
            (name, columns) => {
                for (i, column) in columns.iter().enumerate() {
                    write!(f, "{}{}.{column}", if i > 0 { ", " } else { "" }, self.table)?;
                }
                if let Some(name) = name {
                    write!(f, " ({name})")?;
                }
            }
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

/// An error of the SQL layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not SQL as Sedge speaks it.
    #[error("syntax error: {message}")]
    Syntax {
        /// What was expected or found.
        message: String,
        /// Where, in the text given.
        span: Option<Span>,
    },
    /// A name stands for nothing, for two things, or is taken.
    #[error("{message}")]
    Name {
        /// The name, and a suggestion where one is near.
        message: String,
        /// Where.
        span: Option<Span>,
    },
    /// A statement that can have no meaning: a wrong number of columns, a misused aggregate, an unknown type.
    #[error("{message}")]
    Invalid {
        /// What is wrong, and the remedy where there is one.
        message: String,
        /// Where.
        span: Option<Span>,
    },
    /// Evaluation failed: an integer overflow in sum, a value out of a function's domain.
    #[error("{0}")]
    Evaluation(String),
    /// A function of the program's own failed.
    #[error("{name}(): {source}")]
    Function {
        /// The function.
        name: String,
        /// What it returned.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row broke a constraint.
    #[error("{0}")]
    Constraint(Box<Constraint>),
    /// RAISE of a trigger.
    #[error("{message}")]
    Raised {
        /// What is to be done: IGNORE leaves the row out.
        action: OnConflict,
        /// What the trigger says.
        message: String,
    },
    /// A limit of depth, length or number was passed.
    #[error("{message}")]
    Limit {
        /// Which limit.
        message: String,
        /// Where the statement passes it, if that is a place in its text.
        span: Option<Span>,
    },
    /// The interrupt flag was raised.
    #[error("interrupted")]
    Interrupted,
    /// The caller broke a rule: a parameter without a value, COMMIT without BEGIN.
    #[error("{0}")]
    Misuse(String),
    /// A page is damaged that a statement needs.
    #[error("page {page} of {object} is damaged: {detail}")]
    Damaged {
        /// The page.
        page: u32,
        /// The table or index it belongs to, or was thought to.
        object: String,
        /// What was found and what was expected.
        detail: String,
    },
    /// The storage engine failed.
    #[error(transparent)]
    Storage(#[from] sedge_storage::Error),
}

impl Error {
    /// A syntax error at `span`.
    pub(crate) fn syntax(message: impl Into<String>, span: impl Into<Option<Span>>) -> Error {
        Error::Syntax { message: message.into(), span: span.into() }
    }

    /// An error about a name.
    pub(crate) fn name(message: impl Into<String>, span: impl Into<Option<Span>>) -> Error {
        Error::Name { message: message.into(), span: span.into() }
    }

    /// A statement without meaning.
    pub(crate) fn invalid(message: impl Into<String>, span: impl Into<Option<Span>>) -> Error {
        Error::Invalid { message: message.into(), span: span.into() }
    }

    /// A limit was passed, at no place in the text.
    pub(crate) fn limit(message: impl Into<String>) -> Error {
        Error::Limit { message: message.into(), span: None }
    }

    /// The error with its place, if it is about a limit and has none yet.
    pub(crate) fn limit_at(mut self, place: Span) -> Error {
        if let Error::Limit { span: span @ None, .. } = &mut self {
            *span = Some(place);
        }
        self
    }

    /// The error with its place moved by `bytes`: from a statement's own text to one that it stands in.
    pub(crate) fn shifted(mut self, bytes: usize) -> Error {
        if let Error::Syntax { span: Some(span), .. }
        | Error::Name { span: Some(span), .. }
        | Error::Invalid { span: Some(span), .. }
        | Error::Limit { span: Some(span), .. } = &mut self
        {
            span.start += bytes;
            span.end += bytes;
        }
        self
    }

    /// The place in the text, where one is known.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Error::Syntax { span, .. }
            | Error::Name { span, .. }
            | Error::Invalid { span, .. }
            | Error::Limit { span, .. } => *span,
            _ => None,
        }
    }
}
