//! ORDER BY: each term is a place in the select list, an alias or any expression; in a compound, it must be one of
//! the result's columns.

use super::Binder;
use super::expr::{direction, sort_key};
use super::select::{Item, OutColumn};
use super::typed::Typed;
use crate::error::{Error, Result, Span};
use crate::ir::{ColumnId, SortKey};
use crate::parser::ast;
use crate::types::Collation;

/// How the ORDER BY of a query reaches one of its SELECTs.
pub(super) enum Order<'a, 'o> {
    /// The terms are this SELECT's.
    Terms(&'a [ast::OrderByExpr]),
    /// The terms are those of the compound around it.
    Compound(&'o mut CompoundOrder<'a>),
}

/// The terms of a compound's ORDER BY and the columns they were found to be.
pub(super) struct CompoundOrder<'a> {
    terms: &'a [ast::OrderByExpr],
    found: Vec<Option<usize>>,
}

/// One term of a SELECT's ORDER BY.
pub(super) struct Key {
    pub target: KeyTarget,
    pub collation: Collation,
    pub descending: bool,
    pub nulls_first: bool,
}

/// What is ordered by.
pub(super) enum KeyTarget {
    /// A column of the select list.
    Item(usize),
    /// An expression over the rows.
    Expr(Box<Typed>),
}

impl Key {
    /// The expression, if it is not a column of the select list.
    pub(super) fn expr_mut(&mut self) -> Option<&mut Typed> {
        match &mut self.target {
            KeyTarget::Item(_) => None,
            KeyTarget::Expr(typed) => Some(typed),
        }
    }
}

impl<'a> CompoundOrder<'a> {
    pub(super) fn new(terms: &'a [ast::OrderByExpr]) -> CompoundOrder<'a> {
        CompoundOrder { terms, found: vec![None; terms.len()] }
    }
}

impl<'a> Binder<'a> {
    /// The keys of one SELECT.
    pub(super) fn order_keys(&mut self, terms: &'a [ast::OrderByExpr], items: &[Item]) -> Result<Vec<Key>> {
        let mut keys = Vec::with_capacity(terms.len());
        for (i, term) in terms.iter().enumerate() {
            let (bare, explicit) = self.without_collate(&term.expr)?;
            let place = match alias_place(bare, items) {
                Some(place) => Some(place),
                None => self.ordinal(i, bare, items.len())?,
            };
            let (target, collation) = match place.and_then(|place| Some((place, items.get(place)?))) {
                Some((place, item)) => (KeyTarget::Item(place), item.typed.collation_or_binary()),
                None => {
                    let typed = self.expr(&term.expr)?;
                    let collation = typed.collation_or_binary();
                    let target = match items.iter().position(|item| item.typed.expr == typed.expr) {
                        Some(place) => KeyTarget::Item(place),
                        None => KeyTarget::Expr(Box::new(typed)),
                    };
                    (target, collation)
                }
            };
            let (descending, nulls_first) = direction(term.options);
            keys.push(Key { target, collation: explicit.unwrap_or(collation), descending, nulls_first });
        }
        Ok(keys)
    }

    /// Finds the terms of a compound's ORDER BY that are columns of one of its SELECTs, in whose scope we are.
    /// A term that cannot be bound here may be one of the next SELECT's.
    pub(super) fn order_in_branch(&mut self, order: &mut CompoundOrder<'a>, items: &[Item]) {
        for (term, found) in order.terms.iter().zip(&mut order.found).filter(|(_, found)| found.is_none()) {
            let Ok((bare, _)) = self.without_collate(&term.expr) else { continue };
            *found = alias_place(bare, items).or_else(|| self.same_expression(bare, items));
        }
    }

    /// The item that is the same expression as `expr`. What binding it left behind is taken back if there is none.
    fn same_expression(&mut self, expr: &'a ast::Expr, items: &[Item]) -> Option<usize> {
        let subqueries = self.subqueries.len();
        let aggregates = self.scopes.last().map_or(0, |scope| scope.aggregates.len());
        let windows = self.scopes.last().map(|scope| scope.windows.clone());
        let place = self.expr(expr).ok().and_then(|mut typed| {
            items.iter().position(|item| {
                // The columns of the group are no part of this: a place nobody reads.
                let wanted = [(ColumnId(0), item.typed.clone())];
                self.unify_literals(&wanted, &mut [&mut typed]);
                item.typed.expr == typed.expr
            })
        });
        if place.is_none() {
            self.subqueries.truncate(subqueries);
            if let Some(scope) = self.scopes.last_mut() {
                scope.aggregates.truncate(aggregates);
                scope.windows = windows.unwrap_or_default();
            }
        }
        place
    }

    /// The keys of a compound over the columns of its result.
    pub(super) fn compound_keys(
        &mut self,
        order: &CompoundOrder<'a>,
        columns: &[OutColumn],
    ) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order.terms.len());
        for (i, (term, found)) in order.terms.iter().zip(&order.found).enumerate() {
            let (bare, explicit) = self.without_collate(&term.expr)?;
            let place = match self.ordinal(i, bare, columns.len())? {
                Some(place) => Some(place),
                None => *found,
            };
            let Some(column) = place.and_then(|place| columns.get(place)) else {
                let message = format!("{} ORDER BY term does not match any column in the result set", nth(i));
                return Err(Error::invalid(message, self.place(&term.expr)));
            };
            let collation = explicit.unwrap_or_else(|| column.typed.collation_or_binary());
            keys.push(sort_key(column.typed.expr.clone(), collation, term.options));
        }
        Ok(keys)
    }

    /// The place in the select list that a term is written as.
    fn ordinal(&mut self, term: usize, expr: &ast::Expr, columns: usize) -> Result<Option<usize>> {
        let Some(ordinal) = self.written_ordinal(expr) else { return Ok(None) };
        match usize::try_from(ordinal).ok().and_then(|n| n.checked_sub(1)).filter(|place| *place < columns) {
            Some(place) => Ok(Some(place)),
            None => Err(out_of_range(term, "ORDER BY", columns, self.place(expr))),
        }
    }

    /// A term without the COLLATE around it, and that collation.
    fn without_collate(&self, expr: &'a ast::Expr) -> Result<(&'a ast::Expr, Option<Collation>)> {
        let mut bare = expr;
        let mut explicit = None;
        loop {
            bare = match bare {
                ast::Expr::Nested(inner) => inner,
                ast::Expr::Collate { expr, collation } => {
                    explicit = explicit.or(Some(self.collation_named(collation)?));
                    expr
                }
                _ => return Ok((bare, explicit)),
            };
        }
    }
}

/// The item that a bare word names by AS or through a star.
fn alias_place(expr: &ast::Expr, items: &[Item]) -> Option<usize> {
    let ast::Expr::Identifier(word) = expr else { return None };
    items.iter().position(|item| item.named && item.name.eq_ignore_ascii_case(&word.value))
}

/// The error of an ordinal that is no place in the select list.
pub(super) fn out_of_range(term: usize, clause: &str, columns: usize, span: Option<Span>) -> Error {
    let message = format!("{} {clause} term out of range - should be between 1 and {columns}", nth(term));
    Error::invalid(message, span)
}

/// 1st, 2nd, 3rd, 4th for 0, 1, 2, 3.
fn nth(index: usize) -> String {
    let n = index + 1;
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}
