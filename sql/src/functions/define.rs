//! How built-in functions are listed: a table of constants per family, with the kinds of values each gives.

use super::{Body, ScalarBody, ScalarDefinition};
use crate::types::TypeSet;
use std::borrow::Cow;

/// The kinds that functions give, whatever their arguments.
pub(super) struct Kinds;

/// From the arguments' kinds to the result's.
pub(super) type ResultKinds = fn(&[TypeSet]) -> TypeSet;

impl Kinds {
    pub(super) const TEXT: ResultKinds = |_| TypeSet::TEXT;
    pub(super) const TEXT_OR_NULL: ResultKinds = |_| TypeSet::TEXT | TypeSet::NULL;
    pub(super) const INTEGER: ResultKinds = |_| TypeSet::INTEGER;
    pub(super) const INTEGER_OR_NULL: ResultKinds = |_| TypeSet::INTEGER | TypeSet::NULL;
    pub(super) const REAL: ResultKinds = |_| TypeSet::REAL;
    pub(super) const REAL_OR_NULL: ResultKinds = |_| TypeSet::REAL | TypeSet::NULL;
    pub(super) const DECIMAL_OR_NULL: ResultKinds = |_| TypeSet::DECIMAL | TypeSet::NULL;
    /// An exact decimal where the first argument may be one, else as `NUMBER_OR_NULL`.
    pub(super) const ALIKE: ResultKinds = |args| match args.first() {
        Some(kinds) if !kinds.intersects(TypeSet::DECIMAL) => Kinds::NUMBER_OR_NULL(args),
        _ => Kinds::NUMBER_OR_NULL(args) | TypeSet::DECIMAL,
    };
    pub(super) const NUMBER_OR_NULL: ResultKinds = |_| TypeSet::INTEGER | TypeSet::REAL | TypeSet::NULL;
    pub(super) const BLOB: ResultKinds = |_| TypeSet::BLOB;
    pub(super) const BLOB_OR_NULL: ResultKinds = |_| TypeSet::BLOB | TypeSet::NULL;
    pub(super) const TEXT_OR_BLOB: ResultKinds = |args| match args.first() {
        Some(kinds) if !kinds.intersects(TypeSet::BLOB) => TypeSet::TEXT | TypeSet::NULL,
        _ => TypeSet::TEXT | TypeSet::BLOB | TypeSet::NULL,
    };
    /// One of the arguments.
    pub(super) const ANY_ARGUMENT: ResultKinds =
        |args| args.iter().fold(TypeSet::NULL, |all, kinds| all | *kinds);
}

/// A function whose equal arguments give equal results.
pub(super) const fn scalar(
    name: &'static str,
    min_args: usize,
    max_args: usize,
    result: ResultKinds,
    body: ScalarBody,
) -> ScalarDefinition {
    ScalarDefinition {
        name: Cow::Borrowed(name),
        min_args,
        max_args,
        deterministic: true,
        foldable: true,
        result,
        body: Body::BuiltIn(body),
    }
}

/// A function that depends on more than its arguments.
pub(super) const fn volatile(
    name: &'static str,
    min_args: usize,
    max_args: usize,
    result: ResultKinds,
    body: ScalarBody,
) -> ScalarDefinition {
    ScalarDefinition {
        name: Cow::Borrowed(name),
        min_args,
        max_args,
        deterministic: false,
        foldable: false,
        result,
        body: Body::BuiltIn(body),
    }
}

/// A function whose equal arguments give equal results within a statement, but not from one to the next.
pub(super) const fn timely(
    name: &'static str,
    min_args: usize,
    max_args: usize,
    result: ResultKinds,
    body: ScalarBody,
) -> ScalarDefinition {
    ScalarDefinition {
        name: Cow::Borrowed(name),
        min_args,
        max_args,
        deterministic: true,
        foldable: false,
        result,
        body: Body::BuiltIn(body),
    }
}
