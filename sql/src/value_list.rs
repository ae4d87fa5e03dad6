//! A list of values in two buffers that are reused: what is bound to a statement's parameters, and a row in flight.

use crate::decimal::Decimal;
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

/// Values that own their bytes all together: filling it again allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct ValueList {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

impl ValueList {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// True if there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Makes it empty.
    #[inline]
    pub fn clear(&mut self) {
        self.cells.clear();
        self.bytes.clear();
    }

    /// Makes it `count` NULLs.
    pub fn reset(&mut self, count: usize) {
        self.clear();
        self.cells.resize(count, Cell::Null);
    }

    /// Makes it a copy.
    pub fn copy_from(&mut self, other: &ValueList) {
        self.cells.clone_from(&other.cells);
        self.bytes.clone_from(&other.bytes);
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) {
        let cell = self.cell(value);
        self.cells.push(cell);
    }

    /// Sets a value that is there. The bytes that a text had before stay unused until the list is cleared.
    #[inline]
    pub fn set(&mut self, place: usize, value: ValueRef<'_>) {
        let cell = self.cell(value);
        if let Some(target) = self.cells.get_mut(place) {
            *target = cell;
        }
    }

    #[inline]
    fn cell(&mut self, value: ValueRef<'_>) -> Cell {
        let start = self.bytes.len();
        match value {
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
        }
    }

    /// A value; NULL where there is none.
    #[inline]
    #[must_use]
    pub fn get(&self, place: usize) -> ValueRef<'_> {
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

    /// True where the value is NULL, or there is none.
    #[inline]
    #[must_use]
    pub fn is_null(&self, place: usize) -> bool {
        matches!(self.cells.get(place), None | Some(Cell::Null))
    }
}
