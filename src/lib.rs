//! Sedge is an embedded relational store in pure Rust: SQLite's SQL over typed columns, in one file, with readers
//! that never block.
//!
//! ```
//! use sedge::{Database, params};
//!
//! # fn main() -> sedge::Result<()> {
//! let db = Database::open_in_memory()?;
//! let mut conn = db.connect()?;
//! conn.execute_batch("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT NOT NULL, population INTEGER)")?;
//! let tx = conn.transaction()?;
//! tx.execute("INSERT INTO city(name, population) VALUES (?, ?)", params!["Lisbon", 545_000])?;
//! tx.execute("INSERT INTO city(name, population) VALUES (?, ?)", params!["Porto", 232_000])?;
//! tx.commit()?;
//!
//! let mut statement = conn.prepare("SELECT name, population FROM city WHERE population > ? ORDER BY name")?;
//! let mut rows = statement.query(params![300_000])?;
//! while let Some(row) = rows.next()? {
//!     let (name, population): (String, i64) = (row.get(0)?, row.get("population")?);
//!     assert_eq!((name.as_str(), population), ("Lisbon", 545_000));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Database`] is cheap to clone and may be used from any thread; it hands out [`Connection`]s, each with its own
//! transaction. A [`Statement`] owns all it needs and can live in a struct beside its connection. What goes wrong is
//! one [`Error`], whose [`ErrorCode`] is stable. A program adds functions, aggregates and collations of its own by
//! [`Database::create_scalar_function`] and its neighbours.
//!
//! What the engine did is counted always ([`Database::metrics`]) and measured on demand ([`stat`], `EXPLAIN ANALYZE`). A
//! process started with `SEDGE_PROFILE=1` has times beside the counters. With the feature `tracing`, commits,
//! checkpoints, recoveries, splits, merges and compactions are spans of the crate `tracing`, at level DEBUG with the
//! target `sedge`.
#![forbid(unsafe_code)]

mod backup;
mod connection;
mod convert;
mod database;
mod error;
mod functions;
mod params;
mod recover;
mod rows;
mod stat;
mod statement;
mod transaction;

pub use connection::{Connection, InterruptHandle};
pub use convert::{FromValue, ToValue};
pub use database::{Database, Options};
pub use error::{Error, ErrorCode, Result};
pub use functions::{Aggregate, Arguments, FunctionFlags};
pub use params::{Array, Named, Params, params_from_iter};
pub use recover::{SalvageReport, SalvagedTable, recover};
pub use rows::{ColumnIndex, Row, Rows};
pub use sedge_sql::parser::{is_complete, statement_end};
#[cfg(feature = "testing")]
pub use sedge_sql::plan::{Choices, JoinMethod};
pub use sedge_sql::{
    Constraint, ConstraintKind, Decimal, ParseDecimalError, Span, Value, ValueList, ValueRef, format_real,
};
pub use sedge_storage::{BackupProgress, Counters, Metrics, RecoveryReport, SkippedPage, Synchronous, Times};
pub use stat::{DatabaseStat, LevelStat, ObjectStat, StatKind, TreeStat, stat};
pub use statement::Statement;
pub use transaction::Transaction;
