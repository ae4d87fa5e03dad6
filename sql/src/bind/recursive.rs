//! Common tables that read themselves. As in SQLite the word RECURSIVE says nothing: a common table is recursive if
//! the last members of its compound, all behind the same operator, each name it once in their FROM. What comes before
//! them fills the queue; each of them makes further rows of the queue's.

use super::Binder;
use super::compound::Limits;
use super::from::From;
use super::order::CompoundOrder;
use super::scope::{Source, SourceColumn};
use super::select::{Naming, OutColumn, Selected};
use super::typed::{ColumnInfo, Typed};
use crate::error::{Error, Result};
use crate::ir::{ColumnId, Expr, Queue, RecursionId, Recursive, Relation, SetOp};
use crate::parser::ast::{self, SetExpr, TableFactor};
use crate::types::{Affinity, TypeSet};
use std::rc::Rc;

/// What the members of a recursive common table read under its name.
#[derive(Clone, Debug)]
pub(super) struct QueueSource<'a> {
    recursion: RecursionId,
    sequence: ColumnId,
    columns: Vec<SourceColumn>,
    /// Where it may be named.
    references: Vec<&'a ast::Name>,
}

impl<'a> QueueSource<'a> {
    /// True if this very place of the text may read the queue.
    pub(super) fn is_named_at(&self, name: &'a ast::Name) -> bool {
        self.references.iter().any(|reference| std::ptr::eq(*reference, name))
    }

    /// The queue as a source.
    pub(super) fn source(&self, shown: String) -> From {
        let queue = Queue {
            recursion: self.recursion,
            columns: self.columns.iter().map(|column| column.id).collect(),
            sequence: self.sequence,
            alias: shown.clone(),
        };
        let source = Source {
            name: Some(shown),
            database: None,
            columns: self.columns.clone(),
            is_table: false,
            row_id: None,
            nullable: false,
        };
        From { relation: Relation::Queue(queue), sources: vec![source], merged: Vec::new() }
    }
}

/// The parts of a recursive compound as written.
struct Parts<'a> {
    anchor: &'a SetExpr,
    /// From left to right.
    terms: Vec<&'a SetExpr>,
    references: Vec<&'a ast::Name>,
    op: SetOp,
}

impl<'a> Binder<'a> {
    /// The query of the common table at `place`, which is marked as being bound.
    pub(super) fn common_query(&mut self, place: usize, cte: &'a ast::Cte) -> Result<Selected> {
        match self.recursive_parts(cte)? {
            None => self.query(&cte.query, Naming::Source),
            Some(parts) => self.around(&cte.query, |binder| binder.recursive(place, cte, &parts)),
        }
    }

    fn recursive_parts(&self, cte: &'a ast::Cte) -> Result<Option<Parts<'a>>> {
        let mut parts: Option<Parts<'a>> = None;
        let mut rest = &*cte.query.body;
        while let SetExpr::SetOperation { left, op: ast::SetOperator::Union, all, right } = rest {
            let op = if *all { SetOp::UnionAll } else { SetOp::Union };
            if parts.as_ref().is_some_and(|parts| parts.op != op) {
                break;
            }
            let found = references(right, &cte.alias.name.value);
            let [reference] = found.as_slice() else {
                if let [_, second, ..] = found.as_slice() {
                    let name = &cte.alias.name.value;
                    let message = format!("multiple references to recursive table: {name}");
                    return Err(Error::invalid(message, self.place(*second)));
                }
                break;
            };
            let parts = parts.get_or_insert_with(|| Parts {
                anchor: left,
                terms: Vec::new(),
                references: Vec::new(),
                op,
            });
            parts.anchor = left;
            parts.terms.insert(0, right);
            parts.references.push(reference);
            rest = left;
        }
        Ok(parts)
    }

    fn recursive(&mut self, place: usize, cte: &'a ast::Cte, parts: &Parts<'a>) -> Result<Selected> {
        let query = &*cte.query;
        let mut order = CompoundOrder::new(&query.order_by);
        let anchor = self.members(parts.anchor, Naming::Source, &mut order)?;
        let names = self.queue_names(cte, &anchor.columns)?;
        let recursion = RecursionId(self.recursions);
        self.recursions += 1;
        let mut affinities: Vec<Affinity> =
            anchor.columns.iter().map(|column| column.typed.affinity).collect();
        let subqueries = self.subqueries.len();
        let mut is_settled = false;
        loop {
            let queue = self.queue_source(recursion, &anchor.columns, &names, &affinities, parts);
            let sequence = queue.sequence;
            if let Some(frame) = self.ctes.get_mut(place) {
                frame.queue = Some(queue);
                frame.refusal = "multiple recursive references";
            }
            let terms = self.terms(sequence, anchor.columns.len(), parts, &mut order);
            if let Some(frame) = self.ctes.get_mut(place) {
                frame.queue = None;
            }
            let terms = terms?;
            let columns = self.recursive_columns(&anchor.columns, &terms, parts.op);
            let merged: Vec<Affinity> = columns.iter().map(|column| column.typed.affinity).collect();
            // What the steps give may take a column's affinity away, by which they compare themselves.
            if is_settled || merged == affinities {
                return self.finish_recursive(recursion, query, anchor, terms, columns, parts.op, &order);
            }
            self.subqueries.truncate(subqueries);
            (affinities, is_settled) = (merged, true);
        }
    }

    fn terms(
        &mut self,
        sequence: ColumnId,
        width: usize,
        parts: &Parts<'a>,
        order: &mut CompoundOrder<'a>,
    ) -> Result<Vec<Selected>> {
        let mut terms = Vec::with_capacity(parts.terms.len());
        for term in &parts.terms {
            self.step_sequence = Some(sequence);
            let bound = self.branch(term, Naming::None, order);
            self.step_sequence = None;
            let bound = bound?;
            self.check_width(parts.op, width, bound.columns.len() - 1, term)?;
            terms.push(bound);
        }
        Ok(terms)
    }

    fn queue_source(
        &mut self,
        recursion: RecursionId,
        anchor: &[OutColumn],
        names: &[String],
        affinities: &[Affinity],
        parts: &Parts<'a>,
    ) -> QueueSource<'a> {
        let columns = anchor
            .iter()
            .zip(affinities)
            .zip(names)
            .map(|((column, affinity), name)| {
                let known = column.typed.column.as_ref();
                SourceColumn {
                    id: self.fresh_column(),
                    info: Rc::new(ColumnInfo {
                        name: name.into(),
                        column_type: known.and_then(|info| info.column_type),
                        origin: known.and_then(|info| info.origin.clone()),
                    }),
                    // What the steps will give is not known before they are bound.
                    types: TypeSet::ALL,
                    affinity: *affinity,
                    collation: Some(column.typed.collation_or_binary()),
                    hidden: false,
                }
            })
            .collect();
        let sequence = self.fresh_column();
        QueueSource { recursion, sequence, columns, references: parts.references.clone() }
    }

    /// The names of the common table's columns: those of its column list, or the anchor's.
    fn queue_names(&self, cte: &ast::Cte, anchor: &[OutColumn]) -> Result<Vec<String>> {
        let listed = &cte.alias.columns;
        if listed.is_empty() {
            return Ok(super::from::distinct_names(anchor.iter().map(|column| column.name.clone())));
        }
        if listed.len() != anchor.len() {
            let message = super::from::wrong_width(&cte.alias.name.value, anchor.len(), listed.len());
            return Err(Error::invalid(message, self.place_of(&cte.alias.name)));
        }
        Ok(listed.iter().map(|column| column.value.to_string()).collect())
    }

    fn recursive_columns(&mut self, anchor: &[OutColumn], terms: &[Selected], op: SetOp) -> Vec<OutColumn> {
        let mut columns: Vec<OutColumn> = anchor.to_vec();
        for term in terms {
            columns = columns
                .into_iter()
                .zip(&term.columns)
                .map(|(left, right)| self.merged_column(op, left, right))
                .collect();
        }
        for column in &mut columns {
            column.typed.types = TypeSet::ALL;
            column.typed.expr = Expr::Column(column.id, TypeSet::ALL);
        }
        columns
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one relation, put together once")]
    fn finish_recursive(
        &mut self,
        recursion: RecursionId,
        query: &'a ast::Query,
        anchor: Selected,
        terms: Vec<Selected>,
        columns: Vec<OutColumn>,
        op: SetOp,
        order: &CompoundOrder<'a>,
    ) -> Result<Selected> {
        let order = self.compound_keys(order, &columns)?;
        let limits: Limits<'a> = Limits::of(query);
        let (limit, offset) = self.limit_exprs(&limits)?;
        let ids = |selected: &Selected| selected.columns.iter().map(|column| column.id).collect::<Vec<_>>();
        let anchor_ids = ids(&anchor);
        let steps = terms
            .into_iter()
            .map(|term| {
                let ids = ids(&term);
                (term.relation, ids)
            })
            .collect();
        let compared = columns.iter().map(|column| (column.id, column.typed.collation_or_binary())).collect();
        let is_real =
            |(place, column): (usize, &OutColumn)| (column.typed.affinity == Affinity::Real).then_some(place);
        let reals = columns.iter().enumerate().filter_map(is_real).collect();
        let relation = Relation::Recursive(Box::new(Recursive {
            recursion,
            anchor: (anchor.relation, anchor_ids),
            steps,
            distinct: op == SetOp::Union,
            order,
            reals,
            limit,
            offset,
            columns: compared,
        }));
        Ok(Selected { relation, columns })
    }

    /// The number of the queue's row as a last column of the select list.
    pub(super) fn sequence_item(sequence: ColumnId) -> super::select::Item {
        let typed = Typed::plain(Expr::Column(sequence, TypeSet::INTEGER), TypeSet::INTEGER);
        super::select::Item { typed, name: String::new(), named: false }
    }
}

/// Where the FROM of a SELECT names `name` itself; subqueries and joins in parentheses do not count.
fn references<'a>(body: &'a SetExpr, name: &str) -> Vec<&'a ast::Name> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let factors = select.from.iter().flat_map(|table| {
        std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
    });
    factors
        .filter_map(|factor| match factor {
            TableFactor::Table { name: table, args: None, .. } => {
                let is_it = table.database.is_none() && table.name.value.eq_ignore_ascii_case(name);
                is_it.then_some(table)
            }
            _ => None,
        })
        .collect()
}
