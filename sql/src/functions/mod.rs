//! Functions: what they are called, what they take and what they give.

pub(crate) mod aggregate;
#[cfg(test)]
mod call_tests;
mod core;
pub(crate) mod datetime;
mod decimal;
mod decimals;
mod define;
mod digest;
pub(crate) mod fold;
mod format;
mod json;
pub(crate) mod matching;
mod math;
mod more_text;
pub(crate) mod number;
#[cfg(test)]
mod oracle;
mod percentile;
mod raise;
pub(crate) mod real;
pub(crate) mod regexp;
mod registry;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod uuid;

pub use raise::{raise_action, raise_function};
pub use registry::{
    function_arities, function_names, is_aggregate, is_function, lookup_aggregate, lookup_scalar,
};
pub use table::{TableDefinition, TableFunction, TableSource, listing, lookup_table_function};

pub(crate) use uuid::uuid_text;

use crate::error::Result;
use crate::types::{Collation, TypeSet};
use crate::value::{Value, ValueRef};
use std::fmt;
use std::sync::Arc;

/// A value that a function gives: borrowed from its arguments where that saves a copy.
#[derive(Clone, Debug)]
pub enum Datum<'a> {
    /// Borrowed.
    Borrowed(ValueRef<'a>),
    /// Made by the function.
    Owned(Value),
}

impl Datum<'_> {
    /// The value, borrowed.
    #[must_use]
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Datum::Borrowed(value) => *value,
            Datum::Owned(value) => value.as_ref(),
        }
    }

    /// The value, owned.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Datum::Borrowed(value) => value.to_owned(),
            Datum::Owned(value) => value,
        }
    }
}

/// Most bytes that a text or blob may have, as in SQLite.
pub const LENGTH_MAX: usize = 1_000_000_000;

/// What a function may ask of its surroundings.
pub trait FunctionContext {
    /// The collation of the call's arguments.
    fn collation(&self) -> Collation;
    /// Rows changed by the last statement.
    fn changes(&self) -> i64;
    /// Rows changed since the connection was opened.
    fn total_changes(&self) -> i64;
    /// The row id of the last insert.
    fn last_insert_rowid(&self) -> i64;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// The time of the statement in milliseconds since 1970, the same for all its calls.
    fn now_millis(&self) -> i64;
}

/// The body of a scalar function.
pub type ScalarBody = for<'a> fn(&dyn FunctionContext, &[ValueRef<'a>]) -> Result<Datum<'a>>;

/// A function of one row.
#[derive(Clone)]
pub struct ScalarFunction(pub Arc<ScalarDefinition>);

/// What a scalar function is.
#[derive(Clone, Copy)]
pub struct ScalarDefinition {
    /// Its name in lower case.
    pub name: &'static str,
    /// The fewest arguments.
    pub min_args: usize,
    /// The most arguments.
    pub max_args: usize,
    /// True if equal arguments give equal results within one statement.
    pub deterministic: bool,
    /// True if they always do, so that a call on constants can be computed while planning.
    pub foldable: bool,
    /// The kinds it gives for arguments of these kinds.
    pub result: fn(&[TypeSet]) -> TypeSet,
    /// What it does.
    pub body: ScalarBody,
}

impl fmt::Debug for ScalarFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for ScalarFunction {
    fn eq(&self, other: &ScalarFunction) -> bool {
        self.0.name == other.0.name
    }
}

/// The running state of one aggregate over one group.
pub trait AggregateState: Send {
    /// Takes one row's arguments.
    ///
    /// # Errors
    /// An overflow of sum, say.
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()>;
    /// The result so far.
    ///
    /// # Errors
    /// As [`AggregateState::step`].
    fn finish(&mut self) -> Result<Value>;
}

/// A function of many rows.
#[derive(Clone)]
pub struct AggregateFunction(pub Arc<AggregateDefinition>);

/// What an aggregate is.
#[derive(Clone, Copy)]
pub struct AggregateDefinition {
    /// Its name in lower case.
    pub name: &'static str,
    /// Which of the built-in aggregates that have vector kernels it is.
    pub kind: AggregateKind,
    /// The fewest arguments.
    pub min_args: usize,
    /// The most arguments.
    pub max_args: usize,
    /// The kinds it gives for arguments of these kinds.
    pub result: fn(&[TypeSet]) -> TypeSet,
    /// A fresh state; texts compare by the collation.
    pub state: fn(Collation) -> Box<dyn AggregateState>,
}

/// The aggregates that the executor computes by kernels over vectors; `Other` runs its state row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the aggregates of SQL")]
pub enum AggregateKind {
    CountRows,
    Count,
    Sum,
    Total,
    Average,
    Min,
    Max,
    Other,
}

impl fmt::Debug for AggregateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for AggregateFunction {
    fn eq(&self, other: &AggregateFunction) -> bool {
        self.0.name == other.0.name && self.0.kind == other.0.kind
    }
}

/// A real as SQL prints it: as few digits as give the same real back, 17 at most, and always with a point or exponent.
///
/// ```
/// assert_eq!(sedge_sql::format_real(0.1), "0.1");
/// assert_eq!(sedge_sql::format_real(3.0), "3.0");
/// ```
#[must_use]
pub fn format_real(real: f64) -> String {
    let mut text = Vec::new();
    real::write_real(real, &mut text);
    // Digits, signs, points and letters of ASCII.
    String::from_utf8_lossy(&text).into_owned()
}
