//! The trees of queries and expressions. Names are kept where they stand where they are short, operands in boxes, and
//! what is rare behind a box of its own: an expression takes 48 bytes. The statements around them are in
//! `statement.rs`.
//!
//! Some shapes say more than their names:
//!
//! - a lifted literal is [`Value::Slot`], a place among [`super::Slots::literals`]; a user's parameter is
//!   [`Value::Parameter`], its number;
//! - the least integer is the one literal `Number("-9223372036854775808")`; `super::literal_value` reads them all;
//! - RAISE is a call of a function of that name, `RAISE(IGNORE)` with the column IGNORE as argument;
//! - FROM is one chain of joins: a comma is [`JoinOperator::Join`];
//! - `a IS b` and `a IS NOT b` are `IsNotDistinctFrom` and `IsDistinctFrom`; `x IN t` is `InSubquery` over
//!   `SELECT * FROM t`; GLOB, MATCH and REGEXP are binary operators, negated by a [`UnaryOperator::Not`] around them;
//! - INDEXED BY, NOT INDEXED, frame EXCLUDE and MATERIALIZED stand in [`super::Hints`], by the place of the identifier
//!   they follow.
#![allow(missing_docs, reason = "the shapes are those of SQL, and their fields the parts of its grammar")]

pub use super::place::{Place, Spanned};
pub use super::statement::Name;
use smol_str::SmolStr;

/// A name as it was written, without its quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    pub value: SmolStr,
    /// True if it stood in quotes of some kind.
    pub quoted: bool,
    pub span: Place,
}

/// A literal or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Its text, without underscores.
    Number(SmolStr),
    SingleQuotedString(SmolStr),
    /// Its digits.
    HexStringLiteral(SmolStr),
    Boolean(bool),
    Null,
    /// A lifted literal: its place among them.
    Slot(usize),
    /// A user's parameter: its place among [`super::Parsed::parameters`], from 0.
    Parameter(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ValueWithSpan {
    pub value: Value,
    pub span: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Identifier(Ident),
    /// `t.c` or `main.t.c`.
    CompoundIdentifier(Vec<Ident>),
    Value(ValueWithSpan),
    /// An expression in parentheses.
    Nested(Box<Expr>),
    UnaryOp {
        op: UnaryOperator,
        expr: Box<Expr>,
    },
    BinaryOp {
        left: Box<Expr>,
        op: BinaryOperator,
        right: Box<Expr>,
    },
    IsNull(Box<Expr>),
    IsNotNull(Box<Expr>),
    IsTrue(Box<Expr>),
    IsNotTrue(Box<Expr>),
    IsFalse(Box<Expr>),
    IsNotFalse(Box<Expr>),
    IsDistinctFrom(Box<Expr>, Box<Expr>),
    IsNotDistinctFrom(Box<Expr>, Box<Expr>),
    Between {
        expr: Box<Expr>,
        negated: bool,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    Like {
        negated: bool,
        expr: Box<Expr>,
        pattern: Box<Expr>,
        escape_char: Option<Box<Expr>>,
    },
    InList {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InSubquery {
        expr: Box<Expr>,
        subquery: Box<Query>,
        negated: bool,
    },
    Exists {
        subquery: Box<Query>,
        negated: bool,
    },
    Subquery(Box<Query>),
    /// A row value.
    Tuple(Vec<Expr>),
    Case(Box<Case>),
    Cast {
        expr: Box<Expr>,
        /// The words of the type, one space between them.
        type_name: Box<Ident>,
    },
    Collate {
        expr: Box<Expr>,
        collation: Box<Ident>,
    },
    Function(Box<Function>),
}

const _: () = assert!(size_of::<Expr>() <= 48);

#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// From CASE to END.
    pub place: Place,
    pub operand: Option<Expr>,
    pub conditions: Vec<CaseWhen>,
    pub else_result: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseWhen {
    pub condition: Expr,
    pub result: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    Plus,
    Minus,
    BitwiseNot,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    Plus,
    Minus,
    Multiply,
    Divide,
    Modulo,
    StringConcat,
    Gt,
    Lt,
    GtEq,
    LtEq,
    Eq,
    NotEq,
    And,
    Or,
    BitwiseAnd,
    BitwiseOr,
    ShiftLeft,
    ShiftRight,
    /// `->`
    Arrow,
    /// `->>`
    LongArrow,
    Glob,
    Match,
    Regexp,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub name: Ident,
    pub args: FunctionArguments,
    /// `f(p) WITHIN GROUP (ORDER BY x)`: x stands before the other arguments.
    pub within_group: bool,
    pub filter: Option<Expr>,
    pub over: Option<WindowType>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunctionArguments {
    /// A name that calls without parentheses: CURRENT_DATE.
    None,
    /// `count(*)`.
    Wildcard,
    List {
        distinct: bool,
        args: Vec<Expr>,
        order_by: Vec<OrderByExpr>,
    },
}

impl FunctionArguments {
    /// The expressions in the parentheses.
    #[must_use]
    pub fn exprs(&self) -> &[Expr] {
        match self {
            FunctionArguments::None | FunctionArguments::Wildcard => &[],
            FunctionArguments::List { args, .. } => args,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum WindowType {
    NamedWindow(Ident),
    WindowSpec(WindowSpec),
}

#[derive(Clone, Debug, PartialEq)]
pub struct WindowSpec {
    /// The window it is based on; without one an empty name at the place of its parenthesis (`super::is_unnamed`).
    pub window_name: Ident,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderByExpr>,
    pub window_frame: Option<WindowFrame>,
}

/// `name AS (..)` of a WINDOW clause.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedWindowDefinition(pub Ident, pub WindowSpec);

#[derive(Clone, Debug, PartialEq)]
pub struct WindowFrame {
    pub units: WindowFrameUnits,
    pub start_bound: WindowFrameBound,
    /// Without BETWEEN there is none.
    pub end_bound: Option<WindowFrameBound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFrameUnits {
    Rows,
    Range,
    Groups,
}

/// An end of a frame; `None` is UNBOUNDED.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowFrameBound {
    CurrentRow,
    Preceding(Option<Box<Expr>>),
    Following(Option<Box<Expr>>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub with: Option<With>,
    pub body: Box<SetExpr>,
    pub order_by: Vec<OrderByExpr>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct With {
    pub recursive: bool,
    pub cte_tables: Vec<Cte>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    pub alias: TableAlias,
    pub query: Box<Query>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableAlias {
    pub name: Ident,
    /// Those of a common table.
    pub columns: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetExpr {
    Select(Select),
    Values(Values),
    SetOperation {
        left: Box<SetExpr>,
        op: SetOperator,
        /// UNION ALL.
        all: bool,
        right: Box<SetExpr>,
    },
}

impl SetExpr {
    /// The SELECT, if it is one.
    #[must_use]
    pub fn as_select(&self) -> Option<&Select> {
        match self {
            SetExpr::Select(select) => Some(select),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub rows: Vec<ValuesRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ValuesRow {
    /// The parenthesis that opens it.
    pub open: Place,
    /// The one that closes it.
    pub close: Place,
    pub content: Vec<Expr>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    /// The word SELECT.
    pub select_token: Place,
    pub distinct: bool,
    pub projection: Vec<SelectItem>,
    pub from: Vec<TableWithJoins>,
    pub selection: Option<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
    pub named_window: Vec<NamedWindowDefinition>,
}

/// A column of a select list or of RETURNING.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "the large ones are the common ones")]
pub enum SelectItem {
    /// The expression and where all of it stands, parentheses included: its text is the column's name.
    UnnamedExpr(Expr, Place),
    ExprWithAlias {
        expr: Expr,
        alias: Ident,
    },
    Wildcard(Place),
    QualifiedWildcard(Box<Name>, Place),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableWithJoins {
    pub relation: TableFactor,
    pub joins: Vec<Join>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub relation: TableFactor,
    pub join_operator: JoinOperator,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinOperator {
    /// JOIN or a comma.
    Join(JoinConstraint),
    Inner(JoinConstraint),
    LeftOuter(JoinConstraint),
    RightOuter(JoinConstraint),
    FullOuter(JoinConstraint),
    /// It fixes the join order.
    CrossJoin(JoinConstraint),
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinConstraint {
    On(Expr),
    Using(Vec<Ident>),
    Natural,
    None,
}

#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a table is the common one")]
pub enum TableFactor {
    Table {
        name: Name,
        alias: Option<TableAlias>,
        /// Of a table-valued function.
        args: Option<Vec<Expr>>,
    },
    Derived {
        subquery: Box<Query>,
        alias: Option<TableAlias>,
    },
    NestedJoin {
        table_with_joins: Box<TableWithJoins>,
        alias: Option<TableAlias>,
    },
}

/// A term of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderByExpr {
    pub expr: Expr,
    pub options: OrderByOptions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderByOptions {
    pub descending: bool,
    pub nulls_first: Option<bool>,
}
