//! Expressions: which shape of the parser's tree is bound how. Each shape has a small function of its own, so that a
//! deep expression needs little stack. Names go to `scope`, operators to `operators`, calls to `function`.

use super::operators::Chain;
use super::typed::{OwnCollation, Typed, affinity_of_name};
use super::{Binder, unsupported};
use crate::error::{Error, Result, Span};
use crate::functions::UserFunction;
use crate::ir::{CompareOp, Expr, MatchKind, SortKey};
use crate::parser::ast::{self, BinaryOperator, UnaryOperator};
use crate::types::{Affinity, Collation, TypeSet};
use smallvec::SmallVec;

impl<'a> Binder<'a> {
    /// An expression of one value.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr) -> Result<Typed> {
        self.descend(1)?;
        let typed = self.shape(expr);
        self.depth -= 1;
        typed
    }

    fn shape(&mut self, expr: &'a ast::Expr) -> Result<Typed> {
        use ast::Expr as E;
        match expr {
            E::Identifier(ident) => self.identifier(ident),
            E::CompoundIdentifier(parts) => self.compound_identifier(parts),
            E::Value(value) => self.value(value),
            E::Nested(inner) => self.expr(inner),
            E::BinaryOp { .. } => self.binary(expr),
            E::UnaryOp { op, expr: operand } => self.unary(*op, operand),
            E::IsNull(operand) => self.is_null(operand, false),
            E::IsNotNull(operand) => self.is_null(operand, true),
            E::IsTrue(operand) => self.is_truth(operand, true, false),
            E::IsFalse(operand) => self.is_truth(operand, false, false),
            E::IsNotTrue(operand) => self.is_truth(operand, true, true),
            E::IsNotFalse(operand) => self.is_truth(operand, false, true),
            E::IsNotDistinctFrom(left, right) => self.is(expr, left, right, false),
            E::IsDistinctFrom(left, right) => self.is(expr, left, right, true),
            E::Between { expr: operand, negated, low, high } => {
                self.between(expr, operand, low, high, *negated)
            }
            E::InList { expr: operand, list, negated } => self.in_list(expr, operand, list, *negated),
            E::InSubquery { expr: operand, subquery, negated } => {
                self.in_subquery(expr, operand, subquery, *negated)
            }
            E::Like { negated, expr: operand, pattern, escape_char } => {
                let escape = escape_char.as_deref();
                self.like(expr, operand, pattern, escape, *negated)
            }
            E::Collate { expr: operand, collation } => self.collate(operand, collation),
            E::Cast { expr: operand, type_name } => self.cast(operand, type_name),
            E::Case(case) => self.case(case.operand.as_ref(), &case.conditions, case.else_result.as_ref()),
            E::Exists { subquery, negated } => self.exists(subquery, *negated),
            E::Subquery(query) => self.scalar_subquery(expr, query),
            E::Tuple(_) => Err(row_misused(self.place(expr))),
            E::Function(function) => self.function(function),
        }
    }

    /// A binary operator. Operators are left-associative, so a long expression is a deep left spine: it is bound
    /// from its foot up, without recursion along it.
    fn binary(&mut self, whole: &'a ast::Expr) -> Result<Typed> {
        let mut spine: SmallVec<[_; 2]> = SmallVec::new();
        let mut foot = whole;
        while let ast::Expr::BinaryOp { left, op, right } = foot {
            spine.push((foot, *op, &**right));
            foot = left;
        }
        let Some((node, op, right)) = spine.pop() else { return Err(unsupported("this operator", None)) };
        // The foot may be a row; what an operator gives never is.
        let mut current = match super::operators::compare_op(op) {
            Some(op) => self.compare(node, op, foot, right)?,
            None => {
                let foot = self.expr(foot)?;
                self.operation(node, op, foot, right, &mut spine)?
            }
        };
        while let Some((node, op, right)) = spine.pop() {
            current = match super::operators::compare_op(op) {
                Some(op) => self.compare_with(node, op, current, right)?,
                None => self.operation(node, op, current, right, &mut spine)?,
            };
        }
        Ok(current)
    }

    /// An operator that is no comparison. Where a chain of it goes on in the spine, all of the chain.
    fn operation(
        &mut self,
        node: &'a ast::Expr,
        op: BinaryOperator,
        left: Typed,
        right: &'a ast::Expr,
        spine: &mut SmallVec<[(&'a ast::Expr, BinaryOperator, &'a ast::Expr); 2]>,
    ) -> Result<Typed> {
        if matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat) {
            let mut chain = Chain::new(op, left);
            chain.push(self.expr(right)?);
            while let Some((_, _, right)) = spine.last().copied().filter(|(_, next, _)| *next == op) {
                spine.pop();
                chain.push(self.expr(right)?);
            }
            return Ok(chain.finish());
        }
        if let Some(op) = super::operators::arithmetic_op(op) {
            let right = self.expr(right)?;
            return Ok(super::operators::arithmetic(op, left, right));
        }
        let kind = match op {
            BinaryOperator::Match => return self.match_operator(node, left, right),
            BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                let right = self.expr(right)?;
                let name = if op == BinaryOperator::Arrow { "->" } else { "->>" };
                return self.scalar_call(name, vec![left, right], self.place(node));
            }
            BinaryOperator::Regexp => MatchKind::Regexp,
            BinaryOperator::Glob => MatchKind::Glob,
            _ => return Err(row_misused(self.place(node))),
        };
        let pattern = self.expr(right)?;
        self.matching(kind, left, pattern, None, self.place(node))
    }

    /// `operand MATCH pattern`, to which only a function of the program's own gives a meaning.
    fn match_operator(
        &mut self,
        node: &'a ast::Expr,
        operand: Typed,
        pattern: &'a ast::Expr,
    ) -> Result<Typed> {
        let pattern = self.expr(pattern)?;
        let span = self.place(node);
        if self.has_own("match", 2) {
            return self.scalar_call("match", vec![pattern, operand], span);
        }
        Err(Error::invalid("MATCH needs a function match() of the program's own", span))
    }

    /// `operand LIKE pattern` and the like, which a function of the program's own may replace.
    fn matching(
        &mut self,
        kind: MatchKind,
        operand: Typed,
        pattern: Typed,
        escape: Option<Typed>,
        span: Option<Span>,
    ) -> Result<Typed> {
        let name = match kind {
            MatchKind::Like => "like",
            MatchKind::Glob => "glob",
            MatchKind::Regexp => "regexp",
        };
        let count = 2 + usize::from(escape.is_some());
        if self.has_own(name, count) {
            return self.scalar_call(name, [pattern, operand].into_iter().chain(escape).collect(), span);
        }
        Ok(super::operators::matching(kind, operand, pattern, escape))
    }

    /// True if a function of the program's own replaces the operator of that name.
    fn has_own(&self, name: &str, count: usize) -> bool {
        matches!(self.functions().find(name, count), Some(UserFunction::Scalar(_)))
    }

    fn unary(&mut self, op: UnaryOperator, operand: &'a ast::Expr) -> Result<Typed> {
        match op {
            UnaryOperator::Minus => Ok(super::operators::negate(self.expr(operand)?)),
            // It keeps the collation, not the affinity.
            UnaryOperator::Plus => {
                Ok(Typed { affinity: Affinity::None, column: None, ..self.expr(operand)? })
            }
            UnaryOperator::BitwiseNot => Ok(super::operators::bit_not(self.expr(operand)?)),
            UnaryOperator::Not => Ok(super::operators::not(self.expr(operand)?)),
        }
    }

    fn is_null(&mut self, operand: &'a ast::Expr, negated: bool) -> Result<Typed> {
        let operand = self.expr(operand)?;
        Ok(super::operators::is_null(operand, negated))
    }

    fn is_truth(&mut self, operand: &'a ast::Expr, truth: bool, negated: bool) -> Result<Typed> {
        let operand = self.expr(operand)?;
        let collation = super::typed::passed_collation([&operand]);
        let expr = Expr::IsTruth { expr: Box::new(operand.expr), truth, negated };
        Ok(Typed { collation, ..Typed::plain(expr, TypeSet::INTEGER) })
    }

    /// `a IS b`. NULL, TRUE and FALSE on the right are tests of their own.
    fn is(
        &mut self,
        whole: &'a ast::Expr,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        negated: bool,
    ) -> Result<Typed> {
        let mut bare = right;
        while let ast::Expr::Nested(inner) = bare {
            bare = inner;
        }
        match bare {
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Null, .. }) => {
                self.is_null(left, negated)
            }
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Boolean(truth), .. }) => {
                self.is_truth(left, *truth, negated)
            }
            ast::Expr::Identifier(word) if self.is_truth_word(word).is_some() => {
                let truth = self.is_truth_word(word).unwrap_or_default();
                self.is_truth(left, truth, negated)
            }
            _ => {
                let op = if negated { CompareOp::IsNot } else { CompareOp::Is };
                self.compare(whole, op, left, right)
            }
        }
    }

    /// What a bare word says, if it is TRUE or FALSE and no column.
    fn is_truth_word(&self, word: &ast::Ident) -> Option<bool> {
        let truth = match () {
            () if word.quoted => return None,
            () if word.value.eq_ignore_ascii_case("true") => true,
            () if word.value.eq_ignore_ascii_case("false") => false,
            () => return None,
        };
        let is_column = |scope: &super::scope::Scope<'a>| {
            !matches!(scope.find(None, None, &word.value), super::scope::Found::Nothing)
        };
        (!self.scopes.iter().any(is_column)).then_some(truth)
    }

    fn like(
        &mut self,
        whole: &'a ast::Expr,
        operand: &'a ast::Expr,
        pattern: &'a ast::Expr,
        escape: Option<&'a ast::Expr>,
        negated: bool,
    ) -> Result<Typed> {
        let operand = self.expr(operand)?;
        let pattern = self.expr(pattern)?;
        let escape = escape.map(|escape| self.expr(escape)).transpose()?;
        let matched = self.matching(MatchKind::Like, operand, pattern, escape, self.place(whole))?;
        Ok(if negated { super::operators::not(matched) } else { matched })
    }

    fn collate(&mut self, operand: &'a ast::Expr, name: &ast::Ident) -> Result<Typed> {
        let collation = self.collation_named(name)?;
        let typed = self.expr(operand)?;
        Ok(Typed { collation: Some(OwnCollation { collation, explicit: true }), ..typed })
    }

    pub(super) fn collation_named(&self, name: &ast::Ident) -> Result<Collation> {
        let written = name.value.as_str();
        let collations = &self.functions().collations;
        collations.find(written).ok_or_else(|| {
            let known = crate::suggest::nearest(written, collations.names());
            let message = crate::suggest::suggest(format!("no such collation sequence: {written}"), known);
            Error::name(message, self.place(name))
        })
    }

    fn cast(&mut self, operand: &'a ast::Expr, type_name: &ast::Ident) -> Result<Typed> {
        let operand = self.expr(operand)?;
        // A type without a name is no BLOB here, as it is in a column.
        let to = match type_name.value.as_str() {
            "" => Affinity::Numeric,
            name => affinity_of_name(name),
        };
        Ok(super::operators::cast(operand, to))
    }

    fn case(
        &mut self,
        operand: Option<&'a ast::Expr>,
        conditions: &'a [ast::CaseWhen],
        otherwise: Option<&'a ast::Expr>,
    ) -> Result<Typed> {
        let mut row = operand.map(|operand| self.row(operand)).transpose()?.unwrap_or_default();
        // A row of several values has no value to compare with: each WHEN asks whether it equals the row.
        let is_row = row.len() > 1;
        let operand = if is_row { None } else { row.pop() };
        let mut branches = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let when = if is_row {
                let right = self.row_beside(&row, &condition.condition)?;
                self.compare_rows(&condition.condition, CompareOp::Equal, row.clone(), right)?
            } else {
                self.expr(&condition.condition)?
            };
            let then = self.expr(&condition.result)?;
            branches.push((when, then));
        }
        let otherwise = otherwise.map(|otherwise| self.expr(otherwise)).transpose()?;
        Ok(super::operators::case(operand, branches, otherwise))
    }

    /// The keys of ORDER BY where nothing but expressions can stand (inside an aggregate call, UPDATE, DELETE).
    pub(super) fn sort_keys(&mut self, terms: &'a [ast::OrderByExpr]) -> Result<Vec<SortKey>> {
        terms
            .iter()
            .map(|term| {
                let typed = self.expr(&term.expr)?;
                let collation = typed.collation_or_binary();
                Ok(sort_key(typed.expr, collation, term.options))
            })
            .collect()
    }
}

/// A key with the direction that its term says.
pub(super) fn sort_key(expr: Expr, collation: Collation, options: ast::OrderByOptions) -> SortKey {
    let (descending, nulls_first) = direction(options);
    SortKey { expr, collation, descending, nulls_first }
}

/// Whether a term is descending, and whether its NULLs come first.
pub(super) fn direction(options: ast::OrderByOptions) -> (bool, bool) {
    (options.descending, options.nulls_first.unwrap_or(!options.descending))
}

/// The error of a row of several values where one is wanted, or one of another width.
pub(super) fn row_misused(span: Option<Span>) -> Error {
    Error::invalid("row value misused", span)
}
