//! Table scan: rows of a table in order of row id, leaf by leaf.

use super::parallel_scan::{self, ParallelScan, ROWS_ALONE, Reader};
use super::predicate::{Predicate, is_thread_safe};
use super::records::{Records, Source};
use super::row_id_range::{equal_row_id, first_row_id, last_row_id};
use super::values::one_row;
use super::{Builder, Operator};
use crate::databases::TreeId;
use crate::encode::row_key;
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::with_affinity;
use crate::exec::{BATCH_ROWS, Batch, Context};
use crate::plan::{self, Node, RowIdRange};
use crate::types::Affinity;
use crate::value::ValueRef;
use sedge_storage::{Cursor, LeafValue, Snapshot};

/// Rows of the first batch: a LIMIT or an EXISTS above may want no more. The next ones grow to [`BATCH_ROWS`].
pub(super) const FIRST_BATCH_ROWS: usize = 128;

/// A scan of a table.
pub(super) struct TableScan {
    root: TreeId,
    range: Range,
    reverse: bool,
    cursor: Option<Cursor<Snapshot>>,
    reader: Reader,
    /// For the threads of a long scan.
    helpers: Vec<Reader>,
    parallel: Option<ParallelScan>,
    /// Rows read by this thread alone.
    rows_alone: usize,
    /// The row ids to visit: between these, or one of `points`.
    first: i64,
    last: i64,
    points: Vec<i64>,
    next_point: usize,
    state: State,
    batch_rows: usize,
}

/// Row ids, compiled.
enum Range {
    Between(Option<(CompiledExpr, bool)>, Option<(CompiledExpr, bool)>),
    OneOf(Vec<CompiledExpr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The cursor does not yet stand in the range.
    Before,
    /// The cursor stands on the next row, if that is in the range.
    Within,
    /// Points are looked up one by one.
    Points,
    Done,
}

impl TableScan {
    pub(super) fn new(builder: Builder<'_>, node: &Node, scan: &plan::TableScan) -> Result<TableScan> {
        let bound = |bound: &Option<(crate::ir::Expr, bool)>| {
            bound
                .as_ref()
                .map(|(expr, included)| builder.compile(expr, &[]).map(|expr| (expr, *included)))
                .transpose()
        };
        let range = match &scan.range {
            RowIdRange::All => Range::Between(None, None),
            RowIdRange::Between(lower, upper) => Range::Between(bound(lower)?, bound(upper)?),
            RowIdRange::OneOf(exprs) => Range::OneOf(builder.compile_all(exprs, &[])?),
        };
        let sources: Vec<Source> =
            scan.columns.iter().map(|column| Source::of(&scan.table, *column)).collect();
        let reader = || {
            let filter = scan.filter.as_ref();
            let predicate = filter.map(|filter| Predicate::new(builder, node, filter)).transpose()?;
            Ok(Reader::new(sources.clone(), predicate))
        };
        let is_long = node.cost >= ROWS_ALONE as f64 || cfg!(test);
        let may_share = is_long
            && matches!(scan.range, RowIdRange::All)
            && !scan.reverse
            && scan.filter.as_ref().is_none_or(is_thread_safe);
        let helpers = if may_share { parallel_scan::helpers() } else { 0 };
        Ok(TableScan {
            root: scan.table.root,
            range,
            reverse: scan.reverse,
            cursor: None,
            reader: reader()?,
            helpers: (0..helpers).map(|_| reader()).collect::<Result<_>>()?,
            parallel: None,
            rows_alone: 0,
            first: 0,
            last: 0,
            points: Vec::new(),
            next_point: 0,
            state: State::Done,
            batch_rows: FIRST_BATCH_ROWS,
        })
    }

    /// Opens the cursor, if it is not open.
    pub(super) fn open(&mut self, cx: &Context) -> Result<()> {
        if self.cursor.is_none() {
            self.cursor = Some(cx.snapshot()?.cursor(self.root));
        }
        Ok(())
    }

    /// Finds out what to visit.
    fn set_range(&mut self, cx: &mut Context) -> Result<()> {
        let over = one_row();
        match &mut self.range {
            Range::Between(lower, upper) => {
                let mut bound = |bound: &mut Option<(CompiledExpr, bool)>,
                                 open: i64,
                                 limit: fn(ValueRef<'_>, bool) -> Option<i64>|
                 -> Result<Option<i64>> {
                    let Some((expr, included)) = bound else { return Ok(Some(open)) };
                    let value = expr.eval(&over, cx)?;
                    Ok(with_affinity(value.get(0), Affinity::Integer, |v| limit(v, *included)))
                };
                let first = bound(lower, i64::MIN, first_row_id)?;
                let last = bound(upper, i64::MAX, last_row_id)?;
                self.state = match (first, last) {
                    (Some(first), Some(last)) if first <= last => {
                        (self.first, self.last) = (first, last);
                        State::Before
                    }
                    _ => State::Done,
                };
            }
            Range::OneOf(exprs) => {
                self.points.clear();
                for expr in exprs {
                    let value = expr.eval(&over, cx)?;
                    self.points.extend(with_affinity(value.get(0), Affinity::Integer, equal_row_id));
                }
                self.points.sort_unstable();
                self.points.dedup();
                if self.reverse {
                    self.points.reverse();
                }
                self.next_point = 0;
                self.state = State::Points;
            }
        }
        Ok(())
    }

    /// Adds the row `row_id` to the records, if there is one.
    pub(super) fn find(&mut self, row_id: i64) -> Result<bool> {
        let Some(cursor) = &mut self.cursor else { return Ok(false) };
        find_row(cursor, row_id, &mut self.reader.records)
    }

    /// Adds records from the leaves until there are `self.batch_rows` of them or the range ends.
    fn collect(&mut self) -> Result<()> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        if self.state == State::Before {
            let found = match (self.reverse, self.first, self.last) {
                (false, i64::MIN, _) => cursor.seek_first()?,
                (false, first, _) => cursor.seek(&row_key(first))?,
                (true, _, i64::MAX) => cursor.seek_last()?,
                // There is a greater row id.
                (true, _, last) => cursor.seek_before(&row_key(last + 1))?,
            };
            self.state = if found { State::Within } else { State::Done };
        }
        while self.state == State::Within && self.reader.records.len() < self.batch_rows {
            let wanted = self.batch_rows - self.reader.records.len();
            let Some(leaf) = cursor.leaf() else { break };
            let slot = leaf.slot();
            // Row ids in a leaf ascend: one look at the last tells whether all are in the range.
            let (slots, next_slot, is_end) = if self.reverse {
                let mut from = (slot + 1).saturating_sub(wanted);
                let is_end = leaf.row_id(from) < self.first;
                while from <= slot && leaf.row_id(from) < self.first {
                    from += 1;
                }
                (from..slot + 1, from.checked_sub(1), is_end)
            } else {
                let mut to = leaf.len().min(slot + wanted);
                let is_end = to > slot && leaf.row_id(to - 1) > self.last;
                while to > slot && leaf.row_id(to - 1) > self.last {
                    to -= 1;
                }
                (slot..to, (to < leaf.len()).then_some(to), is_end)
            };
            add_slots(cursor, slots, self.reverse, self.reader.wants_row_ids, &mut self.reader.records)?;
            match next_slot {
                _ if is_end => self.state = State::Done,
                Some(next) => cursor.set_slot(next),
                None => {
                    let found = if self.reverse { cursor.prev_leaf()? } else { cursor.next_leaf()? };
                    if !found {
                        self.state = State::Done;
                    }
                }
            }
        }
        Ok(())
    }

    fn collect_points(&mut self) -> Result<()> {
        while self.reader.records.len() < self.batch_rows {
            let Some(row_id) = self.points.get(self.next_point).copied() else {
                self.state = State::Done;
                break;
            };
            self.next_point += 1;
            self.find(row_id)?;
        }
        Ok(())
    }

    /// Shares the rest of the scan with other threads. That begins with a whole leaf: where the next row is none's
    /// first, the next batch ends with its leaf.
    fn share(&mut self, cx: &Context) {
        let rows_left = self
            .cursor
            .as_ref()
            .and_then(|cursor| cursor.leaf())
            .map_or(0, |leaf| if leaf.slot() == 0 { 0 } else { leaf.len() - leaf.slot() });
        if rows_left > 0 {
            self.batch_rows = rows_left;
        } else if let Some(cursor) = self.cursor.take() {
            self.parallel = Some(ParallelScan::start(cursor, &mut self.helpers, cx));
        }
    }

    fn stop_sharing(&mut self) {
        if let Some(parallel) = self.parallel.take() {
            parallel.stop(&mut self.helpers);
        }
    }

    /// The records so far.
    pub(super) fn records(&mut self) -> &mut Records {
        &mut self.reader.records
    }

    /// What to decode.
    pub(super) fn sources(&self) -> &[Source] {
        &self.reader.sources
    }
}

/// Adds the records of `slots` of the current leaf, from the last to the first if `reverse`.
pub(super) fn add_slots(
    cursor: &mut Cursor<Snapshot>,
    slots: std::ops::Range<usize>,
    reverse: bool,
    wants_row_ids: bool,
    records: &mut Records,
) -> Result<()> {
    let Some(leaf) = cursor.leaf() else { return Ok(()) };
    let base = records.len();
    let (places, row_ids) = (leaf.places(slots.clone()), slots.clone().map(|slot| leaf.row_id(slot)));
    let some_elsewhere = match reverse {
        false => records.push_all(leaf.page(), places),
        true => records.push_all(leaf.page(), places.rev()),
    };
    match reverse {
        _ if !wants_row_ids => {}
        false => records.push_row_ids(row_ids),
        true => records.push_row_ids(row_ids.rev()),
    }
    let mut row = if some_elsewhere { records.elsewhere(base) } else { None };
    while let Some(at) = row {
        cursor.set_slot(if reverse { slots.end - 1 - (at - base) } else { slots.start + (at - base) });
        records.replace_with_copy(at, cursor.value()?);
        row = records.elsewhere(at + 1);
    }
    Ok(())
}

/// Adds the row `row_id` of a table to `records`, if there is one.
pub(super) fn find_row(cursor: &mut Cursor<Snapshot>, row_id: i64, records: &mut Records) -> Result<bool> {
    if !cursor.seek_row(row_id)? {
        return Ok(false);
    }
    let Some(leaf) = cursor.leaf() else { return Ok(false) };
    match leaf.value(leaf.slot()) {
        LeafValue::Local { bytes, offset_in_page } => {
            records.push(leaf.page(), offset_in_page, bytes.len(), row_id);
        }
        LeafValue::Overflow => records.push_copy(cursor.value()?, row_id),
    }
    Ok(true)
}

/// Decodes the records into a batch: the filter's columns as its conjuncts come to them, the others for the rows that
/// passed them all.
pub(super) fn decode_batch(
    records: &mut Records,
    sources: &[Source],
    predicate: Option<&mut Predicate>,
    passed: &mut Vec<u32>,
    cx: &mut Context,
) -> Result<Batch> {
    let rows = records.len();
    let Some(predicate) = predicate else {
        let columns = sources.iter().map(|source| records.decode(*source, None)).collect::<Result<_>>()?;
        return Ok(Batch::new(columns, rows));
    };
    let unread = std::sync::Arc::new(crate::exec::Vector::nulls(rows));
    let mut batch = Batch::new(vec![std::sync::Arc::clone(&unread); sources.len()], rows);
    let mut decoded = vec![false; sources.len()];
    for conjunct in &mut predicate.conjuncts {
        read_columns(records, sources, Some(&conjunct.reads), &mut decoded, &mut batch)?;
        conjunct.expr.select(&batch, cx, passed)?;
        batch.select(passed);
        if passed.is_empty() {
            return Ok(batch);
        }
    }
    read_columns(records, sources, None, &mut decoded, &mut batch)?;
    Ok(batch)
}

/// Decodes those of the wanted columns (all of them for `None`) that were not decoded yet, for the rows selected.
fn read_columns(
    records: &mut Records,
    sources: &[Source],
    wanted: Option<&[bool]>,
    decoded: &mut [bool],
    batch: &mut Batch,
) -> Result<()> {
    for (at, source) in sources.iter().enumerate() {
        // All three are as long as the sources.
        if !decoded[at] && wanted.is_none_or(|wanted| wanted[at]) {
            decoded[at] = true;
            batch.columns[at] = records.decode(*source, batch.selection())?;
        }
    }
    Ok(())
}

impl Operator for TableScan {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.stop_sharing();
        self.open(cx)?;
        self.batch_rows = FIRST_BATCH_ROWS;
        self.rows_alone = 0;
        self.set_range(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        while self.state != State::Done {
            cx.check_interrupt()?;
            if let Some(parallel) = &mut self.parallel {
                match parallel.next(&mut self.reader, cx)? {
                    Some(batch) if batch.selected_rows() > 0 => return Ok(Some(batch)),
                    Some(_) => continue,
                    None => {
                        self.state = State::Done;
                        break;
                    }
                }
            }
            self.reader.records.clear();
            if self.state == State::Points {
                self.collect_points()?
            } else {
                self.collect()?
            }
            self.batch_rows = BATCH_ROWS;
            self.rows_alone += self.reader.records.len();
            let batch = self.reader.decode_batch(cx)?;
            if self.rows_alone >= ROWS_ALONE && !self.helpers.is_empty() && self.state == State::Within {
                self.share(cx);
            }
            if batch.selected_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.stop_sharing();
        self.cursor = None;
        self.reader.records.clear();
        self.state = State::Done;
    }
}
