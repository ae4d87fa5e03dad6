//! The built-in functions by name.

use super::{AggregateDefinition, AggregateFunction, ScalarDefinition, ScalarFunction};
use super::{
    aggregate, core, datetime, decimals, digest, format, json, math, more_text, percentile, regexp, text,
    uuid,
};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock};

/// All functions, made at first use.
struct Registry {
    scalars: FxHashMap<&'static str, ScalarFunction>,
    /// Several of one name differ in their number of arguments.
    aggregates: FxHashMap<&'static str, Vec<AggregateFunction>>,
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let families = [
            core::FUNCTIONS,
            datetime::FUNCTIONS,
            decimals::FUNCTIONS,
            digest::FUNCTIONS,
            format::FUNCTIONS,
            json::FUNCTIONS,
            more_text::FUNCTIONS,
            regexp::FUNCTIONS,
            text::FUNCTIONS,
            uuid::FUNCTIONS,
        ];
        let scalars = families
            .iter()
            .chain(math::FUNCTIONS)
            .flat_map(|family| family.iter())
            .map(|definition: &ScalarDefinition| {
                (&*definition.name, ScalarFunction(Arc::new(definition.clone())))
            })
            .collect();
        let mut aggregates: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for definition in aggregate::FUNCTIONS.iter().chain(percentile::FUNCTIONS).chain(json::AGGREGATES) {
            let definition: &AggregateDefinition = definition;
            let function = AggregateFunction(Arc::new(definition.clone()));
            aggregates.entry(&*definition.name).or_default().push(function);
        }
        Registry { scalars, aggregates }
    })
}

/// The scalar function called `name`, in any case, that takes `args` arguments.
#[must_use]
pub fn lookup_scalar(name: &str, args: usize) -> Option<ScalarFunction> {
    let function = registry().scalars.get(name.to_ascii_lowercase().as_str())?;
    (function.0.min_args..=function.0.max_args).contains(&args).then(|| function.clone())
}

/// The aggregate called `name`, in any case, that takes `args` arguments; `count(*)` takes none.
#[must_use]
pub fn lookup_aggregate(name: &str, args: usize) -> Option<AggregateFunction> {
    let functions = registry().aggregates.get(name.to_ascii_lowercase().as_str())?;
    functions.iter().find(|function| (function.0.min_args..=function.0.max_args).contains(&args)).cloned()
}

/// True if there is a function called `name`, in any case, whatever it takes.
#[must_use]
pub fn is_function(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    registry().scalars.contains_key(name.as_str()) || registry().aggregates.contains_key(name.as_str())
}

/// True if there is an aggregate called `name`, in any case, whatever it takes.
#[must_use]
pub fn is_aggregate(name: &str) -> bool {
    registry().aggregates.contains_key(name.to_ascii_lowercase().as_str())
}

/// All scalar functions, in no order.
pub fn scalars() -> impl Iterator<Item = &'static ScalarFunction> {
    registry().scalars.values()
}

/// All aggregates, in no order.
pub fn aggregates() -> impl Iterator<Item = &'static AggregateFunction> {
    registry().aggregates.values().flatten()
}

/// The names of all functions, in no order, some twice: for suggestions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    registry().scalars.keys().chain(registry().aggregates.keys()).copied()
}
