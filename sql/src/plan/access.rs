//! Ways into one table: the whole of it, row ids, or an index, with the ranges that the conjuncts at hand allow.
//!
//! A conjunct may narrow a key only if its comparison orders values as the key does: the same collation, and no
//! conversion on the key's side. What a range fully guarantees need not be checked again.

use super::columns::{ColumnSet, place, subquery_of, walk};
use super::cost;
use super::order::PathOrder;
use super::physical::{IndexRange, RowIdRange};
use super::predicate::{
    converts_nothing, halves, is_deterministic, mirror, mirror_rule, rejects_null, same, types_of, weight,
};
use super::stats::PlanContext;
use crate::catalog::{IndexColumn, IndexKey};
use crate::error::{Error, Result};
use crate::ir::{BoundIndex, ColumnId, CompareOp, Comparison, Expr, IndexHint, MatchKind, TableRows};
use crate::types::{Affinity, Collation, TypeSet};
use crate::value::Value;
use std::sync::Arc;

/// More ranges than this are not worth building; the conjunct stays a filter.
const RANGES_MAX: usize = 2000;

/// How a table is entered.
#[derive(Clone, Debug)]
pub(super) enum Method {
    /// The table itself.
    Rows(RowIdRange),
    /// An index, by its place among the table's bound indexes.
    Index {
        /// Which.
        at: usize,
        /// The entries.
        ranges: Vec<IndexRange>,
        /// True if the table itself is not needed.
        covering: bool,
    },
}

/// One way into a table.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// How.
    pub(super) method: Method,
    /// Rows that it visits.
    pub(super) rows: f64,
    /// What visiting them costs, the conjuncts that are left included.
    pub(super) cost: f64,
    /// The conjuncts that hold for every row visited.
    pub(super) guaranteed: Vec<usize>,
    /// The order of the rows.
    pub(super) order: PathOrder,
    /// True if it seeks: some conjunct narrows it.
    pub(super) seeks: bool,
}

/// Values that one conjunct leaves a key: each piece one value or one range.
struct Term {
    conjunct: usize,
    pieces: Vec<Piece>,
    /// False if the conjunct must be checked all the same.
    exact: bool,
}

#[derive(Clone, Default)]
struct Piece {
    equal: Option<(Expr, bool)>,
    lower: Option<(Expr, bool)>,
    upper: Option<(Expr, bool)>,
}

/// What is looked for in conjuncts: a row id or one column of an index.
struct Key<'a> {
    exprs: &'a [Expr],
    types: TypeSet,
    /// `None` for a row id, whose order knows no texts.
    collation: Option<Collation>,
    /// The affinity by which the executor converts bounds; `None` converts nothing.
    affinity: Affinity,
}

/// The chooser of paths for one table and some conjuncts.
pub(super) struct Access<'a> {
    table: &'a TableRows,
    conjuncts: &'a [Expr],
    needed: &'a ColumnSet,
    cx: &'a PlanContext<'a>,
    outers: &'a [Vec<ColumnId>],
    own: ColumnSet,
    rows: f64,
    /// What checking each conjunct costs, and the columns of the table that it uses.
    checks: Vec<(f64, Vec<ColumnId>)>,
}

impl<'a> Access<'a> {
    pub(super) fn new(
        table: &'a TableRows,
        conjuncts: &'a [Expr],
        needed: &'a ColumnSet,
        cx: &'a PlanContext<'a>,
        outers: &'a [Vec<ColumnId>],
    ) -> Access<'a> {
        let own: ColumnSet = table.columns.iter().copied().chain([table.row_id]).collect();
        let rows = cx.statistics.rows(&table.table).max(1.0);
        let check = |conjunct: &Expr| (weight(conjunct), own_columns(conjunct, &own, outers));
        let checks = conjuncts.iter().map(check).collect();
        Access { table, conjuncts, needed, cx, outers, own, rows, checks }
    }

    /// Every way in that the table's hint allows.
    ///
    /// # Errors
    /// An INDEXED BY that names an index which cannot answer.
    pub(super) fn paths(&self) -> Result<Vec<Path>> {
        if let IndexHint::IndexedBy(index) = &self.table.hint {
            let at = self.table.bound_indexes.iter().position(|bound| Arc::ptr_eq(&bound.index, index));
            return match at.and_then(|at| self.index(at)) {
                Some(path) => Ok(vec![path]),
                None => Err(Error::invalid(
                    format!(
                        "index {} cannot be used here: its WHERE does not follow from the query's",
                        index.name
                    ),
                    None,
                )),
            };
        }
        let mut paths = Vec::new();
        if self.table.table.has_row_id() {
            paths.push(self.whole());
            paths.extend(self.row_ids());
        } else {
            // Its key is the only way to all of a clustered table's rows.
            let mut indexes = self.table.bound_indexes.iter();
            let primary = indexes.position(|bound| self.table.table.is_clustered_by(&bound.index));
            paths.extend(primary.and_then(|at| self.index(at)));
        }
        if !matches!(self.table.hint, IndexHint::NotIndexed) && !self.cx.choices.without_indexes {
            let others = self.table.bound_indexes.iter().enumerate();
            let others = others.filter(|(_, bound)| !self.table.table.is_clustered_by(&bound.index));
            paths.extend(others.filter_map(|(at, _)| self.index(at)));
        }
        Ok(paths)
    }

    /// The cheapest way in.
    pub(super) fn best(&self) -> Result<Path> {
        let mut best: Option<Path> = None;
        for path in self.paths()? {
            if best.as_ref().is_none_or(|b| path.cost < b.cost) {
                best = Some(path);
            }
        }
        Ok(best.unwrap_or_else(|| self.whole()))
    }

    fn whole(&self) -> Path {
        self.finish(
            Method::Rows(RowIdRange::All),
            self.rows,
            self.rows * cost::table_row(&self.table.table),
            Vec::new(),
            PathOrder::row_id(self.row_id_exprs()),
            false,
        )
    }

    fn row_id_exprs(&self) -> Vec<Expr> {
        let mut exprs = vec![Expr::Column(self.table.row_id, TypeSet::INTEGER)];
        let column = self.table.table.row_id_column.and_then(|at| self.table.columns.get(at));
        exprs.extend(column.map(|id| Expr::Column(*id, TypeSet::INTEGER)));
        exprs
    }

    fn row_ids(&self) -> Option<Path> {
        let exprs = self.row_id_exprs();
        let key =
            Key { exprs: &exprs, types: TypeSet::INTEGER, collation: None, affinity: Affinity::Integer };
        let terms = self.terms(&key);
        let row = cost::table_row(&self.table.table);
        if let Some(term) = fewest_equal(&terms) {
            let values: Vec<Expr> =
                term.pieces.iter().filter_map(|p| p.equal.as_ref().map(|(e, _)| e.clone())).collect();
            let count = values.len() as f64;
            let mut order = PathOrder::row_id(exprs.clone());
            order.single = values.len() == 1;
            let guaranteed = if term.exact { vec![term.conjunct] } else { Vec::new() };
            let method = Method::Rows(RowIdRange::OneOf(values));
            return Some(self.finish(
                method,
                count.min(self.rows),
                count * (cost::SEEK + row),
                guaranteed,
                order,
                true,
            ));
        }
        let (lower, upper, guaranteed) = bounds(&terms);
        if lower.is_none() && upper.is_none() {
            return None;
        }
        let rows = (self.rows * range_fraction(lower.is_some(), upper.is_some())).max(1.0);
        let order = PathOrder::row_id(exprs.clone());
        Some(self.finish(
            Method::Rows(RowIdRange::Between(lower, upper)),
            rows,
            cost::SEEK + rows * row,
            guaranteed,
            order,
            true,
        ))
    }

    fn index(&self, at: usize) -> Option<Path> {
        let bound = self.table.bound_indexes.get(at)?;
        if let Some(filter) = &bound.filter
            && !self.implies(filter)
        {
            return None;
        }
        let entries =
            self.rows * bound.filter.as_ref().map_or(1.0, |filter| cost::selectivity(filter).max(0.01));
        let mut ranges = vec![IndexRange::default()];
        // What the index's own predicate says need not be asked again.
        let mut parts = Vec::new();
        bound.filter.iter().for_each(|filter| super::predicate::split(filter.clone(), &mut parts));
        let mut guaranteed: Vec<usize> =
            (0..self.conjuncts.len()).filter(|place| parts.contains(&self.conjuncts[*place])).collect();
        let mut order = PathOrder::default();
        let mut prefix = 0;
        let mut never_null = vec![false; bound.columns.len()];
        for (place, expr) in bound.columns.iter().enumerate() {
            let exprs = std::slice::from_ref(expr);
            let terms = self.terms(&self.key(bound, place, exprs));
            let Some(term) = fewest_equal(&terms).filter(|t| t.pieces.len() * ranges.len() <= RANGES_MAX)
            else {
                let guarantees = self.narrow(&terms, &mut ranges);
                if let Some(known) = guarantees {
                    never_null[place] = true;
                    guaranteed.extend(known);
                }
                break;
            };
            ranges = extend_equal(&ranges, &term.pieces);
            if term.pieces.len() == 1 {
                order.constants.push((expr.clone(), self.collation(bound, place)));
            }
            if term.exact {
                guaranteed.push(term.conjunct);
            }
            never_null[place] = term.pieces.iter().all(|p| p.equal.as_ref().is_some_and(|(_, safe)| !safe));
            prefix = place + 1;
        }
        let bounded = ranges.iter().any(|r| r.lower.is_some() || r.upper.is_some());
        let seeks = prefix > 0 || bounded;
        let whole_key = prefix == bound.columns.len() && bound.index.unique && never_null.iter().all(|n| *n);
        self.set_order(&mut order, bound, prefix, &ranges, &never_null, whole_key);
        let each = if whole_key { 1.0 } else { self.rows_per_range(bound, prefix, entries, &ranges) };
        let rows = (each * ranges.len() as f64).min(entries).max(0.1);
        let is_rows = self.table.table.is_clustered_by(&bound.index);
        let covering = is_rows || self.covers(bound, &guaranteed);
        let per_row = match (is_rows, covering) {
            (true, _) => cost::clustered_row(&self.table.table),
            (false, true) => cost::index_entry(bound.columns.len() + bound.index.tail.len()),
            (false, false) => cost::index_entry(bound.columns.len() + bound.index.tail.len()) + cost::FETCH,
        };
        let price = cost::SEEK * ranges.len() as f64 + rows * per_row;
        Some(self.finish(Method::Index { at, ranges, covering }, rows, price, guaranteed, order, seeks))
    }

    fn collation(&self, bound: &BoundIndex, place: usize) -> Collation {
        bound.index.columns.get(place).map_or(Collation::Binary, |column| column.collation)
    }

    fn key<'k>(&self, bound: &BoundIndex, place: usize, exprs: &'k [Expr]) -> Key<'k> {
        let column = match exprs {
            [Expr::Column(id, _)] => self.table.columns.iter().position(|c| c == id),
            _ => None,
        };
        let affinity = column
            .and_then(|at| self.table.table.columns.get(at))
            .map_or(Affinity::None, |column| column.column_type.affinity());
        let types = exprs.first().map_or(TypeSet::ALL, types_of);
        Key { exprs, types, collation: Some(self.collation(bound, place)), affinity }
    }

    /// Narrows the last open column of every range; gives the conjuncts that hold afterwards.
    fn narrow(&self, terms: &[Term], ranges: &mut Vec<IndexRange>) -> Option<Vec<usize>> {
        let (lower, upper, guaranteed) = bounds(terms);
        if lower.is_some() || upper.is_some() {
            for range in ranges.iter_mut() {
                range.lower.clone_from(&lower);
                range.upper.clone_from(&upper);
            }
            return Some(guaranteed);
        }
        // An OR of values and ranges.
        let term =
            terms.iter().find(|t| t.pieces.len() > 1 && t.pieces.len() * ranges.len() <= RANGES_MAX)?;
        let mut next = Vec::with_capacity(ranges.len() * term.pieces.len());
        for range in ranges.iter() {
            for piece in &term.pieces {
                let mut range = range.clone();
                match &piece.equal {
                    Some((value, safe)) => {
                        range.equal.push(value.clone());
                        range.null_safe.push(*safe);
                    }
                    None => {
                        range.lower.clone_from(&piece.lower);
                        range.upper.clone_from(&piece.upper);
                    }
                }
                next.push(range);
            }
        }
        *ranges = next;
        Some(if term.exact { vec![term.conjunct] } else { Vec::new() })
    }

    fn rows_per_range(&self, bound: &BoundIndex, prefix: usize, entries: f64, ranges: &[IndexRange]) -> f64 {
        let base = if prefix == 0 {
            entries
        } else {
            self.cx.statistics.distinct(&bound.index, prefix).min(entries)
        };
        let Some(range) = ranges.first() else { return base };
        if prefix == 0 && (range.lower.is_some() || range.upper.is_some()) {
            let known = |bound: &Option<(Expr, bool)>| match bound {
                None => Some(None),
                Some((Expr::Constant(value), _)) => Some(Some(value.clone())),
                Some(_) => None,
            };
            if let (Some(lower), Some(upper)) = (known(&range.lower), known(&range.upper))
                && let Some(rows) =
                    self.cx.statistics.range_rows(&bound.index, lower.as_ref(), upper.as_ref())
            {
                return rows.min(entries).max(1.0);
            }
        }
        if range.equal.len() > prefix {
            return self.cx.statistics.distinct(&bound.index, prefix + 1).min(base);
        }
        (base * range_fraction(range.lower.is_some(), range.upper.is_some())).max(base.min(1.0))
    }

    fn set_order(
        &self,
        order: &mut PathOrder,
        bound: &BoundIndex,
        prefix: usize,
        ranges: &[IndexRange],
        never_null: &[bool],
        whole_key: bool,
    ) {
        order.single = whole_key && ranges.len() == 1;
        let first = if ranges.len() == 1 { prefix } else { 0 };
        let tail = self.tail_of(bound);
        for (place, expr) in bound.columns.iter().chain(&tail).enumerate().skip(first) {
            let column = match expr {
                Expr::Column(id, _) => self.table.columns.iter().position(|c| c == id),
                _ => None,
            };
            let not_null = never_null.get(place).copied().unwrap_or(false)
                || column.is_some_and(|at| {
                    self.table.table.row_id_column == Some(at)
                        || self.table.table.columns.get(at).is_some_and(|c| c.not_null.is_some())
                });
            let behind = place.checked_sub(bound.index.columns.len());
            let column = bound.index.columns.get(place).or_else(|| bound.index.tail.get(behind?));
            order.push(
                expr.clone(),
                column.map_or(Collation::Binary, |column| column.collation),
                column.is_some_and(|column| column.descending),
                not_null,
            );
        }
        if self.table.table.has_row_id() {
            order.end_with_row_id(self.row_id_exprs());
        }
    }

    /// The columns of a clustered table's key behind those of an index.
    fn tail_of(&self, bound: &BoundIndex) -> Vec<Expr> {
        let expr = |column: &IndexColumn| match column.key {
            IndexKey::Column(place) => {
                let id = self.table.columns.get(place)?;
                Some(Expr::Column(*id, self.table.table.columns.get(place)?.column_type.type_set()))
            }
            IndexKey::Expression(_) => None,
        };
        bound.index.tail.iter().filter_map(expr).collect()
    }

    /// True if an index alone can give what is needed, the conjuncts that it does not guarantee included.
    fn covers(&self, bound: &BoundIndex, guaranteed: &[usize]) -> bool {
        let row_id = if self.table.table.has_row_id() { self.row_id_exprs() } else { self.tail_of(bound) };
        let gives = |id: &ColumnId| {
            bound.columns.iter().chain(&row_id).any(|e| matches!(e, Expr::Column(column, _) if column == id))
        };
        let checked = self.checks.iter().enumerate().filter(|(place, _)| !guaranteed.contains(place));
        self.needed.iter().filter(|id| self.own.contains(id)).all(|id| gives(&id))
            && checked.flat_map(|(_, (_, columns))| columns).all(gives)
    }

    /// True if every row that meets the conjuncts meets the predicate of a partial index.
    fn implies(&self, filter: &Expr) -> bool {
        let mut parts = Vec::new();
        super::predicate::split(filter.clone(), &mut parts);
        parts.iter().all(|part| {
            self.conjuncts.contains(part)
                || matches!(part, Expr::IsNull { expr, negated: true } if match &**expr {
                    Expr::Column(id, _) => {
                        let column = ColumnSet::from_iter([*id]);
                        self.conjuncts.iter().any(|c| rejects_null(c, &column))
                    }
                    _ => false,
                })
        })
    }

    fn finish(
        &self,
        method: Method,
        rows: f64,
        base_cost: f64,
        guaranteed: Vec<usize>,
        order: PathOrder,
        seeks: bool,
    ) -> Path {
        let checked = self.checks.iter().enumerate().filter(|(place, _)| !guaranteed.contains(place));
        let checks: f64 = checked.map(|(_, (weight, _))| weight).sum();
        Path { method, rows, cost: base_cost + rows * checks * cost::OPERATOR, guaranteed, order, seeks }
    }

    fn terms(&self, key: &Key<'_>) -> Vec<Term> {
        self.conjuncts
            .iter()
            .enumerate()
            .filter_map(|(conjunct, expr)| {
                let (pieces, exact) = self.pieces(expr, key)?;
                Some(Term { conjunct, pieces, exact })
            })
            .collect()
    }

    /// The values that an expression leaves a key, and whether that is all it says.
    fn pieces(&self, expr: &Expr, key: &Key<'_>) -> Option<(Vec<Piece>, bool)> {
        match expr {
            Expr::Compare { op, left, right, rule } => {
                let piece = if is_key(left, key) { self.comparison(*op, right, *rule, key) } else { None };
                let piece = piece.or_else(|| {
                    is_key(right, key).then(|| self.comparison(mirror(*op), left, mirror_rule(*rule), key))?
                })?;
                Some((vec![piece], true))
            }
            Expr::IsNull { expr, negated: false } if is_key(expr, key) && key.collation.is_some() => {
                let equal = Some((Expr::Constant(Value::Null), true));
                Some((vec![Piece { equal, ..Piece::default() }], true))
            }
            Expr::InList { expr, list, rules, negated: false } => {
                let ([operand], [rule]) = (expr.as_slice(), rules.as_slice()) else { return None };
                if !is_key(operand, key) || list.len() > RANGES_MAX {
                    return None;
                }
                let pieces: Option<Vec<Piece>> = list
                    .iter()
                    .map(|row| match row.as_slice() {
                        [value] => self.comparison(CompareOp::Equal, value, *rule, key),
                        _ => None,
                    })
                    .collect();
                Some((pieces?, true))
            }
            Expr::Match { kind: MatchKind::Glob, expr, pattern, escape: None }
                if is_key(expr, key) && key.collation == Some(Collation::Binary) =>
            {
                let Expr::Constant(Value::Text(pattern)) = &**pattern else { return None };
                let only_text = TypeSet::TEXT | TypeSet::NULL;
                if !only_text.contains(key.types) {
                    return None;
                }
                glob_prefix(pattern).map(|piece| (vec![piece], false))
            }
            Expr::Or(branches) => {
                let (mut pieces, mut exact) = (Vec::new(), true);
                for branch in branches {
                    let (mut more, same) = self.pieces(branch, key)?;
                    pieces.append(&mut more);
                    exact &= same;
                }
                (pieces.len() <= RANGES_MAX).then_some((pieces, exact))
            }
            Expr::And(parts) => self.pieces_of_all(parts, key),
            Expr::Between { .. } => self.pieces_of_all(&halves(expr)?, key),
            _ => None,
        }
    }

    /// As [`Self::pieces`] for an AND inside an OR: one value, or the first of the bounds on each side.
    fn pieces_of_all(&self, parts: &[Expr], key: &Key<'_>) -> Option<(Vec<Piece>, bool)> {
        let mut all = Piece::default();
        let mut exact = true;
        for part in parts {
            match self.pieces(part, key) {
                Some((pieces, same)) if pieces.len() == 1 && all.equal.is_none() => {
                    let piece = pieces.into_iter().next()?;
                    let clash = (piece.lower.is_some() && all.lower.is_some())
                        || (piece.upper.is_some() && all.upper.is_some())
                        || (piece.equal.is_some() && (all.lower.is_some() || all.upper.is_some()));
                    if clash && piece.equal.is_none() {
                        exact = false;
                    } else if piece.equal.is_some() {
                        exact &= !clash;
                        all = piece;
                    } else {
                        all.lower = all.lower.or(piece.lower);
                        all.upper = all.upper.or(piece.upper);
                    }
                    exact &= same;
                }
                _ => exact = false,
            }
        }
        let found = all.equal.is_some() || all.lower.is_some() || all.upper.is_some();
        found.then(|| (vec![all], exact))
    }

    fn comparison(&self, op: CompareOp, value: &Expr, rule: Comparison, key: &Key<'_>) -> Option<Piece> {
        let value_types = types_of(value);
        let collates = match key.collation {
            None => true,
            Some(collation) => collation == rule.collation || !key.types.intersects(TypeSet::TEXT),
        };
        let alike = (rule.right.is_numeric() && key.affinity.is_numeric())
            || (rule.right == Affinity::Text && key.affinity == Affinity::Text);
        if !collates
            || !converts_nothing(rule.left, key.types)
            || !(alike
                || converts_nothing(rule.right, value_types) && converts_nothing(key.affinity, value_types)
                || rule.right == Affinity::None && key.affinity == Affinity::None)
            || !is_deterministic(value)
            || !own_columns(value, &self.own, self.outers).is_empty()
        {
            return None;
        }
        let value = value.clone();
        Some(match op {
            CompareOp::Equal => Piece { equal: Some((value, false)), ..Piece::default() },
            CompareOp::Is if key.collation.is_some() => {
                Piece { equal: Some((value, true)), ..Piece::default() }
            }
            CompareOp::Is => Piece { equal: Some((value, false)), ..Piece::default() },
            CompareOp::Less => Piece { upper: Some((value, false)), ..Piece::default() },
            CompareOp::LessOrEqual => Piece { upper: Some((value, true)), ..Piece::default() },
            CompareOp::Greater => Piece { lower: Some((value, false)), ..Piece::default() },
            CompareOp::GreaterOrEqual => Piece { lower: Some((value, true)), ..Piece::default() },
            CompareOp::NotEqual | CompareOp::IsNot => return None,
        })
    }
}

/// The columns of a table that an expression uses.
fn own_columns(expr: &Expr, own: &ColumnSet, outers: &[Vec<ColumnId>]) -> Vec<ColumnId> {
    let mut found = Vec::new();
    walk(expr, &mut |e| {
        if let Expr::Column(id, _) = e {
            found.push(*id);
        } else if let Some(outer) = subquery_of(e).and_then(|query| outers.get(place(query))) {
            found.extend(outer);
        }
    });
    found.retain(|id| own.contains(id));
    found.sort_unstable();
    found.dedup();
    found
}

fn is_key(expr: &Expr, key: &Key<'_>) -> bool {
    key.exprs.iter().any(|k| same(k, expr))
}

/// The term with the fewest values among those that leave single values only.
fn fewest_equal(terms: &[Term]) -> Option<&Term> {
    terms.iter().filter(|t| t.pieces.iter().all(|p| p.equal.is_some())).min_by_key(|t| t.pieces.len())
}

type Bound = Option<(Expr, bool)>;

/// The first lower and the first upper bound of terms that are one range, and the conjuncts that these guarantee.
fn bounds(terms: &[Term]) -> (Bound, Bound, Vec<usize>) {
    let (mut lower, mut upper, mut guaranteed) = (None, None, Vec::new());
    for term in terms {
        let [Piece { equal: None, lower: l, upper: u }] = term.pieces.as_slice() else { continue };
        let fits = (l.is_none() || lower.is_none()) && (u.is_none() || upper.is_none());
        if !fits {
            continue;
        }
        lower = lower.or_else(|| l.clone());
        upper = upper.or_else(|| u.clone());
        if term.exact {
            guaranteed.push(term.conjunct);
        }
    }
    (lower, upper, guaranteed)
}

fn range_fraction(lower: bool, upper: bool) -> f64 {
    match (lower, upper) {
        (true, true) => 0.1,
        (false, false) => 1.0,
        _ => 0.3,
    }
}

fn extend_equal(ranges: &[IndexRange], pieces: &[Piece]) -> Vec<IndexRange> {
    let mut next = Vec::with_capacity(ranges.len() * pieces.len());
    for range in ranges {
        for (value, safe) in pieces.iter().filter_map(|p| p.equal.as_ref()) {
            let mut range = range.clone();
            range.equal.push(value.clone());
            range.null_safe.push(*safe);
            next.push(range);
        }
    }
    next
}

/// Texts that begin as a GLOB pattern does before its first wildcard: from the prefix itself to the prefix with its
/// last character raised.
fn glob_prefix(pattern: &str) -> Option<Piece> {
    let prefix = pattern.split(['*', '?', '[']).next().filter(|p| !p.is_empty())?;
    let mut upper: Vec<char> = prefix.chars().collect();
    let last = upper.pop()?;
    let raised = char::from_u32(u32::from(last) + 1)?;
    upper.push(raised);
    let upper: String = upper.into_iter().collect();
    Some(Piece {
        equal: None,
        lower: Some((Expr::Constant(Value::text(prefix)), true)),
        upper: Some((Expr::Constant(Value::text(upper)), false)),
    })
}
