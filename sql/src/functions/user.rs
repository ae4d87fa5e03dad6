//! Functions of the program's own: what a database has beside the built-in ones. They come before these, so that a
//! program may put its own in the place of a built-in function.

use super::{
    AggregateDefinition, AggregateFunction, AggregateKind, AggregateState, Body, ScalarDefinition,
    ScalarFunction, States, UserScalarBody,
};
use crate::collation::Collations;
use crate::types::TypeSet;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::Arc;

/// A function of the program's own.
#[derive(Clone, Debug)]
pub enum UserFunction {
    /// Of one row.
    Scalar(ScalarFunction),
    /// Of many rows.
    Aggregate(AggregateFunction),
}

/// What a function of the program's own does.
pub enum UserBody {
    /// From the values of one row to one.
    Scalar(Arc<UserScalarBody>),
    /// Makes a fresh state for a group.
    Aggregate(Arc<dyn Fn() -> Box<dyn AggregateState> + Send + Sync>),
}

impl UserFunction {
    /// A function that takes so many arguments, or any number.
    #[must_use]
    pub fn new(name: &str, args: Option<usize>, is_deterministic: bool, body: UserBody) -> UserFunction {
        let name = Cow::Owned(name.to_ascii_lowercase());
        let (min_args, max_args) = args.map_or((0, usize::MAX), |args| (args, args));
        let result: fn(&[TypeSet]) -> TypeSet = |_| TypeSet::ALL;
        match body {
            UserBody::Scalar(body) => UserFunction::Scalar(ScalarFunction(Arc::new(ScalarDefinition {
                name,
                min_args,
                max_args,
                deterministic: is_deterministic,
                foldable: is_deterministic,
                result,
                body: Body::User(body),
            }))),
            UserBody::Aggregate(states) => {
                UserFunction::Aggregate(AggregateFunction(Arc::new(AggregateDefinition {
                    name,
                    kind: AggregateKind::Other,
                    min_args,
                    max_args,
                    result,
                    states: States::User(states),
                })))
            }
        }
    }

    fn arity(&self) -> (usize, usize) {
        match self {
            UserFunction::Scalar(function) => (function.0.min_args, function.0.max_args),
            UserFunction::Aggregate(function) => (function.0.min_args, function.0.max_args),
        }
    }

    fn name(&self) -> &str {
        match self {
            UserFunction::Scalar(function) => &function.0.name,
            UserFunction::Aggregate(function) => &function.0.name,
        }
    }
}

/// The functions and collations of a program. A change makes another set; the collations are shared by all sets.
#[derive(Clone, Debug, Default)]
pub struct UserFunctions {
    /// Several of one name differ in what they take.
    functions: FxHashMap<String, Vec<UserFunction>>,
    /// The collations.
    pub collations: Arc<Collations>,
}

impl UserFunctions {
    /// This set and `function`, in place of one that takes as many arguments.
    #[must_use]
    pub fn with(&self, function: UserFunction) -> UserFunctions {
        let mut next = self.clone();
        let all = next.functions.entry(function.name().to_owned()).or_default();
        all.retain(|known| known.arity() != function.arity());
        all.push(function);
        next
    }

    /// This set without the function that takes so many arguments.
    #[must_use]
    pub fn without(&self, name: &str, args: Option<usize>) -> UserFunctions {
        let mut next = self.clone();
        let arity = args.map_or((0, usize::MAX), |args| (args, args));
        if let Some(all) = next.functions.get_mut(&name.to_ascii_lowercase()) {
            all.retain(|known| known.arity() != arity);
        }
        next.functions.retain(|_, all| !all.is_empty());
        next
    }

    /// The function called `name` (in lower case) for a call with `args` arguments: one that takes so many before one
    /// that takes any number.
    #[must_use]
    pub fn find(&self, name: &str, args: usize) -> Option<&UserFunction> {
        // Most programs have none.
        if self.functions.is_empty() {
            return None;
        }
        let all = self.functions.get(name)?;
        let exact = all.iter().find(|function| function.arity() == (args, args));
        exact.or_else(|| all.iter().find(|function| function.arity() == (0, usize::MAX)))
    }

    /// True if there is one called `name` (in lower case), whatever it takes.
    #[must_use]
    pub fn is_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// All functions, in no order.
    pub fn functions(&self) -> impl Iterator<Item = &UserFunction> {
        self.functions.values().flatten()
    }

    /// The names of all functions, in no order: for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }
}
