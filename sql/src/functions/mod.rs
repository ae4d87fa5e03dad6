//! Functions: what they are called, what they take and what they give.

pub(crate) mod aggregate;
mod array;
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
mod user;
mod uuid;

pub use array::{ARRAY_EACH, affinity_code, encode_array};
pub use raise::{raise_action, raise_function};
pub use registry::{
    aggregates, function_names, is_aggregate, is_function, lookup_aggregate, lookup_scalar, scalars,
};
pub use table::{Asked, TableDefinition, TableFunction, TableSource, listing, lookup_table_function};
pub use user::{UserBody, UserFunction, UserFunctions};

pub(crate) use uuid::uuid_text;

use crate::error::{Error, Result};
use crate::types::{Collation, TypeSet};
use crate::value::{Value, ValueRef};
use std::borrow::Cow;
use std::cell::Cell;
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
    /// Told that the result depends on the time zone of the system.
    fn uses_zone(&self) {}
}

/// A context that notes what a result depends on beside the arguments.
struct Pure<'a> {
    inner: &'a dyn FunctionContext,
    is_impure: Cell<bool>,
}

impl FunctionContext for Pure<'_> {
    fn collation(&self) -> Collation {
        self.inner.collation()
    }
    fn changes(&self) -> i64 {
        self.inner.changes()
    }
    fn total_changes(&self) -> i64 {
        self.inner.total_changes()
    }
    fn last_insert_rowid(&self) -> i64 {
        self.inner.last_insert_rowid()
    }
    fn random(&self) -> u64 {
        self.inner.random()
    }
    fn now_millis(&self) -> i64 {
        self.is_impure.set(true);
        self.inner.now_millis()
    }
    fn uses_zone(&self) {
        self.is_impure.set(true);
    }
}

/// The body of a built-in scalar function.
pub type ScalarBody = for<'a> fn(&dyn FunctionContext, &[ValueRef<'a>]) -> Result<Datum<'a>>;

/// The body of a scalar function of the program's own.
pub type UserScalarBody = dyn Fn(&[ValueRef<'_>]) -> Result<Value> + Send + Sync;

/// A function of one row.
#[derive(Clone)]
pub struct ScalarFunction(pub Arc<ScalarDefinition>);

/// What a scalar function is.
#[derive(Clone)]
pub struct ScalarDefinition {
    /// Its name in lower case.
    pub name: Cow<'static, str>,
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
    pub body: Body,
}

/// What a scalar function does.
#[derive(Clone)]
pub enum Body {
    /// A function of ours.
    BuiltIn(ScalarBody),
    /// A function of ours that may not ask for the time or the zone, since what it gives is kept: in `place`.
    Pure(ScalarBody, &'static str),
    /// One of the program's own.
    User(Arc<UserScalarBody>),
}

impl ScalarFunction {
    /// The value for these arguments.
    ///
    /// # Errors
    /// What the function raises.
    #[inline]
    pub fn call<'a>(&self, context: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Result<Datum<'a>> {
        match &self.0.body {
            Body::BuiltIn(body) => body(context, args),
            Body::Pure(body, place) => {
                let context = Pure { inner: context, is_impure: Cell::new(false) };
                let value = body(&context, args)?;
                if context.is_impure.get() {
                    let message = format!("non-deterministic use of {}() in {place}", self.0.name);
                    return Err(Error::Evaluation(message));
                }
                Ok(value)
            }
            Body::User(body) => body(args).map(Datum::Owned),
        }
    }

    /// The function where its results are kept: it raises if it needs more than its arguments. `place` is where it
    /// stands.
    #[must_use]
    pub fn kept_in(self, place: &'static str) -> ScalarFunction {
        match self.0.body {
            Body::BuiltIn(body) if !self.0.foldable => {
                let body = Body::Pure(body, place);
                ScalarFunction(Arc::new(ScalarDefinition { body, ..ScalarDefinition::clone(&self.0) }))
            }
            _ => self,
        }
    }

    /// Its name, if it is one of ours: what is known of these by name does not hold for others called so.
    #[must_use]
    pub fn built_in(&self) -> Option<&str> {
        (!matches!(self.0.body, Body::User(_))).then_some(&*self.0.name)
    }
}

impl fmt::Debug for ScalarFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

impl PartialEq for ScalarFunction {
    fn eq(&self, other: &ScalarFunction) -> bool {
        match (self.built_in(), other.built_in()) {
            (Some(name), Some(other)) => name == other,
            _ => Arc::ptr_eq(&self.0, &other.0),
        }
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
    /// Takes out the arguments that came first, where the frame of a window moves on. False if that cannot be done: the
    /// rows of the frame are then taken anew.
    fn leave(&mut self, _args: &[ValueRef<'_>]) -> bool {
        false
    }
}

/// A function of many rows.
#[derive(Clone)]
pub struct AggregateFunction(pub Arc<AggregateDefinition>);

/// What an aggregate is.
#[derive(Clone)]
pub struct AggregateDefinition {
    /// Its name in lower case.
    pub name: Cow<'static, str>,
    /// Which of the built-in aggregates that have vector kernels it is.
    pub kind: AggregateKind,
    /// The fewest arguments.
    pub min_args: usize,
    /// The most arguments.
    pub max_args: usize,
    /// The kinds it gives for arguments of these kinds.
    pub result: fn(&[TypeSet]) -> TypeSet,
    /// Where its states come from.
    pub states: States,
}

/// Where the states of an aggregate come from.
#[derive(Clone)]
pub enum States {
    /// A function of ours; texts compare by the collation.
    BuiltIn(fn(Collation) -> Box<dyn AggregateState>),
    /// One of the program's own.
    User(Arc<dyn Fn() -> Box<dyn AggregateState> + Send + Sync>),
}

impl AggregateFunction {
    /// A fresh state; texts compare by the collation.
    #[must_use]
    pub fn state(&self, collation: Collation) -> Box<dyn AggregateState> {
        match &self.0.states {
            States::BuiltIn(make) => make(collation),
            States::User(make) => make(),
        }
    }

    /// Its name, if it is one of ours.
    #[must_use]
    pub fn built_in(&self) -> Option<&str> {
        matches!(self.0.states, States::BuiltIn(_)).then_some(&*self.0.name)
    }
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
        f.write_str(&self.0.name)
    }
}

impl PartialEq for AggregateFunction {
    fn eq(&self, other: &AggregateFunction) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
