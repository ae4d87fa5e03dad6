//! The point path: a row found by its whole key, handed out without a batch.
//!
//! It serves a scan of one row id, or of a unique index with all its columns given, and a projection above it. The
//! record is copied into a buffer that stays, its columns are read from there when they are asked for, and computed
//! columns are evaluated by row: a steady run allocates nothing. A plan that gives columns by keys at hand, with nothing to
//! compute, is run whole when it is started ([`Point::look_up`]) and needs no snapshot of its own.

use super::Context;
use super::expr::scalar::with_affinity;
use super::expr::{CompiledExpr, RowSource};
use super::ops::{Builder, Source, equal_row_id};
use crate::catalog::IndexKey;
use crate::databases::{Snapshot, TreeId, WriteTransaction};
use crate::decimal::Decimal;
use crate::encode::{
    EntryLayout, Field, Found, RecordView, encode_value, row_id_of_entry, row_key, short_integer, short_real,
};
use crate::error::{Error, Result};
use crate::functions::Datum;
use crate::ir::{ColumnId, Expr};
use crate::plan::{IndexScan, Node, Operator, Plan, RowIdRange, TableScan};
use crate::types::{Affinity, ColumnType};
use crate::value::{Value, ValueRef};

/// A plan for at most one row.
pub(super) struct Point {
    table_root: TreeId,
    key: Key,
    filter: Option<CompiledExpr>,
    row: Row,
    outputs: Vec<PointOutput>,
    /// Results of computed outputs.
    computed: Vec<Value>,
    /// All keys are at hand, and nothing is computed.
    looks_up: bool,
    state: State,
}

/// Where a row is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader<'a> {
    Snapshot(&'a Snapshot),
    /// The present state of an open transaction.
    Transaction(&'a WriteTransaction),
}

/// The row that is looked for.
enum Sought {
    /// A key is NULL or no row id.
    Nothing,
    RowId(i64),
    /// The one whose index entry starts with what is in the key's buffer.
    Entry,
}

enum Key {
    RowId(CompiledExpr),
    Unique { root: TreeId, columns: Vec<(CompiledExpr, Affinity)>, layout: EntryLayout, buffer: Vec<u8> },
}

/// The row found.
struct Row {
    sources: Vec<Source>,
    record: Vec<u8>,
    /// Bytes of the record proper.
    length: usize,
    row_id: i64,
}

/// Where an output comes from.
enum PointOutput {
    /// A column of the scan.
    Column(usize, Cell),
    /// An expression; its result has this place.
    Computed(CompiledExpr, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    /// The row is there, and its columns are read.
    Found,
    OnRow,
    Done,
}

/// A column of the record, read and checked once.
#[derive(Clone, Copy, Debug, Default)]
enum Cell {
    #[default]
    Null,
    Integer(i64),
    Real(f64),
    Decimal(Decimal),
    /// Where it lies in the record.
    Text(usize, usize),
    Blob(usize, usize),
}

impl Row {
    /// Takes a record. Behind it stand bytes of no meaning, so that its last numbers can be read as whole words.
    #[inline]
    fn set(&mut self, record: &[u8]) {
        self.record.clear();
        self.record.extend_from_slice(record);
        self.length = record.len();
        self.record.extend_from_slice(&[0; 8]);
    }

    fn record(&self) -> &[u8] {
        self.record.get(..self.length).unwrap_or_default()
    }

    /// Reads a column.
    #[inline]
    fn cell(&self, column: usize) -> Result<Cell> {
        let (place, column_type, common) = match self.sources.get(column) {
            Some(Source::Stored { place, column_type, common }) => (*place, *column_type, common),
            Some(Source::RowId) => return Ok(Cell::Integer(self.row_id)),
            None => return Ok(Cell::Null),
        };
        match common.as_ref().map_or(Found::Other, |common| common.find(&self.record, 0)) {
            Found::Payload(start, length) if start + usize::from(length) <= self.length => {
                match column_type {
                    ColumnType::Integer | ColumnType::Boolean => {
                        if let Some(integer) = short_integer(&self.record, start, length) {
                            return Ok(Cell::Integer(integer));
                        }
                    }
                    ColumnType::Text { .. } | ColumnType::Formatted(_) => {
                        return Ok(Cell::Text(start, usize::from(length)));
                    }
                    ColumnType::Blob => return Ok(Cell::Blob(start, usize::from(length))),
                    ColumnType::Real => {
                        if let Some(real) =
                            short_real(&self.record, start, length).filter(|real| !real.is_nan())
                        {
                            return Ok(Cell::Real(real));
                        }
                    }
                    ColumnType::Any | ColumnType::Numeric | ColumnType::Decimal { .. } => {}
                }
            }
            Found::Null => return Ok(Cell::Null),
            Found::Payload(..) | Found::Other => {}
        }
        let record = RecordView::new(self.record())?;
        // A text or a blob ends where its payload does, behind the tag if it has one.
        let end = match record.field(place)? {
            Field::Payload(range) => range.end,
            Field::Null | Field::Missing => return Ok(Cell::Null),
        };
        Ok(match record.get(place, column_type)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(integer) => Cell::Integer(integer),
            ValueRef::Real(real) => Cell::Real(real),
            ValueRef::Decimal(decimal) => Cell::Decimal(decimal),
            ValueRef::Text(text) => Cell::Text(end - text.len(), text.len()),
            ValueRef::Blob(blob) => Cell::Blob(end - blob.len(), blob.len()),
        })
    }

    #[inline]
    fn value_of(&self, cell: Cell) -> ValueRef<'_> {
        let bytes = |start: usize, length: usize| self.record.get(start..start + length).unwrap_or_default();
        match cell {
            Cell::Null => ValueRef::Null,
            Cell::Integer(integer) => ValueRef::Integer(integer),
            Cell::Real(real) => ValueRef::Real(real),
            Cell::Decimal(decimal) => ValueRef::Decimal(decimal),
            Cell::Text(start, length) => ValueRef::Text(bytes(start, length)),
            Cell::Blob(start, length) => ValueRef::Blob(bytes(start, length)),
        }
    }
}

impl RowSource for Row {
    #[inline]
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.value_of(self.cell(column)?))
    }
}

/// The scan of a point plan.
enum Scan<'p> {
    Table(&'p TableScan, &'p Expr),
    Index(&'p IndexScan),
}

/// The scan below `node`, if it gives at most one row by its key.
fn point_scan(node: &Node) -> Option<Scan<'_>> {
    match &node.operator {
        Operator::TableScan(scan) => match &scan.range {
            RowIdRange::OneOf(keys) => match keys.as_slice() {
                [key] => Some(Scan::Table(scan, key)),
                _ => None,
            },
            _ => None,
        },
        Operator::IndexScan(scan) => {
            let [range] = scan.ranges.as_slice() else { return None };
            let is_whole = scan.index.unique
                && range.equal.len() == scan.index.columns.len()
                && !range.null_safe.contains(&true)
                && scan.table.has_row_id();
            is_whole.then_some(Scan::Index(scan))
        }
        _ => None,
    }
}

impl Point {
    /// The point path for `plan`, or `None` if it is no such plan.
    pub(super) fn new(builder: Builder<'_>, plan: &Plan) -> Result<Option<Point>> {
        let (node, exprs) = match &plan.root.operator {
            Operator::Project { input, exprs } => (input.as_ref(), Some(exprs)),
            _ => (&plan.root, None),
        };
        let Some(scan) = point_scan(node) else { return Ok(None) };
        let (table, columns, filter, key) = match scan {
            Scan::Table(scan, key) => {
                (&scan.table, &scan.columns, &scan.filter, Key::RowId(builder.compile(key, &[])?))
            }
            Scan::Index(scan) => (&scan.table, &scan.columns, &scan.filter, Key::of_index(builder, scan)?),
        };
        let mut computed = 0;
        let mut output = |id: ColumnId| {
            let place = plan.root.columns.iter().position(|column| *column == id);
            let expr = match exprs {
                Some(exprs) => place.and_then(|place| exprs.get(place)),
                None => None,
            };
            match (expr, place) {
                (Some(expr), _) => {
                    if let Expr::Column(column, _) = expr
                        && let Some(place) = node.columns.iter().position(|c| c == column)
                    {
                        return Ok(PointOutput::Column(place, Cell::Null));
                    }
                    computed += 1;
                    Ok(PointOutput::Computed(builder.compile(expr, &node.columns)?, computed - 1))
                }
                (None, Some(place)) => Ok(PointOutput::Column(place, Cell::Null)),
                (None, None) => Err(Error::Misuse("the plan does not produce its outputs".to_owned())),
            }
        };
        let outputs = plan.outputs.iter().map(|o| output(o.column)).collect::<Result<Vec<_>>>()?;
        let at_hand = match &key {
            Key::RowId(key) => key.is_leaf(),
            Key::Unique { columns, .. } => columns.iter().all(|(key, _)| key.is_leaf()),
        };
        Ok(Some(Point {
            table_root: table.root,
            looks_up: at_hand && filter.is_none() && computed == 0,
            key,
            filter: filter.as_ref().map(|filter| builder.compile(filter, &node.columns)).transpose()?,
            row: Row {
                sources: columns.iter().map(|column| Source::of(table, *column)).collect(),
                record: Vec::new(),
                length: 0,
                row_id: 0,
            },
            outputs,
            computed: vec![Value::Null; computed],
            state: State::Done,
        }))
    }

    /// Back before the row.
    pub(super) fn reset(&mut self) {
        self.state = State::Before;
    }

    /// True if nothing but the keys' values is needed to run it whole.
    #[inline]
    pub(super) fn looks_up(&self) -> bool {
        self.looks_up
    }

    /// Runs the plan whole, if [`Point::looks_up`].
    pub(super) fn look_up(&mut self, cx: &mut Context, reader: Reader<'_>) -> Result<()> {
        self.state = State::Done;
        let sought = self.sought(cx)?;
        if self.read(sought, reader)? {
            self.read_columns()?;
            self.state = State::Found;
        }
        Ok(())
    }

    /// Goes to the row, if it is there and was not given yet.
    pub(super) fn next(&mut self, cx: &mut Context) -> Result<bool> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Found => {}
            State::Before => {
                let sought = self.sought(cx)?;
                if !self.read(sought, Reader::Snapshot(cx.snapshot()?))? {
                    return Ok(false);
                }
                if let Some(filter) = &mut self.filter
                    && filter.truth_row(&self.row, cx)? != Some(true)
                {
                    return Ok(false);
                }
                self.read_columns()?;
                for output in &mut self.outputs {
                    if let PointOutput::Computed(expr, place) = output {
                        let value = into_value(expr.eval_row(&self.row, cx)?);
                        if let Some(slot) = self.computed.get_mut(*place) {
                            *slot = value;
                        }
                    }
                }
            }
            State::OnRow | State::Done => return Ok(false),
        }
        self.state = State::OnRow;
        Ok(true)
    }

    /// Reads the columns of the row now, so that a damaged record is found before its values are handed out.
    fn read_columns(&mut self) -> Result<()> {
        for output in &mut self.outputs {
            if let PointOutput::Column(place, cell) = output {
                *cell = self.row.cell(*place)?;
            }
        }
        Ok(())
    }

    /// Evaluates the key.
    fn sought(&mut self, cx: &mut Context) -> Result<Sought> {
        let no_row: &[Value] = &[];
        match &mut self.key {
            Key::RowId(key) => {
                if let Some(ValueRef::Integer(row_id)) = key.leaf(cx) {
                    return Ok(Sought::RowId(row_id));
                }
                let key = key.eval_row(&no_row, cx)?;
                let row_id = with_affinity(datum_ref(&key), Affinity::Integer, equal_row_id);
                Ok(row_id.map_or(Sought::Nothing, Sought::RowId))
            }
            Key::Unique { columns, layout, buffer, .. } => {
                buffer.clear();
                for ((key, affinity), column) in columns.iter_mut().zip(layout.columns()) {
                    let value = key.eval_row(&no_row, cx)?;
                    if datum_ref(&value).is_null() {
                        return Ok(Sought::Nothing);
                    }
                    with_affinity(datum_ref(&value), *affinity, |value| {
                        encode_value(buffer, value, column.collation, column.descending);
                    });
                }
                Ok(Sought::Entry)
            }
        }
    }

    /// Reads the record into the row; false if there is none.
    fn read(&mut self, sought: Sought, reader: Reader<'_>) -> Result<bool> {
        let row_id = match (sought, &self.key) {
            (Sought::RowId(row_id), _) => row_id,
            (Sought::Entry, Key::Unique { root, buffer, .. }) => {
                let row_id = |entry: &[u8]| entry.starts_with(buffer).then(|| row_id_of_entry(entry));
                match reader.first_key_at_or_after(*root, buffer, row_id)?.flatten() {
                    Some(row_id) => row_id?,
                    None => return Ok(false),
                }
            }
            _ => return Ok(false),
        };
        self.row.row_id = row_id;
        let row = &mut self.row;
        let found = reader.get(self.table_root, &row_key(row_id), |bytes| row.set(bytes))?;
        match (found, &self.key) {
            (Some(()), _) => Ok(true),
            (None, Key::RowId(_)) => Ok(false),
            (None, Key::Unique { .. }) => Err(Error::Storage(sedge_storage::Error::Corrupt {
                page: 0,
                tree: None,
                detail: format!("an index has an entry for row {row_id}, which its table lacks"),
            })),
        }
    }

    /// The value of output `column`.
    #[inline]
    pub(super) fn value(&self, column: usize) -> ValueRef<'_> {
        if self.state != State::OnRow {
            return ValueRef::Null;
        }
        match self.outputs.get(column) {
            Some(PointOutput::Column(_, cell)) => self.row.value_of(*cell),
            Some(PointOutput::Computed(_, place)) => {
                self.computed.get(*place).map_or(ValueRef::Null, Value::as_ref)
            }
            None => ValueRef::Null,
        }
    }
}

impl Reader<'_> {
    #[inline]
    fn get<R>(self, tree: TreeId, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(match self {
            Reader::Snapshot(snapshot) => snapshot.get(tree, key, with)?,
            Reader::Transaction(transaction) => transaction.get(tree, key, with)?,
        })
    }

    fn first_key_at_or_after<R>(
        self,
        tree: TreeId,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        Ok(match self {
            Reader::Snapshot(snapshot) => snapshot.first_key_at_or_after(tree, key, with)?,
            Reader::Transaction(transaction) => transaction.first_key_at_or_after(tree, key, with)?,
        })
    }
}

impl Key {
    fn of_index(builder: Builder<'_>, scan: &IndexScan) -> Result<Key> {
        let exprs = scan.ranges.first().map(|range| range.equal.as_slice()).unwrap_or_default();
        let affinity = |key: &IndexKey| match key {
            IndexKey::Column(place) => {
                scan.table.columns.get(*place).map_or(Affinity::None, |column| column.column_type.affinity())
            }
            IndexKey::Expression(_) => Affinity::None,
        };
        let columns = exprs.iter().zip(&scan.index.columns);
        let columns = columns.map(|(expr, column)| Ok((builder.compile(expr, &[])?, affinity(&column.key))));
        Ok(Key::Unique {
            root: scan.index.root,
            columns: columns.collect::<Result<_>>()?,
            layout: EntryLayout::of(&scan.table, &scan.index),
            buffer: Vec::new(),
        })
    }
}

fn datum_ref<'a>(datum: &'a Datum<'a>) -> ValueRef<'a> {
    match datum {
        Datum::Borrowed(value) => *value,
        Datum::Owned(value) => value.as_ref(),
    }
}

fn into_value(datum: Datum<'_>) -> Value {
    match datum {
        Datum::Borrowed(value) => value.to_owned(),
        Datum::Owned(value) => value,
    }
}
