//! Index scan: rows of a table in the order of an index, or only those in ranges of it.
//!
//! The entries of a range are read one after another. A covering scan decodes their columns; any other looks the row
//! of each entry up in the table and decodes that, column by column for the whole batch. The entries of a clustered
//! table's primary key are its rows.

use super::clustered::ClusteredRows;
use super::key_range::{Bound, KeyRanges};
use super::predicate::Predicate;
use super::records::{Records, Source};
use super::table_scan::{FIRST_BATCH_ROWS, decode_batch, find_row};
use super::values::one_row;
use super::{Builder, Operator};
use crate::catalog::IndexKey;
use crate::databases::TreeId;
use crate::encode::{EntryLayout, EntryReader, encode_value, row_id_of_entry};
use crate::error::{Error, Result};
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::with_affinity;
use crate::exec::vector::VectorBuilder;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{ColumnId, Expr};
use crate::plan::{self, IndexRange, Node, ScanColumn};
use crate::types::{Affinity, TypeSet};
use sedge_storage::{Cursor, Snapshot};
use std::sync::Arc;

/// A scan through an index.
pub(super) struct IndexScan {
    index_root: TreeId,
    table_root: TreeId,
    layout: EntryLayout,
    /// What values compared with each index column are converted to.
    affinities: Vec<Affinity>,
    access: Access,
    compiled: Vec<CompiledRange>,
    predicate: Option<Predicate>,
    reverse: bool,
    entries: Option<Cursor<Snapshot>>,
    ranges: KeyRanges,
    /// The range being read, counted from the end in a reverse scan.
    range: usize,
    state: State,
    batch_rows: usize,
    passed: Vec<u32>,
}

/// Where the columns come from.
#[allow(clippy::large_enum_variant, reason = "a scan has one, and a box would cost each row a step")]
enum Access {
    /// The entries alone.
    Covering {
        /// For each index column that is wanted, and those before it: its place in the scan.
        wanted: Vec<Vec<usize>>,
        /// Places of the row id.
        row_id: Vec<usize>,
        builders: Vec<VectorBuilder>,
        rows: usize,
        entry_key: Vec<u8>,
        scratch: Vec<u8>,
    },
    /// The entries, which are the rows of a clustered table.
    Clustered(Box<ClusteredRows>),
    /// The rows of the table.
    Lookup { sources: Vec<Source>, rows: Option<Cursor<Snapshot>>, records: Records },
    /// The rows of a clustered table, by their keys.
    ClusteredLookup { rows: Option<Cursor<Snapshot>>, found: Box<ClusteredRows>, row_key: Vec<u8> },
}

/// The bounds of one range, compiled.
pub(super) struct CompiledRange {
    equal: Vec<(CompiledExpr, bool)>,
    lower: Option<(CompiledExpr, bool)>,
    upper: Option<(CompiledExpr, bool)>,
}

impl CompiledRange {
    /// Compiles the bounds over rows with the columns of `layout`.
    pub(super) fn new(
        builder: Builder<'_>,
        range: &IndexRange,
        layout: &[ColumnId],
    ) -> Result<CompiledRange> {
        let bound = |bound: &Option<(Expr, bool)>| {
            bound
                .as_ref()
                .map(|(expr, included)| builder.compile(expr, layout).map(|expr| (expr, *included)))
                .transpose()
        };
        let safe = |place: usize| range.null_safe.get(place).copied().unwrap_or(false);
        let equal = range
            .equal
            .iter()
            .enumerate()
            .map(|(place, expr)| builder.compile(expr, layout).map(|expr| (expr, safe(place))));
        Ok(CompiledRange {
            equal: equal.collect::<Result<_>>()?,
            lower: bound(&range.lower)?,
            upper: bound(&range.upper)?,
        })
    }

    /// The values of the bounds for all rows of `batch`.
    pub(super) fn eval(&mut self, batch: &Batch, cx: &mut Context) -> Result<RangeValues> {
        let mut equal = Vec::with_capacity(self.equal.len());
        for (expr, null_safe) in &mut self.equal {
            equal.push((expr.eval(batch, cx)?, *null_safe));
        }
        let mut bound = |bound: &mut Option<(CompiledExpr, bool)>| match bound {
            None => Ok(None),
            Some((expr, included)) => expr.eval(batch, cx).map(|vector| Some((vector, *included))),
        };
        let lower = bound(&mut self.lower)?;
        let upper = bound(&mut self.upper)?;
        Ok(RangeValues { equal, lower, upper })
    }
}

/// Bounds as vectors, one row a range.
pub(super) struct RangeValues {
    equal: Vec<(Arc<Vector>, bool)>,
    lower: Option<(Arc<Vector>, bool)>,
    upper: Option<(Arc<Vector>, bool)>,
}

impl RangeValues {
    /// Calls `next` with the bounds of `row`, converted.
    fn with_bounds(&self, row: usize, affinity: Affinity, next: impl FnOnce(Bound<'_>, Bound<'_>)) {
        let bound = |bound: &Option<(Arc<Vector>, bool)>, next: &mut dyn FnMut(Bound<'_>)| match bound {
            None => next(None),
            Some((vector, included)) => {
                with_affinity(vector.get(row), affinity, |value| next(Some((value, *included))));
            }
        };
        let mut next = Some(next);
        bound(&self.lower, &mut |lower| {
            bound(&self.upper, &mut |upper| {
                if let Some(next) = next.take() {
                    next(lower, upper);
                }
            });
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The cursor must be put into the next range.
    Seek,
    /// The cursor stands on the next entry, if that is in the range.
    Within,
    Done,
}

impl IndexScan {
    pub(super) fn new(builder: Builder<'_>, node: &Node, scan: &plan::IndexScan) -> Result<IndexScan> {
        let filter = scan.filter.as_ref();
        let predicate = filter.map(|filter| Predicate::new(builder, node, filter)).transpose()?;
        let ranges = scan.ranges.iter().map(|range| CompiledRange::new(builder, range, &[]));
        let compiled = ranges.collect::<Result<_>>()?;
        IndexScan::over(scan, compiled, predicate)
    }

    /// A scan whose ranges and filter are the caller's.
    pub(super) fn over(
        scan: &plan::IndexScan,
        compiled: Vec<CompiledRange>,
        predicate: Option<Predicate>,
    ) -> Result<IndexScan> {
        let layout = EntryLayout::of(&scan.table, &scan.index);
        let affinities = scan.index.columns.iter().map(|column| match &column.key {
            IndexKey::Column(place) => {
                let column = scan.table.columns.get(*place);
                column.map_or(Affinity::None, |column| column.column_type.affinity())
            }
            IndexKey::Expression(_) => Affinity::None,
        });
        Ok(IndexScan {
            index_root: scan.index.root,
            table_root: scan.table.root,
            affinities: affinities.collect(),
            access: Access::new(scan, &layout)?,
            layout,
            compiled,
            predicate,
            reverse: scan.reverse,
            entries: None,
            ranges: KeyRanges::default(),
            range: 0,
            state: State::Done,
            batch_rows: FIRST_BATCH_ROWS,
            passed: Vec::new(),
        })
    }

    /// Opens the cursors, if they are not open.
    pub(super) fn open(&mut self, cx: &Context) -> Result<()> {
        if self.entries.is_none() {
            self.entries = Some(cx.snapshot()?.cursor(self.index_root));
            if let Access::Lookup { rows, .. } | Access::ClusteredLookup { rows, .. } = &mut self.access {
                *rows = Some(cx.snapshot()?.cursor(self.table_root));
            }
        }
        Ok(())
    }

    /// Forgets the ranges.
    pub(super) fn clear_ranges(&mut self) {
        self.ranges.clear();
    }

    /// Adds the range that row `row` of the bounds means.
    pub(super) fn add_range(&mut self, values: &RangeValues, row: usize) {
        let key = self.ranges.begin();
        let columns = self.layout.columns();
        for (((vector, null_safe), column), affinity) in
            values.equal.iter().zip(columns).zip(&self.affinities)
        {
            let value = vector.get(row);
            if value.is_null() && !null_safe {
                return;
            }
            with_affinity(value, *affinity, |value| {
                encode_value(key, value, column.collation, column.descending);
            });
        }
        let next = values.equal.len();
        let affinity = self.affinities.get(next).copied().unwrap_or_default();
        values.with_bounds(row, affinity, |lower, upper| self.ranges.close(columns.get(next), lower, upper));
    }

    /// Begins to read the ranges added.
    pub(super) fn begin(&mut self) {
        self.ranges.merge();
        self.range = 0;
        self.state = State::Seek;
    }

    /// True if nothing is left to read.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads entries until `wanted` rows are held or the ranges end.
    pub(super) fn collect(&mut self, wanted: usize) -> Result<()> {
        let Some(entries) = &mut self.entries else { return Ok(()) };
        let ranges = self.ranges.as_slice();
        while self.access.rows() < wanted {
            let place =
                if self.reverse { ranges.len().checked_sub(1 + self.range) } else { Some(self.range) };
            let Some(range) = place.and_then(|place| ranges.get(place)) else {
                self.state = State::Done;
                return Ok(());
            };
            let stands = match (self.state, self.reverse) {
                (State::Done, _) => return Ok(()),
                (State::Within, _) => true,
                (State::Seek, false) => entries.seek(&range.low)?,
                (State::Seek, true) if range.unbounded => entries.seek_last()?,
                (State::Seek, true) => entries.seek_before(&range.high)?,
            };
            self.state = State::Within;
            let mut within = stands;
            while within && self.access.rows() < wanted {
                let key = entries.key()?;
                within = if self.reverse { key >= range.low.as_slice() } else { range.ends_after(key) };
                if within {
                    self.access.add(entries, &self.layout)?;
                    within = if self.reverse { entries.prev()? } else { entries.next()? };
                }
            }
            if !within {
                self.range += 1;
                self.state = State::Seek;
            }
        }
        Ok(())
    }

    /// How many rows are held.
    pub(super) fn rows(&self) -> usize {
        self.access.rows()
    }

    /// The columns of the rows held, which are then forgotten.
    pub(super) fn take_columns(&mut self) -> Result<Vec<Arc<Vector>>> {
        match &mut self.access {
            Access::Covering { builders, rows, .. } => {
                *rows = 0;
                Ok(builders.iter_mut().map(|builder| Arc::new(builder.take())).collect())
            }
            Access::Clustered(rows) | Access::ClusteredLookup { found: rows, .. } => rows.take_columns(),
            Access::Lookup { sources, records, .. } => {
                let columns = sources.iter().map(|source| records.decode(*source, None));
                let columns = columns.collect::<Result<Vec<_>>>()?;
                records.clear();
                Ok(columns)
            }
        }
    }

    fn take_batch(&mut self, cx: &mut Context) -> Result<Batch> {
        if let Access::Lookup { sources, records, .. } = &mut self.access {
            let batch = decode_batch(records, sources, self.predicate.as_mut(), &mut self.passed, cx)?;
            records.clear();
            return Ok(batch);
        }
        let rows = self.rows();
        let mut batch = Batch::new(self.take_columns()?, rows);
        if let Some(predicate) = &mut self.predicate {
            for conjunct in &mut predicate.conjuncts {
                conjunct.expr.select(&batch, cx, &mut self.passed)?;
                batch.select(&self.passed);
            }
        }
        Ok(batch)
    }

    /// Lets go of cursors and rows.
    pub(super) fn close(&mut self) {
        self.entries = None;
        self.access.clear();
        if let Access::Lookup { rows, .. } | Access::ClusteredLookup { rows, .. } = &mut self.access {
            *rows = None;
        }
        self.state = State::Done;
    }
}

impl Access {
    fn new(scan: &plan::IndexScan, layout: &EntryLayout) -> Result<Access> {
        if scan.table.is_clustered_by(&scan.index) {
            return Ok(Access::Clustered(Box::new(ClusteredRows::new(&scan.table, &scan.columns))));
        }
        if !scan.covering && !scan.table.has_row_id() {
            let found = Box::new(ClusteredRows::new(&scan.table, &scan.columns));
            return Ok(Access::ClusteredLookup { rows: None, found, row_key: Vec::new() });
        }
        if !scan.covering {
            let sources = scan.columns.iter().map(|column| Source::of(&scan.table, *column)).collect();
            return Ok(Access::Lookup { sources, rows: None, records: Records::default() });
        }
        let mut wanted: Vec<Vec<usize>> = Vec::new();
        let mut row_id = Vec::new();
        let mut builders = Vec::new();
        for (place, column) in scan.columns.iter().enumerate() {
            let table_column = match column {
                ScanColumn::Column(column) if scan.table.row_id_column != Some(*column) => *column,
                _ => {
                    row_id.push(place);
                    builders.push(VectorBuilder::new(TypeSet::INTEGER));
                    continue;
                }
            };
            let is_it = |key: &IndexKey| matches!(key, IndexKey::Column(column) if *column == table_column);
            let mut columns = scan.index.columns.iter().chain(&scan.index.tail);
            let Some(entry) = columns.position(|column| is_it(&column.key)) else {
                return Err(Error::Misuse("a covering scan wants a column that its index lacks".to_owned()));
            };
            if wanted.len() <= entry {
                wanted.resize(entry + 1, Vec::new());
            }
            wanted[entry].push(place); // Just made long enough.
            let types = layout.columns().get(entry).map(|column| column.column_type.type_set());
            builders.push(VectorBuilder::new(types.unwrap_or(TypeSet::ALL)));
        }
        Ok(Access::Covering { wanted, row_id, builders, rows: 0, entry_key: Vec::new(), scratch: Vec::new() })
    }

    fn rows(&self) -> usize {
        match self {
            Access::Covering { rows, .. } => *rows,
            Access::Clustered(rows) | Access::ClusteredLookup { found: rows, .. } => rows.len(),
            Access::Lookup { records, .. } => records.len(),
        }
    }

    /// Adds the row of the entry under the cursor.
    fn add(&mut self, entries: &mut Cursor<Snapshot>, layout: &EntryLayout) -> Result<()> {
        match self {
            Access::Covering { wanted, row_id, builders, rows, entry_key, scratch } => {
                entry_key.clear();
                entry_key.extend_from_slice(entries.key()?);
                let mut entry = EntryReader::new(entry_key, entries.value()?)?;
                for place in row_id {
                    builders[*place].push_int(entry.row_id()?); // One builder a column.
                }
                for (places, column) in wanted.iter().zip(layout.columns()) {
                    if places.is_empty() {
                        entry.skip(column)?;
                        continue;
                    }
                    let value = entry.read(column, scratch)?;
                    for place in places {
                        builders[*place].push(value);
                    }
                }
                *rows += 1;
            }
            Access::Clustered(rows) => rows.add(entries)?,
            Access::ClusteredLookup { rows, found, row_key } => {
                let key = layout.row_key(entries.key()?, row_key)?;
                let is_there = match rows {
                    Some(rows) => rows.seek_exact(key)?,
                    None => false,
                };
                match rows {
                    Some(rows) if is_there => found.add(rows)?,
                    _ => return Err(lacks("a row")),
                }
            }
            Access::Lookup { rows, records, .. } => {
                let row_id = row_id_of_entry(entries.key()?)?;
                let found = match rows {
                    Some(rows) => find_row(rows, row_id, records)?,
                    None => false,
                };
                if !found {
                    return Err(lacks(&format!("row {row_id}")));
                }
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        match self {
            Access::Covering { builders, rows, .. } => {
                for builder in builders {
                    drop(builder.take());
                }
                *rows = 0;
            }
            Access::Clustered(rows) | Access::ClusteredLookup { found: rows, .. } => rows.clear(),
            Access::Lookup { records, .. } => records.clear(),
        }
    }
}

/// The error of an index whose entry leads nowhere.
#[cold]
fn lacks(row: &str) -> Error {
    Error::Storage(sedge_storage::Error::Corrupt {
        page: 0,
        tree: None,
        detail: format!("an index has an entry for {row}, which its table lacks"),
    })
}

impl Operator for IndexScan {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.open(cx)?;
        self.access.clear();
        self.ranges.clear();
        let over = one_row();
        let mut compiled = std::mem::take(&mut self.compiled);
        for range in &mut compiled {
            match range.eval(&over, cx) {
                Ok(values) => self.add_range(&values, 0),
                Err(error) => {
                    self.compiled = compiled;
                    return Err(error);
                }
            }
        }
        self.compiled = compiled;
        self.batch_rows = FIRST_BATCH_ROWS;
        self.begin();
        Ok(())
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            cx.check_interrupt()?;
            self.collect(self.batch_rows)?;
            self.batch_rows = BATCH_ROWS;
            if self.rows() == 0 {
                return Ok(None);
            }
            let batch = self.take_batch(cx)?;
            if batch.selected_rows() > 0 {
                return Ok(Some(batch));
            }
        }
    }

    fn stop(&mut self) {
        self.close();
    }
}
