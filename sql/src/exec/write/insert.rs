//! INSERT: rows of expressions, of a query, or of defaults.

use super::find::{Live, QueryRun, Subqueries};
use super::plain_row::PlainRow;
use super::program::Effects;
use super::returning::Returning;
use super::row_writer::{Inserted, RowWriter};
use super::scalar::Scalar;
use super::upsert::Clause;
use super::{ROWS_PER_CHECK, Written, scope_of};
use crate::constraint::Refusal;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{InsertColumn, Target};
use crate::parser::OnConflict;
use crate::plan::{Expressions, Programs, WriteSource};
use crate::value::{Value, ValueRef};

/// An INSERT ready to run.
pub(super) struct Insert {
    writer: RowWriter,
    columns: Vec<InsertColumn>,
    /// Columns that take their default.
    defaults: Vec<usize>,
    source: Source,
    /// The short way for the rows of VALUES, where there is one.
    plain: Option<PlainRow>,
    /// Those of all expressions but a query's.
    subqueries: Subqueries,
    /// ON CONFLICT clauses.
    clauses: Vec<Clause>,
    returning: Option<Returning>,
    /// The rows of the source, where all must be known before the first is written.
    spool: Option<Vec<Value>>,
}

pub(super) enum Source {
    /// VALUES.
    Rows(Vec<Vec<Scalar>>),
    /// SELECT. It reads a snapshot from before the first row is written.
    Query(Box<QueryRun>),
    /// DEFAULT VALUES.
    Defaults,
}

impl Source {
    /// Compiles the source of rows that are `width` values wide.
    pub(super) fn new(source: &WriteSource, width: usize, scope: Scope<'_>) -> Result<Source> {
        Ok(match source {
            WriteSource::Rows(rows) => {
                let mut compiled = Vec::with_capacity(rows.len());
                for row in rows {
                    if row.len() != width {
                        return Err(Error::Misuse("a row of VALUES as wide as no column list".to_owned()));
                    }
                    let scalars = row.iter().map(|expr| Scalar::compile(expr, scope));
                    compiled.push(scalars.collect::<Result<Vec<Scalar>>>()?);
                }
                Source::Rows(compiled)
            }
            WriteSource::Query { plan, .. } => Source::Query(Box::new(QueryRun::new(plan)?)),
            WriteSource::Defaults => Source::Defaults,
        })
    }
}

impl Insert {
    pub(super) fn new(
        target: &Target,
        columns: &[InsertColumn],
        source: &WriteSource,
        expressions: &Expressions,
        programs: &Programs,
        on_conflict: Option<OnConflict>,
    ) -> Result<Insert> {
        let scope = scope_of(expressions);
        let source = Source::new(source, columns.len(), scope)?;
        let writer = RowWriter::new(target, scope, on_conflict, programs)?;
        // DEFAULT VALUES gives no column a value of its own.
        let columns = if matches!(source, Source::Defaults) { &[] } else { columns };
        let defaults = writer.defaults_beside(columns, target);
        let subqueries = Subqueries::of(expressions, writer.has_effects())?;
        let plain = match (&source, writer.plain_table()) {
            (Source::Rows(rows), Some(table)) if defaults.is_empty() => PlainRow::of(table, columns, rows),
            _ => None,
        };
        Ok(Insert {
            writer,
            columns: columns.to_vec(),
            defaults,
            source,
            plain,
            subqueries,
            clauses: Vec::new(),
            returning: None,
            spool: None,
        })
    }

    /// Says what ON CONFLICT clauses do, and what RETURNING asks for.
    pub(super) fn with(mut self, clauses: Vec<Clause>, returning: Option<Returning>) -> Insert {
        // A query's run has the context to itself, and VALUES see nothing of the rows written.
        let is_apart = match &self.source {
            Source::Rows(rows) => rows.len() <= 1 || !self.subqueries.is_live(),
            Source::Query(_) => self.subqueries.is_empty(),
            Source::Defaults => true,
        };
        self.spool = (!is_apart).then(Vec::new);
        // Both look at the row in the row-writer.
        let plain = self.plain.take().filter(|_| clauses.is_empty() && returning.is_none());
        Insert { plain, clauses, returning, ..self }
    }

    /// True if at most one row is inserted.
    pub(super) fn is_single_row(&self) -> bool {
        match &self.source {
            Source::Rows(rows) => rows.len() <= 1,
            Source::Query(_) => false,
            Source::Defaults => true,
        }
    }

    /// True if it deletes the rows in the way.
    pub(super) fn replaces(&self) -> bool {
        self.writer.replaces()
    }

    /// RETURNING, where there is one.
    pub(super) fn returning(&mut self) -> Option<&mut Returning> {
        self.returning.as_mut()
    }

    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
        written: &mut Written,
    ) -> Result<(), Refusal> {
        let Insert { writer, columns, defaults, source, plain, subqueries, clauses, returning, spool } = self;
        let mut sink = Sink { clauses, returning, written, effects };
        if let Some(rows) = spool {
            rows.clear();
            let read = collect(source, subqueries, txn, cx, rows);
            let done = read.and_then(|()| {
                subqueries.with(txn, cx, |txn, cx, live| {
                    for row in rows.chunks_exact(columns.len().max(1)) {
                        cx.check_interrupt()?;
                        begin(writer, defaults, cx)?;
                        for (column, value) in columns.iter().zip(row) {
                            writer.set(*column, value.as_ref());
                        }
                        sink.insert(writer, txn, cx, live)?;
                    }
                    Ok(())
                })
            });
            rows.clear();
            return done;
        }
        match source {
            Source::Rows(rows) => subqueries.with(txn, cx, |txn, cx, live| {
                for (i, row) in rows.iter_mut().enumerate() {
                    if i % ROWS_PER_CHECK == ROWS_PER_CHECK - 1 {
                        cx.check_interrupt()?;
                    }
                    if let Some(plain) = plain
                        && let Some(row_id) = plain.insert(row, txn, cx)?
                    {
                        sink.written.changes += 1;
                        sink.written.last_row_id = Some(row_id);
                        continue;
                    }
                    begin(writer, defaults, cx)?;
                    for (column, value) in columns.iter().zip(row) {
                        writer.set_to(*column, value, cx)?;
                    }
                    sink.insert(writer, txn, cx, live)?;
                }
                Ok(())
            }),
            Source::Query(query) => query.each_batch(txn, cx, |txn, cx, batch| {
                for row in batch.selected() {
                    begin(writer, defaults, cx)?;
                    for (i, column) in columns.iter().enumerate() {
                        writer.set(*column, batch.get(i, row));
                    }
                    sink.insert(writer, txn, cx, &Live::default())?;
                }
                Ok(())
            }),
            Source::Defaults => subqueries.with(txn, cx, |txn, cx, live| {
                begin(writer, defaults, cx)?;
                sink.insert(writer, txn, cx, live)
            }),
        }
    }
}

/// Where the rows of the source go.
struct Sink<'a> {
    clauses: &'a mut [Clause],
    returning: &'a mut Option<Returning>,
    written: &'a mut Written,
    effects: &'a mut Effects,
}

impl Sink<'_> {
    /// Inserts the row that was begun, or does what its ON CONFLICT clause says.
    #[inline]
    fn insert(
        &mut self,
        writer: &mut RowWriter,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        live: &Live,
    ) -> Result<(), Refusal> {
        let inserted = writer.insert(txn, cx, self.effects, self.clauses);
        if inserted.is_err() && writer.inserted().is_some() {
            // As in SQLite a row whose triggers fail is counted, and its row id is known: FAIL keeps both.
            self.written.last_row_id = writer.inserted();
            self.written.changes += 1;
        }
        let row = match inserted? {
            Inserted::LeftOut => return Ok(()),
            Inserted::Row(row_id) => {
                self.written.last_row_id = row_id.or(self.written.last_row_id);
                writer.row()
            }
            Inserted::Claimed { clause, taken_by } => {
                live.refresh(txn, cx);
                let Some(clause) = self.clauses.get_mut(clause) else { return Ok(()) };
                match clause.update(txn, cx, self.effects, &taken_by, writer.row())? {
                    Some(row) => row,
                    None => return Ok(()),
                }
            }
        };
        self.written.changes += 1;
        if let Some(returning) = self.returning {
            live.refresh_returning(txn, cx);
            returning.add(row, cx)?;
        }
        Ok(())
    }
}

/// Reads all rows of the source.
pub(super) fn collect(
    source: &mut Source,
    subqueries: &mut Subqueries,
    txn: &mut WriteTransaction,
    cx: &mut Context,
    out: &mut Vec<Value>,
) -> Result<(), Refusal> {
    match source {
        Source::Rows(rows) => subqueries.with(txn, cx, |_, cx, _| {
            let nothing: &[ValueRef<'_>] = &[];
            for value in rows.iter_mut().flatten() {
                value.with(&nothing, cx, |value| {
                    out.push(value.to_owned());
                    Ok::<(), Error>(())
                })?;
            }
            Ok(())
        }),
        Source::Query(query) => query.each_batch(txn, cx, |_, _, batch| {
            for row in batch.selected() {
                out.extend((0..batch.columns.len()).map(|column| batch.get(column, row).to_owned()));
            }
            Ok(())
        }),
        Source::Defaults => Ok(()),
    }
}

/// Begins a row with the defaults of the columns that are not given.
fn begin(writer: &mut RowWriter, defaults: &[usize], cx: &mut Context) -> Result<()> {
    writer.begin();
    for place in defaults {
        writer.set_default(*place, cx)?;
    }
    Ok(())
}
