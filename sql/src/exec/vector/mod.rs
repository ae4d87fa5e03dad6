//! Vectors: the values of one column for the rows of a batch.
//!
//! A vector of one kind holds plain numbers, or views into shared buffers: a scan hands up the texts of a page
//! without copying them, and whoever keeps the vector keeps the page. Values of several kinds travel in a Dynamic
//! vector, 16 bytes a row. Nulls are a byte a row, and absent where a vector has none.

mod builder;

pub(crate) use builder::VectorBuilder;

use crate::decimal::Decimal;
use crate::types::TypeSet;
use crate::value::{Value, ValueRef};
use sedge_storage::PageRef;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that vectors look into; they never change while somebody holds them.
#[derive(Clone)]
pub(crate) enum Buffer {
    /// Bytes made by an operator or a function.
    Owned(Arc<Vec<u8>>),
    /// A page of storage.
    Page(PageRef),
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Buffer::Owned(bytes) => bytes,
            Buffer::Page(page) => page,
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

/// A slice of one of a vector's buffers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// Place of the buffer.
    pub(crate) buffer: u32,
    /// First byte.
    pub(crate) offset: u32,
    /// Number of bytes.
    pub(crate) length: u32,
}

/// The buffers of a vector, shared by all vectors gathered from it.
pub(crate) type Buffers = Arc<Vec<Buffer>>;

fn slice(buffers: &[Buffer], view: View) -> &[u8] {
    let start = view.offset as usize;
    buffers
        .get(view.buffer as usize)
        .and_then(|buffer| buffer.get(start..start + view.length as usize))
        .unwrap_or_default()
}

/// A decimal's digits and scale, as they lie in a buffer.
fn decimal_bytes(decimal: Decimal) -> [u8; 17] {
    let mut bytes = [decimal.scale(); 17];
    if let Some(digits) = bytes.first_chunk_mut() {
        *digits = decimal.coefficient().to_le_bytes();
    }
    bytes
}

fn decimal_at<'a>(bytes: &[u8]) -> ValueRef<'a> {
    let decimal = match (bytes.first_chunk(), bytes.last()) {
        (Some(digits), Some(scale)) => Decimal::new(i128::from_le_bytes(*digits), *scale),
        _ => None,
    };
    decimal.map_or(ValueRef::Null, ValueRef::Decimal)
}

/// True at the rows that are NULL; `None` if no row is.
pub(crate) type Nulls = Option<Vec<bool>>;

/// Numbers of one kind. Under a NULL stands some number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers<T> {
    /// One a row.
    pub(crate) values: Vec<T>,
    /// Which rows are NULL.
    pub(crate) nulls: Nulls,
}

/// Texts or blobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    /// One a row.
    pub(crate) views: Vec<View>,
    /// Which rows are NULL.
    pub(crate) nulls: Nulls,
    /// What the views look into.
    pub(crate) buffers: Buffers,
}

impl Views {
    /// The bytes of row `row`; empty for a NULL.
    pub(crate) fn bytes(&self, row: usize) -> &[u8] {
        slice(&self.buffers, self.views.get(row).copied().unwrap_or_default())
    }
}

/// One value of a Dynamic vector.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Cell {
    /// NULL.
    #[default]
    Null,
    /// An integer.
    Integer(i64),
    /// A real.
    Real(f64),
    /// A decimal, whose bytes lie in a buffer: the cells stay as small as they are without it.
    Decimal(View),
    /// Text.
    Text(View),
    /// Bytes.
    Blob(View),
}

/// Values of any kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    /// One a row.
    pub(crate) cells: Vec<Cell>,
    /// What the views look into.
    pub(crate) buffers: Buffers,
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(crate) enum Vector {
    /// Integers.
    Int(Numbers<i64>),
    /// Reals.
    Real(Numbers<f64>),
    /// Texts.
    Text(Views),
    /// Blobs.
    Blob(Views),
    /// Values of any kinds.
    Dynamic(Cells),
    /// One value for so many rows.
    Constant(Value, usize),
}

fn is_null_at(nulls: &Nulls, row: usize) -> bool {
    nulls.as_ref().is_some_and(|nulls| nulls.get(row).copied().unwrap_or(true))
}

impl Vector {
    /// Integers without NULLs.
    pub(crate) fn from_ints(values: Vec<i64>) -> Vector {
        Vector::Int(Numbers { values, nulls: None })
    }

    /// `rows` NULLs.
    pub(crate) fn nulls(rows: usize) -> Vector {
        Vector::Constant(Value::Null, rows)
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Vector::Int(numbers) => numbers.values.len(),
            Vector::Real(numbers) => numbers.values.len(),
            Vector::Text(views) | Vector::Blob(views) => views.views.len(),
            Vector::Dynamic(cells) => cells.cells.len(),
            Vector::Constant(_, rows) => *rows,
        }
    }

    /// The value at `row`; NULL beyond the end.
    pub(crate) fn get(&self, row: usize) -> ValueRef<'_> {
        match self {
            Vector::Int(numbers) if is_null_at(&numbers.nulls, row) => ValueRef::Null,
            Vector::Int(numbers) => numbers.values.get(row).map_or(ValueRef::Null, |i| ValueRef::Integer(*i)),
            Vector::Real(numbers) if is_null_at(&numbers.nulls, row) => ValueRef::Null,
            Vector::Real(numbers) => numbers.values.get(row).map_or(ValueRef::Null, |r| ValueRef::Real(*r)),
            Vector::Text(views) if is_null_at(&views.nulls, row) => ValueRef::Null,
            Vector::Text(views) => ValueRef::Text(views.bytes(row)),
            Vector::Blob(views) if is_null_at(&views.nulls, row) => ValueRef::Null,
            Vector::Blob(views) => ValueRef::Blob(views.bytes(row)),
            Vector::Dynamic(cells) => match cells.cells.get(row).copied().unwrap_or_default() {
                Cell::Null => ValueRef::Null,
                Cell::Integer(i) => ValueRef::Integer(i),
                Cell::Real(r) => ValueRef::Real(r),
                Cell::Decimal(view) => decimal_at(slice(&cells.buffers, view)),
                Cell::Text(view) => ValueRef::Text(slice(&cells.buffers, view)),
                Cell::Blob(view) => ValueRef::Blob(slice(&cells.buffers, view)),
            },
            Vector::Constant(value, _) => value.as_ref(),
        }
    }

    /// True if the value at `row` is NULL.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            Vector::Int(numbers) => is_null_at(&numbers.nulls, row),
            Vector::Real(numbers) => is_null_at(&numbers.nulls, row),
            Vector::Text(views) | Vector::Blob(views) => is_null_at(&views.nulls, row),
            Vector::Dynamic(cells) => cells.cells.get(row).is_none_or(|cell| matches!(cell, Cell::Null)),
            Vector::Constant(value, _) => value.is_null(),
        }
    }

    /// The integers and the nulls of an Int vector.
    pub(crate) fn as_int(&self) -> Option<(&[i64], Option<&[bool]>)> {
        match self {
            Vector::Int(numbers) => Some((&numbers.values, numbers.nulls.as_deref())),
            _ => None,
        }
    }

    /// The reals and the nulls of a Real vector.
    pub(crate) fn as_real(&self) -> Option<(&[f64], Option<&[bool]>)> {
        match self {
            Vector::Real(numbers) => Some((&numbers.values, numbers.nulls.as_deref())),
            _ => None,
        }
    }

    /// The value of a Constant vector.
    pub(crate) fn as_constant(&self) -> Option<&Value> {
        match self {
            Vector::Constant(value, _) => Some(value),
            _ => None,
        }
    }

    /// The values at `rows`, in that order. Buffers are shared, not copied.
    pub(crate) fn gather(&self, rows: &[u32]) -> Vector {
        match self {
            Vector::Int(numbers) => Vector::Int(gather_numbers(numbers, rows)),
            Vector::Real(numbers) => Vector::Real(gather_numbers(numbers, rows)),
            Vector::Text(views) => Vector::Text(gather_views(views, rows)),
            Vector::Blob(views) => Vector::Blob(gather_views(views, rows)),
            Vector::Dynamic(cells) => Vector::Dynamic(Cells {
                cells: rows
                    .iter()
                    .map(|row| cells.cells.get(*row as usize).copied().unwrap_or_default())
                    .collect(),
                buffers: Arc::clone(&cells.buffers),
            }),
            Vector::Constant(value, _) => Vector::Constant(value.clone(), rows.len()),
        }
    }

    /// As [`Vector::gather`], with NULL wherever a row is [`NO_ROW`]: the side of an outer join that has no partner.
    pub(crate) fn gather_or_null(&self, rows: &[u32]) -> Vector {
        if !rows.contains(&NO_ROW) {
            return self.gather(rows);
        }
        if let Vector::Constant(value, _) = self {
            let mut builder = VectorBuilder::new(TypeSet::EMPTY);
            for row in rows {
                builder.push(if *row == NO_ROW { ValueRef::Null } else { value.as_ref() });
            }
            return builder.finish();
        }
        let mut gathered = self.gather(rows);
        // Rows beyond the end gave default values: only their nulls are missing.
        match &mut gathered {
            Vector::Int(Numbers { nulls, .. })
            | Vector::Real(Numbers { nulls, .. })
            | Vector::Text(Views { nulls, .. })
            | Vector::Blob(Views { nulls, .. }) => {
                let nulls = nulls.get_or_insert_with(|| vec![false; rows.len()]);
                for (null, row) in nulls.iter_mut().zip(rows) {
                    *null |= *row == NO_ROW;
                }
            }
            Vector::Dynamic(_) | Vector::Constant(..) => {}
        }
        gathered
    }

    /// Adds the rows of `other`. The vector becomes Dynamic where the kinds differ.
    pub(crate) fn append(&mut self, other: &Vector) {
        if other.len() == 0 {
            return;
        }
        if self.len() == 0 {
            *self = other.clone();
            return;
        }
        let rows = self.len();
        match (&mut *self, other) {
            (Vector::Int(a), Vector::Int(b)) => append_numbers(a, b),
            (Vector::Real(a), Vector::Real(b)) => append_numbers(a, b),
            (Vector::Text(a), Vector::Text(b)) | (Vector::Blob(a), Vector::Blob(b)) => {
                let base = append_buffers(&mut a.buffers, &b.buffers);
                a.views.extend(b.views.iter().map(|view| View { buffer: view.buffer + base, ..*view }));
                append_nulls(&mut a.nulls, rows, &b.nulls, b.views.len());
            }
            (Vector::Dynamic(a), Vector::Dynamic(b)) => {
                let base = append_buffers(&mut a.buffers, &b.buffers);
                a.cells.extend(b.cells.iter().map(|cell| shift(*cell, base)));
            }
            (Vector::Constant(a, n), Vector::Constant(b, m)) if a == b => *n += m,
            _ => {
                let mut builder = VectorBuilder::from_vector(std::mem::replace(self, Vector::nulls(0)));
                builder.extend(other, None);
                *self = builder.finish();
            }
        }
    }
}

/// The row number that stands for no row in [`Vector::gather_or_null`].
pub(crate) const NO_ROW: u32 = u32::MAX;

fn gather_nulls(nulls: &Nulls, rows: &[u32]) -> Nulls {
    let nulls = nulls.as_ref()?;
    let gathered: Vec<bool> =
        rows.iter().map(|row| nulls.get(*row as usize).copied().unwrap_or(true)).collect();
    gathered.contains(&true).then_some(gathered)
}

fn gather_numbers<T: Copy + Default>(numbers: &Numbers<T>, rows: &[u32]) -> Numbers<T> {
    Numbers {
        values: rows
            .iter()
            .map(|row| numbers.values.get(*row as usize).copied().unwrap_or_default())
            .collect(),
        nulls: gather_nulls(&numbers.nulls, rows),
    }
}

fn gather_views(views: &Views, rows: &[u32]) -> Views {
    Views {
        views: rows.iter().map(|row| views.views.get(*row as usize).copied().unwrap_or_default()).collect(),
        nulls: gather_nulls(&views.nulls, rows),
        buffers: Arc::clone(&views.buffers),
    }
}

fn append_nulls(nulls: &mut Nulls, rows: usize, other: &Nulls, more: usize) {
    if nulls.is_none() && other.is_none() {
        return;
    }
    let nulls = nulls.get_or_insert_with(|| vec![false; rows]);
    match other {
        Some(other) => nulls.extend_from_slice(other),
        None => nulls.resize(rows + more, false),
    }
}

fn append_numbers<T: Copy>(numbers: &mut Numbers<T>, other: &Numbers<T>) {
    append_nulls(&mut numbers.nulls, numbers.values.len(), &other.nulls, other.values.len());
    numbers.values.extend_from_slice(&other.values);
}

/// Adds `other`'s buffers and gives the place of the first. Neighbouring batches often share one set of buffers.
fn append_buffers(buffers: &mut Buffers, other: &Buffers) -> u32 {
    if Arc::ptr_eq(buffers, other) {
        return 0;
    }
    let base = buffers.len() as u32;
    Arc::make_mut(buffers).extend(other.iter().cloned());
    base
}

fn shift(cell: Cell, base: u32) -> Cell {
    match cell {
        Cell::Decimal(view) => Cell::Decimal(View { buffer: view.buffer + base, ..view }),
        Cell::Text(view) => Cell::Text(View { buffer: view.buffer + base, ..view }),
        Cell::Blob(view) => Cell::Blob(View { buffer: view.buffer + base, ..view }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn values() -> Vec<Value> {
        vec![
            Value::Null,
            Value::Integer(1),
            Value::text("abc"),
            Value::Integer(2),
            Value::Null,
            Value::Real(0.5),
            Value::Decimal("-12.50".parse().unwrap()),
            Value::Blob([1, 2].into()),
            Value::text(""),
        ]
    }

    fn built(values: &[Value]) -> Vector {
        let mut builder = VectorBuilder::new(TypeSet::EMPTY);
        values.iter().for_each(|value| builder.push(value.as_ref()));
        builder.finish()
    }

    fn read(vector: &Vector) -> Vec<Value> {
        (0..vector.len()).map(|row| vector.get(row).to_owned()).collect()
    }

    #[test]
    fn every_prefix_builds_gathers_and_appends() {
        let values = values();
        for length in 0..=values.len() {
            let vector = built(&values[..length]);
            assert_eq!(read(&vector), values[..length]);
            let rows: Vec<u32> = (0..length as u32).rev().collect();
            let reversed: Vec<Value> = values[..length].iter().rev().cloned().collect();
            assert_eq!(read(&vector.gather(&rows)), reversed);
            for split in 0..=length {
                let mut whole = built(&values[..split]);
                whole.append(&built(&values[split..length]));
                assert_eq!(read(&whole), values[..length], "split at {split} of {length}");
            }
        }
    }

    #[test]
    fn rows_without_a_partner_are_null() {
        for values in [vec![Value::Integer(4), Value::Integer(5)], vec![Value::text("a"); 2], values()] {
            let gathered = built(&values).gather_or_null(&[1, NO_ROW, 0]);
            assert_eq!(read(&gathered), [values[1].clone(), Value::Null, values[0].clone()]);
        }
        let constant = Vector::Constant(Value::Integer(3), 2).gather_or_null(&[0, NO_ROW]);
        assert_eq!(read(&constant), [Value::Integer(3), Value::Null]);
    }

    #[test]
    fn texts_inside_a_buffer_are_shared() {
        let page: Arc<Vec<u8>> = Arc::new(b"..hello..".to_vec());
        let mut builder = VectorBuilder::new(TypeSet::TEXT);
        let buffer = builder.add_buffer(Buffer::Owned(Arc::clone(&page)));
        builder.push_shared(ValueRef::Text(&page[2..7]), buffer);
        builder.push_shared(ValueRef::Text(b"elsewhere"), buffer);
        let vector = builder.finish();
        assert_eq!(read(&vector), [Value::text("hello"), Value::text("elsewhere")]);
        let ValueRef::Text(text) = vector.get(0) else { panic!() };
        assert_eq!(text.as_ptr(), page[2..].as_ptr());
    }
}
