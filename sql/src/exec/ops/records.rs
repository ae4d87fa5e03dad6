//! Records found by a scan, and how their columns become vectors.
//!
//! A scan notes where each record lies: a page handle and a place in it. Only then are columns decoded, one after
//! another over all records, so that each is a tight loop, and only for the rows that somebody wants. Texts and blobs
//! stay where they are: their vectors hold the pages.

use crate::catalog::Table;
use crate::encode::{CommonField, Field, Found, RecordView, short_integer, short_real};
use crate::error::Result;
use crate::exec::Vector;
use crate::exec::vector::{Buffer, Buffers, Numbers, VectorBuilder, View, Views};
use crate::plan::ScanColumn;
use crate::types::{ColumnType, TypeSet};
use sedge_storage::PageRef;
use std::sync::Arc;

/// Where a column of a scan comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The row id, or the INTEGER PRIMARY KEY column, which is the same.
    RowId,
    /// A column of the record.
    Stored {
        /// Its place.
        place: usize,
        /// Its type.
        column_type: ColumnType,
        /// Where it lies in most records.
        common: Option<CommonField>,
    },
}

impl Source {
    pub(crate) fn of(table: &Table, column: ScanColumn) -> Source {
        match column {
            ScanColumn::Column(place) if table.row_id_column != Some(place) => Source::Stored {
                place,
                column_type: table.columns.get(place).map_or(ColumnType::Any, |column| column.column_type),
                common: CommonField::new(table.columns.len(), place),
            },
            _ => Source::RowId,
        }
    }
}

/// Where a record lies. Pages are at most 64 KiB, and a record in one takes a quarter of it at most.
#[derive(Clone, Copy, Debug)]
struct Place {
    page: u32,
    offset: u16,
    length: u16,
}

impl Place {
    /// The length of a record that has its buffer for itself, and may be longer than any in a page. Its offset is then
    /// the greatest, where no page has a record.
    const WHOLE: u16 = u16::MAX;

    /// Where the record starts in its buffer.
    fn start(self) -> usize {
        if self.length == Place::WHOLE { 0 } else { usize::from(self.offset) }
    }

    /// The record, given its buffer.
    fn bytes(self, buffer: &[u8]) -> &[u8] {
        let start = self.start();
        let end = if self.length == Place::WHOLE { buffer.len() } else { start + usize::from(self.length) };
        buffer.get(start..end).unwrap_or_default()
    }
}

/// Rows that the loop over records of the common shape has left.
#[derive(Default)]
struct Left {
    null_rows: Vec<u32>,
    others: Vec<u32>,
}

impl Left {
    /// Notes a row.
    #[cold]
    fn note(&mut self, row: usize, found: Found) {
        let rows = if found == Found::Null { &mut self.null_rows } else { &mut self.others };
        rows.push(row as u32);
    }

    /// The mask of the rows that are NULL, if there are any.
    fn nulls(&self, rows: usize) -> Option<Vec<bool>> {
        if self.null_rows.is_empty() {
            return None;
        }
        let mut nulls = vec![false; rows];
        self.null_rows.iter().for_each(|row| nulls[*row as usize] = true); // as many as records
        Some(nulls)
    }
}

/// Records by row.
#[derive(Default)]
pub(super) struct Records {
    pages: Vec<Buffer>,
    places: Vec<Place>,
    /// One for each record, where somebody asks for them.
    row_ids: Vec<i64>,
    /// The pages as the vectors of these records share them.
    shared: Option<Buffers>,
}

impl Records {
    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.places.clear();
        self.row_ids.clear();
        self.shared = None;
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Keeps a page and gives its place. The page kept last is not kept twice.
    fn add_page(&mut self, page: PageRef) -> u32 {
        let is_last = self.pages.last().is_some_and(|last| std::ptr::eq::<[u8]>(&**last, &*page));
        if !is_last {
            self.pages.push(Buffer::Page(page));
        }
        (self.pages.len() - 1) as u32
    }

    /// A record inside a page.
    pub(super) fn push(&mut self, page: PageRef, offset: usize, length: usize, row_id: i64) {
        let page = self.add_page(page);
        self.places.push(Place { page, offset: offset as u16, length: length as u16 });
        self.row_ids.push(row_id);
    }

    /// Records inside a page, each by its start and end; `None` is one that lies in several pages, whose bytes
    /// [`Records::replace_with_copy`] must give. True if there is such a one.
    #[inline(always)]
    pub(super) fn push_all(
        &mut self,
        page: PageRef,
        places: impl ExactSizeIterator<Item = Option<(usize, usize)>>,
    ) -> bool {
        let page = self.add_page(page);
        let elsewhere = Place { page, offset: u16::MAX, length: Place::WHOLE };
        let row = self.places.len();
        self.places.resize(row + places.len(), elsewhere);
        let mut some_elsewhere = false;
        for (to, place) in self.places[row..].iter_mut().zip(places) {
            match place {
                Some((start, end)) => {
                    *to = Place { page, offset: start as u16, length: (end - start) as u16 }
                }
                None => some_elsewhere = true,
            }
        }
        some_elsewhere
    }

    /// The first row from `row` on that lies in several pages.
    pub(super) fn elsewhere(&self, row: usize) -> Option<usize> {
        let places = self.places.get(row..)?;
        Some(row + places.iter().position(|place| place.length == Place::WHOLE)?)
    }

    /// The row ids of records that were pushed without.
    #[inline]
    pub(super) fn push_row_ids(&mut self, row_ids: impl Iterator<Item = i64>) {
        self.row_ids.extend(row_ids);
    }

    /// The record of `row` lies in several pages: these are its bytes.
    pub(super) fn replace_with_copy(&mut self, row: usize, bytes: &[u8]) {
        self.pages.push(Buffer::Owned(Arc::new(bytes.to_vec())));
        let page = (self.pages.len() - 1) as u32;
        if let Some(place) = self.places.get_mut(row) {
            *place = Place { page, offset: u16::MAX, length: Place::WHOLE };
        }
    }

    /// A record that lies in several pages.
    pub(super) fn push_copy(&mut self, bytes: &[u8], row_id: i64) {
        self.pages.push(Buffer::Owned(Arc::new(bytes.to_vec())));
        let page = (self.pages.len() - 1) as u32;
        self.places.push(Place { page, offset: u16::MAX, length: Place::WHOLE });
        self.row_ids.push(row_id);
    }

    /// Decodes one column for all records, or, if there is a selection, for those it names; the rest is then
    /// anything.
    pub(super) fn decode(&mut self, source: Source, selection: Option<&[u32]>) -> Result<Arc<Vector>> {
        let Source::Stored { place, column_type, common } = source else {
            return Ok(Arc::new(Vector::from_ints(self.row_ids.clone())));
        };
        let vector = match column_type {
            ColumnType::Integer | ColumnType::Boolean => {
                Vector::Int(self.numbers(selection, common, short_integer, |record| record.integer(place))?)
            }
            ColumnType::Real => {
                Vector::Real(self.numbers(selection, common, short_real, |record| record.real(place))?)
            }
            ColumnType::Text { .. } | ColumnType::Formatted(_) => {
                Vector::Text(self.views(place, common, selection)?)
            }
            ColumnType::Blob => Vector::Blob(self.views(place, common, selection)?),
            ColumnType::Any | ColumnType::Numeric | ColumnType::Decimal { .. } => {
                self.values(place, column_type, selection)?
            }
        };
        Ok(Arc::new(vector))
    }

    /// Calls `visit` with each wanted row, its record and where that starts in which page.
    #[inline]
    fn visit<'a>(
        &'a self,
        selection: Option<&[u32]>,
        mut visit: impl FnMut(usize, RecordView<'a>, Place) -> Result<()>,
    ) -> Result<()> {
        let mut current = u32::MAX;
        let mut page: &[u8] = &[];
        let mut one = |row: usize| {
            let place = self.places[row]; // Rows are those of the records.
            if place.page != current {
                current = place.page;
                page = &self.pages[current as usize]; // Kept when the record was pushed.
            }
            visit(row, RecordView::new(place.bytes(page))?, place)
        };
        match selection {
            None => (0..self.places.len()).try_for_each(one),
            Some(rows) => rows.iter().try_for_each(|row| one(*row as usize)),
        }
    }

    /// Decodes a column of numbers: `quick` from the page where a record has the common shape, `read` else.
    #[inline]
    fn numbers<T: Copy + Default>(
        &self,
        selection: Option<&[u32]>,
        common: Option<CommonField>,
        quick: impl Fn(&[u8], usize, u8) -> Option<T>,
        read: impl Fn(&RecordView<'_>) -> Result<Option<T>>,
    ) -> Result<Numbers<T>> {
        let (mut values, left) =
            self.each_common(selection, common, |page, _, start, length| quick(page, start, length));
        let mut nulls = left.nulls(values.len());
        if !left.others.is_empty() {
            self.visit(Some(&left.others), |row, record, _| {
                match read(&record)? {
                    Some(value) => values[row] = value, // as long as the records
                    None => nulls.get_or_insert_with(|| vec![false; self.places.len()])[row] = true,
                }
                Ok(())
            })?;
        }
        Ok(Numbers { values, nulls })
    }

    /// Makes the values of a column: `take` gives the one of each wanted row whose record has the common shape, from its
    /// page, its place, and where in the page the payload starts and how long it is. All others, and those for which
    /// `take` has none, are named in the second result.
    ///
    /// The loops of every scan: page and shape stay in registers, so they are written out for both cases.
    #[inline(always)]
    fn each_common<T: Copy + Default>(
        &self,
        selection: Option<&[u32]>,
        common: Option<CommonField>,
        take: impl Fn(&[u8], Place, usize, u8) -> Option<T>,
    ) -> (Vec<T>, Left) {
        let places = &self.places[..];
        let mut left = Left::default();
        let mut values = vec![T::default(); places.len()];
        let Some(common) = common else {
            left.others = selection.map_or_else(|| (0..places.len() as u32).collect(), <[u32]>::to_vec);
            return (values, left);
        };
        let one = |page: &[u8], at: Place| match common.find(page, at.offset) {
            Found::Payload(start, length) => take(page, at, start, length).ok_or(Found::Other),
            other => Err(other),
        };
        match selection {
            None => {
                let mut row = 0;
                while let Some(first) = places.get(row) {
                    let page: &[u8] = &self.pages[first.page as usize]; // kept when the record was pushed
                    for (value, at) in values[row..].iter_mut().zip(&places[row..]) {
                        if at.page != first.page {
                            break;
                        }
                        match one(page, *at) {
                            Ok(decoded) => *value = decoded,
                            Err(found) => left.note(row, found),
                        }
                        row += 1;
                    }
                }
            }
            Some(wanted) => {
                let (mut current, mut page): (u32, &[u8]) = (u32::MAX, &[]);
                for row in wanted {
                    let row = *row as usize;
                    let at = places[row]; // rows are those of the records
                    if at.page != current {
                        (current, page) = (at.page, &self.pages[at.page as usize]); // as above
                    }
                    match one(page, at) {
                        Ok(decoded) => values[row] = decoded,
                        Err(found) => left.note(row, found),
                    }
                }
            }
        }
        (values, left)
    }

    fn views(
        &mut self,
        place: usize,
        common: Option<CommonField>,
        selection: Option<&[u32]>,
    ) -> Result<Views> {
        let (mut views, left) = self.each_common(selection, common, |_, at, start, length| {
            Some(View { buffer: at.page, offset: start as u32, length: u32::from(length) })
        });
        let mut nulls = left.nulls(views.len());
        if !left.others.is_empty() {
            self.visit(Some(&left.others), |row, record, at| {
                match record.field(place)? {
                    // The field lies inside the record.
                    Field::Payload(range) => {
                        views[row] = View {
                            buffer: at.page,
                            offset: (at.start() + range.start) as u32,
                            length: range.len() as u32,
                        };
                    }
                    Field::Missing | Field::Null => {
                        nulls.get_or_insert_with(|| vec![false; self.places.len()])[row] = true;
                    }
                }
                Ok(())
            })?;
        }
        Ok(Views { views, nulls, buffers: self.buffers() })
    }

    fn values(&self, place: usize, column_type: ColumnType, selection: Option<&[u32]>) -> Result<Vector> {
        let mut builder = VectorBuilder::new(TypeSet::ALL);
        for page in &self.pages {
            builder.add_buffer(page.clone());
        }
        builder.reserve(self.places.len());
        self.visit(selection, |row, record, at| {
            while builder.len() < row {
                builder.push_null();
            }
            builder.push_shared(record.get(place, column_type)?, at.page);
            Ok(())
        })?;
        while builder.len() < self.places.len() {
            builder.push_null();
        }
        Ok(builder.finish())
    }

    fn buffers(&mut self) -> Buffers {
        match &self.shared {
            Some(buffers) => Arc::clone(buffers),
            None => Arc::clone(self.shared.insert(Arc::new(self.pages.clone()))),
        }
    }
}
