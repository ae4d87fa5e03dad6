//! Compiled expressions: columns are places in the batch, constant patterns are taken apart, lists of constants are
//! kept apart from computed ones, and subqueries know which outer slots to fill.

use super::Scope;
use crate::error::{Error, Result};
use crate::exec::context::Context;
use crate::functions::ScalarFunction;
use crate::functions::matching::Pattern;
use crate::ir::{self, ArithmeticOp, ColumnId, CompareOp, Comparison, Expr, MatchKind, SubqueryId};
use crate::types::{Affinity, Collation};
use crate::value::{Value, ValueRef};

/// A compiled expression.
#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value),
    Literal(usize),
    Parameter(usize),
    Outer(usize),
    Column(usize),
    Negate(Box<Node>),
    BitNot(Box<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>, bool),
    IsTruth {
        node: Box<Node>,
        truth: bool,
        negated: bool,
    },
    Arithmetic(ArithmeticOp, Box<Node>, Box<Node>),
    Compare(CompareOp, Box<Node>, Box<Node>, Comparison),
    CompareRows {
        op: CompareOp,
        left: Vec<Node>,
        right: Vec<Node>,
        rules: Vec<Comparison>,
    },
    Between {
        node: Vec<Node>,
        low: Box<RangeEnd>,
        high: Box<RangeEnd>,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Concat(Vec<Node>),
    Case {
        operand: Option<Box<Node>>,
        branches: Vec<Branch>,
        otherwise: Option<Box<Node>>,
    },
    Coalesce(Vec<Node>),
    Cast(Box<Node>, Affinity),
    Match {
        kind: MatchKind,
        node: Box<Node>,
        pattern: Box<Node>,
        escape: Option<Box<Node>>,
        cache: PatternCache,
    },
    InList {
        node: Vec<Node>,
        list: Vec<Vec<Node>>,
        rules: Vec<Comparison>,
        negated: bool,
    },
    Function {
        function: ScalarFunction,
        args: Vec<Node>,
        collation: Collation,
    },
    ScalarSubquery {
        query: SubqueryId,
        column: usize,
        bindings: Bindings,
    },
    Exists {
        query: SubqueryId,
        negated: bool,
        bindings: Bindings,
    },
    InSubquery {
        node: Vec<Node>,
        query: SubqueryId,
        rules: Vec<Comparison>,
        negated: bool,
        bindings: Bindings,
    },
}

/// Which columns of the row a subquery uses: (column, outer slot).
pub(crate) type Bindings = Vec<(usize, usize)>;

/// One end of a BETWEEN.
#[derive(Debug)]
pub(crate) struct RangeEnd {
    pub(crate) values: Vec<Node>,
    pub(crate) rules: Vec<Comparison>,
}

/// One WHEN of a CASE.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) when: Node,
    pub(crate) rule: Comparison,
    pub(crate) then: Node,
}

/// The last pattern that a match took apart: patterns hardly ever change from row to row.
#[derive(Debug, Default)]
pub(crate) struct PatternCache {
    last: Option<(Vec<u8>, Option<char>, Pattern)>,
}

impl PatternCache {
    /// The pattern, taken apart.
    pub(crate) fn pattern(&mut self, kind: MatchKind, text: &[u8], escape: Option<char>) -> &Pattern {
        let stale =
            self.last.as_ref().is_none_or(|(last, last_escape, _)| last != text || *last_escape != escape);
        if stale {
            self.last = None;
        }
        &self.last.get_or_insert_with(|| (text.to_vec(), escape, Pattern::new(kind, text, escape))).2
    }
}

impl Node {
    /// The value of a node that is the same for all rows of a batch and needs no computing.
    #[inline(always)]
    pub(crate) fn leaf<'a>(&'a self, cx: &'a Context) -> Option<ValueRef<'a>> {
        let value =
            |values: &'a [Value], place: usize| values.get(place).map_or(ValueRef::Null, Value::as_ref);
        match self {
            Node::Constant(constant) => Some(constant.as_ref()),
            Node::Literal(slot) => Some(value(&cx.literals, *slot)),
            Node::Parameter(number) => Some(cx.parameters.get(*number)),
            Node::Outer(slot) => Some(value(&cx.outer, *slot)),
            _ => None,
        }
    }

    /// True if [`Node::leaf`] gives a value.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self, Node::Constant(_) | Node::Literal(_) | Node::Parameter(_) | Node::Outer(_))
    }
}

/// Compiles an expression.
pub(crate) fn compile(expr: &Expr, scope: Scope<'_>) -> Result<Node> {
    let one = |expr: &Expr| compile(expr, scope).map(Box::new);
    let many = |exprs: &[Expr]| exprs.iter().map(|expr| compile(expr, scope)).collect::<Result<Vec<_>>>();
    Ok(match expr {
        Expr::Constant(value) => Node::Constant(value.clone()),
        Expr::Literal { slot, .. } => Node::Literal(*slot),
        Expr::Parameter(number) => Node::Parameter(*number),
        Expr::Column(id, _) => column(*id, scope)?,
        Expr::Negate(expr) => Node::Negate(one(expr)?),
        Expr::BitNot(expr) => Node::BitNot(one(expr)?),
        Expr::Not(expr) => Node::Not(one(expr)?),
        Expr::IsNull { expr, negated } => Node::IsNull(one(expr)?, *negated),
        Expr::IsTruth { expr, truth, negated } => {
            Node::IsTruth { node: one(expr)?, truth: *truth, negated: *negated }
        }
        Expr::Arithmetic { op, left, right } => Node::Arithmetic(*op, one(left)?, one(right)?),
        Expr::Compare { op, left, right, rule } => Node::Compare(*op, one(left)?, one(right)?, *rule),
        Expr::CompareRows { op, left, right, rules } => {
            Node::CompareRows { op: *op, left: many(left)?, right: many(right)?, rules: rules.clone() }
        }
        Expr::Between { expr, low, high } => {
            let bound = |bound: &ir::RangeEnd| -> Result<RangeEnd> {
                Ok(RangeEnd { values: many(&bound.values)?, rules: bound.rules.clone() })
            };
            Node::Between { node: many(expr)?, low: Box::new(bound(low)?), high: Box::new(bound(high)?) }
        }
        Expr::And(exprs) => Node::And(many(exprs)?),
        Expr::Or(exprs) => Node::Or(many(exprs)?),
        Expr::Concat(exprs) => Node::Concat(many(exprs)?),
        Expr::Case { operand, branches, otherwise } => Node::Case {
            operand: operand.as_deref().map(one).transpose()?,
            branches: branches
                .iter()
                .map(|branch| {
                    Ok(Branch {
                        when: compile(&branch.when, scope)?,
                        rule: branch.rule,
                        then: compile(&branch.then, scope)?,
                    })
                })
                .collect::<Result<_>>()?,
            otherwise: otherwise.as_deref().map(one).transpose()?,
        },
        Expr::Coalesce(exprs) => Node::Coalesce(many(exprs)?),
        Expr::Cast { expr, to } => Node::Cast(one(expr)?, *to),
        Expr::Match { kind, expr, pattern, escape } => Node::Match {
            kind: *kind,
            node: one(expr)?,
            pattern: one(pattern)?,
            escape: escape.as_deref().map(one).transpose()?,
            cache: PatternCache::default(),
        },
        Expr::InList { expr, list, rules, negated } => Node::InList {
            node: many(expr)?,
            list: list.iter().map(|row| many(row)).collect::<Result<_>>()?,
            rules: rules.clone(),
            negated: *negated,
        },
        Expr::Function { function, args, collation } => function_node(function, args, *collation, scope)?,
        Expr::ScalarSubquery { query, column, .. } => {
            Node::ScalarSubquery { query: *query, column: *column, bindings: bindings(*query, scope)? }
        }
        Expr::Exists { query, negated } => {
            Node::Exists { query: *query, negated: *negated, bindings: bindings(*query, scope)? }
        }
        Expr::InSubquery { expr, query, rules, negated } => Node::InSubquery {
            node: many(expr)?,
            query: *query,
            rules: rules.clone(),
            negated: *negated,
            bindings: bindings(*query, scope)?,
        },
    })
}

/// Functions whose arguments are not all evaluated are operators in disguise.
fn function_node(
    function: &ScalarFunction,
    args: &[Expr],
    collation: Collation,
    scope: Scope<'_>,
) -> Result<Node> {
    let mut nodes = args.iter().map(|arg| compile(arg, scope)).collect::<Result<Vec<_>>>()?;
    Ok(match function.built_in().unwrap_or_default() {
        "ifnull" | "coalesce" if nodes.len() >= 2 => Node::Coalesce(nodes),
        "iif" | "if" if nodes.len() >= 2 => {
            let otherwise = (nodes.len() % 2 == 1).then(|| nodes.pop().map(Box::new)).flatten();
            let mut branches = Vec::with_capacity(nodes.len() / 2);
            let mut nodes = nodes.into_iter();
            while let (Some(when), Some(then)) = (nodes.next(), nodes.next()) {
                branches.push(Branch { when, rule: Comparison::default(), then });
            }
            Node::Case { operand: None, branches, otherwise }
        }
        "likely" | "unlikely" | "likelihood" if !nodes.is_empty() => nodes.swap_remove(0),
        _ => Node::Function { function: function.clone(), args: nodes, collation },
    })
}

fn column(id: ColumnId, scope: Scope<'_>) -> Result<Node> {
    if let Some(place) = scope.layout.iter().position(|column| *column == id) {
        return Ok(Node::Column(place));
    }
    match scope.outer.iter().position(|column| *column == id) {
        Some(slot) => Ok(Node::Outer(slot)),
        None => {
            Err(Error::Misuse(format!("the plan gives no column {} to an expression that uses it", id.0)))
        }
    }
}

/// The outer columns of a subquery that the row at hand gives; the others were set around it.
fn bindings(query: SubqueryId, scope: Scope<'_>) -> Result<Bindings> {
    let Some(subplan) = scope.subplans.get(query.0 as usize).and_then(Option::as_ref) else {
        return Err(Error::Misuse(format!("the plan has no subquery {}", query.0)));
    };
    let mut bindings = Vec::new();
    for id in &subplan.outer {
        let Some(place) = scope.layout.iter().position(|column| column == id) else { continue };
        let Some(slot) = scope.outer.iter().position(|column| column == id) else {
            return Err(Error::Misuse(format!("column {} has no outer slot", id.0)));
        };
        bindings.push((place, slot));
    }
    Ok(bindings)
}
