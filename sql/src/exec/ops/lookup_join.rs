//! Lookup join: a nested loop whose right side is a scan that the left row's values find their rows in.
//!
//! Nothing is restarted: the bounds are evaluated for a whole left batch at once, the right cursor seeks from where
//! it stands, and the rows found for many left rows are decoded together. What the right scan would have filtered is
//! applied to the pairs, where the left columns it uses are columns like others.

use super::index_scan::{CompiledRange, IndexScan, RangeValues};
use super::measured::Watch;
use super::pairs::Pairs;
use super::records::Records;
use super::row_id_range::equal_row_id;
use super::table_scan::TableScan;
use super::{Builder, Operator};
use crate::error::Result;
use crate::exec::expr::CompiledExpr;
use crate::exec::expr::scalar::with_affinity;
use crate::exec::{BATCH_ROWS, Batch, Context, Vector};
use crate::ir::{Expr, JoinKind};
use crate::plan::{self, Figures, IndexRange, Node, Operator as Planned, RowIdRange, Work};
use crate::types::Affinity;
use std::sync::Arc;

/// A join by looking rows up.
pub(super) struct LookupJoin {
    left: Box<dyn Operator>,
    right: Right,
    pairs: Pairs,
    lookup: Option<Lookup>,
    /// Where the right side's figures go, which is no operator of its own.
    figures: Option<Arc<Figures>>,
}

/// Where right rows are looked up.
enum Right {
    /// By row id.
    Row { key: CompiledExpr, scan: Box<TableScan> },
    /// In a range of an index.
    Index { range: CompiledRange, scan: Box<IndexScan> },
}

/// A left batch being looked up.
struct Lookup {
    batch: Batch,
    rows: Vec<u32>,
    /// Which of `rows` is next.
    place: usize,
    /// True while the index scan stands within that one's range.
    is_within: bool,
    values: Values,
}

enum Values {
    RowIds(Arc<Vector>),
    Ranges(RangeValues),
}

impl LookupJoin {
    /// The join, or `None` if the right side is not of this kind.
    pub(super) fn new(
        builder: Builder<'_>,
        node: &Node,
        kind: JoinKind,
        left: &Node,
        right: &Node,
        on: Option<&Expr>,
    ) -> Result<Option<LookupJoin>> {
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            return Ok(None);
        }
        let (filter, side) = match &right.operator {
            Planned::TableScan(scan) => match &scan.range {
                RowIdRange::OneOf(keys) if keys.len() == 1 => {
                    let bare = plan::TableScan { range: RowIdRange::All, filter: None, ..scan.clone() };
                    let side = Right::Row {
                        // There is exactly one.
                        key: builder.compile(&keys[0], &left.columns)?,
                        scan: Box::new(TableScan::new(builder, right, &bare)?),
                    };
                    (&scan.filter, side)
                }
                _ => return Ok(None),
            },
            Planned::IndexScan(scan) => match scan.ranges.as_slice() {
                [range] if is_bounded(range) => {
                    let side = Right::Index {
                        range: CompiledRange::new(builder, range, &left.columns)?,
                        scan: Box::new(IndexScan::over(scan, Vec::new(), None)?),
                    };
                    (&scan.filter, side)
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let conditions: Vec<&Expr> = filter.iter().chain(on).collect();
        Ok(Some(LookupJoin {
            pairs: Pairs::new(builder, kind, &node.columns, &left.columns, &right.columns, &conditions)?,
            left: builder.build(left)?,
            right: side,
            lookup: None,
            figures: right.figures.clone(),
        }))
    }
}

/// True if a range holds only a part of its index.
fn is_bounded(range: &IndexRange) -> bool {
    !range.equal.is_empty() || range.lower.is_some() || range.upper.is_some()
}

impl Right {
    fn open(&mut self, cx: &Context) -> Result<()> {
        match self {
            Right::Row { scan, .. } => scan.open(cx),
            Right::Index { scan, .. } => scan.open(cx),
        }
    }

    fn eval(&mut self, batch: &Batch, cx: &mut Context) -> Result<Values> {
        match self {
            Right::Row { key, .. } => key.eval(batch, cx).map(Values::RowIds),
            Right::Index { range, .. } => range.eval(batch, cx).map(Values::Ranges),
        }
    }

    fn rows(&mut self) -> usize {
        match self {
            Right::Row { scan, .. } => scan.records().len(),
            Right::Index { scan, .. } => scan.rows(),
        }
    }

    /// Finds rows for `row` until `limit` are held; false if there may be more.
    fn find(&mut self, values: &Values, row: usize, is_within: bool, limit: usize) -> Result<bool> {
        match (self, values) {
            (Right::Row { scan, .. }, Values::RowIds(keys)) => {
                let key = with_affinity(keys.get(row), Affinity::Integer, equal_row_id);
                if let Some(row_id) = key {
                    scan.find(row_id)?;
                }
                Ok(true)
            }
            (Right::Index { scan, .. }, Values::Ranges(values)) => {
                if !is_within {
                    scan.clear_ranges();
                    scan.add_range(values, row);
                    scan.begin();
                }
                scan.collect(limit)?;
                Ok(scan.is_done())
            }
            _ => Ok(true),
        }
    }

    fn take_columns(&mut self) -> Result<Vec<Arc<Vector>>> {
        match self {
            Right::Row { scan, .. } => {
                let sources = scan.sources().to_vec();
                let records: &mut Records = scan.records();
                let columns = sources.iter().map(|source| records.decode(*source, None));
                let columns = columns.collect::<Result<Vec<_>>>()?;
                records.clear();
                Ok(columns)
            }
            Right::Index { scan, .. } => scan.take_columns(),
        }
    }

    fn close(&mut self) {
        match self {
            Right::Row { scan, .. } => scan.stop(),
            Right::Index { scan, .. } => scan.close(),
        }
    }
}

impl Lookup {
    /// Finds partners for left rows until a batch is full.
    fn collect(&mut self, right: &mut Right, pairs: &mut Pairs) -> Result<()> {
        while let Some(row) = self.rows.get(self.place).copied() {
            let first = right.rows();
            if pairs.len() >= BATCH_ROWS || first >= BATCH_ROWS {
                return Ok(());
            }
            // One partner is enough for an existence that no condition decides.
            let limit = if pairs.is_by_existence() { first + 1 } else { BATCH_ROWS };
            let is_done = right.find(&self.values, row as usize, self.is_within, limit)?;
            for partner in first..right.rows() {
                pairs.push(row, partner as u32);
            }
            self.is_within = !is_done && !pairs.row_is_decided();
            if self.is_within {
                continue;
            }
            pairs.end_row(row);
            self.place += 1;
        }
        Ok(())
    }
}

impl Operator for LookupJoin {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        self.pairs.clear();
        self.lookup = None;
        self.right.open(cx)?;
        self.right.take_columns()?;
        self.left.reset(cx)
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        loop {
            cx.check_interrupt()?;
            let Some(mut lookup) = self.lookup.take() else {
                let Some(batch) = self.left.next(cx)? else { return Ok(None) };
                let rows = batch.selected().map(|row| row as u32).collect();
                let values = self.right.eval(&batch, cx)?;
                self.lookup = Some(Lookup { batch, rows, place: 0, is_within: false, values });
                continue;
            };
            let measured = self.figures.as_ref().map(|_| (Watch::start(cx), lookup.place));
            lookup.collect(&mut self.right, &mut self.pairs)?;
            let found = self.right.rows();
            let columns = self.right.take_columns()?;
            if let (Some((watch, place)), Some(figures)) = (measured, &self.figures) {
                let loops = (lookup.place - place) as u64;
                figures
                    .add(watch.stop(cx, Work { loops, batches: 1, rows: found as u64, ..Work::default() }));
            }
            let mut given = None;
            if self.pairs.len() > 0 {
                given = Some(self.pairs.finish(&lookup.batch, &columns, cx, None)?);
            }
            if lookup.place < lookup.rows.len() {
                self.lookup = Some(lookup);
            }
            if let Some(batch) = given.filter(|batch| batch.selected_rows() > 0) {
                return Ok(Some(batch));
            }
        }
    }

    fn stop(&mut self) {
        self.left.stop();
        self.right.close();
        self.pairs.clear();
        self.lookup = None;
    }
}
