//! Which columns an expression or a relation uses and which it produces, and walks over both.
//!
//! A column id stands for one column of one relation of the statement, so the columns that a relation takes from
//! around it are simply those used somewhere inside it and produced nowhere inside it.

pub(super) use crate::ir::ColumnSet;
use crate::ir::{ColumnId, Expr, Relation, SubqueryId, children};
use rustc_hash::FxHashMap;

/// What columns are to be replaced by.
pub(super) type Replacements = FxHashMap<ColumnId, Expr>;

/// For each subquery of the statement, the columns that it takes from around it.
pub(super) type Outers = [Vec<ColumnId>];

/// Calls `f` for the expression and everything inside it, subqueries apart.
pub(super) fn walk<'e>(expr: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    f(expr);
    children(expr, &mut |child| walk(child, f));
}

/// The subquery that this very expression runs.
pub(super) fn subquery_of(expr: &Expr) -> Option<SubqueryId> {
    match expr {
        Expr::ScalarSubquery { query, .. } | Expr::Exists { query, .. } | Expr::InSubquery { query, .. } => {
            Some(*query)
        }
        _ => None,
    }
}

/// The place of a subquery in the statement's list.
pub(super) fn place(query: SubqueryId) -> usize {
    query.0 as usize
}

/// Adds the columns that `expr` uses, those that its subqueries take from around them included.
pub(super) fn add_used(expr: &Expr, outers: &Outers, out: &mut ColumnSet) {
    walk(expr, &mut |e| {
        if let Expr::Column(id, _) = e {
            out.insert(*id);
        } else if let Some(outer) = subquery_of(e).and_then(|query| outers.get(place(query))) {
            out.extend(outer);
        }
    });
}

/// The columns that `expr` uses.
pub(super) fn used(expr: &Expr, outers: &Outers) -> ColumnSet {
    let mut out = ColumnSet::default();
    add_used(expr, outers, &mut out);
    out
}

/// True if the expression runs a subquery somewhere.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    walk(expr, &mut |e| found |= subquery_of(e).is_some());
    found
}

/// Calls `f` for each input.
pub(super) fn inputs<'r>(relation: &'r Relation, f: &mut dyn FnMut(&'r Relation)) {
    match relation {
        Relation::OneRow
        | Relation::Table(_)
        | Relation::Values { .. }
        | Relation::TableFunction(_)
        | Relation::Queue(_) => {}
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Aggregate { input, .. }
        | Relation::Distinct { input, .. }
        | Relation::Window { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. } => f(input),
        Relation::Join { left, right, .. } => {
            f(left);
            f(right);
        }
        Relation::SetOperation { members, .. } => members.iter().for_each(|member| f(&member.relation)),
        Relation::Recursive(recursive) => {
            f(&recursive.anchor.0);
            recursive.steps.iter().for_each(|(step, _)| f(step));
        }
    }
}

/// Calls `f` for each input, to change it.
pub(super) fn inputs_mut(relation: &mut Relation, f: &mut dyn FnMut(&mut Relation)) {
    match relation {
        Relation::OneRow
        | Relation::Table(_)
        | Relation::Values { .. }
        | Relation::TableFunction(_)
        | Relation::Queue(_) => {}
        Relation::Filter { input, .. }
        | Relation::Project { input, .. }
        | Relation::Aggregate { input, .. }
        | Relation::Distinct { input, .. }
        | Relation::Window { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. } => f(input),
        Relation::Join { left, right, .. } => {
            f(left);
            f(right);
        }
        Relation::SetOperation { members, .. } => {
            members.iter_mut().for_each(|member| f(&mut member.relation));
        }
        Relation::Recursive(recursive) => {
            f(&mut recursive.anchor.0);
            recursive.steps.iter_mut().for_each(|(step, _)| f(step));
        }
    }
}

/// Calls `f` for each expression of the relation itself (not of its inputs).
pub(super) fn expressions<'r>(relation: &'r Relation, f: &mut dyn FnMut(&'r Expr)) {
    match relation {
        Relation::OneRow
        | Relation::Table(_)
        | Relation::Queue(_)
        | Relation::Distinct { .. }
        | Relation::SetOperation { .. } => {}
        Relation::Values { rows, .. } => rows.iter().flatten().for_each(f),
        Relation::TableFunction(call) => call.args.iter().for_each(f),
        Relation::Filter { predicate, .. } => f(predicate),
        Relation::Project { columns, .. } => columns.iter().for_each(|(_, e)| f(e)),
        Relation::Join { on, .. } => on.iter().for_each(f),
        Relation::Aggregate { groups, calls, .. } => {
            groups.iter().for_each(|(_, e, _)| f(e));
            for (_, call) in calls {
                call.args.iter().chain(&call.filter).for_each(&mut *f);
                call.order_by.iter().for_each(|key| f(&key.expr));
            }
        }
        Relation::Window { window, calls, .. } => {
            window.expressions(f);
            calls.iter().for_each(|(_, call)| call.expressions(f));
        }
        Relation::Sort { keys, .. } => keys.iter().for_each(|key| f(&key.expr)),
        Relation::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(f),
        Relation::Recursive(recursive) => recursive.limit.iter().chain(&recursive.offset).for_each(f),
    }
}

/// Calls `f` for each expression of the relation itself, to change it.
pub(super) fn expressions_mut(relation: &mut Relation, f: &mut dyn FnMut(&mut Expr)) {
    match relation {
        Relation::OneRow
        | Relation::Table(_)
        | Relation::Queue(_)
        | Relation::Distinct { .. }
        | Relation::SetOperation { .. } => {}
        Relation::Values { rows, .. } => rows.iter_mut().flatten().for_each(f),
        Relation::TableFunction(call) => call.args.iter_mut().for_each(f),
        Relation::Filter { predicate, .. } => f(predicate),
        Relation::Project { columns, .. } => columns.iter_mut().for_each(|(_, e)| f(e)),
        Relation::Join { on, .. } => on.iter_mut().for_each(f),
        Relation::Aggregate { groups, calls, .. } => {
            groups.iter_mut().for_each(|(_, e, _)| f(e));
            for (_, call) in calls {
                call.args.iter_mut().chain(&mut call.filter).for_each(&mut *f);
                call.order_by.iter_mut().for_each(|key| f(&mut key.expr));
            }
        }
        Relation::Window { window, calls, .. } => {
            window.expressions_mut(f);
            calls.iter_mut().for_each(|(_, call)| call.expressions_mut(f));
        }
        Relation::Sort { keys, .. } => keys.iter_mut().for_each(|key| f(&mut key.expr)),
        Relation::Limit { limit, offset, .. } => limit.iter_mut().chain(offset).for_each(f),
        Relation::Recursive(recursive) => recursive.limit.iter_mut().chain(&mut recursive.offset).for_each(f),
    }
}

/// The columns that a relation hands up.
pub(super) fn produced(relation: &Relation) -> Vec<ColumnId> {
    match relation {
        Relation::OneRow => Vec::new(),
        Relation::Table(table) => {
            let mut columns = table.columns.clone();
            columns.push(table.row_id);
            columns
        }
        Relation::Values { columns, .. } => columns.clone(),
        Relation::TableFunction(call) => call.columns.clone(),
        Relation::Queue(queue) => queue.columns.iter().copied().chain([queue.sequence]).collect(),
        Relation::Recursive(recursive) => recursive.columns.iter().map(|(id, _)| *id).collect(),
        Relation::Filter { input, .. } | Relation::Sort { input, .. } | Relation::Limit { input, .. } => {
            produced(input)
        }
        Relation::Project { columns, .. } => columns.iter().map(|(id, _)| *id).collect(),
        Relation::Window { input, calls, .. } => {
            let mut columns = produced(input);
            columns.extend(calls.iter().map(|(id, _)| *id));
            columns
        }
        Relation::Join { kind, left, right, .. } => {
            let mut columns = produced(left);
            if !matches!(kind, crate::ir::JoinKind::Semi | crate::ir::JoinKind::Anti) {
                columns.extend(produced(right));
            }
            columns
        }
        Relation::Aggregate { groups, calls, bare, .. } => groups
            .iter()
            .map(|(id, ..)| *id)
            .chain(calls.iter().map(|(id, _)| *id))
            .chain(bare.iter().map(|(id, _)| *id))
            .collect(),
        Relation::Distinct { columns, .. } => columns.iter().map(|(id, _)| *id).collect(),
        Relation::SetOperation { columns, .. } => columns.clone(),
    }
}

/// The columns that a relation hands up, as a set.
pub(super) fn produced_set(relation: &Relation) -> ColumnSet {
    let mut set = ColumnSet::default();
    add_produced(relation, &mut set);
    set
}

/// Adds the columns that a relation hands up.
pub(super) fn add_produced(relation: &Relation, set: &mut ColumnSet) {
    match relation {
        Relation::Table(table) => {
            set.extend(&table.columns);
            set.insert(table.row_id);
        }
        Relation::Filter { input, .. } => add_produced(input, set),
        Relation::Join { kind, left, right, .. } => {
            add_produced(left, set);
            if !matches!(kind, crate::ir::JoinKind::Semi | crate::ir::JoinKind::Anti) {
                add_produced(right, set);
            }
        }
        other => set.extend(produced(other)),
    }
}

/// True if an expression uses some column of a set.
pub(super) fn touches(expr: &Expr, set: &ColumnSet, outers: &Outers) -> bool {
    let mut found = match expr {
        Expr::Column(id, _) => set.contains(id),
        _ => {
            let outer = subquery_of(expr).and_then(|query| outers.get(place(query)));
            outer.is_some_and(|outer| outer.iter().any(|id| set.contains(id)))
        }
    };
    children(expr, &mut |child| found = found || touches(child, set, outers));
    found
}

/// The columns that a relation takes from around it.
pub(super) fn free(relation: &Relation, outers: &Outers) -> ColumnSet {
    fn visit(relation: &Relation, outers: &Outers, used: &mut ColumnSet, made: &mut ColumnSet) {
        expressions(relation, &mut |e| add_used(e, outers, used));
        add_produced(relation, made);
        inputs(relation, &mut |input| visit(input, outers, used, made));
    }
    let (mut used, mut made) = (ColumnSet::default(), ColumnSet::default());
    visit(relation, outers, &mut used, &mut made);
    used.remove(&made);
    used
}

/// A set's columns in order of their ids.
pub(super) fn in_order(set: &ColumnSet) -> Vec<ColumnId> {
    set.iter().collect()
}
