//! What the planner may ask about the data: sizes of tables and how selective index prefixes are. Who answers
//! (ANALYZE, the trees themselves, guesses) is not the planner's business.

use super::choices::Choices;
use crate::catalog::{Index, Table};
use crate::ir::Expr;
use crate::value::Value;

/// Rows assumed in a table of which nothing is known.
pub const DEFAULT_TABLE_ROWS: f64 = 1_000_000.0;

/// Answers about the data.
pub trait Statistics {
    /// Rows of a table.
    fn rows(&self, table: &Table) -> f64;

    /// Rows that share equal values of the first `columns` columns of an index, on average; at least one.
    fn distinct(&self, index: &Index, columns: usize) -> f64 {
        default_rows_per_prefix(index, columns)
    }

    /// Rows whose first index column lies between two known values, where that is known.
    fn range_rows(&self, index: &Index, lower: Option<&Value>, upper: Option<&Value>) -> Option<f64> {
        let _ = (index, lower, upper);
        None
    }
}

/// SQLite's guesses: ten rows for one column, fewer for each further one, one where the whole key is unique.
#[must_use]
pub fn default_rows_per_prefix(index: &Index, columns: usize) -> f64 {
    if index.unique && columns >= index.columns.len() {
        return 1.0;
    }
    match columns {
        0 => DEFAULT_TABLE_ROWS,
        1 => 10.0,
        2 => 9.0,
        3 => 8.0,
        4 => 7.0,
        5 => 6.0,
        _ => 5.0,
    }
}

/// Statistics of a database about which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultStatistics;

impl Statistics for DefaultStatistics {
    fn rows(&self, _table: &Table) -> f64 {
        DEFAULT_TABLE_ROWS
    }
}

/// What planning needs from around it.
#[derive(Clone, Copy)]
pub struct PlanContext<'a> {
    /// About the data.
    pub statistics: &'a dyn Statistics,
    /// Evaluates an expression of constants; `None` if that raises.
    pub fold: &'a dyn Fn(&Expr) -> Option<Value>,
    /// What a test asks for.
    pub choices: Choices,
}

impl std::fmt::Debug for PlanContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlanContext")
    }
}
