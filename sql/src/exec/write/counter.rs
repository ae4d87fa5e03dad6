//! AUTOINCREMENT: row ids that are never given twice, counted in the table `sqlite_sequence`.
//!
//! The count is read and kept with each row, since a trigger may insert into the same table and a user may change it.

use crate::catalog::{Sequence, Table, find_sequence, keep_sequence};
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use std::sync::Arc;

/// The count of one table.
#[derive(Debug)]
pub(super) struct Counter {
    sequences: Arc<Table>,
    known: Option<Sequence>,
}

impl Counter {
    /// A counter in the table `sequences`.
    pub(super) fn new(sequences: &Arc<Table>) -> Counter {
        Counter { sequences: Arc::clone(sequences), known: None }
    }

    /// Reads the count as it stands.
    pub(super) fn look(&mut self, txn: &WriteTransaction, table: &Table) -> Result<()> {
        let hint = self.known.map(|known| known.row_id);
        self.known = find_sequence(txn, &self.sequences, &table.name, hint)?;
        Ok(())
    }

    /// The next row id. `last` is the greatest in the table.
    pub(super) fn next(&self, table: &Table, last: Option<i64>) -> Result<i64> {
        let counted = self.known.map_or(0, |known| known.last);
        counted.max(last.unwrap_or(0)).checked_add(1).ok_or_else(|| {
            let message = format!("AUTOINCREMENT of table {} has given its last row id", table.name);
            Error::Storage(sedge_storage::Error::Full(message))
        })
    }

    /// Keeps that `row_id` was given.
    pub(super) fn note(&mut self, txn: &mut WriteTransaction, table: &Table, row_id: i64) -> Result<()> {
        if row_id <= self.known.map_or(0, |known| known.last) {
            return Ok(());
        }
        let place = keep_sequence(txn, &self.sequences, &table.name, self.known, row_id)?;
        self.known = Some(Sequence { row_id: place, last: row_id });
        Ok(())
    }
}
