//! A change of a view: the rows that it would change are found, and INSTEAD OF triggers are run for each. Nothing is
//! written here and no constraint is looked at: that is the triggers' part.

use super::effects::{Flow, RowEffects};
use super::find::{QueryRun, Subqueries};
use super::insert::{Source, collect};
use super::program::Effects;
use super::returning::Returning;
use super::row_buffer::RowBuffer;
use super::row_writer::{UpdateRow, row_layout};
use super::scalar::Scalar;
use super::scope_of;
use crate::constraint::Refusal;
use crate::constraint::types::{Fitted, fit};
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::exec::expr::Scope;
use crate::ir::{self, ColumnId, InsertColumn};
use crate::parser::{OnConflict, TriggerTime};
use crate::plan::{Expressions, Plan, Programs, RowEvent, WritePlan};
use crate::types::ColumnType;
use crate::value::{Value, ValueRef};

/// A change of a view, ready to run.
pub(super) struct ViewChange {
    effects: Option<Box<RowEffects>>,
    /// OR .. of the statement, which its triggers' statements take over.
    statement: Option<OnConflict>,
    event: RowEvent,
    rows: Rows,
    /// Columns and their next values, of an UPDATE.
    assignments: Vec<(InsertColumn, Scalar)>,
    subqueries: Subqueries,
    returning: Option<Returning>,
    /// The rows found, one behind the other, each `width` values wide.
    found: Vec<Value>,
    width: usize,
    /// Columns of the view.
    columns: usize,
    /// Their types. As in SQLite an UPDATE converts to them what can be, an INSERT does not.
    types: Vec<ColumnType>,
    old: RowBuffer,
    new: RowBuffer,
}

/// Where the rows come from.
enum Rows {
    /// Those of an INSERT, and the column of the view that each value goes to.
    Given(Source, Vec<InsertColumn>),
    /// Those of the view; behind its columns stands what an UPDATE takes from FROM.
    Found(Box<QueryRun>),
}

impl ViewChange {
    pub(super) fn new(
        plan: &WritePlan,
        programs: &Programs,
        instead: Option<OnConflict>,
    ) -> Result<ViewChange> {
        let target = plan.target();
        let columns = target.columns.len();
        let found =
            |find: &Plan| Ok::<_, Error>((Rows::Found(Box::new(QueryRun::new(find)?)), find.outputs.len()));
        let list: &Option<ir::Returning>;
        let expressions: &Expressions;
        let mut statement = None;
        let mut assignments = Vec::new();
        let (event, (rows, width)) = match plan {
            WritePlan::Insert { columns, source, on_conflict, returning, expressions: own, .. } => {
                (list, expressions, statement) = (returning, own, *on_conflict);
                let columns = if matches!(source, crate::plan::WriteSource::Defaults) {
                    &[]
                } else {
                    columns.as_slice()
                };
                let source = Source::new(source, columns.len(), scope_of(own))?;
                (RowEvent::Insert, (Rows::Given(source, columns.to_vec()), columns.len()))
            }
            WritePlan::Update {
                find, assignments: set, on_conflict, returning, expressions: own, ..
            } => {
                (list, expressions, statement) = (returning, own, *on_conflict);
                let mut layout: Vec<ColumnId> = row_layout(target);
                layout.extend(find.outputs.iter().skip(columns).map(|output| output.column));
                let scope = Scope { layout: &layout, ..scope_of(own) };
                for (column, value) in set {
                    assignments.push((*column, Scalar::compile(value, scope)?));
                }
                (RowEvent::Update, found(find)?)
            }
            WritePlan::Delete { find, returning, expressions: own, .. } => {
                (list, expressions) = (returning, own);
                (RowEvent::Delete, found(find)?)
            }
        };
        let mut effects = RowEffects::of(programs, &target.table, columns + 1);
        if let Some(effects) = &mut effects {
            let assigned: Vec<InsertColumn> = assignments.iter().map(|(column, _)| *column).collect();
            effects.assigns(&assigned, None);
        }
        let returning = list.as_ref().map(|list| Returning::new(target, list, scope_of(expressions)));
        Ok(ViewChange {
            effects,
            statement: instead.or(statement),
            event,
            rows,
            assignments,
            subqueries: Subqueries::of(expressions, true)?,
            returning: returning.transpose()?,
            found: Vec::new(),
            width,
            columns,
            types: target.table.columns.iter().map(|column| column.column_type).collect(),
            old: RowBuffer::default(),
            new: RowBuffer::default(),
        })
    }

    /// Finds the rows; gives how many there are at most.
    pub(super) fn find(&mut self, txn: &mut WriteTransaction, cx: &mut Context) -> Result<usize, Refusal> {
        let ViewChange { rows, subqueries, found, .. } = self;
        found.clear();
        match rows {
            Rows::Given(source, _) => collect(source, subqueries, txn, cx, found)?,
            Rows::Found(run) => run.each_batch(txn, cx, |_, _, batch| {
                for row in batch.selected() {
                    found.extend((0..batch.columns.len()).map(|column| batch.get(column, row).to_owned()));
                }
                Ok(())
            })?,
        }
        Ok(usize::MAX)
    }

    /// RETURNING, where there is one.
    pub(super) fn returning(&mut self) -> Option<&mut Returning> {
        self.returning.as_mut()
    }

    /// Fires the triggers for each row found.
    pub(super) fn run(
        &mut self,
        txn: &mut WriteTransaction,
        cx: &mut Context,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let ViewChange { effects: own, rows, assignments, subqueries, returning, found, .. } = self;
        let ViewChange { old, new, columns, types, event, statement, width, .. } = self;
        let rest = match (&*rows, *width) {
            // DEFAULT VALUES is one row without a value.
            (Rows::Given(Source::Defaults, _), _) => 1,
            (_, 0) => 0,
            (_, width) => found.len() / width,
        };
        let done = subqueries.with(txn, cx, |txn, cx, live| {
            for at in 0..rest {
                cx.check_interrupt()?;
                let values = found.get(at * *width..(at + 1) * *width).unwrap_or_default();
                let (view_row, beside) = values.split_at((*columns).min(values.len()));
                let (before, after) = match &*rows {
                    Rows::Given(_, places) => {
                        new.reset(*columns + 1);
                        for (place, value) in places.iter().zip(values) {
                            if let InsertColumn::Column(place) = place {
                                new.set(*place, value.as_ref());
                            }
                        }
                        (None, Some(&*new))
                    }
                    Rows::Found(_) => {
                        old.reset(*columns + 1);
                        for (place, value) in view_row.iter().enumerate() {
                            old.set(place, value.as_ref());
                        }
                        if *event == RowEvent::Update {
                            live.refresh(txn, cx);
                            new.copy_from(old);
                            let source = UpdateRow { old, beside: &beside, width: *columns + 1 };
                            for (column, value) in assignments.iter_mut() {
                                let InsertColumn::Column(place) = *column else { continue };
                                let column_type = types.get(place).copied().unwrap_or(ColumnType::Any);
                                value.with(&source, cx, |value: ValueRef<'_>| {
                                    match fit(value, column_type) {
                                        Fitted::Value(fitted) => new.set(place, fitted),
                                        Fitted::Text(text) => new.set(place, ValueRef::Text(text.as_bytes())),
                                        Fitted::Refused => new.set(place, value),
                                    }
                                    Ok::<(), Error>(())
                                })?;
                            }
                        }
                        (Some(&*old), (*event == RowEvent::Update).then_some(&*new))
                    }
                };
                if let Some(own) = own {
                    let when = (TriggerTime::InsteadOf, *event);
                    if own.fire((txn, cx, effects), when, *statement, (before, after))? == Flow::Skip {
                        continue;
                    }
                }
                if let (Some(returning), Some(row)) = (returning.as_mut(), after.or(before)) {
                    live.refresh_returning(txn, cx);
                    returning.add(row, cx)?;
                }
            }
            Ok(())
        });
        found.clear();
        done
    }
}
