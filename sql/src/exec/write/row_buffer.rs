//! One row in flight: its columns and then its row id, in buffers that are reused from row to row.

use crate::decimal::Decimal;
use crate::error::Result;
use crate::exec::expr::RowSource;
use crate::value::ValueRef;

/// A value whose bytes are in the buffer beside it.
#[derive(Clone, Copy, Debug)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Decimal(Decimal),
    Text { start: usize, end: usize },
    Blob { start: usize, end: usize },
}

/// A row that owns its values.
#[derive(Debug, Default)]
pub(super) struct RowBuffer {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

impl RowBuffer {
    /// Makes it a row of `width` NULLs.
    pub(super) fn reset(&mut self, width: usize) {
        self.cells.clear();
        self.cells.resize(width, Cell::Null);
        self.bytes.clear();
    }

    /// Makes it a copy.
    pub(super) fn copy_from(&mut self, other: &RowBuffer) {
        self.cells.clone_from(&other.cells);
        self.bytes.clone_from(&other.bytes);
    }

    /// Sets a value. The bytes that a text had before stay unused until the next reset.
    #[inline]
    pub(super) fn set(&mut self, place: usize, value: ValueRef<'_>) {
        let start = self.bytes.len();
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(integer) => Cell::Integer(integer),
            ValueRef::Real(real) => Cell::Real(real),
            ValueRef::Decimal(decimal) => Cell::Decimal(decimal),
            ValueRef::Text(text) => {
                self.bytes.extend_from_slice(text);
                Cell::Text { start, end: self.bytes.len() }
            }
            ValueRef::Blob(blob) => {
                self.bytes.extend_from_slice(blob);
                Cell::Blob { start, end: self.bytes.len() }
            }
        };
        if let Some(target) = self.cells.get_mut(place) {
            *target = cell;
        }
    }

    /// A value; NULL beyond the row.
    #[inline]
    pub(super) fn get(&self, place: usize) -> ValueRef<'_> {
        let slice = |start, end| self.bytes.get(start..end).unwrap_or_default();
        match self.cells.get(place) {
            None | Some(Cell::Null) => ValueRef::Null,
            Some(Cell::Integer(integer)) => ValueRef::Integer(*integer),
            Some(Cell::Real(real)) => ValueRef::Real(*real),
            Some(Cell::Decimal(decimal)) => ValueRef::Decimal(*decimal),
            Some(Cell::Text { start, end }) => ValueRef::Text(slice(*start, *end)),
            Some(Cell::Blob { start, end }) => ValueRef::Blob(slice(*start, *end)),
        }
    }

    /// True where the value is NULL.
    #[inline]
    pub(super) fn is_null(&self, place: usize) -> bool {
        matches!(self.cells.get(place), None | Some(Cell::Null))
    }
}

impl RowSource for RowBuffer {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.get(column))
    }
}
