//! Operators: comparisons with their affinity and collation, arithmetic, logic, and the kinds that each can give.

use super::Binder;
use super::expr::row_misused;
use super::typed::{OwnCollation, Typed, applied, comparison, passed_collation};
use crate::error::{Error, Result};
use crate::ir::{ArithmeticOp, CaseBranch, ColumnId, CompareOp, Comparison, Expr, MatchKind, RangeEnd};
use crate::parser::ast::{self, BinaryOperator};
use crate::types::{Affinity, TypeSet};

/// The comparison that a binary operator is.
pub(super) fn compare_op(op: BinaryOperator) -> Option<CompareOp> {
    Some(match op {
        BinaryOperator::Eq => CompareOp::Equal,
        BinaryOperator::NotEq => CompareOp::NotEqual,
        BinaryOperator::Lt => CompareOp::Less,
        BinaryOperator::LtEq => CompareOp::LessOrEqual,
        BinaryOperator::Gt => CompareOp::Greater,
        BinaryOperator::GtEq => CompareOp::GreaterOrEqual,
        _ => return None,
    })
}

/// The arithmetic that a binary operator is.
pub(super) fn arithmetic_op(op: BinaryOperator) -> Option<ArithmeticOp> {
    Some(match op {
        BinaryOperator::Plus => ArithmeticOp::Add,
        BinaryOperator::Minus => ArithmeticOp::Subtract,
        BinaryOperator::Multiply => ArithmeticOp::Multiply,
        BinaryOperator::Divide => ArithmeticOp::Divide,
        BinaryOperator::Modulo => ArithmeticOp::Remainder,
        BinaryOperator::BitwiseAnd => ArithmeticOp::BitAnd,
        BinaryOperator::BitwiseOr => ArithmeticOp::BitOr,
        BinaryOperator::ShiftLeft => ArithmeticOp::ShiftLeft,
        BinaryOperator::ShiftRight => ArithmeticOp::ShiftRight,
        _ => return None,
    })
}

impl<'a> Binder<'a> {
    /// `left op right`, of values or of rows.
    pub(super) fn compare(
        &mut self,
        whole: &'a ast::Expr,
        op: CompareOp,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
    ) -> Result<Typed> {
        if is_row(left) || is_row(right) {
            let left = self.row(left)?;
            let right = self.row_beside(&left, right)?;
            return self.compare_rows(whole, op, left, right);
        }
        let left = self.expr(left)?;
        self.compare_with(whole, op, left, right)
    }

    /// `left op right` of a value that is bound.
    pub(super) fn compare_with(
        &mut self,
        whole: &'a ast::Expr,
        op: CompareOp,
        left: Typed,
        right: &'a ast::Expr,
    ) -> Result<Typed> {
        if is_row(right) {
            let left = vec![left];
            let right = self.row_beside(&left, right)?;
            return self.compare_rows(whole, op, left, right);
        }
        let right = self.value_beside(left.column_id(), right)?;
        Ok(compare_values(op, left, right))
    }

    pub(super) fn compare_rows(
        &self,
        whole: &ast::Expr,
        op: CompareOp,
        left: Vec<Typed>,
        right: Vec<Typed>,
    ) -> Result<Typed> {
        if left.len() != right.len() {
            return Err(row_misused(self.place(whole)));
        }
        let (left, right) = match (exactly_one(left), exactly_one(right)) {
            (Ok(left), Ok(right)) => return Ok(compare_values(op, left, right)),
            // Both are as long as each other.
            (left, right) => (left.err().unwrap_or_default(), right.err().unwrap_or_default()),
        };
        let collation = passed_collation(left.iter().chain(&right));
        let mut types = TypeSet::INTEGER;
        if !matches!(op, CompareOp::Is | CompareOp::IsNot) {
            types = left.iter().chain(&right).fold(types, |types, operand| types | operand.null());
        }
        let rules = left.iter().zip(&right).map(|(l, r)| comparison(l, r)).collect();
        let exprs = |row: Vec<Typed>| row.into_iter().map(|operand| operand.expr).collect();
        let expr = Expr::CompareRows { op, left: exprs(left), right: exprs(right), rules };
        Ok(Typed { collation, ..Typed::plain(expr, types) })
    }

    /// `x BETWEEN low AND high` is `x >= low AND x <= high`, each with its own rule, but for `x` evaluated once.
    pub(super) fn between(
        &mut self,
        whole: &'a ast::Expr,
        operand: &'a ast::Expr,
        low: &'a ast::Expr,
        high: &'a ast::Expr,
        negated: bool,
    ) -> Result<Typed> {
        if !is_row(operand) && !is_row(low) && !is_row(high) {
            let operand = self.expr(operand)?;
            let low = self.value_beside(operand.column_id(), low)?;
            let high = self.value_beside(operand.column_id(), high)?;
            let between = between_values(operand, low, high);
            return Ok(if negated { not(between) } else { between });
        }
        let operand = self.row(operand)?;
        let low = self.row_beside(&operand, low)?;
        let high = self.row_beside(&operand, high)?;
        if low.len() != operand.len() || high.len() != operand.len() {
            return Err(row_misused(self.place(whole)));
        }
        let collation = passed_collation(operand.iter().chain(&low).chain(&high));
        let null = operand.iter().chain(&low).chain(&high);
        let types = null.fold(TypeSet::INTEGER, |types, part| types | part.null());
        let bound = |row: Vec<Typed>| RangeEnd {
            rules: operand.iter().zip(&row).map(|(x, y)| comparison(x, y)).collect(),
            values: row.into_iter().map(|part| part.expr).collect(),
        };
        let (low, high) = (Box::new(bound(low)), Box::new(bound(high)));
        let expr = operand.into_iter().map(|part| part.expr).collect();
        let between = Typed { collation, ..Typed::plain(Expr::Between { expr, low, high }, types) };
        Ok(if negated { not(between) } else { between })
    }

    /// `x IN (a, b)`. The list's values have no say in how they compare: affinity and collation are those of `x`.
    pub(super) fn in_list(
        &mut self,
        whole: &'a ast::Expr,
        operand: &'a ast::Expr,
        list: &'a [ast::Expr],
        negated: bool,
    ) -> Result<Typed> {
        let operand = self.row(operand)?;
        let mut null = operand.iter().fold(TypeSet::EMPTY, |null, part| null | part.null());
        let mut kinds = vec![TypeSet::EMPTY; operand.len()];
        let mut rows = Vec::with_capacity(list.len());
        for item in list {
            let row = self.row_beside(&operand, item)?;
            if row.len() != operand.len() {
                return Err(row_misused(self.place(whole)));
            }
            for (kind, value) in kinds.iter_mut().zip(&row) {
                *kind = *kind | value.types;
                null = null | value.null();
            }
            rows.push(row.into_iter().map(|value| value.expr).collect());
        }
        let rules = operand
            .iter()
            .zip(kinds)
            .map(|(part, kinds)| Comparison {
                left: applied(part.affinity, part.types),
                right: applied(part.affinity, kinds),
                collation: part.collation_or_binary(),
            })
            .collect();
        let collation = passed_collation(&operand);
        // IN () is false even for NULL.
        let types = if rows.is_empty() { TypeSet::INTEGER } else { TypeSet::INTEGER | null };
        let expr = operand.into_iter().map(|part| part.expr).collect();
        let expr = Expr::InList { expr, list: rows, rules, negated };
        Ok(Typed { collation, ..Typed::plain(expr, types) })
    }

    /// The right side of a comparison with `left`.
    pub(super) fn row_beside(&mut self, left: &[Typed], right: &'a ast::Expr) -> Result<Vec<Typed>> {
        if let ([column], ast::Expr::Value(_)) = (left, right) {
            self.beside = column.column_id();
        }
        let row = self.row(right);
        self.beside = None;
        row
    }

    /// The right side, of one value, of a comparison with a value that is perhaps a column.
    fn value_beside(&mut self, column: Option<ColumnId>, right: &'a ast::Expr) -> Result<Typed> {
        if matches!(right, ast::Expr::Value(_)) {
            self.beside = column;
        }
        let value = self.expr(right);
        self.beside = None;
        value
    }

    /// An expression where a row of several values may stand.
    pub(super) fn row(&mut self, expr: &'a ast::Expr) -> Result<Vec<Typed>> {
        match expr {
            ast::Expr::Tuple(parts) => parts.iter().map(|part| self.expr(part)).collect(),
            ast::Expr::Nested(inner) => self.row(inner),
            ast::Expr::Subquery(query) => self.row_subquery(query),
            _ => Ok(vec![self.expr(expr)?]),
        }
    }
}

/// True for what may be a row of several values.
fn is_row(mut expr: &ast::Expr) -> bool {
    while let ast::Expr::Nested(inner) = expr {
        expr = inner;
    }
    matches!(expr, ast::Expr::Tuple(_) | ast::Expr::Subquery(_))
}

/// `left op right` of two values.
fn compare_values(op: CompareOp, left: Typed, right: Typed) -> Typed {
    let collation = passed_collation([&left, &right]);
    let mut types = TypeSet::INTEGER;
    if !matches!(op, CompareOp::Is | CompareOp::IsNot) {
        types = types | left.null() | right.null();
    }
    let rule = comparison(&left, &right);
    let expr = Expr::Compare { op, left: Box::new(left.expr), right: Box::new(right.expr), rule };
    Typed { collation, ..Typed::plain(expr, types) }
}

/// `x BETWEEN low AND high` of values. Where `x` costs nothing to have twice, it is two comparisons from the start.
fn between_values(operand: Typed, low: Typed, high: Typed) -> Typed {
    if matches!(operand.expr, Expr::Column(..) | Expr::Literal { .. } | Expr::Parameter(_)) {
        let mut both =
            Chain::new(BinaryOperator::And, compare_values(CompareOp::GreaterOrEqual, operand.clone(), low));
        both.push(compare_values(CompareOp::LessOrEqual, operand, high));
        return both.finish();
    }
    let collation = passed_collation([&operand, &low, &high]);
    let types = TypeSet::INTEGER | operand.null() | low.null() | high.null();
    let end = |value: Typed| {
        Box::new(RangeEnd { rules: vec![comparison(&operand, &value)], values: vec![value.expr] })
    };
    let (low, high) = (end(low), end(high));
    Typed { collation, ..Typed::plain(Expr::Between { expr: vec![operand.expr], low, high }, types) }
}

/// The only element, or all of them.
fn exactly_one(mut row: Vec<Typed>) -> Result<Typed, Vec<Typed>> {
    match row.pop() {
        Some(one) if row.is_empty() => Ok(one),
        Some(last) => {
            row.push(last);
            Err(row)
        }
        None => Err(row),
    }
}

/// The numbers that a value of these kinds is taken for by arithmetic: texts and blobs are read as either kind.
fn as_numbers(types: TypeSet) -> TypeSet {
    let numbers = TypeSet::INTEGER | TypeSet::REAL;
    let mut taken = if types.intersects(TypeSet::TEXT | TypeSet::BLOB) { numbers } else { TypeSet::EMPTY };
    for kind in [TypeSet::INTEGER, TypeSet::REAL, TypeSet::DECIMAL] {
        if types.intersects(kind) {
            taken = taken | kind;
        }
    }
    taken
}

/// `left op right` of numbers.
pub(super) fn arithmetic(op: ArithmeticOp, left: Typed, right: Typed) -> Typed {
    let types = arithmetic_types(op, &left, &right);
    let collation = passed_collation([&left, &right]);
    let expr = Expr::Arithmetic { op, left: Box::new(left.expr), right: Box::new(right.expr) };
    Typed { collation, ..Typed::plain(expr, types) }
}

fn arithmetic_types(op: ArithmeticOp, left: &Typed, right: &Typed) -> TypeSet {
    use ArithmeticOp as Op;
    let null = left.null() | right.null();
    let numbers = (as_numbers(left.types), as_numbers(right.types));
    if numbers.0 == TypeSet::EMPTY || numbers.1 == TypeSet::EMPTY {
        return TypeSet::NULL;
    }
    let both = numbers.0 | numbers.1;
    let real_alone = numbers.0 == TypeSet::REAL || numbers.1 == TypeSet::REAL;
    match op {
        Op::BitAnd | Op::BitOr | Op::ShiftLeft | Op::ShiftRight => TypeSet::INTEGER | null,
        // A division by zero is NULL; so is an infinity less an infinity.
        _ if real_alone => TypeSet::REAL | TypeSet::NULL,
        Op::Remainder if both == TypeSet::INTEGER => TypeSet::INTEGER | TypeSet::NULL,
        // Integers overflow into reals.
        Op::Add | Op::Subtract | Op::Multiply if both == TypeSet::INTEGER => {
            TypeSet::INTEGER | TypeSet::REAL | null
        }
        Op::Add | Op::Subtract | Op::Multiply => both | TypeSet::REAL | TypeSet::NULL,
        _ => TypeSet::INTEGER | TypeSet::REAL | TypeSet::NULL,
    }
}

/// AND, OR or `||` over operands that come one after the other.
pub(super) struct Chain {
    op: BinaryOperator,
    list: Vec<Expr>,
    null: TypeSet,
    collation: Option<OwnCollation>,
}

impl Chain {
    /// A chain that begins with `first`.
    pub(super) fn new(op: BinaryOperator, first: Typed) -> Chain {
        let mut chain = Chain { op, list: Vec::with_capacity(2), null: TypeSet::EMPTY, collation: None };
        chain.push(first);
        chain
    }

    /// Adds an operand. One in parentheses that is itself such a chain becomes part of this one.
    pub(super) fn push(&mut self, operand: Typed) {
        self.null = self.null | operand.null();
        self.collation = self.collation.or(operand.collation.filter(|own| own.explicit));
        match (self.op, operand.expr) {
            (BinaryOperator::And, Expr::And(nested)) | (BinaryOperator::Or, Expr::Or(nested)) => {
                self.list.extend(nested);
            }
            (_, expr) => self.list.push(expr),
        }
    }

    /// The chain as an expression.
    pub(super) fn finish(self) -> Typed {
        let (expr, types) = match self.op {
            BinaryOperator::And => (Expr::And(self.list), TypeSet::INTEGER),
            BinaryOperator::Or => (Expr::Or(self.list), TypeSet::INTEGER),
            _ => (Expr::Concat(self.list), TypeSet::TEXT),
        };
        Typed { collation: self.collation, ..Typed::plain(expr, types | self.null) }
    }
}

/// The AND of conditions; `None` if there are none.
pub(super) fn all_of(conditions: Vec<Typed>) -> Option<Typed> {
    let mut conditions = conditions.into_iter();
    let first = conditions.next()?;
    if conditions.len() == 0 {
        return Some(first);
    }
    let mut chain = Chain::new(BinaryOperator::And, first);
    conditions.for_each(|condition| chain.push(condition));
    Some(chain.finish())
}

pub(super) fn negate(operand: Typed) -> Typed {
    let collation = passed_collation([&operand]);
    let numbers = as_numbers(operand.types);
    // Only the least integer overflows, and no literal is written as that without its sign.
    let literal = matches!(operand.expr, Expr::Literal { .. } | Expr::Constant(_));
    let overflow =
        if numbers.intersects(TypeSet::INTEGER) && !literal { TypeSet::REAL } else { TypeSet::EMPTY };
    let types = numbers | overflow | operand.null();
    Typed { collation, ..Typed::plain(Expr::Negate(Box::new(operand.expr)), types) }
}

pub(super) fn bit_not(operand: Typed) -> Typed {
    let types = TypeSet::INTEGER | operand.null();
    let collation = passed_collation([&operand]);
    Typed { collation, ..Typed::plain(Expr::BitNot(Box::new(operand.expr)), types) }
}

pub(super) fn not(operand: Typed) -> Typed {
    let types = TypeSet::INTEGER | operand.null();
    let collation = passed_collation([&operand]);
    let expr = match operand.expr {
        Expr::IsNull { expr, negated } => Expr::IsNull { expr, negated: !negated },
        Expr::IsTruth { expr, truth, negated } => Expr::IsTruth { expr, truth, negated: !negated },
        Expr::InList { expr, list, rules, negated } => Expr::InList { expr, list, rules, negated: !negated },
        Expr::InSubquery { expr, query, rules, negated } => {
            Expr::InSubquery { expr, query, rules, negated: !negated }
        }
        Expr::Exists { query, negated } => Expr::Exists { query, negated: !negated },
        expr => Expr::Not(Box::new(expr)),
    };
    Typed { collation, ..Typed::plain(expr, types) }
}

pub(super) fn is_null(operand: Typed, negated: bool) -> Typed {
    let collation = passed_collation([&operand]);
    let expr = Expr::IsNull { expr: Box::new(operand.expr), negated };
    Typed { collation, ..Typed::plain(expr, TypeSet::INTEGER) }
}

pub(super) fn matching(kind: MatchKind, operand: Typed, pattern: Typed, escape: Option<Typed>) -> Typed {
    let operands = || [&operand, &pattern].into_iter().chain(&escape);
    let types = operands().fold(TypeSet::INTEGER, |types, part| types | part.null());
    let collation = passed_collation(operands());
    let expr = Expr::Match {
        kind,
        expr: Box::new(operand.expr),
        pattern: Box::new(pattern.expr),
        escape: escape.map(|escape| Box::new(escape.expr)),
    };
    Typed { collation, ..Typed::plain(expr, types) }
}

/// CAST: it has the affinity of its type and keeps the collation of its operand.
pub(super) fn cast(operand: Typed, to: Affinity) -> Typed {
    let types = match to {
        Affinity::Integer => TypeSet::INTEGER,
        Affinity::Real => TypeSet::REAL,
        Affinity::Text => TypeSet::TEXT,
        Affinity::Blob | Affinity::None => TypeSet::BLOB,
        Affinity::Numeric | Affinity::Decimal => {
            TypeSet::INTEGER
                | TypeSet::REAL
                | (if operand.types.intersects(TypeSet::DECIMAL) { TypeSet::DECIMAL } else { TypeSet::EMPTY })
        }
    };
    let types = types | operand.null();
    let expr = Expr::Cast { expr: Box::new(operand.expr), to };
    Typed { expr, types, affinity: to, collation: operand.collation, column: None }
}

/// CASE, with an operand or without.
pub(super) fn case(operand: Option<Typed>, branches: Vec<(Typed, Typed)>, otherwise: Option<Typed>) -> Typed {
    let parts = operand.iter().chain(branches.iter().flat_map(|(when, then)| [when, then])).chain(&otherwise);
    let collation = passed_collation(parts);
    let mut types = otherwise.as_ref().map_or(TypeSet::NULL, |otherwise| otherwise.types);
    let branches = branches
        .into_iter()
        .map(|(when, then)| {
            types = types | then.types;
            let rule =
                operand.as_ref().map_or_else(Comparison::default, |operand| comparison(operand, &when));
            CaseBranch { when: when.expr, rule, then: then.expr }
        })
        .collect();
    let expr = Expr::Case {
        operand: operand.map(|operand| Box::new(operand.expr)),
        branches,
        otherwise: otherwise.map(|otherwise| Box::new(otherwise.expr)),
    };
    Typed { collation, ..Typed::plain(expr, types) }
}

/// `coalesce`; one operand stands for itself.
pub(super) fn coalesce(operands: Vec<Typed>) -> Typed {
    let collation =
        passed_collation(&operands).or_else(|| operands.first().and_then(|first| first.collation));
    let mut types = operands.iter().fold(TypeSet::EMPTY, |types, operand| types | operand.types);
    if operands.iter().any(|operand| !operand.nullable()) {
        types = types.without(TypeSet::NULL);
    }
    let expr = Expr::Coalesce(operands.into_iter().map(|operand| operand.expr).collect());
    Typed { collation, ..Typed::plain(expr, types) }
}

/// `iif(condition, value, ..)`: pairs, and an ELSE if their number is odd.
pub(super) fn conditional(mut args: Vec<Typed>) -> Result<Typed> {
    let otherwise = if args.len() % 2 == 1 { args.pop() } else { None };
    let mut branches = Vec::with_capacity(args.len() / 2);
    let mut args = args.into_iter();
    while let (Some(when), Some(then)) = (args.next(), args.next()) {
        branches.push((when, then));
    }
    if branches.is_empty() {
        return Err(Error::invalid("wrong number of arguments to function iif()", None));
    }
    Ok(case(None, branches, otherwise))
}
