//! How rows and keys are bytes: records hold the columns of a row, keys order them.
//!
//! `record` lays out the value of a table tree, `key` makes bytes whose order is that of the values, and `entry`
//! puts both together for an index: its key, its row id, and what restores a column that its key has changed. `row` tells which
//! bytes of a table's tree are which column.
//! Nothing here knows a tree or a page.

pub mod entry;
pub mod key;
pub mod record;
pub mod row;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub use entry::{EntryColumn, EntryLayout, EntryReader};
pub use key::{
    KeyReader, encode_value, prefix_successor, push_row_id, row_id_of_entry, row_id_of_key, row_key,
};
pub use record::{
    COLUMNS_MAX, CommonField, Field, Found, RecordRow, RecordView, RecordWriter, short_integer, short_real,
};

pub use row::{RowKey, each_column, encode_row, key_of_row_id, row_id_in};

use crate::error::Error;

/// The error for bytes of a record or a key that no writer of ours makes. The page is not known here.
#[cold]
fn damaged(detail: &str) -> Error {
    Error::Storage(sedge_storage::Error::Corrupt { page: 0, tree: None, detail: detail.to_owned() })
}
