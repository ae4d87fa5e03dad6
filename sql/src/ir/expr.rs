//! Bound expressions.

pub use crate::functions::AggregateKind;
use crate::functions::{AggregateFunction, ScalarFunction};
use crate::types::{Affinity, Collation, TypeSet};
use crate::value::Value;

/// A column of some relation of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// A subquery of the statement, by its place in [`super::Bound::subqueries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubqueryId(pub u32);

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A value.
    Constant(Value),
    /// A literal lifted from the text: its value is the statement's literal `slot`.
    Literal {
        /// Place among the literals.
        slot: usize,
        /// Its kind.
        types: TypeSet,
    },
    /// A parameter, by its number from 0.
    Parameter(usize),
    /// A column.
    Column(ColumnId, TypeSet),
    /// `-x`.
    Negate(Box<Expr>),
    /// `~x`.
    BitNot(Box<Expr>),
    /// `NOT x`.
    Not(Box<Expr>),
    /// `x IS [NOT] NULL`.
    IsNull {
        /// The operand.
        expr: Box<Expr>,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `x IS [NOT] TRUE` or `FALSE`.
    IsTruth {
        /// The operand.
        expr: Box<Expr>,
        /// TRUE or FALSE.
        truth: bool,
        /// IS NOT.
        negated: bool,
    },
    /// `a + b` and the like.
    Arithmetic {
        /// The operator.
        op: ArithmeticOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a < b` and the like, IS and IS NOT too.
    Compare {
        /// The operator.
        op: CompareOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
        /// Conversions and collation.
        rule: Comparison,
    },
    /// `(a, b) < (c, d)`: both sides have as many expressions as there are rules.
    CompareRows {
        /// The operator.
        op: CompareOp,
        /// Left row.
        left: Vec<Expr>,
        /// Right row.
        right: Vec<Expr>,
        /// One rule a pair.
        rules: Vec<Comparison>,
    },
    /// `x BETWEEN low AND high`: `x >= low AND x <= high`, but `x` is evaluated once.
    Between {
        /// What is compared; a row when there are several.
        expr: Vec<Expr>,
        /// What it must not be less than.
        low: Box<RangeEnd>,
        /// What it must not be greater than.
        high: Box<RangeEnd>,
    },
    /// A chain of ANDs, two operands at least.
    And(Vec<Expr>),
    /// A chain of ORs, two operands at least.
    Or(Vec<Expr>),
    /// A chain of `||`, two operands at least.
    Concat(Vec<Expr>),
    /// CASE; conditions are evaluated in order and only as far as needed.
    Case {
        /// The operand of a simple CASE.
        operand: Option<Box<Expr>>,
        /// The branches.
        branches: Vec<CaseBranch>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
    /// The first operand that is not NULL; the rest is not evaluated.
    Coalesce(Vec<Expr>),
    /// CAST to an affinity, as SQLite casts.
    Cast {
        /// The operand.
        expr: Box<Expr>,
        /// The affinity of the type named (`Affinity::None` never stands here).
        to: Affinity,
    },
    /// LIKE, GLOB or REGEXP.
    Match {
        /// Which.
        kind: MatchKind,
        /// What is matched.
        expr: Box<Expr>,
        /// The pattern.
        pattern: Box<Expr>,
        /// ESCAPE.
        escape: Option<Box<Expr>>,
    },
    /// `x IN (a, b)`; a row when `expr` has several. The right side is converted as `rules` say.
    InList {
        /// The row looked for.
        expr: Vec<Expr>,
        /// The rows of the list, each as wide as `expr`.
        list: Vec<Vec<Expr>>,
        /// One rule a column.
        rules: Vec<Comparison>,
        /// NOT IN.
        negated: bool,
    },
    /// A function of one row.
    Function {
        /// The function.
        function: ScalarFunction,
        /// Its arguments.
        args: Vec<Expr>,
        /// By which collation it compares (min, max, nullif), that of its first argument that has one.
        collation: Collation,
    },
    /// `(SELECT ..)`: the first column of the first row, or NULL.
    ScalarSubquery {
        /// The subquery.
        query: SubqueryId,
        /// Which of its columns.
        column: usize,
        /// The kinds it gives.
        types: TypeSet,
    },
    /// `EXISTS (SELECT ..)`.
    Exists {
        /// The subquery.
        query: SubqueryId,
        /// NOT EXISTS.
        negated: bool,
    },
    /// `x IN (SELECT ..)`.
    InSubquery {
        /// The row looked for.
        expr: Vec<Expr>,
        /// The subquery, as many columns wide.
        query: SubqueryId,
        /// One rule a column.
        rules: Vec<Comparison>,
        /// NOT IN.
        negated: bool,
    },
}

/// One end of a BETWEEN.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeEnd {
    /// The values, as many as are compared.
    pub values: Vec<Expr>,
    /// One rule a value.
    pub rules: Vec<Comparison>,
}

/// One WHEN of a CASE.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseBranch {
    /// The condition, or what the operand must equal.
    pub when: Expr,
    /// How the operand is compared with it.
    pub rule: Comparison,
    /// The result.
    pub then: Expr,
}

/// Operators on numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the operators of SQL")]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    BitAnd,
    BitOr,
    ShiftLeft,
    ShiftRight,
}

/// Comparisons; `Is` and `IsNot` treat NULL as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the operators of SQL")]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Is,
    IsNot,
}

/// Which match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the operators of SQL")]
pub enum MatchKind {
    Like,
    Glob,
    Regexp,
}

/// What a comparison does to its operands first, and how it orders texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// Affinity applied to the left operand (`None`: it is left alone).
    pub left: Affinity,
    /// Affinity applied to the right operand.
    pub right: Affinity,
    /// The order of texts.
    pub collation: Collation,
}

/// An aggregate computed by [`super::Relation::Aggregate`].
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// The function.
    pub function: AggregateFunction,
    /// Its arguments; none for `count(*)`.
    pub args: Vec<Expr>,
    /// DISTINCT.
    pub distinct: bool,
    /// FILTER.
    pub filter: Option<Expr>,
    /// ORDER BY inside the call.
    pub order_by: Vec<super::SortKey>,
    /// The collation of its first argument: for min, max and DISTINCT.
    pub collation: Collation,
}
