//! Makes vectors value by value: from records, from rows of other vectors, from what functions give.

use super::{Buffer, Cell, Cells, Nulls, Numbers, Vector, View, Views, decimal_bytes, is_null_at};
use crate::decimal::Decimal;
use crate::types::TypeSet;
use crate::value::ValueRef;
use std::sync::Arc;

/// The place that stands for the bytes collected so far, until they are a buffer.
const ARENA_BYTES_MAX: usize = 1 << 30;

/// Makes a vector value by value.
///
/// It starts with the kind its values are said to have, if that is one, else with that of the first value that is
/// not NULL, and goes over to Dynamic when another kind arrives.
#[derive(Debug)]
pub(crate) struct VectorBuilder {
    rows: Rows,
    nulls: Nulls,
    buffers: Vec<Buffer>,
    /// Bytes copied by `push`; they become the buffer at `arena_place`.
    arena: Vec<u8>,
    arena_place: Option<u32>,
    types: TypeSet,
}

#[derive(Debug)]
enum Rows {
    /// Only NULLs so far.
    Untyped(usize),
    Int(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<View>),
    Blob(Vec<View>),
    Cells(Vec<Cell>),
}

impl VectorBuilder {
    /// A builder for values of these kinds: of one, NULL aside, it makes a typed vector, of several a Dynamic one;
    /// of none it waits for the first value.
    pub(crate) fn new(types: TypeSet) -> VectorBuilder {
        VectorBuilder {
            rows: Self::start(types),
            nulls: None,
            buffers: Vec::new(),
            arena: Vec::new(),
            arena_place: None,
            types,
        }
    }

    fn start(types: TypeSet) -> Rows {
        let kinds = types.without(TypeSet::NULL);
        if kinds == TypeSet::INTEGER {
            Rows::Int(Vec::new())
        } else if kinds == TypeSet::REAL {
            Rows::Real(Vec::new())
        } else if kinds == TypeSet::TEXT {
            Rows::Text(Vec::new())
        } else if kinds == TypeSet::BLOB {
            Rows::Blob(Vec::new())
        } else if kinds == TypeSet::EMPTY {
            Rows::Untyped(0)
        } else {
            Rows::Cells(Vec::new())
        }
    }

    /// A builder that goes on after the rows of `vector`.
    pub(crate) fn from_vector(vector: Vector) -> VectorBuilder {
        let mut builder = VectorBuilder::new(TypeSet::EMPTY);
        let buffers;
        (builder.rows, builder.nulls, buffers) = match vector {
            Vector::Int(n) => (Rows::Int(n.values), n.nulls, None),
            Vector::Real(n) => (Rows::Real(n.values), n.nulls, None),
            Vector::Text(v) => (Rows::Text(v.views), v.nulls, Some(v.buffers)),
            Vector::Blob(v) => (Rows::Blob(v.views), v.nulls, Some(v.buffers)),
            Vector::Dynamic(c) => (Rows::Cells(c.cells), None, Some(c.buffers)),
            Vector::Constant(value, rows) => {
                for _ in 0..rows {
                    builder.push(value.as_ref());
                }
                return builder;
            }
        };
        builder.buffers = buffers.map(Arc::unwrap_or_clone).unwrap_or_default();
        builder
    }

    /// Number of rows so far.
    pub(crate) fn len(&self) -> usize {
        match &self.rows {
            Rows::Untyped(rows) => *rows,
            Rows::Int(values) => values.len(),
            Rows::Real(values) => values.len(),
            Rows::Text(views) | Rows::Blob(views) => views.len(),
            Rows::Cells(cells) => cells.len(),
        }
    }

    /// Room for so many more rows.
    pub(crate) fn reserve(&mut self, more: usize) {
        match &mut self.rows {
            Rows::Untyped(_) => {}
            Rows::Int(values) => values.reserve(more),
            Rows::Real(values) => values.reserve(more),
            Rows::Text(views) | Rows::Blob(views) => views.reserve(more),
            Rows::Cells(cells) => cells.reserve(more),
        }
    }

    /// Adds a NULL.
    pub(crate) fn push_null(&mut self) {
        match &mut self.rows {
            Rows::Untyped(rows) => {
                *rows += 1;
                return;
            }
            Rows::Cells(cells) => {
                cells.push(Cell::Null);
                return;
            }
            Rows::Int(values) => values.push(0),
            Rows::Real(values) => values.push(0.0),
            Rows::Text(views) | Rows::Blob(views) => views.push(View::default()),
        }
        let rows = self.len();
        let nulls = self.nulls.get_or_insert_with(Vec::new);
        nulls.resize(rows - 1, false);
        nulls.push(true);
    }

    fn note_present(&mut self) {
        if let Some(nulls) = &mut self.nulls {
            nulls.push(false);
        }
    }

    /// Adds an integer.
    pub(crate) fn push_int(&mut self, integer: i64) {
        match &mut self.rows {
            Rows::Int(values) => {
                values.push(integer);
                self.note_present();
            }
            Rows::Cells(cells) => cells.push(Cell::Integer(integer)),
            _ => self.push_other_kind(Cell::Integer(integer)),
        }
    }

    /// Adds a real; NaN becomes NULL.
    pub(crate) fn push_real(&mut self, real: f64) {
        if real.is_nan() {
            self.push_null();
            return;
        }
        match &mut self.rows {
            Rows::Real(values) => {
                values.push(real);
                self.note_present();
            }
            Rows::Cells(cells) => cells.push(Cell::Real(real)),
            _ => self.push_other_kind(Cell::Real(real)),
        }
    }

    /// Adds a decimal.
    fn push_decimal(&mut self, decimal: Decimal) {
        let cell = Cell::Decimal(self.copy_bytes(&decimal_bytes(decimal)));
        match &mut self.rows {
            Rows::Cells(cells) => cells.push(cell),
            _ => self.push_other_kind(cell),
        }
    }

    /// Adds a text whose bytes are copied.
    pub(crate) fn push_text(&mut self, text: &[u8]) {
        let view = self.copy_bytes(text);
        self.push_text_view(view);
    }

    /// Adds a blob whose bytes are copied.
    pub(crate) fn push_blob(&mut self, blob: &[u8]) {
        let view = self.copy_bytes(blob);
        self.push_blob_view(view);
    }

    /// Adds a text that lies in a buffer given to [`VectorBuilder::add_buffer`].
    pub(crate) fn push_text_view(&mut self, view: View) {
        match &mut self.rows {
            Rows::Text(views) => {
                views.push(view);
                self.note_present();
            }
            Rows::Cells(cells) => cells.push(Cell::Text(view)),
            _ => self.push_other_kind(Cell::Text(view)),
        }
    }

    /// Adds a blob that lies in a buffer given to [`VectorBuilder::add_buffer`].
    pub(crate) fn push_blob_view(&mut self, view: View) {
        match &mut self.rows {
            Rows::Blob(views) => {
                views.push(view);
                self.note_present();
            }
            Rows::Cells(cells) => cells.push(Cell::Blob(view)),
            _ => self.push_other_kind(Cell::Blob(view)),
        }
    }

    /// Adds a value, copying bytes.
    pub(crate) fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.push_null(),
            ValueRef::Integer(i) => self.push_int(i),
            ValueRef::Real(r) => self.push_real(r),
            ValueRef::Decimal(d) => self.push_decimal(d),
            ValueRef::Text(t) => self.push_text(t),
            ValueRef::Blob(b) => self.push_blob(b),
        }
    }

    /// Adds a value whose bytes, if it has any, may lie inside the buffer at `buffer`; they are shared if they do.
    pub(crate) fn push_shared(&mut self, value: ValueRef<'_>, buffer: u32) {
        let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = value else {
            self.push(value);
            return;
        };
        let Some(view) = self.view_in(buffer, bytes) else {
            self.push(value);
            return;
        };
        if matches!(value, ValueRef::Text(_)) {
            self.push_text_view(view);
        } else {
            self.push_blob_view(view);
        }
    }

    /// Where `bytes` lie in a buffer, judged by their addresses.
    fn view_in(&self, buffer: u32, bytes: &[u8]) -> Option<View> {
        let whole: &[u8] = self.buffers.get(buffer as usize)?;
        let offset = (bytes.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        if offset.checked_add(bytes.len())? > whole.len() {
            return None;
        }
        Some(View { buffer, offset: u32::try_from(offset).ok()?, length: u32::try_from(bytes.len()).ok()? })
    }

    /// Keeps `buffer` alive with the vector and gives its place.
    pub(crate) fn add_buffer(&mut self, buffer: Buffer) -> u32 {
        self.buffers.push(buffer);
        (self.buffers.len() - 1) as u32
    }

    fn copy_bytes(&mut self, bytes: &[u8]) -> View {
        if self.arena.len() + bytes.len() > ARENA_BYTES_MAX {
            self.close_arena();
        }
        let buffer = match self.arena_place {
            Some(place) => place,
            None => {
                let place = self.add_buffer(Buffer::Owned(Arc::default()));
                self.arena_place = Some(place);
                place
            }
        };
        let offset = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        // No value is longer than LENGTH_MAX, which fits.
        View { buffer, offset, length: bytes.len() as u32 }
    }

    fn close_arena(&mut self) {
        if let Some(place) = self.arena_place.take() {
            let bytes = std::mem::take(&mut self.arena);
            if let Some(buffer) = self.buffers.get_mut(place as usize) {
                *buffer = Buffer::Owned(Arc::new(bytes));
            }
        }
    }

    /// Adds the rows of `vector`, or those of them that `rows` names, sharing its buffers.
    pub(crate) fn extend(&mut self, vector: &Vector, rows: Option<&[u32]>) {
        let buffers = match vector {
            Vector::Text(views) | Vector::Blob(views) => Some(&views.buffers),
            Vector::Dynamic(cells) => Some(&cells.buffers),
            _ => None,
        };
        let base = self.buffers.len() as u32;
        if let Some(buffers) = buffers {
            self.buffers.extend(buffers.iter().cloned());
        }
        let mut push = |row: usize| match vector {
            _ if vector.is_null(row) => self.push_null(),
            Vector::Text(views) => {
                let view = views.views.get(row).copied().unwrap_or_default();
                self.push_text_view(View { buffer: view.buffer + base, ..view });
            }
            Vector::Blob(views) => {
                let view = views.views.get(row).copied().unwrap_or_default();
                self.push_blob_view(View { buffer: view.buffer + base, ..view });
            }
            Vector::Dynamic(cells) => match cells.cells.get(row).copied().unwrap_or_default() {
                Cell::Text(view) => self.push_text_view(View { buffer: view.buffer + base, ..view }),
                Cell::Blob(view) => self.push_blob_view(View { buffer: view.buffer + base, ..view }),
                _ => self.push(vector.get(row)),
            },
            _ => self.push(vector.get(row)),
        };
        match rows {
            Some(rows) => rows.iter().for_each(|row| push(*row as usize)),
            None => (0..vector.len()).for_each(push),
        }
    }

    /// A value of a kind that the rows so far do not have.
    fn push_other_kind(&mut self, cell: Cell) {
        if let Rows::Untyped(rows) = self.rows {
            let nulls = (rows > 0).then(|| vec![true; rows]);
            self.rows = match cell {
                Cell::Null => Rows::Untyped(rows),
                Cell::Integer(_) => Rows::Int(vec![0; rows]),
                Cell::Real(_) => Rows::Real(vec![0.0; rows]),
                Cell::Text(_) => Rows::Text(vec![View::default(); rows]),
                Cell::Blob(_) => Rows::Blob(vec![View::default(); rows]),
                Cell::Decimal(_) => Rows::Cells(vec![Cell::Null; rows]),
            };
            self.nulls = nulls.filter(|_| !matches!(self.rows, Rows::Cells(_)));
        }
        match (&mut self.rows, cell) {
            (Rows::Int(values), Cell::Integer(i)) => values.push(i),
            (Rows::Real(values), Cell::Real(r)) => values.push(r),
            (Rows::Cells(cells), cell) => {
                cells.push(cell);
                return;
            }
            (Rows::Text(views), Cell::Text(view)) | (Rows::Blob(views), Cell::Blob(view)) => views.push(view),
            _ => {
                self.become_dynamic();
                if let Rows::Cells(cells) = &mut self.rows {
                    cells.push(cell);
                }
                return;
            }
        }
        self.note_present();
    }

    fn become_dynamic(&mut self) {
        let nulls = self.nulls.take();
        let present = |row: usize, cell: Cell| if is_null_at(&nulls, row) { Cell::Null } else { cell };
        let cells: Vec<Cell> = match &self.rows {
            Rows::Untyped(rows) => vec![Cell::Null; *rows],
            Rows::Int(values) => {
                values.iter().enumerate().map(|(row, i)| present(row, Cell::Integer(*i))).collect()
            }
            Rows::Real(values) => {
                values.iter().enumerate().map(|(row, r)| present(row, Cell::Real(*r))).collect()
            }
            Rows::Text(views) => {
                views.iter().enumerate().map(|(row, v)| present(row, Cell::Text(*v))).collect()
            }
            Rows::Blob(views) => {
                views.iter().enumerate().map(|(row, v)| present(row, Cell::Blob(*v))).collect()
            }
            Rows::Cells(_) => return,
        };
        self.rows = Rows::Cells(cells);
    }

    /// The vector; the builder starts over for values of the same kinds.
    pub(crate) fn take(&mut self) -> Vector {
        self.close_arena();
        let rows = std::mem::replace(&mut self.rows, Self::start(self.types));
        let nulls = self.nulls.take();
        let buffers = std::mem::take(&mut self.buffers);
        match rows {
            Rows::Untyped(rows) => Vector::nulls(rows),
            Rows::Int(values) => Vector::Int(Numbers { values, nulls }),
            Rows::Real(values) => Vector::Real(Numbers { values, nulls }),
            Rows::Text(views) => Vector::Text(Views { views, nulls, buffers: Arc::new(buffers) }),
            Rows::Blob(views) => Vector::Blob(Views { views, nulls, buffers: Arc::new(buffers) }),
            Rows::Cells(cells) => Vector::Dynamic(Cells { cells, buffers: Arc::new(buffers) }),
        }
    }

    /// The vector.
    pub(crate) fn finish(mut self) -> Vector {
        self.take()
    }
}
