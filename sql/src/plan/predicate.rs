//! What can be said of an expression without running it: its conjuncts, whether it can raise or gives the same
//! result each time, whether it is never true for a NULL, and what kinds of values it gives.

use super::columns::{ColumnSet, Outers, place, subquery_of, walk};
use crate::ir::{CompareOp, Comparison, Expr, RangeEnd, children};
use crate::types::{Affinity, TypeSet};
use crate::value::Value;

/// Functions that give a value for every argument: calls of them may be evaluated for rows that a filter or a join
/// would have left out. All others may raise.
const NEVER_RAISE: [&str; 38] = [
    "avg",
    "ceil",
    "char",
    "concat",
    "count",
    "date",
    "datetime",
    "floor",
    "format",
    "glob",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "julianday",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "nullif",
    "octet_length",
    "printf",
    "quote",
    "round",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "time",
    "trim",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
];

/// Adds the operands of nested ANDs, in order. A BETWEEN is one if its operand costs nothing to have twice.
pub(super) fn split(expr: Expr, out: &mut Vec<Expr>) {
    match expr {
        Expr::And(list) => list.into_iter().for_each(|e| split(e, out)),
        Expr::Between { .. } => match halves(&expr) {
            Some(both) => out.extend(both),
            None => out.push(expr),
        },
        other => out.push(other),
    }
}

/// `x >= low` and `x <= high` of a BETWEEN whose operand is read, not computed: only then may there be two of it.
pub(super) fn halves(expr: &Expr) -> Option<[Expr; 2]> {
    let Expr::Between { expr, low, high } = expr else { return None };
    let is_read = |e: &Expr| {
        matches!(e, Expr::Column(..) | Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_))
    };
    if !expr.iter().all(is_read) {
        return None;
    }
    let half = |op, bound: &RangeEnd| match (expr.as_slice(), bound.values.as_slice(), bound.rules.as_slice())
    {
        ([left], [right], [rule]) => {
            Expr::Compare { op, left: Box::new(left.clone()), right: Box::new(right.clone()), rule: *rule }
        }
        _ => Expr::CompareRows {
            op,
            left: expr.clone(),
            right: bound.values.clone(),
            rules: bound.rules.clone(),
        },
    };
    Some([half(CompareOp::GreaterOrEqual, low), half(CompareOp::LessOrEqual, high)])
}

/// The AND of conjuncts; `None` if there are none.
pub(super) fn join(mut conjuncts: Vec<Expr>) -> Option<Expr> {
    match conjuncts.len() {
        0 | 1 => conjuncts.pop(),
        _ => Some(Expr::And(conjuncts)),
    }
}

/// True if evaluating the expression can end in an error. Subqueries are taken to raise.
pub(super) fn may_raise(expr: &Expr) -> bool {
    let mut found = raises(expr);
    children(expr, &mut |child| found = found || may_raise(child));
    found
}

/// True if the operator that an expression is can end in an error, its operands aside.
fn raises(expr: &Expr) -> bool {
    match expr {
        Expr::Function { function, .. } => {
            !function.built_in().is_some_and(|name| NEVER_RAISE.contains(&name))
        }
        // Decimals that get too long. What may be of any kind, as a parameter, hardly ever is one.
        Expr::Arithmetic { left, right, .. } => [left, right].iter().any(|side| is_decimal(types_of(side))),
        // A bad ESCAPE, a bad pattern.
        Expr::Match { kind, escape, .. } => escape.is_some() || *kind == crate::ir::MatchKind::Regexp,
        _ => subquery_of(expr).is_some(),
    }
}

fn is_decimal(types: TypeSet) -> bool {
    types.intersects(TypeSet::DECIMAL) && types != TypeSet::ALL
}

/// A conjunct of a join may go to one side unless it changes or raises. A subquery that takes nothing from around
/// it runs once wherever it stands, so it goes along; one that does may raise for a row that the join leaves out.
pub(super) fn moves_over_joins(expr: &Expr, outers: &Outers) -> bool {
    is_deterministic(expr) && !has_raising_operator(expr, outers)
}

/// As `may_raise`, but subqueries do not count by themselves.
fn has_raising_operator(expr: &Expr, outers: &Outers) -> bool {
    let mut found = false;
    if let Some(query) = subquery_of(expr) {
        children(expr, &mut |child| found |= has_raising_operator(child, outers));
        return found || outers.get(place(query)).is_none_or(|outer| !outer.is_empty());
    }
    // Operators on decimals are let through: those of a join's conditions hardly ever get too long.
    if !matches!(expr, Expr::Arithmetic { .. }) && raises(expr) {
        return true;
    }
    children(expr, &mut |child| found = found || has_raising_operator(child, outers));
    found
}

/// True if equal inputs always give equal results.
pub(super) fn is_deterministic(expr: &Expr) -> bool {
    let mut deterministic = true;
    walk(expr, &mut |e| {
        if let Expr::Function { function, .. } = e {
            deterministic &= function.0.deterministic;
        }
    });
    deterministic
}

/// True if the expression has no column, parameter, lifted literal, subquery or changing function: it can be
/// evaluated while planning.
pub(super) fn is_constant(expr: &Expr) -> bool {
    let mut constant = is_constant_operator(expr);
    children(expr, &mut |child| constant = constant && is_constant(child));
    constant
}

/// True if the expression is constant where its operands are.
pub(super) fn is_constant_operator(expr: &Expr) -> bool {
    match expr {
        Expr::Literal { .. } | Expr::Parameter(_) | Expr::Column(..) => false,
        Expr::Function { function, .. } => function.0.foldable,
        _ => subquery_of(expr).is_none(),
    }
}

/// True if the expression is NULL whenever all of `columns` are.
fn is_strict(expr: &Expr, columns: &ColumnSet) -> bool {
    match expr {
        Expr::Column(id, _) => columns.contains(id),
        Expr::Negate(x) | Expr::BitNot(x) | Expr::Not(x) => is_strict(x, columns),
        Expr::Cast { expr, .. } => is_strict(expr, columns),
        Expr::Arithmetic { left, right, .. } => is_strict(left, columns) || is_strict(right, columns),
        Expr::Compare { op: CompareOp::Is | CompareOp::IsNot, .. } => false,
        Expr::Compare { left, right, .. } => is_strict(left, columns) || is_strict(right, columns),
        Expr::Between { expr, .. } => matches!(expr.as_slice(), [single] if is_strict(single, columns)),
        Expr::Concat(list) => list.iter().any(|e| is_strict(e, columns)),
        Expr::Match { expr, pattern, .. } => is_strict(expr, columns) || is_strict(pattern, columns),
        Expr::InList { expr, list, .. } => {
            // NULL IN () is false, not NULL.
            !list.is_empty() && matches!(expr.as_slice(), [single] if is_strict(single, columns))
        }
        _ => false,
    }
}

/// True if the predicate is not true for a row in which all of `columns` are NULL.
pub(super) fn rejects_null(predicate: &Expr, columns: &ColumnSet) -> bool {
    match predicate {
        Expr::And(list) => list.iter().any(|e| rejects_null(e, columns)),
        Expr::Or(list) => list.iter().all(|e| rejects_null(e, columns)),
        Expr::IsNull { expr, negated: true } => is_strict(expr, columns),
        Expr::IsTruth { expr, negated: false, .. } => is_strict(expr, columns),
        Expr::InList { expr, negated: false, .. } => matches!(expr.as_slice(), [x] if is_strict(x, columns)),
        other => is_strict(other, columns),
    }
}

/// The kinds of values an expression can give; every kind where that would need knowledge of functions.
pub(super) fn types_of(expr: &Expr) -> TypeSet {
    let number = TypeSet::NULL | TypeSet::INTEGER | TypeSet::REAL;
    match expr {
        Expr::Constant(value) => match value {
            Value::Null => TypeSet::NULL,
            Value::Integer(_) => TypeSet::INTEGER,
            Value::Real(_) => TypeSet::REAL,
            Value::Decimal(_) => TypeSet::DECIMAL,
            Value::Text(_) => TypeSet::TEXT,
            Value::Blob(_) => TypeSet::BLOB,
        },
        Expr::Literal { types, .. } | Expr::Column(_, types) | Expr::ScalarSubquery { types, .. } => *types,
        Expr::Negate(x) | Expr::BitNot(x) if !types_of(x).intersects(TypeSet::DECIMAL) => number,
        Expr::Arithmetic { left, right, .. }
            if !(types_of(left) | types_of(right)).intersects(TypeSet::DECIMAL) =>
        {
            number
        }
        Expr::Not(_)
        | Expr::IsNull { .. }
        | Expr::IsTruth { .. }
        | Expr::Compare { .. }
        | Expr::CompareRows { .. }
        | Expr::Between { .. }
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::Match { .. }
        | Expr::InList { .. }
        | Expr::Exists { .. }
        | Expr::InSubquery { .. } => TypeSet::NULL | TypeSet::INTEGER,
        Expr::Concat(_) => TypeSet::NULL | TypeSet::TEXT,
        Expr::Cast { to, expr } => {
            TypeSet::NULL
                | match to {
                    Affinity::Integer => TypeSet::INTEGER,
                    Affinity::Real => TypeSet::REAL,
                    Affinity::Text => TypeSet::TEXT,
                    Affinity::Blob => TypeSet::BLOB,
                    _ if types_of(expr).intersects(TypeSet::DECIMAL) => {
                        TypeSet::INTEGER | TypeSet::REAL | TypeSet::DECIMAL
                    }
                    _ => TypeSet::INTEGER | TypeSet::REAL,
                }
        }
        Expr::Function { function, args, .. } => {
            let args: Vec<TypeSet> = args.iter().map(types_of).collect();
            (function.0.result)(&args)
        }
        Expr::Coalesce(list) => list.iter().map(types_of).fold(TypeSet::EMPTY, |a, b| a | b),
        Expr::Case { branches, otherwise, .. } => branches
            .iter()
            .map(|branch| types_of(&branch.then))
            .chain([otherwise.as_ref().map_or(TypeSet::NULL, |e| types_of(e))])
            .fold(TypeSet::EMPTY, |a, b| a | b),
        _ => TypeSet::ALL,
    }
}

/// True if applying `affinity` changes no value of these kinds.
pub(super) fn converts_nothing(affinity: Affinity, types: TypeSet) -> bool {
    match affinity {
        Affinity::None | Affinity::Blob => true,
        Affinity::Text => !types.intersects(TypeSet::INTEGER | TypeSet::REAL | TypeSet::DECIMAL),
        // A real and the integer it equals compare alike, so only texts are really converted.
        Affinity::Numeric | Affinity::Integer | Affinity::Real => !types.intersects(TypeSet::TEXT),
        Affinity::Decimal => !types.intersects(TypeSet::TEXT | TypeSet::REAL),
    }
}

/// The comparison read from right to left.
pub(super) fn mirror(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
        other => other,
    }
}

/// The rule read from right to left.
pub(super) fn mirror_rule(rule: Comparison) -> Comparison {
    Comparison { left: rule.right, right: rule.left, collation: rule.collation }
}

/// True if both are the same expression. Columns are compared by id alone.
pub(super) fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Column(a, _), Expr::Column(b, _)) => a == b,
        _ => a == b,
    }
}

/// How many operators an expression has, subqueries counted dearly: the planner's price of evaluating it once.
pub(super) fn weight(expr: &Expr) -> f64 {
    let mut total = match expr {
        Expr::Constant(_) | Expr::Literal { .. } | Expr::Parameter(_) | Expr::Column(..) => 0.0,
        Expr::Match { .. } | Expr::Function { .. } => 3.0,
        _ => 1.0,
    };
    children(expr, &mut |child| total += weight(child));
    total
}
