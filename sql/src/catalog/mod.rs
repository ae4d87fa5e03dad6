//! The catalog: tables, indexes and views, and how they are kept.
//!
//! `schema` describes them, `schemas` looks for a name in all databases of a connection, `types` gives declared types their meaning, `define` turns parsed statements into
//! descriptions, `store` keeps them in the schema tree, `ddl` ties both together for CREATE and DROP, `alter` for
//! ALTER TABLE with `alter_text`, `rename` and `edit`, `sequence` keeps
//! what AUTOINCREMENT counts, `pragma` and `listing` show them as rows, `salvage` reads what is left of a damaged schema,
//! `relocate` follows trees that move, and `verify` proves that indexes and tables agree.
//!
//! Nothing here evaluates an expression or knows the binder: callers hand in what must bind or evaluate.

mod alter;
mod alter_text;
mod ddl;
mod define;
mod edit;
mod listing;
mod pragma;
mod reference;
mod relocate;
mod rename;
mod salvage;
mod schema;
mod schemas;
mod sequence;
mod statistics;
mod store;
mod types;
mod verify;
mod written_name;

pub use alter::{Altered, NamesIn, RowWork, alter_table};
pub use ddl::{
    BindTable, FillIndex, create_index, create_table, create_table_as, create_trigger, create_view,
    drop_object, set_application_id, set_user_version,
};
pub use edit::NameUse;
pub use listing::{SCHEMA_COLUMNS, is_schema_table, schema_rows};
pub use pragma::{DescribeView, PragmaRows, pragma_rows};
pub use reference::{KeyLookup, Reference};
pub use relocate::{clear_database, copy_database};
pub use salvage::{SchemaRecord, salvaged_row, salvaged_table, schema_record};
pub use schema::*;
pub use schemas::{Lookup, NamedCatalog, Schemas};
pub use sequence::{SEQUENCE_TABLE, Sequence, find_sequence, keep_sequence};
pub use statistics::{IndexStatistics, STATISTICS_TABLE, analyze, optimize};
pub use store::load;
pub use types::column_type;
pub use verify::{Covers, verify_indexes};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
