//! Numbers rows by their key columns: equal keys (as `=` compares them, NULLs as the caller says) get one number.
//!
//! A single column of integers is hashed as such. Everything else, and a column that turns out to hold other kinds
//! after all, goes by key bytes that are equal exactly where the values are.

use super::key_table::{ByteKeys, IntKeys, NONE};
use super::row_id_range::equal_row_id;
use crate::exec::Vector;
use crate::exec::expr::key::hash_key;
use crate::exec::expr::scalar::with_affinity;
use crate::types::{Affinity, Collation};
use crate::value::{Value, ValueRef};
use std::sync::Arc;

/// How one key column is compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyRule {
    /// The conversion before comparing.
    pub(super) affinity: Affinity,
    /// The order of texts.
    pub(super) collation: Collation,
}

impl KeyRule {
    /// No conversion.
    pub(super) fn by(collation: Collation) -> KeyRule {
        KeyRule { affinity: Affinity::None, collation }
    }
}

/// What a NULL in a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NullKeys {
    /// A value like others, equal to itself: grouping and DISTINCT.
    Equal,
    /// Equal to nothing: the row gets [`NONE`].
    Unknown,
}

/// Distinct keys and their numbers, from 0 in order of arrival.
#[derive(Debug)]
pub(super) struct RowKeys {
    rules: Vec<KeyRule>,
    nulls: NullKeys,
    table: Table,
    count: u32,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Table {
    Ints { keys: IntKeys, null: u32 },
    Bytes(ByteKeys),
}

impl RowKeys {
    pub(super) fn new(rules: Vec<KeyRule>, nulls: NullKeys) -> RowKeys {
        let table = match rules.as_slice() {
            [rule] if rule.affinity != Affinity::Text => Table::Ints { keys: IntKeys::default(), null: NONE },
            _ => Table::Bytes(ByteKeys::default()),
        };
        RowKeys { rules, nulls, table, count: 0, scratch: Vec::new() }
    }

    /// How many distinct keys there are.
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// Forgets all keys and keeps the memory.
    pub(super) fn clear(&mut self) {
        match &mut self.table {
            Table::Ints { keys, null } => {
                keys.clear();
                *null = NONE;
            }
            Table::Bytes(keys) => keys.clear(),
        }
        self.count = 0;
    }

    /// Numbers the keys of `rows`, one vector for each key column, and tells `visit` the row, its number and
    /// whether that is a new one.
    pub(super) fn insert(
        &mut self,
        vectors: &[Arc<Vector>],
        rows: impl Iterator<Item = usize>,
        mut visit: impl FnMut(usize, u32, bool),
    ) {
        if let (Table::Ints { keys, null }, [vector]) = (&mut self.table, vectors)
            && let Some((values, nulls)) = vector.as_int()
        {
            let mut count = self.count;
            let mut add = |row: usize, count: &mut u32| {
                // The rows are those of the vector.
                let id = keys.insert(values[row], *count);
                let is_new = id == *count;
                *count += u32::from(is_new);
                visit(row, id, is_new);
            };
            match nulls {
                None => rows.for_each(|row| add(row, &mut count)),
                Some(is_null) => {
                    let unknown = self.nulls == NullKeys::Unknown;
                    let mut null_rows: Vec<usize> = Vec::new();
                    rows.for_each(
                        |row| {
                            if is_null[row] { null_rows.push(row) } else { add(row, &mut count) }
                        },
                    );
                    for row in null_rows {
                        let is_new = !unknown && *null == NONE;
                        if is_new {
                            *null = count;
                            count += 1;
                        }
                        visit(row, if unknown { NONE } else { *null }, is_new);
                    }
                }
            }
            self.count = count;
            return;
        }
        self.go_over_to_bytes();
        let Table::Bytes(keys) = &mut self.table else { return };
        let unknown = self.nulls == NullKeys::Unknown;
        rows.for_each(|row| {
            if unknown && vectors.iter().any(|vector| vector.is_null(row)) {
                visit(row, NONE, false);
                return;
            }
            self.scratch.clear();
            for (vector, rule) in vectors.iter().zip(&self.rules) {
                hash_key(vector.get(row), rule.affinity, rule.collation, &mut self.scratch);
            }
            let (id, is_new) = keys.insert(&self.scratch);
            visit(row, id, is_new);
        });
        self.count = keys.len() as u32;
    }

    /// Adds one key; true if it is a new one.
    pub(super) fn insert_values(&mut self, values: &[Value]) -> bool {
        if let (Table::Ints { keys, .. }, [Value::Integer(integer)]) = (&mut self.table, values) {
            let is_new = keys.insert(*integer, self.count) == self.count;
            self.count += u32::from(is_new);
            return is_new;
        }
        self.go_over_to_bytes();
        let Table::Bytes(keys) = &mut self.table else { return false };
        self.scratch.clear();
        for (value, rule) in values.iter().zip(&self.rules) {
            hash_key(value.as_ref(), rule.affinity, rule.collation, &mut self.scratch);
        }
        let (_, is_new) = keys.insert(&self.scratch);
        self.count = keys.len() as u32;
        is_new
    }

    /// Looks up the keys of `rows`, converted as `rules` say: `visit` gets the row and its number, or [`NONE`].
    pub(super) fn find(
        &mut self,
        vectors: &[Arc<Vector>],
        rules: &[KeyRule],
        rows: impl Iterator<Item = usize>,
        mut visit: impl FnMut(usize, u32),
    ) {
        if let (Table::Ints { keys, null }, [vector], [rule]) = (&self.table, vectors, rules) {
            // The rows are those of the vector.
            match vector.as_int() {
                Some((values, None)) if rule.affinity != Affinity::Text => {
                    rows.for_each(|row| visit(row, keys.find(values[row])));
                    return;
                }
                Some((values, Some(is_null))) if rule.affinity != Affinity::Text => {
                    rows.for_each(|row| {
                        visit(row, if is_null[row] { *null } else { keys.find(values[row]) })
                    });
                    return;
                }
                _ => {}
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        rows.for_each(|row| {
            let values = vectors.iter().zip(rules).map(|(vector, rule)| (vector.get(row), *rule));
            visit(row, self.find_values(values, &mut scratch));
        });
        self.scratch = scratch;
    }

    /// The number of one key, or [`NONE`].
    pub(super) fn find_values<'v>(
        &self,
        values: impl Iterator<Item = (ValueRef<'v>, KeyRule)>,
        scratch: &mut Vec<u8>,
    ) -> u32 {
        scratch.clear();
        let unknown = self.nulls == NullKeys::Unknown;
        for (value, rule) in values {
            if value.is_null() && unknown {
                return NONE;
            }
            match &self.table {
                // The only column.
                Table::Ints { null, .. } if value.is_null() => return *null,
                Table::Ints { keys, .. } => {
                    let integer = with_affinity(value, rule.affinity, equal_row_id);
                    return integer.map_or(NONE, |integer| keys.find(integer));
                }
                Table::Bytes(_) => hash_key(value, rule.affinity, rule.collation, scratch),
            }
        }
        match &self.table {
            Table::Bytes(keys) => keys.find(scratch),
            Table::Ints { .. } => NONE,
        }
    }

    /// Keys of other kinds have come: the integers so far become bytes under their numbers.
    fn go_over_to_bytes(&mut self) {
        let Table::Ints { keys: ints, .. } = &self.table else { return };
        let mut in_order = vec![ValueRef::Null; self.count as usize];
        for (key, id) in ints.iter() {
            in_order[id as usize] = ValueRef::Integer(key); // Numbers are less than the count.
        }
        let rule = self.rules.first().copied().unwrap_or_default();
        let mut bytes = ByteKeys::default();
        for value in in_order {
            self.scratch.clear();
            hash_key(value, rule.affinity, rule.collation, &mut self.scratch);
            bytes.insert(&self.scratch);
        }
        self.table = Table::Bytes(bytes);
    }
}
