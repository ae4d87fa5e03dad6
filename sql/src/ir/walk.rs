//! Walking expressions: the direct operands of each kind, in one place. Subqueries are not operands: they are entered
//! by whoever knows the statement's arena.

use super::expr::Expr;

/// Calls `f` for each direct operand.
pub(crate) fn children<'e>(expr: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    match expr {
        Expr::Constant(_)
        | Expr::Literal { .. }
        | Expr::Parameter(_)
        | Expr::Column(..)
        | Expr::ScalarSubquery { .. }
        | Expr::Exists { .. } => {}
        Expr::Negate(x) | Expr::BitNot(x) | Expr::Not(x) => f(x),
        Expr::IsNull { expr, .. } | Expr::IsTruth { expr, .. } | Expr::Cast { expr, .. } => f(expr),
        Expr::Arithmetic { left, right, .. } | Expr::Compare { left, right, .. } => {
            f(left);
            f(right);
        }
        Expr::CompareRows { left, right, .. } => left.iter().chain(right).for_each(f),
        Expr::Between { expr, low, high } => expr.iter().chain(&low.values).chain(&high.values).for_each(f),
        Expr::And(list) | Expr::Or(list) | Expr::Concat(list) | Expr::Coalesce(list) => {
            list.iter().for_each(f)
        }
        Expr::Case { operand, branches, otherwise } => {
            operand.iter().for_each(|x| f(x));
            for branch in branches {
                f(&branch.when);
                f(&branch.then);
            }
            otherwise.iter().for_each(|x| f(x));
        }
        Expr::Match { expr, pattern, escape, .. } => {
            f(expr);
            f(pattern);
            escape.iter().for_each(|x| f(x));
        }
        Expr::InList { expr, list, .. } => expr.iter().chain(list.iter().flatten()).for_each(f),
        Expr::Function { args, .. } => args.iter().for_each(f),
        Expr::InSubquery { expr, .. } => expr.iter().for_each(f),
    }
}

/// Calls `f` for each direct operand, to change it.
pub(crate) fn children_mut(expr: &mut Expr, f: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::Constant(_)
        | Expr::Literal { .. }
        | Expr::Parameter(_)
        | Expr::Column(..)
        | Expr::ScalarSubquery { .. }
        | Expr::Exists { .. } => {}
        Expr::Negate(x) | Expr::BitNot(x) | Expr::Not(x) => f(x),
        Expr::IsNull { expr, .. } | Expr::IsTruth { expr, .. } | Expr::Cast { expr, .. } => f(expr),
        Expr::Arithmetic { left, right, .. } | Expr::Compare { left, right, .. } => {
            f(left);
            f(right);
        }
        Expr::CompareRows { left, right, .. } => left.iter_mut().chain(right).for_each(f),
        Expr::Between { expr, low, high } => {
            expr.iter_mut().chain(&mut low.values).chain(&mut high.values).for_each(f);
        }
        Expr::And(list) | Expr::Or(list) | Expr::Concat(list) | Expr::Coalesce(list) => {
            list.iter_mut().for_each(f);
        }
        Expr::Case { operand, branches, otherwise } => {
            operand.iter_mut().for_each(|x| f(x));
            for branch in branches {
                f(&mut branch.when);
                f(&mut branch.then);
            }
            otherwise.iter_mut().for_each(|x| f(x));
        }
        Expr::Match { expr, pattern, escape, .. } => {
            f(expr);
            f(pattern);
            escape.iter_mut().for_each(|x| f(x));
        }
        Expr::InList { expr, list, .. } => expr.iter_mut().chain(list.iter_mut().flatten()).for_each(f),
        Expr::Function { args, .. } => args.iter_mut().for_each(f),
        Expr::InSubquery { expr, .. } => expr.iter_mut().for_each(f),
    }
}
