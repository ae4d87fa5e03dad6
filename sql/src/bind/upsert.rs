//! ON CONFLICT clauses of an INSERT: which constraint each is about, and what DO UPDATE assigns, over the row in the
//! way and the row that was to be inserted (`excluded`).

use super::Binder;
use super::scope::{Clause, Scope, Source};
use crate::catalog::{Table, is_row_id_name};
use crate::error::{Error, Result};
use crate::ir::{ColumnId, Expr, Target, TargetIndex, Upsert, UpsertTarget, UpsertUpdate};
use crate::parser;
use crate::parser::ast;
use crate::types::{Affinity, Collation};

/// The name of the row that was to be inserted.
const EXCLUDED: &str = "excluded";

/// One term of a conflict target.
struct Term {
    expr: Expr,
    /// COLLATE, which an index has to agree with; none agrees with every index.
    collation: Option<Collation>,
}

impl<'a> Binder<'a> {
    /// Binds the clauses in order. The ids are those of `excluded`: its columns, then its row id; none without clauses.
    pub(super) fn upserts(
        &mut self,
        target: &Target,
        row: &Source,
        upserts: &'a [parser::Upsert],
    ) -> Result<(Vec<Upsert>, Vec<ColumnId>)> {
        if upserts.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let (mut excluded, row_id) = self.source(&target.table, EXCLUDED.to_owned());
        excluded.database = None;
        for column in &mut excluded.columns {
            // As in SQLite, where these are values that have been computed and belong to no column any more. Decimals,
            // which it lacks, go on comparing as what they are written as.
            if column.affinity != Affinity::Decimal {
                column.affinity = Affinity::None;
            }
            column.collation = None;
        }
        let ids = excluded.columns.iter().map(|column| column.id).chain([row_id]).collect();
        let mut bound = Vec::with_capacity(upserts.len());
        for (place, upsert) in upserts.iter().enumerate() {
            let constraint = match &upsert.target {
                Some((columns, filter)) => Some(self.upsert_target(target, row, columns, filter.as_ref())?),
                None if place + 1 == upserts.len() => None,
                None => {
                    return Err(Error::syntax(
                        "only the last ON CONFLICT clause may be without a target",
                        None,
                    ));
                }
            };
            let update = match &upsert.update {
                None => None,
                Some((assignments, filter)) => {
                    // An unqualified name is the target's, so `excluded` stands around it.
                    self.scopes.push(Scope::new(vec![excluded.clone()], Clause::Row));
                    self.scopes.push(Scope::new(vec![row.clone()], Clause::Row));
                    let assignments = self.assignments(&target.table, assignments);
                    let filter = filter.as_ref().map(|filter| self.expr(filter)).transpose();
                    self.scopes.truncate(self.scopes.len().saturating_sub(2));
                    Some(UpsertUpdate {
                        assignments: assignments?,
                        filter: filter?.map(|filter| filter.expr),
                    })
                }
            };
            bound.push(Upsert { target: constraint, update });
        }
        Ok((bound, ids))
    }

    /// The constraint that a conflict target names: SQLite's rules for which index it is.
    fn upsert_target(
        &mut self,
        target: &Target,
        row: &Source,
        columns: &'a [parser::IndexedColumn],
        filter: Option<&'a ast::Expr>,
    ) -> Result<UpsertTarget> {
        let span = columns.first().and_then(|column| self.place(&column.expr));
        if let [only] = columns
            && filter.is_none()
            && is_row_id(&target.table, &only.expr)
        {
            if let ast::Expr::Identifier(ident) = &only.expr {
                self.note_written(&target.table, ident);
            }
            return Ok(UpsertTarget::RowId);
        }
        self.scopes.push(Scope::new(vec![row.clone()], Clause::Row));
        let bound = self.upsert_terms(columns, filter);
        self.scopes.pop();
        let (terms, filter) = bound?;
        let indexes = target.indexes.iter().enumerate();
        let mut fitting =
            indexes.filter(|(_, index)| index.index.unique && fits(index, &terms, filter.as_ref()));
        match fitting.next() {
            Some((place, _)) => Ok(UpsertTarget::Index(place)),
            None => {
                let message = "the ON CONFLICT clause matches no PRIMARY KEY or UNIQUE constraint";
                Err(Error::invalid(message, span))
            }
        }
    }

    fn upsert_terms(
        &mut self,
        columns: &'a [parser::IndexedColumn],
        filter: Option<&'a ast::Expr>,
    ) -> Result<(Vec<Term>, Option<Expr>)> {
        let mut terms = Vec::with_capacity(columns.len());
        for column in columns {
            let expr = self.expr(&column.expr)?.expr;
            let collation = column.collation.as_ref().map(|name| self.collation_named(name)).transpose()?;
            terms.push(Term { expr: self.unlifted(expr), collation });
        }
        let filter = filter.map(|filter| self.expr(filter)).transpose()?;
        Ok((terms, filter.map(|filter| self.unlifted(filter.expr))))
    }
}

/// True for a name of the row id, or of the column that is it.
fn is_row_id(table: &Table, expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Nested(inner) => is_row_id(table, inner),
        ast::Expr::Identifier(name) => match table.column(&name.value) {
            Some(place) => table.row_id_column == Some(place),
            None => is_row_id_name(&name.value),
        },
        _ => false,
    }
}

/// True if the target names all columns of the index, in any order, and its predicate.
fn fits(index: &TargetIndex, terms: &[Term], filter: Option<&Expr>) -> bool {
    let keys = index.columns.iter().zip(&index.index.columns);
    let is_named = |(expr, column): (&Expr, &crate::catalog::IndexColumn)| {
        terms.iter().any(|term| {
            same(&term.expr, expr) && term.collation.is_none_or(|collation| collation == column.collation)
        })
    };
    let covers = match (&index.filter, filter) {
        (None, _) => true,
        (Some(own), Some(given)) => own == given,
        (Some(_), None) => false,
    };
    covers && terms.len() == index.columns.len() && keys.into_iter().all(is_named)
}

/// True for the same expression; what is known of a column's kinds does not count.
fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Column(a, _), Expr::Column(b, _)) => a == b,
        _ => a == b,
    }
}
