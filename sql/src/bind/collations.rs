//! The collations that a statement compares by. One that the schema names and the program has not registered may stand
//! in a table whose rows are read, but nothing can be compared by it.

use super::Binder;
use super::walk::{for_each_child, for_each_expr};
use crate::catalog::Index;
use crate::error::{Error, Result};
use crate::ir::{AggregateKind, Comparison, Expr, Relation, SortKey};
use crate::types::Collation;

/// The collation of an index that is not registered.
pub(super) fn missing_collation(index: &Index) -> Option<Collation> {
    let columns = index.columns.iter().chain(&index.tail);
    columns.map(|column| column.collation).find(|collation| collation.is_missing())
}

/// The error of a change that would have to keep such an index.
pub(super) fn unusable_index(index: &Index, collation: Collation) -> Error {
    let (name, collation) = (&index.name, collation.name());
    Error::name(
        format!("no such collation sequence: {collation}, by which the index {name} is ordered"),
        None,
    )
}

impl Binder<'_> {
    /// Fails if the relation, or a subquery of the statement, compares by a collation that is not registered.
    pub(super) fn check_collations(&mut self, root: Option<&mut Relation>) -> Result<()> {
        // Few schemas name one at all, fewer are without it.
        if !self.functions().collations.any_missing() {
            return Ok(());
        }
        let mut missing = Missing(None);
        if let Some(root) = root {
            missing.relation(root);
        }
        for subquery in &mut self.subqueries {
            missing.relation(&mut subquery.query.relation);
        }
        match missing.0 {
            None => Ok(()),
            Some(collation) => {
                Err(Error::name(format!("no such collation sequence: {}", collation.name()), None))
            }
        }
    }

    /// As [`Binder::check_collations`], of an expression that stands by itself.
    pub(super) fn check_expr_collations(&self, expr: &mut Expr) -> Result<()> {
        if !self.functions().collations.any_missing() {
            return Ok(());
        }
        let mut missing = Missing(None);
        missing.expr(expr);
        match missing.0 {
            None => Ok(()),
            Some(collation) => {
                Err(Error::name(format!("no such collation sequence: {}", collation.name()), None))
            }
        }
    }
}

/// The first one found.
struct Missing(Option<Collation>);

impl Missing {
    fn note(&mut self, collation: Collation) {
        if collation.is_missing() {
            self.0.get_or_insert(collation);
        }
    }

    fn rules(&mut self, rules: &[Comparison]) {
        rules.iter().for_each(|rule| self.note(rule.collation));
    }

    fn keys(&mut self, keys: &[SortKey]) {
        keys.iter().for_each(|key| self.note(key.collation));
    }

    fn expr(&mut self, expr: &mut Expr) {
        match &*expr {
            Expr::Compare { rule, .. } => self.note(rule.collation),
            Expr::CompareRows { rules, .. } | Expr::InList { rules, .. } | Expr::InSubquery { rules, .. } => {
                self.rules(rules);
            }
            Expr::Between { low, high, .. } => {
                self.rules(&low.rules);
                self.rules(&high.rules);
            }
            Expr::Case { operand: Some(_), branches, .. } => {
                branches.iter().for_each(|branch| self.note(branch.rule.collation));
            }
            // All others leave the collation alone.
            Expr::Function { function, collation, .. }
                if matches!(function.built_in(), Some("min" | "max" | "nullif" | "greatest" | "least")) =>
            {
                self.note(*collation);
            }
            _ => {}
        }
        for_each_child(expr, &mut |child| self.expr(child));
    }

    fn relation(&mut self, relation: &mut Relation) {
        for_each_expr(relation, &mut |expr| self.expr(expr));
        self.below(relation);
    }

    /// What the relations themselves compare by.
    fn below(&mut self, relation: &Relation) {
        match relation {
            Relation::OneRow
            | Relation::Table(_)
            | Relation::Queue(_)
            | Relation::Values { .. }
            | Relation::TableFunction(_) => {}
            Relation::Filter { input, .. }
            | Relation::Project { input, .. }
            | Relation::Limit { input, .. } => self.below(input),
            Relation::Join { left, right, .. } => {
                self.below(left);
                self.below(right);
            }
            Relation::Aggregate { input, groups, calls, .. } => {
                groups.iter().for_each(|(_, _, collation)| self.note(*collation));
                for (_, call) in calls {
                    let compares = matches!(call.function.0.kind, AggregateKind::Min | AggregateKind::Max);
                    if compares || call.distinct {
                        self.note(call.collation);
                    }
                    self.keys(&call.order_by);
                }
                self.below(input);
            }
            Relation::Window { input, window, calls } => {
                window.partition.iter().for_each(|(_, collation)| self.note(*collation));
                self.keys(&window.order);
                for (_, call) in calls {
                    if matches!(call.function.name(), "min" | "max") {
                        self.note(call.collation);
                    }
                }
                self.below(input);
            }
            Relation::Distinct { input, columns } => {
                columns.iter().for_each(|(_, collation)| self.note(*collation));
                self.below(input);
            }
            Relation::Sort { input, keys } => {
                self.keys(keys);
                self.below(input);
            }
            Relation::Recursive(recursive) => {
                if recursive.distinct {
                    recursive.columns.iter().for_each(|(_, collation)| self.note(*collation));
                }
                self.keys(&recursive.order);
                self.below(&recursive.anchor.0);
                recursive.steps.iter().for_each(|(step, _)| self.below(step));
            }
            Relation::SetOperation { members, .. } => {
                for (at, member) in members.iter().enumerate() {
                    if at > 0 && member.op != crate::ir::SetOp::UnionAll {
                        member.collations.iter().for_each(|collation| self.note(*collation));
                    }
                    self.below(&member.relation);
                }
            }
        }
    }
}
