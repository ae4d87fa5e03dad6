//! What the binder makes and the planner rewrites: expressions and relations in which every name is resolved.
//!
//! Each column that any relation of a statement produces has a [`ColumnId`] of its own, so relations can be moved
//! and merged without renumbering. A relation that uses a column which none of its inputs produces is correlated:
//! the column comes from around it.

mod column_set;
mod expr;
mod query;
mod walk;
mod window;
mod write;

pub(crate) use column_set::ColumnSet;
pub use expr::*;
pub use query::*;
pub(crate) use walk::{children, children_mut};
pub use window::*;
pub use write::*;
