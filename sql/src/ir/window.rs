//! Window functions: what is computed for each row over the rows around it.

use super::expr::Expr;
use super::query::SortKey;
use crate::functions::AggregateFunction;
use crate::parser::Exclude;
use crate::types::{Collation, TypeSet};

/// Which rows belong together, and their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// PARTITION BY, and how its values are compared.
    pub partition: Vec<(Expr, Collation)>,
    /// ORDER BY: rows that are equal under it are peers.
    pub order: Vec<SortKey>,
}

impl Window {
    /// The order in which rows come to the functions: partition by partition.
    #[must_use]
    pub fn sort_keys(&self) -> Vec<SortKey> {
        let key = |(expr, collation): &(Expr, Collation)| SortKey {
            expr: expr.clone(),
            collation: *collation,
            descending: false,
            nulls_first: true,
        };
        self.partition.iter().map(key).chain(self.order.iter().cloned()).collect()
    }

    /// Calls `f` for each expression.
    pub(crate) fn expressions<'w>(&'w self, f: &mut dyn FnMut(&'w Expr)) {
        self.partition.iter().for_each(|(expr, _)| f(expr));
        self.order.iter().for_each(|key| f(&key.expr));
    }

    /// Calls `f` for each expression, to change it.
    pub(crate) fn expressions_mut(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        self.partition.iter_mut().for_each(|(expr, _)| f(expr));
        self.order.iter_mut().for_each(|key| f(&mut key.expr));
    }
}

/// One call with OVER.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// The function.
    pub function: WindowFunction,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// FILTER.
    pub filter: Option<Expr>,
    /// The rows that it sees of the row's partition.
    pub frame: Frame,
    /// The collation of its first argument: for min and max.
    pub collation: Collation,
}

impl WindowCall {
    /// Calls `f` for each expression.
    pub(crate) fn expressions<'w>(&'w self, f: &mut dyn FnMut(&'w Expr)) {
        self.args.iter().chain(&self.filter).for_each(&mut *f);
        for bound in [&self.frame.start, &self.frame.end] {
            if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
                f(expr);
            }
        }
    }

    /// Calls `f` for each expression, to change it.
    pub(crate) fn expressions_mut(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        self.args.iter_mut().chain(&mut self.filter).for_each(&mut *f);
        for bound in [&mut self.frame.start, &mut self.frame.end] {
            if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
                f(expr);
            }
        }
    }
}

/// What may stand before OVER.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowFunction {
    /// A function that only windows have.
    Own(OwnWindowFunction),
    /// An aggregate over the frame.
    Aggregate(AggregateFunction),
}

impl WindowFunction {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            WindowFunction::Own(own) => own.name(),
            WindowFunction::Aggregate(function) => &function.0.name,
        }
    }

    /// The kinds it gives for arguments of these kinds. Over a frame without rows most give NULL.
    #[must_use]
    pub fn result_types(&self, args: &[TypeSet]) -> TypeSet {
        use OwnWindowFunction as Own;
        let of = |place: usize| args.get(place).copied().unwrap_or(TypeSet::NULL);
        match self {
            WindowFunction::Own(own) => match own {
                Own::RowNumber | Own::Rank | Own::DenseRank | Own::Ntile => TypeSet::INTEGER,
                Own::PercentRank | Own::CumeDist => TypeSet::REAL,
                Own::Lag | Own::Lead => of(0) | of(2) | TypeSet::NULL,
                Own::FirstValue | Own::LastValue | Own::NthValue => of(0) | TypeSet::NULL,
            },
            WindowFunction::Aggregate(function) => (function.0.result)(args) | TypeSet::NULL,
        }
    }
}

/// The functions that only windows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the functions of SQL")]
pub enum OwnWindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
}

impl OwnWindowFunction {
    /// All of them, with the fewest and the most arguments they take.
    pub const ALL: [(&'static str, OwnWindowFunction, usize, usize); 11] = [
        ("row_number", OwnWindowFunction::RowNumber, 0, 0),
        ("rank", OwnWindowFunction::Rank, 0, 0),
        ("dense_rank", OwnWindowFunction::DenseRank, 0, 0),
        ("percent_rank", OwnWindowFunction::PercentRank, 0, 0),
        ("cume_dist", OwnWindowFunction::CumeDist, 0, 0),
        ("ntile", OwnWindowFunction::Ntile, 1, 1),
        ("lag", OwnWindowFunction::Lag, 1, 3),
        ("lead", OwnWindowFunction::Lead, 1, 3),
        ("first_value", OwnWindowFunction::FirstValue, 1, 1),
        ("last_value", OwnWindowFunction::LastValue, 1, 1),
        ("nth_value", OwnWindowFunction::NthValue, 2, 2),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function, ..)| *function == self).map_or("", |(name, ..)| name)
    }
}

/// Which rows around a row a function sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// How its ends are counted.
    pub unit: FrameUnit,
    /// Its first row.
    pub start: FrameBound,
    /// Its last row.
    pub end: FrameBound,
    /// What is left out of it.
    pub exclude: Option<Exclude>,
}

/// How the ends of a frame are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    /// In rows.
    Rows,
    /// By the distance of the value ordered by.
    Range,
    /// In groups of peers.
    Groups,
}

/// One end of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameBound {
    /// The partition's first row.
    UnboundedPreceding,
    /// So many before the row.
    Preceding(Box<Expr>),
    /// The row, or its peers.
    CurrentRow,
    /// So many behind the row.
    Following(Box<Expr>),
    /// The partition's last row.
    UnboundedFollowing,
}
