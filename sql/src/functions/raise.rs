//! RAISE of triggers: a call that gives no value but ends what the trigger was fired by.

use super::define::{Kinds, volatile};
use super::{Datum, FunctionContext, ScalarDefinition, ScalarFunction};
use crate::error::{Error, Result};
use crate::parser::OnConflict;
use crate::value::ValueRef;
use std::sync::{Arc, OnceLock};

/// RAISE takes the place of its action among these, and the message.
const ACTIONS: [OnConflict; 4] =
    [OnConflict::Ignore, OnConflict::Rollback, OnConflict::Abort, OnConflict::Fail];

const RAISE: ScalarDefinition = volatile("raise", 2, 2, Kinds::ANY_ARGUMENT, raise);

/// The function, which no name finds: it may be called in triggers alone.
#[must_use]
pub fn raise_function() -> ScalarFunction {
    static FUNCTION: OnceLock<ScalarFunction> = OnceLock::new();
    FUNCTION.get_or_init(|| ScalarFunction(Arc::new(RAISE))).clone()
}

/// The first argument that stands for an action written as `word`.
#[must_use]
pub fn raise_action(word: &str) -> Option<i64> {
    let words = ["ignore", "rollback", "abort", "fail"];
    words.iter().position(|known| known.eq_ignore_ascii_case(word)).map(|place| place as i64)
}

fn raise<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Result<Datum<'a>> {
    let place = match args.first() {
        Some(ValueRef::Integer(place)) => usize::try_from(*place).ok(),
        _ => None,
    };
    let action = place.and_then(|place| ACTIONS.get(place)).copied().unwrap_or_default();
    let mut message = Vec::new();
    match args.get(1).copied().unwrap_or_default() {
        ValueRef::Text(text) | ValueRef::Blob(text) => message.extend_from_slice(text),
        ValueRef::Null => {}
        number => super::number::write_text(number, &mut message),
    }
    Err(Error::Raised { action, message: String::from_utf8_lossy(&message).into_owned() })
}
