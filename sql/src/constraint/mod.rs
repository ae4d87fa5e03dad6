//! What rows must obey, one file a kind of constraint, and what becomes of a row that does not.
//!
//! The files say whether a row is in order and build the error; the row writer asks them in SQL's order and does what
//! the conflict action says.

pub(crate) mod check;
pub(crate) mod foreign_key;
mod form;
mod json;
pub(crate) mod not_null;
pub(crate) mod types;
pub(crate) mod unique;

use crate::error::{Constraint, Error};
use crate::parser::OnConflict;

/// Why a row is not written.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The statement fails.
    Error(Error),
    /// A constraint is broken, and this is to be done about it.
    Breach(Box<Constraint>, OnConflict),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Error(error)
    }
}

impl From<sedge_storage::Error> for Refusal {
    fn from(error: sedge_storage::Error) -> Refusal {
        Refusal::Error(Error::Storage(error))
    }
}
