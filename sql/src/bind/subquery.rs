//! Subqueries in expressions: scalar ones, rows, EXISTS and IN. Each is bound inside the scopes around it and put
//! into the statement's arena with the columns that it uses from there.

use super::Binder;
use super::expr::row_misused;
use super::select::{Naming, OutColumn};
use super::typed::{Typed, comparison, passed_collation};
use super::walk::outer_columns;
use crate::error::{Error, Result};
use crate::ir::{Expr, Subquery, SubqueryId};
use crate::parser::ast;
use crate::types::TypeSet;

impl<'a> Binder<'a> {
    /// Binds a query inside an expression: its place in the arena and its columns.
    fn subquery(&mut self, query: &'a ast::Query) -> Result<(SubqueryId, Vec<OutColumn>)> {
        if let Some(place) = self.subqueries_prohibited {
            let message = format!("subqueries prohibited in {place}");
            return Err(Error::invalid(message, self.place(query)));
        }
        let selected = self.query(query, Naming::None)?;
        let mut columns = selected.columns.clone();
        for column in &mut columns {
            if let Some((affinity, collation)) = column.last {
                (column.typed.affinity, column.typed.collation) = (affinity, collation);
            }
        }
        let mut query = self.finish_query(selected);
        let outer = outer_columns(&mut query.relation, &self.subqueries);
        // As many as 2^32 subqueries would need a text of more than 4 GiB.
        let id = SubqueryId(self.subqueries.len() as u32);
        self.subqueries.push(Subquery { query, outer });
        Ok((id, columns))
    }

    /// `(SELECT ..)` as one value.
    pub(super) fn scalar_subquery(&mut self, whole: &'a ast::Expr, query: &'a ast::Query) -> Result<Typed> {
        let mut row = self.row_subquery(query)?;
        match row.pop() {
            Some(only) if row.is_empty() => Ok(only),
            _ => Err(wrong_width(row.len() + 1, 1, self.place(whole))),
        }
    }

    /// `(SELECT ..)` as a row.
    pub(super) fn row_subquery(&mut self, query: &'a ast::Query) -> Result<Vec<Typed>> {
        let (query, columns) = self.subquery(query)?;
        let typed = columns.into_iter().enumerate().map(|(column, out)| {
            // No row at all is NULL.
            let types = out.typed.types | TypeSet::NULL;
            let expr = Expr::ScalarSubquery { query, column, types };
            Typed { affinity: out.typed.affinity, ..Typed::plain(expr, types) }
        });
        Ok(typed.collect())
    }

    /// `EXISTS (SELECT ..)`.
    pub(super) fn exists(&mut self, query: &'a ast::Query, negated: bool) -> Result<Typed> {
        let (query, _) = self.subquery(query)?;
        Ok(Typed::plain(Expr::Exists { query, negated }, TypeSet::INTEGER))
    }

    /// `x IN (SELECT ..)`.
    pub(super) fn in_subquery(
        &mut self,
        whole: &'a ast::Expr,
        operand: &'a ast::Expr,
        query: &'a ast::Query,
        negated: bool,
    ) -> Result<Typed> {
        let operand = self.row(operand)?;
        let (query, columns) = self.subquery(query)?;
        if columns.len() != operand.len() {
            let span = self.place(whole);
            return Err(match operand.len() {
                0 => row_misused(span),
                wanted => wrong_width(columns.len(), wanted, span),
            });
        }
        let rules = operand.iter().zip(&columns).map(|(part, out)| comparison(part, &out.typed)).collect();
        let nulls = operand.iter().chain(columns.iter().map(|out| &out.typed));
        let types = nulls.fold(TypeSet::INTEGER, |types, part| types | part.null());
        let collation = passed_collation(&operand);
        let expr = operand.into_iter().map(|part| part.expr).collect();
        Ok(Typed { collation, ..Typed::plain(Expr::InSubquery { expr, query, rules, negated }, types) })
    }
}

/// The error of a subquery with another number of columns than its place takes.
fn wrong_width(found: usize, wanted: usize, span: Option<crate::error::Span>) -> Error {
    let plural = if found == 1 { "" } else { "s" };
    Error::invalid(format!("sub-select returns {found} column{plural} - expected {wanted}"), span)
}
