//! Sort keys in a form that compares fast: one number a row, or bytes.

use crate::encode::encode_value;
use crate::exec::Vector;
use crate::ir::SortKey;
use crate::types::Collation;
use crate::value::ValueRef;
use std::cmp::Ordering;
use std::sync::Arc;

/// How one key orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyColumn {
    collation: Collation,
    descending: bool,
    nulls_first: bool,
}

impl KeyColumn {
    pub(super) fn of(key: &SortKey) -> KeyColumn {
        KeyColumn { collation: key.collation, descending: key.descending, nulls_first: key.nulls_first }
    }

    /// What stands before a key: NULLs go to their end whatever the direction.
    fn marker(self, is_null: bool) -> u8 {
        match (is_null, self.nulls_first) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => 2,
        }
    }

    pub(super) fn push_bytes(self, value: ValueRef<'_>, bytes: &mut Vec<u8>) {
        bytes.push(self.marker(value.is_null()));
        if !value.is_null() {
            encode_value(bytes, value, self.collation, self.descending);
        }
    }

    /// The order of an integer or real as a number: marker, then bits.
    fn number(self, is_null: bool, ordered_bits: u64) -> u128 {
        let bits = if self.descending { !ordered_bits } else { ordered_bits };
        u128::from(self.marker(is_null)) << 64 | u128::from(if is_null { 0 } else { bits })
    }
}

fn int_bits(integer: i64) -> u64 {
    integer as u64 ^ 1 << 63
}

/// Bits that order as the reals do; the zeros are equal.
fn real_bits(real: f64) -> u64 {
    let bits = (real + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Calls `visit` with each of `rows` and its key as a number, if the keys are one column of numbers of one kind.
fn visit_numbers(
    keys: &[&Vector],
    columns: &[KeyColumn],
    rows: impl Iterator<Item = usize>,
    mut visit: impl FnMut(usize, u128),
) -> bool {
    let ([vector], [column]) = (keys, columns) else { return false };
    if let Some((values, nulls)) = vector.as_int() {
        // The rows are those of the vector.
        rows.for_each(|row| visit(row, column.number(nulls.is_some_and(|n| n[row]), int_bits(values[row]))));
    } else if let Some((values, nulls)) = vector.as_real() {
        rows.for_each(|row| visit(row, column.number(nulls.is_some_and(|n| n[row]), real_bits(values[row]))));
    } else {
        return false;
    }
    true
}

/// Scratch of sorting, and the key that later rows must precede.
#[derive(Debug, Default)]
pub(super) struct SortKeys {
    numbers: Vec<(u128, u32)>,
    /// The first bytes of each key, and its row.
    heads: Vec<(u64, u32)>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
    bound: Bound,
}

#[derive(Debug, Default)]
enum Bound {
    #[default]
    None,
    Ints(u128),
    Reals(u128),
    Bytes(Vec<u8>),
}

impl SortKeys {
    /// Puts the numbers of `rows` rows into `order`, in the order of their keys; equal ones as they came.
    pub(super) fn sort(&mut self, keys: &[Vector], columns: &[KeyColumn], rows: usize, order: &mut Vec<u32>) {
        order.clear();
        self.numbers.clear();
        let vectors: Vec<&Vector> = keys.iter().collect();
        let numbers = &mut self.numbers;
        if visit_numbers(&vectors, columns, 0..rows, |row, number| numbers.push((number, row as u32))) {
            // The row makes every pair distinct, so an unstable sort is stable.
            numbers.sort_unstable();
            order.extend(numbers.iter().map(|(_, row)| *row));
            return;
        }
        self.bytes.clear();
        self.ends.clear();
        self.heads.clear();
        for row in 0..rows {
            let start = self.bytes.len();
            for (vector, column) in vectors.iter().zip(columns) {
                column.push_bytes(vector.get(row), &mut self.bytes);
            }
            self.ends.push(self.bytes.len());
            let key = self.bytes.get(start..).unwrap_or_default();
            let mut head = [0; 8];
            let length = key.len().min(8);
            head[..length].copy_from_slice(&key[..length]); // At most 8 of both.
            self.heads.push((u64::from_be_bytes(head), row as u32));
        }
        let (bytes, ends) = (&self.bytes, &self.ends);
        let key = |row: u32| {
            let row = row as usize;
            let start = if row == 0 { 0 } else { ends[row - 1] };
            &bytes[start..ends[row]] // Rows are those just encoded.
        };
        // Keys are prefix-free, so the zeros behind a short one decide nothing wrongly.
        self.heads.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then_with(|| a.1.cmp(&b.1))
        });
        order.extend(self.heads.iter().map(|(_, row)| *row));
    }

    /// Remembers the key of the last of the `wanted` rows, which are sorted. False if there are fewer.
    pub(super) fn set_bound(&mut self, keys: &[Vector], columns: &[KeyColumn], wanted: usize) -> bool {
        self.bound = Bound::None;
        let Some(last) = wanted.checked_sub(1) else { return false };
        if keys.iter().any(|vector| vector.len() < wanted) {
            return false;
        }
        let vectors: Vec<&Vector> = keys.iter().collect();
        let mut number = 0;
        self.bound = if visit_numbers(&vectors, columns, std::iter::once(last), |_, n| number = n) {
            match vectors.first().and_then(|vector| vector.as_int()) {
                Some(_) => Bound::Ints(number),
                None => Bound::Reals(number),
            }
        } else {
            let mut bytes = Vec::new();
            for (vector, column) in vectors.iter().zip(columns) {
                column.push_bytes(vector.get(last), &mut bytes);
            }
            Bound::Bytes(bytes)
        };
        true
    }

    /// Puts into `passed` those of `rows` whose keys precede the bound. Rows that equal it come after it.
    pub(super) fn below_bound(
        &mut self,
        keys: &[Arc<Vector>],
        columns: &[KeyColumn],
        rows: impl Iterator<Item = usize>,
        passed: &mut Vec<u32>,
    ) {
        let vectors: Vec<&Vector> = keys.iter().map(Arc::as_ref).collect();
        let is_int = vectors.first().is_some_and(|vector| vector.as_int().is_some());
        let is_real = vectors.first().is_some_and(|vector| vector.as_real().is_some());
        match &self.bound {
            Bound::Ints(bound) if is_int => {
                visit_numbers(&vectors, columns, rows, |row, number| {
                    if number < *bound {
                        passed.push(row as u32);
                    }
                });
            }
            Bound::Reals(bound) if is_real => {
                visit_numbers(&vectors, columns, rows, |row, number| {
                    if number < *bound {
                        passed.push(row as u32);
                    }
                });
            }
            Bound::Bytes(bound) => {
                rows.for_each(|row| {
                    self.bytes.clear();
                    for (vector, column) in vectors.iter().zip(columns) {
                        column.push_bytes(vector.get(row), &mut self.bytes);
                    }
                    if self.bytes.as_slice().cmp(bound) == Ordering::Less {
                        passed.push(row as u32);
                    }
                });
            }
            // The keys are of another kind than before: keep all, the next cut sorts it out.
            _ => passed.extend(rows.map(|row| row as u32)),
        }
    }
}
