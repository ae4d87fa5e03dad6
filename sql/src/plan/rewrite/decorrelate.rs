//! Subqueries in the conjuncts of a filter become joins: EXISTS and IN semi and anti joins, correlated scalar
//! aggregates left joins with a grouping (Neumann and Kemper, "Unnesting Arbitrary Queries", 2015, cover the
//! general case; here are the shapes that pay). Everything else stays a subquery that is run where it stands.
//!
//! `x NOT IN (SELECT y ..)` drops a row as soon as `x = y` is true or unknown for some row of the subquery, so it
//! is the anti join on `(x = y) IS NOT FALSE`; where neither side can be NULL, on `x = y`.

use super::super::columns::{
    ColumnSet, Replacements, add_used, expressions, free, inputs, inputs_mut, place, produced_set, used, walk,
};
use super::super::predicate::{
    converts_nothing, is_deterministic, join, may_raise, mirror_rule, split, types_of,
};
use super::{Rewriter, filtered, replace, touches};
use crate::ir::{
    AggregateCall, AggregateKind, ColumnId, CompareOp, Comparison, Expr, JoinKind, Output, Relation,
    SubqueryId, TableCall,
};
use crate::types::{Collation, TypeSet};
use crate::value::Value;

/// The pass.
pub(super) fn run(rewriter: &mut Rewriter<'_>, relation: Relation) -> Relation {
    // Counted while the relation is whole: a subquery that stands in two places, as after a substitution, must stay
    // one, and no part of the relation can tell.
    rewriter.count_uses(&relation);
    visit(rewriter, relation)
}

fn visit(rewriter: &mut Rewriter<'_>, mut relation: Relation) -> Relation {
    inputs_mut(&mut relation, &mut |input| {
        *input = visit(rewriter, std::mem::replace(input, Relation::OneRow));
    });
    let Relation::Filter { input, predicate } = relation else { return relation };
    let mut conjuncts = Vec::new();
    split(predicate, &mut conjuncts);
    let mut input = *input;
    let mut kept = Vec::new();
    // What is left of an earlier conjunct must not run after a join that it would have spared rows; a join drops
    // rows but raises nothing, so only the order of raising conjuncts among themselves matters, and they stay here.
    for conjunct in conjuncts {
        match rewriter.unnest(&conjunct, &input) {
            Some(Unnested::Join(kind, right, on)) => {
                input = Relation::Join { kind, left: Box::new(input), right: Box::new(right), on };
            }
            Some(Unnested::Grouped(right, on, rest)) => {
                let (left, right) = (Box::new(input), Box::new(right));
                input = Relation::Join { kind: JoinKind::Left, left, right, on };
                kept.push(rest);
            }
            None => kept.push(conjunct),
        }
    }
    filtered(input, kept)
}

/// A relation, the conditions taken out of it, and its outputs as expressions over it.
type Untied = (Relation, Vec<Expr>, Vec<(Output, Expr)>);

enum Unnested {
    /// The conjunct is a join.
    Join(JoinKind, Relation, Option<Expr>),
    /// A left join, and the conjunct over its columns.
    Grouped(Relation, Option<Expr>, Expr),
}

impl Rewriter<'_> {
    fn unnest(&mut self, conjunct: &Expr, left: &Relation) -> Option<Unnested> {
        let left_set = produced_set(left);
        match conjunct {
            Expr::Exists { query, negated } => {
                self.check_once(*query)?;
                let (right, on, _) = self.correlated_part(*query, &left_set)?;
                let kind = if *negated { JoinKind::Anti } else { JoinKind::Semi };
                self.take(*query);
                Some(Unnested::Join(kind, right, join(on)))
            }
            Expr::Not(inner) => match &**inner {
                Expr::Exists { query, negated } => {
                    self.unnest(&Expr::Exists { query: *query, negated: !negated }, left)
                }
                Expr::InSubquery { expr, query, rules, negated } => {
                    let turned = Expr::InSubquery {
                        expr: expr.clone(),
                        query: *query,
                        rules: rules.clone(),
                        negated: !negated,
                    };
                    self.unnest(&turned, left)
                }
                _ => None,
            },
            Expr::InSubquery { expr, query, rules, negated } => {
                self.unnest_in(expr, *query, rules, *negated, left, &left_set)
            }
            other => self.unnest_scalar(other, &left_set),
        }
    }

    /// The subquery has no other use, so it may be taken out of its place.
    fn check_once(&self, query: SubqueryId) -> Option<()> {
        (self.uses.get(place(query)) == Some(&1)).then_some(())
    }

    /// Forgets a subquery that has become part of a join.
    fn take(&mut self, query: SubqueryId) {
        self.subqueries[place(query)].query.relation = Relation::OneRow;
        self.outers[place(query)].clear();
    }

    /// A correlated subquery without what ties it to `left`: the relation, the conditions taken out of it, and its
    /// outputs as expressions. For uses that do not care for order and duplicates.
    fn correlated_part(&self, query: SubqueryId, left: &ColumnSet) -> Option<Untied> {
        if !self.outers.get(place(query))?.iter().any(|id| left.contains(id)) {
            return None;
        }
        let subquery = &self.subqueries[place(query)].query;
        let mut outputs: Vec<(Output, Expr)> =
            subquery.outputs.iter().map(|o| (o.clone(), Expr::Column(o.column, o.types))).collect();
        let mut relation = strip(subquery.relation.clone(), &mut outputs)?;
        let mut conditions = Vec::new();
        self.extract(&mut relation, left, &mut conditions);
        if conditions.is_empty() || free(&relation, &self.outers).meets(left) {
            return None;
        }
        let exprs = || conditions.iter().chain(outputs.iter().map(|(_, e)| e));
        if exprs().any(|e| !is_deterministic(e)) || !self.are_visible(exprs(), &relation) {
            return None;
        }
        Some((relation, conditions, outputs))
    }

    /// True if expressions use no column that is made inside the relation but not handed up by it.
    fn are_visible<'e>(&self, exprs: impl Iterator<Item = &'e Expr>, relation: &Relation) -> bool {
        let mut uses = ColumnSet::default();
        exprs.for_each(|e| add_used(e, &self.outers, &mut uses));
        let shown = produced_set(relation);
        let mut made = ColumnSet::default();
        add_made(relation, &mut made);
        uses.iter().all(|id| shown.contains(&id) || !made.contains(&id))
    }

    /// Takes conjuncts that use columns of `left` out of filters and inner joins.
    fn extract(&self, relation: &mut Relation, left: &ColumnSet, out: &mut Vec<Expr>) {
        match relation {
            Relation::Filter { input, predicate } => {
                let mut conjuncts = Vec::new();
                split(std::mem::replace(predicate, Expr::Parameter(0)), &mut conjuncts);
                let (tied, kept): (Vec<_>, Vec<_>) =
                    conjuncts.into_iter().partition(|e| touches(e, left, &self.outers));
                out.extend(tied);
                self.extract(input, left, out);
                let input = std::mem::replace(&mut **input, Relation::OneRow);
                *relation = filtered(input, kept);
            }
            Relation::Join { kind, left: l, right: r, on } => {
                if *kind == JoinKind::Inner {
                    let mut conjuncts = Vec::new();
                    on.take().into_iter().for_each(|on| split(on, &mut conjuncts));
                    let (tied, kept): (Vec<_>, Vec<_>) =
                        conjuncts.into_iter().partition(|e| touches(e, left, &self.outers));
                    out.extend(tied);
                    *on = join(kept);
                    self.extract(r, left, out);
                }
                if matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) {
                    self.extract(l, left, out);
                }
            }
            _ => {}
        }
    }

    fn unnest_in(
        &mut self,
        expr: &[Expr],
        query: SubqueryId,
        rules: &[Comparison],
        negated: bool,
        left: &Relation,
        left_set: &ColumnSet,
    ) -> Option<Unnested> {
        self.check_once(query)?;
        let usable = expr.iter().all(|e| is_deterministic(e) && !may_raise(e));
        // Looked for without a column of this query, the answer is one for all rows.
        if !usable || !expr.iter().any(|e| touches(e, left_set, &self.outers)) || (negated && expr.len() > 1)
        {
            return None;
        }
        let tied = self.outers.get(place(query))?.iter().any(|id| left_set.contains(id));
        let (right, mut on, values) = if tied {
            let (right, on, outputs) = self.correlated_part(query, left_set)?;
            (right, on, outputs.into_iter().map(|(_, e)| e).collect::<Vec<_>>())
        } else {
            let subquery = &self.subqueries[place(query)].query;
            let values = subquery.outputs.iter().map(|o| Expr::Column(o.column, o.types)).collect();
            let relation = match subquery.relation.clone() {
                Relation::Sort { input, .. } | Relation::Distinct { input, .. } => *input,
                other => other,
            };
            (relation, Vec::new(), values)
        };
        if let (false, [x], [rule], Relation::TableFunction(call)) = (negated, expr, rules, &right)
            && call.is_list()
            && !matches!(rule.collation, Collation::User(_))
        {
            let call = call.clone();
            self.take(query);
            return Some(in_list(call, x, *rule));
        }
        for ((a, b), rule) in expr.iter().zip(values).zip(rules) {
            let never_null = !may_be_null(a, left) && !may_be_null(&b, &right);
            let (left, right) = (Box::new(a.clone()), Box::new(b));
            let equal = Expr::Compare { op: CompareOp::Equal, left, right, rule: *rule };
            on.push(if negated && !never_null {
                Expr::IsTruth { expr: Box::new(equal), truth: false, negated: true }
            } else {
                equal
            });
        }
        self.take(query);
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        Some(Unnested::Join(kind, right, join(on)))
    }

    /// A conjunct around one correlated scalar aggregate without GROUP BY, tied by equalities alone.
    fn unnest_scalar(&mut self, conjunct: &Expr, left_set: &ColumnSet) -> Option<Unnested> {
        let mut found = None;
        walk(conjunct, &mut |e| {
            if let Expr::ScalarSubquery { query, column, .. } = e
                && self.outers.get(place(*query)).is_some_and(|o| o.iter().any(|id| left_set.contains(id)))
            {
                found.get_or_insert((*query, *column));
            }
        });
        let (query, column) = found?;
        self.check_once(query)?;
        let subquery = &self.subqueries[place(query)].query;
        let output = subquery.outputs.get(column)?;
        let mut value = vec![(output.clone(), Expr::Column(output.column, output.types))];
        let relation = strip(subquery.relation.clone(), &mut value)?;
        let (_, mut value) = value.pop()?;
        let Relation::Aggregate { mut input, groups, calls, bare, .. } = relation else { return None };
        if !groups.is_empty() || !bare.is_empty() || !calls.iter().all(|(_, call)| is_safe(call)) {
            return None;
        }
        if may_raise(&value) || touches(&value, left_set, &self.outers) || raises_inside(&input) {
            return None;
        }
        let mut conditions = Vec::new();
        self.extract(&mut input, left_set, &mut conditions);
        let inner_set = produced_set(&input);
        let free_of_left = !free(&input, &self.outers).meets(left_set)
            && !calls.iter().any(|(_, call)| {
                call.args.iter().chain(&call.filter).any(|e| touches(e, left_set, &self.outers))
            });
        if conditions.is_empty() || !free_of_left {
            return None;
        }
        let mut sides = Vec::new();
        for condition in conditions {
            sides.push(self.tie(condition, &inner_set)?);
        }
        let (mut groups, mut on) = (Vec::new(), Vec::new());
        for (inner, outer, rule) in sides {
            let id = self.fresh_column();
            let types = types_of(&inner);
            groups.push((id, inner, rule.collation));
            let (left, right) = (Box::new(outer), Box::new(Expr::Column(id, types)));
            on.push(Expr::Compare { op: CompareOp::Equal, left, right, rule: mirror_rule(rule) });
        }
        // Where no row belongs to an outer row, counts are 0 and everything else is NULL, as after a left join.
        let empty: Replacements =
            calls.iter().filter_map(|(id, call)| Some((*id, value_of_none(*id, call)?))).collect();
        replace(&mut value, &empty);
        let mut rest = conjunct.clone();
        replace_scalar(&mut rest, query, &value);
        self.take(query);
        let grouped = Relation::Aggregate { input, groups, calls, bare: Vec::new(), bare_from: None };
        Some(Unnested::Grouped(grouped, join(on), rest))
    }

    /// `inner = outer` as its two sides, if grouping by the inner side gives the same classes as the comparison.
    fn tie(&self, condition: Expr, inner_set: &ColumnSet) -> Option<(Expr, Expr, Comparison)> {
        let Expr::Compare { op: CompareOp::Equal, left, right, rule } = condition else { return None };
        let is_inner = |e: &Expr| {
            let uses = used(e, &self.outers);
            !uses.is_empty() && inner_set.covers(&uses)
        };
        let is_outer = |e: &Expr| !touches(e, inner_set, &self.outers);
        let (inner, outer, rule) = if is_inner(&left) && is_outer(&right) {
            (*left, *right, rule)
        } else if is_inner(&right) && is_outer(&left) {
            (*right, *left, mirror_rule(rule))
        } else {
            return None;
        };
        let same_classes = converts_nothing(rule.left, types_of(&inner)) && is_deterministic(&inner);
        (same_classes && !may_raise(&inner)).then_some((inner, outer, rule))
    }
}

/// `x IN ?`: a join with the values of the list, each once. So a search can begin with the list and look into an index
/// for each of its values. They are converted before equal ones are dropped, since `1` and `'1'` are one value of an
/// INTEGER column.
fn in_list(mut call: TableCall, x: &Expr, rule: Comparison) -> Unnested {
    call.convert_list(rule.right, rule.collation);
    let value = call.columns.first().map(|column| Expr::Column(*column, TypeSet::ALL));
    let on = value.map(|value| {
        let (left, right) = (Box::new(x.clone()), Box::new(value));
        Expr::Compare { op: CompareOp::Equal, left, right, rule }
    });
    Unnested::Join(JoinKind::Inner, Relation::TableFunction(call), on)
}

/// A subquery's relation without projections, orders and duplicates' removal on top of it, which do not change
/// whether a row is there or which values are; `outputs` follow.
fn strip(relation: Relation, outputs: &mut [(Output, Expr)]) -> Option<Relation> {
    match relation {
        Relation::Project { input, columns } => {
            let map: Replacements = columns.into_iter().collect();
            outputs.iter_mut().for_each(|(_, e)| replace(e, &map));
            strip(*input, outputs)
        }
        Relation::Sort { input, .. } | Relation::Distinct { input, .. } => strip(*input, outputs),
        Relation::Limit { .. } => None,
        other => Some(other),
    }
}

fn add_made(relation: &Relation, made: &mut ColumnSet) {
    super::super::columns::add_produced(relation, made);
    inputs(relation, &mut |input| add_made(input, made));
}

/// True if some expression below can raise: grouping evaluates it for rows that no outer row asks for.
fn raises_inside(relation: &Relation) -> bool {
    let mut raises = false;
    expressions(relation, &mut |e| raises |= may_raise(e));
    inputs(relation, &mut |input| raises |= raises_inside(input));
    raises
}

/// True if the aggregate cannot raise and its value for no rows is known.
fn is_safe(call: &AggregateCall) -> bool {
    let exact = || call.args.iter().all(|e| !types_of(e).intersects(TypeSet::INTEGER | TypeSet::DECIMAL));
    let known = match call.function.0.kind {
        // The sum of integers raises on overflow.
        AggregateKind::Sum => exact(),
        AggregateKind::Other => false,
        _ => true,
    };
    known && !call.args.iter().chain(&call.filter).any(may_raise)
}

/// What stands for an aggregate's column after the left join, where that is not the column itself.
fn value_of_none(id: ColumnId, call: &AggregateCall) -> Option<Expr> {
    let (none, types) = match call.function.0.kind {
        AggregateKind::CountRows | AggregateKind::Count => (Value::Integer(0), TypeSet::INTEGER),
        AggregateKind::Total => (Value::Real(0.0), TypeSet::REAL),
        _ => return None,
    };
    Some(Expr::Coalesce(vec![Expr::Column(id, types | TypeSet::NULL), Expr::Constant(none)]))
}

fn replace_scalar(expr: &mut Expr, wanted: SubqueryId, value: &Expr) {
    if matches!(expr, Expr::ScalarSubquery { query, .. } if *query == wanted) {
        *expr = value.clone();
        return;
    }
    crate::ir::children_mut(expr, &mut |child| replace_scalar(child, wanted, value));
}

/// True unless the expression is a column that is declared NOT NULL and that no outer join makes NULL.
fn may_be_null(expr: &Expr, relation: &Relation) -> bool {
    let Expr::Column(id, _) = expr else { return true };
    !is_never_null(*id, relation)
}

fn is_never_null(id: ColumnId, relation: &Relation) -> bool {
    match relation {
        Relation::Table(rows) => {
            rows.row_id == id
                || rows.columns.iter().position(|column| *column == id).is_some_and(|at| {
                    rows.table.row_id_column == Some(at)
                        || rows.table.columns.get(at).is_some_and(|column| column.not_null.is_some())
                })
        }
        Relation::Filter { input, .. }
        | Relation::Sort { input, .. }
        | Relation::Limit { input, .. }
        | Relation::Distinct { input, .. } => is_never_null(id, input),
        Relation::Project { input, columns } => columns.iter().any(|(column, expr)| {
            *column == id && matches!(expr, Expr::Column(from, _) if is_never_null(*from, input))
        }),
        Relation::Join { kind, left, right, .. } => match kind {
            JoinKind::Inner => is_never_null(id, left) || is_never_null(id, right),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => is_never_null(id, left),
            JoinKind::Right => is_never_null(id, right),
            JoinKind::Full => false,
        },
        _ => false,
    }
}
