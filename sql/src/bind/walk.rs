//! Walks over bound expressions and relations: the children of an expression, the columns that a relation makes,
//! and those it uses from around it. Touches the IR alone.

use crate::ir::{AggregateCall, ColumnId, ColumnSet, Expr, Relation, SortKey, Subquery, SubqueryId};

/// Calls `visit` for each operand of `expr`, not for their operands.
pub(super) fn for_each_child<'e>(expr: &'e mut Expr, visit: &mut dyn FnMut(&'e mut Expr)) {
    match expr {
        Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_) | Expr::Column(..) => {}
        Expr::ScalarSubquery { .. } | Expr::Exists { .. } => {}
        Expr::Negate(operand) | Expr::BitNot(operand) | Expr::Not(operand) => visit(operand),
        Expr::IsNull { expr, .. } | Expr::IsTruth { expr, .. } | Expr::Cast { expr, .. } => visit(expr),
        Expr::Arithmetic { left, right, .. } | Expr::Compare { left, right, .. } => {
            visit(left);
            visit(right);
        }
        Expr::CompareRows { left, right, .. } => left.iter_mut().chain(right).for_each(visit),
        Expr::Between { expr, low, high } => {
            expr.iter_mut().chain(&mut low.values).chain(&mut high.values).for_each(visit);
        }
        Expr::And(list) | Expr::Or(list) | Expr::Concat(list) | Expr::Coalesce(list) => {
            list.iter_mut().for_each(visit)
        }
        Expr::Case { operand, branches, otherwise } => {
            operand.iter_mut().for_each(|operand| visit(operand));
            for branch in branches {
                visit(&mut branch.when);
                visit(&mut branch.then);
            }
            otherwise.iter_mut().for_each(|otherwise| visit(otherwise));
        }
        Expr::Match { expr, pattern, escape, .. } => {
            visit(expr);
            visit(pattern);
            escape.iter_mut().for_each(|escape| visit(escape));
        }
        Expr::InList { expr, list, .. } => expr.iter_mut().chain(list.iter_mut().flatten()).for_each(visit),
        Expr::Function { args, .. } => args.iter_mut().for_each(visit),
        Expr::InSubquery { expr, .. } => expr.iter_mut().for_each(visit),
    }
}

/// The subquery that `expr` itself (not an operand) runs.
pub(super) fn subquery_of(expr: &Expr) -> Option<SubqueryId> {
    match expr {
        Expr::ScalarSubquery { query, .. } | Expr::Exists { query, .. } | Expr::InSubquery { query, .. } => {
            Some(*query)
        }
        _ => None,
    }
}

/// Calls `visit` for `expr` and everything below it.
pub(super) fn for_each_node(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    for_each_child(expr, &mut |child| for_each_node(child, visit));
}

/// Calls `visit` for each expression of a relation and its inputs.
pub(super) fn for_each_expr(relation: &mut Relation, visit: &mut dyn FnMut(&mut Expr)) {
    match relation {
        Relation::OneRow | Relation::Table(_) | Relation::Queue(_) => {}
        Relation::Values { rows, .. } => rows.iter_mut().flatten().for_each(visit),
        Relation::TableFunction(call) => call.args.iter_mut().for_each(visit),
        Relation::Recursive(recursive) => {
            for_each_expr(&mut recursive.anchor.0, visit);
            recursive.steps.iter_mut().for_each(|(step, _)| for_each_expr(step, visit));
            recursive.limit.iter_mut().chain(&mut recursive.offset).for_each(visit);
        }
        Relation::Filter { input, predicate } => {
            visit(predicate);
            for_each_expr(input, visit);
        }
        Relation::Project { input, columns } => {
            columns.iter_mut().for_each(|(_, expr)| visit(expr));
            for_each_expr(input, visit);
        }
        Relation::Join { left, right, on, .. } => {
            on.iter_mut().for_each(&mut *visit);
            for_each_expr(left, visit);
            for_each_expr(right, visit);
        }
        Relation::Aggregate { input, groups, calls, .. } => {
            groups.iter_mut().for_each(|(_, expr, _)| visit(expr));
            calls.iter_mut().for_each(|(_, call)| for_each_call_expr(call, visit));
            for_each_expr(input, visit);
        }
        Relation::Window { input, window, calls } => {
            window.expressions_mut(visit);
            calls.iter_mut().for_each(|(_, call)| call.expressions_mut(visit));
            for_each_expr(input, visit);
        }
        Relation::Distinct { input, .. } => for_each_expr(input, visit),
        Relation::Sort { input, keys } => {
            keys.iter_mut().for_each(|key: &mut SortKey| visit(&mut key.expr));
            for_each_expr(input, visit);
        }
        Relation::Limit { input, limit, offset } => {
            limit.iter_mut().chain(offset).for_each(&mut *visit);
            for_each_expr(input, visit);
        }
        Relation::SetOperation { members, .. } => {
            members.iter_mut().for_each(|member| for_each_expr(&mut member.relation, visit));
        }
    }
}

fn for_each_call_expr(call: &mut AggregateCall, visit: &mut dyn FnMut(&mut Expr)) {
    call.args.iter_mut().chain(&mut call.filter).for_each(&mut *visit);
    call.order_by.iter_mut().for_each(|key| visit(&mut key.expr));
}

/// The columns that a relation hands up.
pub(super) fn columns_of(relation: &Relation, found: &mut ColumnSet) {
    match relation {
        Relation::OneRow => {}
        Relation::Table(rows) => {
            found.extend(rows.columns.iter().copied());
            found.insert(rows.row_id);
        }
        Relation::Values { columns, .. } => found.extend(columns.iter().copied()),
        Relation::TableFunction(call) => found.extend(call.columns.iter().copied()),
        Relation::Queue(queue) => {
            found.extend(queue.columns.iter().copied());
            found.insert(queue.sequence);
        }
        Relation::Recursive(recursive) => found.extend(recursive.columns.iter().map(|(id, _)| *id)),
        Relation::Filter { input, .. } | Relation::Sort { input, .. } | Relation::Limit { input, .. } => {
            columns_of(input, found);
        }
        Relation::Window { input, calls, .. } => {
            columns_of(input, found);
            found.extend(calls.iter().map(|(id, _)| *id));
        }
        Relation::Project { columns, .. } => found.extend(columns.iter().map(|(id, _)| *id)),
        Relation::Join { left, right, .. } => {
            columns_of(left, found);
            columns_of(right, found);
        }
        Relation::Aggregate { groups, calls, bare, .. } => {
            found.extend(groups.iter().map(|(id, ..)| *id));
            found.extend(calls.iter().map(|(id, _)| *id));
            found.extend(bare.iter().map(|(id, _)| *id));
        }
        Relation::Distinct { columns, .. } => found.extend(columns.iter().map(|(id, _)| *id)),
        Relation::SetOperation { columns, .. } => found.extend(columns.iter().copied()),
    }
}

/// Every column that a relation or one of its inputs makes.
fn columns_made(relation: &Relation, found: &mut ColumnSet) {
    // What these hand up their inputs make.
    let hands_up = matches!(
        relation,
        Relation::Filter { .. } | Relation::Sort { .. } | Relation::Limit { .. } | Relation::Join { .. }
    );
    if !hands_up {
        columns_of(relation, found);
    }
    match relation {
        Relation::OneRow
        | Relation::Table(_)
        | Relation::Values { .. }
        | Relation::TableFunction(_)
        | Relation::Queue(_) => {}
        Relation::Recursive(recursive) => {
            columns_made(&recursive.anchor.0, found);
            recursive.steps.iter().for_each(|(step, _)| columns_made(step, found));
        }
        Relation::Filter { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. }
        | Relation::Window { input, .. }
        | Relation::Project { input, .. }
        | Relation::Aggregate { input, .. }
        | Relation::Distinct { input, .. } => columns_made(input, found),
        Relation::Join { left, right, .. } => {
            columns_made(left, found);
            columns_made(right, found);
        }
        Relation::SetOperation { members, .. } => {
            members.iter().for_each(|member| columns_made(&member.relation, found));
        }
    }
}

/// The columns that a relation uses and none of its inputs makes, in order of their ids. What nested subqueries
/// use from around them counts; `subqueries` are those bound so far.
pub(super) fn outer_columns(relation: &mut Relation, subqueries: &[Subquery]) -> Vec<ColumnId> {
    let mut made = ColumnSet::default();
    columns_made(relation, &mut made);
    let mut outer = Vec::new();
    for_each_expr(relation, &mut |expr| {
        for_each_node(expr, &mut |node| match node {
            Expr::Column(id, _) => outer.push(*id),
            _ => {
                let nested = subquery_of(node).and_then(|id| subqueries.get(id.0 as usize));
                outer.extend(nested.iter().flat_map(|nested| nested.outer.iter().copied()));
            }
        });
    });
    outer.retain(|id| !made.contains(id));
    outer.sort_unstable();
    outer.dedup();
    outer
}
