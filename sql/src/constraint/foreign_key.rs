//! Foreign keys: whether a parent has a key, and whether a child refers to one.
//!
//! A key that is found broken is a suspect, not yet an error: the statement, or the transaction where the key is
//! deferred, may mend it. Suspects are looked at again at its end.

use super::types::{Fitted, fit, shortened};
use super::unique;
use crate::catalog::{KeyLookup, Reference, Table};
use crate::databases::WriteTransaction;
use crate::encode::{EntryLayout, each_column, encode_value, row_key};
use crate::error::{Constraint, ConstraintKind, Error, Result};
use crate::types::{Collation, ColumnType};
use crate::value::{Value, ValueRef};
use crate::value_list::ValueList;
use std::sync::Arc;

/// A key that some child may have and no parent.
#[derive(Clone, Debug)]
pub(crate) struct Suspect {
    /// The foreign key.
    pub(crate) reference: Arc<Reference>,
    /// The key's values in the order of its columns, none of them NULL.
    pub(crate) values: Vec<Value>,
}

impl Suspect {
    /// The error, if the key is broken still.
    ///
    /// # Errors
    /// [`Error::Constraint`], and storage errors.
    pub(crate) fn check(&self, txn: &mut WriteTransaction) -> Result<()> {
        let mut probe = KeyProbe::new(&self.reference);
        let values: Vec<ValueRef<'_>> = self.values.iter().map(Value::as_ref).collect();
        let parent_has = self.reference.parent.is_some() && probe.parent_has(txn, &values)?;
        if parent_has || !probe.child_has(txn, &values)? {
            return Ok(());
        }
        Err(Error::Constraint(breach(&self.reference, &values)))
    }
}

/// Looks keys up on both sides of a foreign key.
pub(crate) struct KeyProbe {
    pub(crate) reference: Arc<Reference>,
    /// How the parent's index, and the child's, are encoded.
    parent_layout: Option<EntryLayout>,
    child_layout: Option<EntryLayout>,
    key: Vec<u8>,
    other: Vec<u8>,
}

impl KeyProbe {
    pub(crate) fn new(reference: &Arc<Reference>) -> KeyProbe {
        let parent_layout = match (&reference.lookup, &reference.parent) {
            (Ok(KeyLookup::Index(index, _)), Some(parent)) => Some(EntryLayout::of(parent, index)),
            _ => None,
        };
        let child_index = reference.child_index.as_ref();
        let child_layout = child_index.map(|(index, _)| EntryLayout::of(&reference.child, index));
        KeyProbe {
            reference: Arc::clone(reference),
            parent_layout,
            child_layout,
            key: Vec::new(),
            other: Vec::new(),
        }
    }

    /// True if the parent has a row with this key, whose values stand in the order of the foreign key's columns.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key refers to no table, or to columns that are no key of it; storage errors.
    pub(crate) fn parent_has(&mut self, txn: &WriteTransaction, values: &[ValueRef<'_>]) -> Result<bool> {
        let KeyProbe { reference, parent_layout, key, .. } = self;
        let lookup = match &reference.lookup {
            Ok(lookup) => lookup,
            Err(why) => return Err(Error::invalid(why.clone(), None)),
        };
        let Some(parent) = &reference.parent else { return Ok(false) };
        match (lookup, parent_layout) {
            (KeyLookup::RowId, _) => {
                match fit(values.first().copied().unwrap_or_default(), ColumnType::Integer) {
                    Fitted::Value(ValueRef::Integer(row_id)) => {
                        Ok(txn.get(parent.root, &row_key(row_id), |_| ())?.is_some())
                    }
                    _ => Ok(false),
                }
            }
            (KeyLookup::Index(index, places), Some(layout)) => {
                let types = places.iter().map(|place| above(reference, *place).0);
                if !encode_prefix(layout, key, places, types, values) {
                    return Ok(false);
                }
                unique::exists(txn, index.root, key)
            }
            (KeyLookup::Index(..), None) => Ok(false),
        }
    }

    /// True if a row of the child refers to this key.
    ///
    /// # Errors
    /// Storage errors.
    pub(crate) fn child_has(&mut self, txn: &mut WriteTransaction, values: &[ValueRef<'_>]) -> Result<bool> {
        let KeyProbe { reference, child_layout, key, other, .. } = self;
        let child = &reference.child;
        if let (Some((index, places)), Some(layout)) = (&reference.child_index, child_layout) {
            let types = places.iter().map(|place| {
                let column = reference.key.columns.get(*place).and_then(|at| child.columns.get(*at));
                column.map_or(ColumnType::Any, |column| column.column_type)
            });
            if !encode_prefix(layout, key, places, types, values) {
                return Ok(false);
            }
            let found = txn.first_key_at_or_after(index.root, key, |entry| entry.starts_with(key))?;
            return Ok(found == Some(true));
        }
        key.clear();
        for (place, value) in values.iter().enumerate() {
            encode_value(key, *value, above(reference, place).1, false);
        }
        let mut cursor = txn.snapshot().cursor(child.root);
        let mut found = cursor.seek_first()?;
        while found {
            let row = cursor.key()?.to_vec();
            if refers(reference, &row, cursor.value()?, key, other)? {
                return Ok(true);
            }
            found = cursor.next()?;
        }
        Ok(false)
    }

    /// True if two keys of the parent are the same.
    pub(crate) fn are_same(&mut self, a: &[ValueRef<'_>], b: &[ValueRef<'_>]) -> bool {
        let KeyProbe { reference, key, other, .. } = self;
        key.clear();
        other.clear();
        for (place, (a, b)) in a.iter().zip(b).enumerate() {
            let collation = above(reference, place).1;
            encode_value(key, *a, collation, false);
            encode_value(other, *b, collation, false);
        }
        key == other
    }
}

/// Type and collation of the parent's column that column `place` of the key refers to.
fn above(reference: &Reference, place: usize) -> (ColumnType, Collation) {
    let column = match (&reference.parent, reference.parent_columns.get(place)) {
        (Some(parent), Some(at)) => parent.columns.get(*at),
        _ => None,
    };
    column.map_or((ColumnType::Any, Collation::Binary), |column| (column.column_type, column.collation))
}

/// Encodes the beginning of an index's key; false if a value does not fit its column, so that no entry can have it.
fn encode_prefix(
    layout: &EntryLayout,
    key: &mut Vec<u8>,
    places: &[usize],
    types: impl Iterator<Item = ColumnType>,
    values: &[ValueRef<'_>],
) -> bool {
    key.clear();
    for ((place, column_type), column) in places.iter().zip(types).zip(layout.columns()) {
        let value = values.get(*place).copied().unwrap_or_default();
        match fit(value, column_type) {
            Fitted::Value(value) => encode_value(key, value, column.collation, column.descending),
            Fitted::Text(text) => {
                encode_value(key, ValueRef::Text(text.as_bytes()), column.collation, column.descending);
            }
            Fitted::Refused => return false,
        }
    }
    true
}

/// True if a row of the child has the key, compared as the parent's columns are.
fn refers(reference: &Reference, row: &[u8], record: &[u8], key: &[u8], other: &mut Vec<u8>) -> Result<bool> {
    let child: &Table = &reference.child;
    let mut values = ValueList::default();
    values.reset(child.columns.len());
    each_column(child, row, record, &mut Vec::new(), |place, value| {
        values.set(place, value);
        Ok(())
    })?;
    other.clear();
    for (place, column) in reference.key.columns.iter().enumerate() {
        let value = values.get(*column);
        let (column_type, collation) = above(reference, place);
        match fit(value, column_type) {
            Fitted::Value(ValueRef::Null) => return Ok(false),
            Fitted::Value(value) => encode_value(other, value, collation, false),
            // No parent has it, but it is the key that is asked for where this row's own parent is missing.
            Fitted::Refused => encode_value(other, value, collation, false),
            Fitted::Text(text) => encode_value(other, ValueRef::Text(text.as_bytes()), collation, false),
        }
    }
    Ok(other == key)
}

/// What is broken by a child without a parent.
#[cold]
pub(crate) fn breach(reference: &Reference, values: &[ValueRef<'_>]) -> Box<Constraint> {
    let values: Vec<String> = values.iter().map(|value| shortened(*value)).collect();
    let parent = reference.parent.as_ref();
    let columns = reference.parent_columns.iter().filter_map(|at| parent.and_then(|p| p.columns.get(*at)));
    let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    Box::new(Constraint {
        kind: ConstraintKind::ForeignKey,
        table: reference.child.name.clone(),
        columns: reference.column_names(),
        name: reference.key.name.clone(),
        detail: Some(format!(
            "no row of {}({}) has ({})",
            reference.key.parent,
            columns.join(", "),
            values.join(", ")
        )),
    })
}
