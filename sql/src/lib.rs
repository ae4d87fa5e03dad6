//! The SQL layer of Sedge.
#![forbid(unsafe_code)]

pub mod bind;
pub mod catalog;
mod collation;
mod constraint;
mod databases;
mod decimal;
pub mod encode;
mod error;
mod exec;
pub mod functions;
pub mod ir;
pub mod parser;
pub mod plan;
pub mod session;
mod suggest;
mod types;
mod value;
mod value_list;

pub use collation::{Collations, SortKeyFn};
pub use decimal::{Decimal, ParseDecimalError};
pub use error::{Constraint, ConstraintKind, Error, Result, Span};
pub use functions::format_real;
pub use types::{Affinity, Collation, ColumnType, TypeSet};
pub use value::{Value, ValueRef, compare_integer_real};
pub use value_list::ValueList;
