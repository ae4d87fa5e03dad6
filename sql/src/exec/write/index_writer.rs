//! One index of the table being written: the entry of the row as it was and as it will be. In a clustered table one of
//! them has the rows themselves as its entries.

use super::row_buffer::RowBuffer;
use crate::catalog::{Index, IndexColumn, IndexKey, Table};
use crate::databases::WriteTransaction;
use crate::encode::{EntryLayout, RecordWriter, RowKey, encode_row};
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::{CompiledExpr, Scope};
use crate::functions::Datum;
use crate::ir::{Expr, TargetIndex};
use crate::parser::OnConflict;
use crate::types::TypeSet;
use crate::value::ValueRef;
use std::sync::Arc;

/// An entry in buffers that are reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// False where the row is outside the index's WHERE.
    exists: bool,
    /// True where a column is NULL: such a key is never a duplicate.
    has_null: bool,
    /// The encoded columns, then the row id.
    key: Vec<u8>,
    /// Bytes of the encoded columns.
    prefix_bytes: usize,
    /// What restores the columns; empty for nearly all.
    restore: Vec<u8>,
}

impl Entry {
    /// The encoded columns.
    fn prefix(&self) -> &[u8] {
        self.key.get(..self.prefix_bytes).unwrap_or_default()
    }
}

/// Writes one index.
pub(super) struct IndexWriter {
    /// The index.
    pub(super) index: Arc<Index>,
    /// What a duplicate leads to.
    pub(super) on_conflict: OnConflict,
    /// True while an UPDATE may change the index: always, but for its columns and WHERE being left alone.
    pub(super) touched: bool,
    layout: EntryLayout,
    /// The table, where the entries are its rows.
    rows_of: Option<Arc<Table>>,
    /// Columns of the table.
    width: usize,
    /// Places of the indexed columns and those of the tail in the row, or in `computed` where there are expressions among
    /// them.
    places: Vec<usize>,
    /// What each column is, where one is an expression; else nothing.
    expressions: Vec<CompiledExpr>,
    /// Their values.
    computed: RowBuffer,
    filter: Option<CompiledExpr>,
    writer: RecordWriter,
    /// The entry of the row as it is in the table.
    before: Entry,
    /// The entry of the row as it will be.
    after: Entry,
}

/// Which of the two entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

impl IndexWriter {
    /// Prepares for `target` of `table`, whose rows have the columns of `scope`.
    pub(super) fn new(
        table: &Arc<Table>,
        target: &TargetIndex,
        scope: Scope<'_>,
        statement: Option<OnConflict>,
    ) -> Result<IndexWriter> {
        let index = Arc::clone(&target.index);
        let place = |column: &IndexColumn| match column.key {
            IndexKey::Column(place) => Some(place),
            IndexKey::Expression(_) => None,
        };
        let plain: Option<Vec<usize>> = index.columns.iter().chain(&index.tail).map(place).collect();
        let (places, expressions) = match plain {
            Some(places) => (places, Vec::new()),
            None => {
                let compiled = target.columns.iter().map(|expr| CompiledExpr::compile(expr, scope));
                let mut expressions: Vec<CompiledExpr> = compiled.collect::<Result<_>>()?;
                for place in index.tail.iter().filter_map(place) {
                    if let Some(id) = scope.layout.get(place) {
                        expressions.push(CompiledExpr::compile(&Expr::Column(*id, TypeSet::ALL), scope)?);
                    }
                }
                ((0..expressions.len()).collect(), expressions)
            }
        };
        Ok(IndexWriter {
            on_conflict: statement.unwrap_or(index.on_conflict),
            touched: true,
            layout: EntryLayout::of(table, &index),
            rows_of: table.is_clustered_by(&index).then(|| Arc::clone(table)),
            width: table.columns.len(),
            places,
            expressions,
            computed: RowBuffer::default(),
            filter: target.filter.as_ref().map(|filter| CompiledExpr::compile(filter, scope)).transpose()?,
            writer: RecordWriter::new(),
            before: Entry::default(),
            after: Entry::default(),
            index,
        })
    }

    /// True if the index orders by column `place`.
    pub(super) fn orders_by(&self, place: usize) -> bool {
        self.places.contains(&place)
    }

    /// True for an index whose predicate or expressions may read any column.
    pub(super) fn is_evaluated(&self) -> bool {
        self.filter.is_some() || !self.expressions.is_empty()
    }

    /// True if its entries are the rows of the table.
    pub(super) fn is_rows(&self) -> bool {
        self.rows_of.is_some()
    }

    /// Encodes the entry of `row`, which ends in its row id.
    pub(super) fn encode(&mut self, side: Side, row: &RowBuffer, cx: &mut Context) -> Result<()> {
        let covered = match &mut self.filter {
            Some(filter) => filter.truth_row(row, cx)? == Some(true),
            None => true,
        };
        let entry = match side {
            Side::Before => &mut self.before,
            Side::After => &mut self.after,
        };
        entry.exists = covered;
        if !covered {
            return Ok(());
        }
        if let Some(table) = &self.rows_of {
            let values = self.places.iter().map(|place| row.get(*place));
            entry.prefix_bytes = self.layout.encode_key(&mut entry.key, values, 0);
            entry.restore.clear();
            entry.restore.extend_from_slice(encode_row(table, &mut self.writer, |place| row.get(place))?);
            entry.has_null = false;
            return Ok(());
        }
        let row_id = match row.get(self.width) {
            ValueRef::Integer(row_id) => row_id,
            _ => 0,
        };
        let row = if self.expressions.is_empty() {
            row
        } else {
            self.computed.reset(self.expressions.len());
            for (place, expr) in self.expressions.iter_mut().enumerate() {
                match expr.eval_row(row, cx)? {
                    Datum::Borrowed(value) => self.computed.set(place, value),
                    Datum::Owned(value) => self.computed.set(place, value.as_ref()),
                }
            }
            &self.computed
        };
        let values = self.places.iter().map(|place| row.get(*place));
        entry.prefix_bytes = self.layout.encode_key(&mut entry.key, values.clone(), row_id);
        entry.restore.clear();
        entry.restore.extend_from_slice(self.layout.encode_restore(&mut self.writer, values)?);
        let own = self.places.iter().take(self.index.columns.len());
        entry.has_null = own.into_iter().any(|place| row.is_null(*place));
        Ok(())
    }

    /// The row, other than `own`, whose entry begins with `key`: the encoded columns, none of them NULL.
    pub(super) fn holder(
        &self,
        txn: &WriteTransaction,
        key: &[u8],
        own: Option<&[u8]>,
    ) -> Result<Option<RowKey>> {
        let found = txn.first_key_at_or_after(self.index.root, key, |entry| -> Result<Option<RowKey>> {
            if !entry.starts_with(key) {
                return Ok(None);
            }
            let mut assembled = Vec::new();
            let row = self.layout.row_key(entry, &mut assembled)?;
            Ok((own != Some(row)).then(|| RowKey::from_slice(row)))
        })?;
        found.transpose().map(Option::flatten)
    }

    /// The columns of the entry to come, where they must be unique and no entry before has them already.
    pub(super) fn key_to_claim(&self, is_update: bool) -> Option<&[u8]> {
        let after = &self.after;
        if !self.index.unique || !after.exists || after.has_null {
            return None;
        }
        let unchanged = is_update && self.before.exists && self.before.prefix() == after.prefix();
        (!unchanged).then(|| after.prefix())
    }

    /// Inserts the entry of a row that is new. False if it is the row itself, and there is one with its key.
    pub(super) fn insert(&self, txn: &mut WriteTransaction) -> Result<bool> {
        if self.after.exists && !txn.insert(self.index.root, &self.after.key, &self.after.restore)? {
            if self.is_rows() {
                return Ok(false);
            }
            return Err(self.disagrees("has an entry for a row that is not there"));
        }
        Ok(true)
    }

    /// Deletes the entry of a row that goes.
    pub(super) fn delete(&self, txn: &mut WriteTransaction) -> Result<()> {
        if self.before.exists && !txn.delete(self.index.root, &self.before.key)? {
            return Err(self.disagrees("lacks the entry of a row"));
        }
        Ok(())
    }

    /// Puts the entry to come in place of the one before. False as for [`IndexWriter::insert`].
    pub(super) fn update(&self, txn: &mut WriteTransaction) -> Result<bool> {
        let same_key = self.before.exists && self.after.exists && self.before.key == self.after.key;
        if !same_key {
            self.delete(txn)?;
            return self.insert(txn);
        }
        let same = self.before.restore == self.after.restore;
        if !same && !txn.replace(self.index.root, &self.after.key, &self.after.restore)? {
            return Err(self.disagrees("lacks the entry of a row"));
        }
        Ok(true)
    }

    /// The entry to come as it is kept: for filling an index. `None` where the row is outside it.
    pub(super) fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.after.exists.then_some((self.after.key.as_slice(), self.after.restore.as_slice()))
    }

    /// Bytes of the columns in the key of [`IndexWriter::entry`] if they must be unique.
    pub(super) fn unique_bytes(&self) -> Option<usize> {
        (self.index.unique && !self.after.has_null).then_some(self.after.prefix_bytes)
    }

    #[cold]
    fn disagrees(&self, how: &str) -> Error {
        let detail = format!("index {} of table {} {how}", self.index.name, self.index.table);
        Error::Storage(sedge_storage::Error::Corrupt {
            page: self.index.root.number,
            tree: Some(self.index.root.number),
            detail,
        })
    }
}
