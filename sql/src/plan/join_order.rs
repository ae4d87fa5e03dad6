//! The order and the methods of a region of joins: inner joins and, hanging on them, left, semi and anti joins.
//!
//! A region is flattened into leaves and conditions. Inner leaves may come in any order; a leaf of another kind
//! comes once all the columns of its condition are there, and its condition is applied by its own join alone. Up to
//! [`DYNAMIC_MAX`] leaves every connected subset gets its cheapest plan by dynamic programming (Selinger et al.,
//! 1979, with single leaves added on either side); beyond, the cheapest next leaf is taken each time.

use super::access::Access;
use super::choices::{JoinMethod, UNWANTED};
use super::columns::{ColumnSet, add_used, free, produced_set, used};
use super::conjuncts::{equality, in_cheap_order, peel};
use super::cost;
use super::join_leaves::{Leaves, bits_of, calls_function, flatten};
use super::nodes::{filter, node, node_free};
use super::order::Want;
use super::physical::{Node, Operator};
use super::planner::Planner;
use super::predicate::{join, moves_over_joins};
use crate::error::Result;
use crate::ir::{ColumnId, Comparison, Expr, JoinKind, Relation, TableRows};
use rustc_hash::FxHashMap;

/// Leaves up to which all connected subsets are tried.
const DYNAMIC_MAX: usize = 10;
/// Leaves of one region: beyond, joins below stay as they are written. Sets of leaves are bits of a `u128`.
const LEAVES_MAX: usize = 120;

struct Leaf<'r> {
    kind: JoinKind,
    columns: ColumnSet,
    /// Leaves that must be joined before: those that the condition of a leaf that is not inner uses.
    requires: Leaves,
    /// Leaves that some condition connects with this one.
    neighbours: Leaves,
    /// Leaves whose columns the arguments of a function in this one are: it is run anew for each row of them.
    needs: Leaves,
    /// The base table, and the conjuncts over it alone.
    table: Option<(&'r TableRows, Vec<Expr>)>,
    /// Its plan by itself.
    node: Node,
}

struct Condition {
    expr: Expr,
    leaves: Leaves,
    /// The leaf whose join applies it, where that is not an inner one.
    owner: Option<usize>,
    selectivity: f64,
}

/// How a set of leaves is joined: the last step and what was there before.
#[derive(Clone, Copy)]
struct Step {
    cost: f64,
    rows: f64,
    leaf: usize,
    before: Leaves,
    method: JoinMethod,
}

struct Region<'r> {
    leaves: Vec<Leaf<'r>>,
    conditions: Vec<Condition>,
    lookups: FxHashMap<(usize, Leaves), Option<f64>>,
}

impl Planner<'_> {
    /// Plans a region of joins under `conjuncts`; with `want`, so that the rows come in that order, if they can.
    pub(super) fn region(
        &mut self,
        relation: &Relation,
        conjuncts: Vec<Expr>,
        needed: &ColumnSet,
        want: Option<Want<'_>>,
    ) -> Result<Option<Node>> {
        let mut parts = Vec::new();
        let mut loose: Vec<(Expr, Option<usize>)> = Vec::new();
        flatten(relation, &mut parts, &mut loose, &mut (LEAVES_MAX - 1));
        loose.extend(conjuncts.into_iter().map(|e| (e, None)));
        // What looks at no leaf, or may not be asked of rows that the joins leave out, is checked at the end.
        let sets: Vec<ColumnSet> = parts.iter().map(|(relation, _)| produced_set(relation)).collect();
        let mut local: Vec<Vec<Expr>> = parts.iter().map(|_| Vec::new()).collect();
        let mut conditions = Vec::new();
        let mut last = Vec::new();
        for (expr, owner) in loose {
            let uses = used(&expr, &self.outers);
            let mut leaves = bits_of(&uses, &sets);
            if let Some(owner) = owner {
                leaves |= 1 << owner;
            }
            let single = leaves.count_ones() == 1;
            let leaf = leaves.trailing_zeros() as usize;
            if owner.is_none() && (leaves == 0 || !moves_over_joins(&expr, &self.outers)) {
                last.push(expr);
            } else if single && owner.is_none() && parts[leaf].1 == JoinKind::Inner {
                local[leaf].push(expr);
            } else {
                let selectivity = cost::selectivity(&expr);
                conditions.push(Condition { expr, leaves, owner, selectivity });
            }
        }
        let mut everywhere = needed.clone();
        let mut needs = vec![0; parts.len()];
        for (at, (relation, _)) in
            parts.iter().enumerate().filter(|(_, (relation, _))| calls_function(relation))
        {
            let taken = free(relation, &self.outers);
            needs[at] = bits_of(&taken, &sets) & !(1 << at);
            everywhere.add(&taken);
        }
        for expr in conditions.iter().map(|c| &c.expr).chain(&last) {
            add_used(expr, &self.outers, &mut everywhere);
        }
        let mut leaves = Vec::with_capacity(parts.len());
        for (at, (relation, kind)) in parts.into_iter().enumerate() {
            let bit = 1 << at;
            let requires = conditions
                .iter()
                .filter(|c| c.owner == Some(at))
                .fold(needs[at], |set, c| set | c.leaves & !bit);
            let neighbours = conditions
                .iter()
                .filter(|c| c.leaves & bit != 0)
                .fold(needs[at], |set, c| set | c.leaves & !bit);
            let (base, mut own) = peel(relation);
            own.append(&mut local[at]);
            let (node, table) = match base {
                Relation::Table(rows) => {
                    // Without an order asked for, a table always has a path.
                    let node = self.table(rows, own.clone(), &everywhere, None, 1.0)?;
                    (node, Some((rows, own)))
                }
                other => {
                    let mut below = everywhere.clone();
                    own.iter().for_each(|e| add_used(e, &self.outers, &mut below));
                    let node = match other {
                        Relation::Join { kind, .. } if !matches!(kind, JoinKind::Full | JoinKind::Right) => {
                            self.region(other, own, &everywhere, None)?
                        }
                        _ => Some(filter(self.plan(other, &below)?, join(in_cheap_order(own)))),
                    };
                    (node, None)
                }
            };
            let Some(node) = node else { return Ok(None) };
            let columns = sets[at].clone();
            leaves.push(Leaf { kind, columns, requires, neighbours, needs: needs[at], table, node });
        }
        let mut region = Region { leaves, conditions, lookups: FxHashMap::default() };
        region.estimate(self);
        let mut start = None;
        if let Some(want) = want {
            let Some((at, node)) = region.ordered_start(self, want)? else { return Ok(None) };
            region.leaves[at].node = node;
            start = Some(at);
        }
        let Some(steps) = region.choose(self, start, &everywhere)? else { return Ok(None) };
        let built = region.build(self, &steps, needed, &last)?;
        Ok(Some(filter(built, join(last))))
    }
}

impl Region<'_> {
    /// Sets how selective each equality between leaves is: one over the greater number of distinct values; where
    /// equalities cover a unique index together, one over its table's rows for all of them.
    fn estimate(&mut self, planner: &Planner<'_>) {
        for at in 0..self.conditions.len() {
            let Some((l, r, lexpr, rexpr)) = self.sides(planner, at) else { continue };
            let most = self.distinct(planner, l, &lexpr).max(self.distinct(planner, r, &rexpr));
            self.conditions[at].selectivity = 1.0 / most.max(1.0);
        }
        for at in 0..self.leaves.len() {
            let Some((rows, _)) = &self.leaves[at].table else { continue };
            let total = planner.cx.statistics.rows(&rows.table).max(1.0);
            for bound in rows.bound_indexes.iter().filter(|b| b.index.unique && b.columns.len() > 1) {
                for other in (0..self.leaves.len()).filter(|other| *other != at) {
                    let mut found = Vec::new();
                    for column in &bound.columns {
                        found.extend((0..self.conditions.len()).find(|c| {
                            self.sides(planner, *c).is_some_and(|(l, r, lexpr, rexpr)| {
                                (l, r) == (at, other) && super::predicate::same(&lexpr, column)
                                    || (l, r) == (other, at) && super::predicate::same(&rexpr, column)
                            })
                        }));
                    }
                    if found.len() != bound.columns.len() {
                        continue;
                    }
                    let product: f64 = found.iter().map(|c| self.conditions[*c].selectivity).product();
                    if product < 1.0 / total {
                        for c in &found {
                            self.conditions[*c].selectivity = 1.0;
                        }
                        self.conditions[found[0]].selectivity = 1.0 / total; // An index has a column.
                    }
                }
            }
        }
    }

    /// The two leaves that an equality connects, and its side over each.
    fn sides(&self, planner: &Planner<'_>, at: usize) -> Option<(usize, usize, Expr, Expr)> {
        let condition = &self.conditions[at];
        if condition.leaves.count_ones() != 2 {
            return None;
        }
        let l = condition.leaves.trailing_zeros() as usize;
        let r = (condition.leaves & !(1 << l)).trailing_zeros() as usize;
        let (lexpr, rexpr, _) =
            equality(&condition.expr, &self.leaves[l].columns, &self.leaves[r].columns, &planner.outers)?;
        Some((l, r, lexpr, rexpr))
    }

    /// Distinct values of an expression over one leaf, before its filters.
    fn distinct(&self, planner: &Planner<'_>, leaf: usize, expr: &Expr) -> f64 {
        let leaf = &self.leaves[leaf];
        let Some((rows, _)) = &leaf.table else { return leaf.node.rows.max(1.0) };
        let total = planner.cx.statistics.rows(&rows.table).max(1.0);
        if let Expr::Column(id, _) = expr
            && (*id == rows.row_id
                || rows.table.row_id_column.and_then(|at| rows.columns.get(at)) == Some(id))
        {
            return total;
        }
        let known = rows
            .bound_indexes
            .iter()
            .filter(|b| {
                b.filter.is_none() && b.columns.first().is_some_and(|c| super::predicate::same(c, expr))
            })
            .map(|b| total / planner.cx.statistics.distinct(&b.index, 1).max(1.0))
            .fold(0.0, f64::max);
        if known > 0.0 { known } else { (total * 0.1).max(total.min(10.0)) }
    }

    /// The leaf that can give the order asked for, and its plan.
    fn ordered_start(&self, planner: &Planner<'_>, want: Want<'_>) -> Result<Option<(usize, Node)>> {
        let mut uses = ColumnSet::default();
        match want {
            Want::Sort(keys) => keys.iter().for_each(|k| add_used(&k.expr, &planner.outers, &mut uses)),
            Want::Groups(groups) => groups.iter().for_each(|(e, _)| add_used(e, &planner.outers, &mut uses)),
        }
        for (at, leaf) in self.leaves.iter().enumerate() {
            let Some((rows, conjuncts)) = &leaf.table else { continue };
            if leaf.kind != JoinKind::Inner || uses.is_empty() || !leaf.columns.covers(&uses) {
                continue;
            }
            let needed = leaf.node.columns.iter().copied().collect();
            if let Some(node) = planner.table(rows, conjuncts.clone(), &needed, Some(want), 1.0)? {
                return Ok(Some((at, node)));
            }
        }
        Ok(None)
    }

    /// The conditions that the step to `leaf` applies.
    fn applied(&self, before: Leaves, leaf: usize) -> impl Iterator<Item = &Condition> {
        let bit = 1 << leaf;
        let all = before | bit;
        self.conditions.iter().filter(move |c| {
            c.leaves & bit != 0 && c.leaves & !all == 0 && c.owner.is_none_or(|owner| owner == leaf)
        })
    }

    fn rows_after(&self, rows: f64, before: Leaves, leaf: usize) -> f64 {
        let right = &self.leaves[leaf];
        let fraction: f64 =
            self.applied(before, leaf).filter(|c| c.owner.is_none()).map(|c| c.selectivity).product();
        let matches: f64 = right.node.rows
            * self
                .applied(before, leaf)
                .filter(|c| c.owner.is_some())
                .map(|c| c.selectivity)
                .product::<f64>();
        match right.kind {
            JoinKind::Semi => rows * matches.clamp(0.01, 0.9) * fraction,
            JoinKind::Anti => rows * (1.0 - matches).clamp(0.1, 0.95) * fraction,
            JoinKind::Left => rows * matches.max(1.0) * fraction,
            _ => (rows * right.node.rows * fraction).max(rows.min(1.0)),
        }
    }

    /// What entering a leaf once by keys from `before` costs, where some condition lets it.
    fn lookup(
        &mut self,
        planner: &Planner<'_>,
        before: Leaves,
        leaf: usize,
        needed: &ColumnSet,
    ) -> Result<Option<f64>> {
        let key = (leaf, before & self.leaves[leaf].neighbours);
        if let Some(known) = self.lookups.get(&key) {
            return Ok(*known);
        }
        let mut found = None;
        if let Some((rows, local)) = &self.leaves[leaf].table {
            let mut conjuncts = local.clone();
            conjuncts.extend(self.usable(before, leaf).map(|c| c.expr.clone()));
            let path = Access::new(rows, &conjuncts, needed, planner.cx, &planner.outers).best()?;
            let by_left = path.guaranteed.iter().any(|at| *at >= local.len());
            found = (by_left && path.seeks).then_some(path.cost);
        }
        self.lookups.insert(key, found);
        Ok(found)
    }

    /// The conditions that may narrow a leaf's scan: a left join's right side only by its own.
    fn usable(&self, before: Leaves, leaf: usize) -> impl Iterator<Item = &Condition> {
        let inner = self.leaves[leaf].kind == JoinKind::Inner;
        self.applied(before, leaf).filter(move |c| inner || c.owner == Some(leaf))
    }

    fn hash_keys(&self, planner: &Planner<'_>, before: Leaves, leaf: usize) -> usize {
        let left = self.columns_of(before);
        let right = &self.leaves[leaf].columns;
        self.usable(before, leaf)
            .filter(|c| {
                equality(&c.expr, &left, right, &planner.outers).is_some()
                    || self.null_aware_key(planner, &c.expr, &left, leaf).is_some()
            })
            .count()
    }

    /// `(a = b) IS NOT FALSE`, the condition of a NOT IN, as the equality inside it.
    fn null_aware_key(
        &self,
        planner: &Planner<'_>,
        expr: &Expr,
        left: &ColumnSet,
        leaf: usize,
    ) -> Option<(Expr, Expr, Comparison)> {
        let Expr::IsTruth { expr, truth: false, negated: true } = expr else { return None };
        let right = &self.leaves[leaf];
        (right.kind == JoinKind::Anti).then(|| equality(expr, left, &right.columns, &planner.outers))?
    }

    fn columns_of(&self, leaves: Leaves) -> ColumnSet {
        let mut columns = ColumnSet::default();
        let chosen = self.leaves.iter().enumerate().filter(|(at, _)| leaves >> at & 1 == 1);
        chosen.for_each(|(_, leaf)| columns.add(&leaf.columns));
        columns
    }

    /// The cheapest way to add a leaf. With `keep_order` only ways that keep the order of the left rows.
    fn step(
        &mut self,
        planner: &Planner<'_>,
        from: (Leaves, f64, f64),
        leaf: usize,
        keep_order: bool,
        needed: &ColumnSet,
    ) -> Result<Step> {
        let (before, rows, cost_before) = from;
        let out = self.rows_after(rows, before, leaf);
        let (right_rows, right_cost) = (self.leaves[leaf].node.rows, self.leaves[leaf].node.cost);
        let inner = self.leaves[leaf].kind == JoinKind::Inner;
        let emit = out * cost::EMIT;
        if self.leaves[leaf].needs != 0 {
            let price = cost_before + rows * (right_cost + cost::RESTART) + emit;
            return Ok(Step { cost: price, rows: out, leaf, before, method: JoinMethod::Loop });
        }
        let wanted = planner.cx.choices.join;
        let extra = |method| if wanted.is_none_or(|wanted| wanted == method) { 0.0 } else { UNWANTED };
        let by_hash = !keep_order && self.hash_keys(planner, before, leaf) > 0;
        // The number of left rows is a guess. Where it is too low a loop pays for it with the whole right side once
        // a row, a hash join with next to nothing.
        let looped_rows = if by_hash && right_rows > cost::LOOPED_ROWS_MIN {
            rows.max(cost::LOOPED_ROWS_MIN)
        } else {
            rows
        };
        let looped = cost_before + right_cost + looped_rows * right_rows.max(1.0) * cost::REREAD + emit;
        let mut best = (looped + extra(JoinMethod::Loop), JoinMethod::Loop);
        if let Some(once) = self.lookup(planner, before, leaf, needed)? {
            let price = cost_before + rows * (once + cost::RESTART) + emit + extra(JoinMethod::Lookup);
            if price < best.0 {
                best = (price, JoinMethod::Lookup);
            }
        }
        if by_hash {
            let price = cost_before + right_cost + right_rows * cost::BUILD + rows * cost::PROBE + emit;
            let price = price + extra(JoinMethod::Hash);
            if price < best.0 {
                best = (price, JoinMethod::Hash);
            }
            let swapped = cost_before + right_cost + rows * cost::BUILD + right_rows * cost::PROBE + emit;
            let swapped = swapped + extra(JoinMethod::HashSwapped);
            if inner && swapped < best.0 {
                best = (swapped, JoinMethod::HashSwapped);
            }
        }
        Ok(Step { cost: best.0, rows: out, leaf, before, method: best.1 })
    }

    /// The steps from the first leaf on.
    fn choose(
        &mut self,
        planner: &Planner<'_>,
        start: Option<usize>,
        needed: &ColumnSet,
    ) -> Result<Option<Vec<Step>>> {
        let inner = (0..self.leaves.len())
            .filter(|at| self.leaves[*at].kind == JoinKind::Inner && self.leaves[*at].requires == 0);
        let starts: Vec<usize> = match start {
            Some(at) => vec![at],
            None => inner.collect(),
        };
        if self.leaves.len() <= DYNAMIC_MAX {
            self.dynamic(planner, &starts, start.is_some(), needed)
        } else {
            self.greedy(planner, &starts, start.is_some(), needed)
        }
    }

    fn first(&self, leaf: usize) -> Step {
        let node = &self.leaves[leaf].node;
        Step { cost: node.cost, rows: node.rows, leaf, before: 0, method: JoinMethod::Loop }
    }

    /// The leaves that may come next: connected ones if there are any.
    fn next(&self, done: Leaves) -> Vec<usize> {
        let open: Vec<usize> = (0..self.leaves.len())
            .filter(|at| done >> at & 1 == 0 && self.leaves[*at].requires & !done == 0)
            .collect();
        let connected: Vec<usize> = open
            .iter()
            .copied()
            .filter(|at| self.leaves[*at].kind != JoinKind::Inner || self.leaves[*at].neighbours & done != 0)
            .collect();
        // A leaf that only hangs on must not keep the inner ones from being reached.
        let any_inner = connected.iter().any(|at| self.leaves[*at].kind == JoinKind::Inner);
        if any_inner || open.iter().all(|at| self.leaves[*at].kind != JoinKind::Inner) {
            connected
        } else {
            open
        }
    }

    fn dynamic(
        &mut self,
        planner: &Planner<'_>,
        starts: &[usize],
        keep_order: bool,
        needed: &ColumnSet,
    ) -> Result<Option<Vec<Step>>> {
        let count = self.leaves.len();
        let mut best: Vec<Option<Step>> = vec![None; 1 << count];
        for leaf in starts {
            best[1 << leaf] = Some(self.first(*leaf));
        }
        for done in 1..best.len() {
            let Some(so_far) = best[done] else { continue };
            let before = done as Leaves;
            for leaf in self.next(before) {
                let step =
                    self.step(planner, (before, so_far.rows, so_far.cost), leaf, keep_order, needed)?;
                let slot = &mut best[done | 1 << leaf];
                if slot.is_none_or(|known| step.cost < known.cost) {
                    *slot = Some(step);
                }
            }
        }
        let mut steps = Vec::with_capacity(count);
        let mut done = best.len() - 1;
        while done != 0 {
            let Some(step) = best[done] else { return Ok(None) };
            steps.push(step);
            done = step.before as usize;
        }
        steps.reverse();
        Ok(Some(steps))
    }

    fn greedy(
        &mut self,
        planner: &Planner<'_>,
        starts: &[usize],
        keep_order: bool,
        needed: &ColumnSet,
    ) -> Result<Option<Vec<Step>>> {
        // The smallest leaves are the likely beginnings.
        let mut starts = starts.to_vec();
        starts.sort_by(|a, b| self.leaves[*a].node.rows.total_cmp(&self.leaves[*b].node.rows));
        let mut best: Option<Vec<Step>> = None;
        for start in starts.into_iter().take(3) {
            let mut steps = vec![self.first(start)];
            let mut done: Leaves = 1 << start;
            while let Some(last) =
                steps.last().copied().filter(|_| done.count_ones() < self.leaves.len() as u32)
            {
                let mut cheapest: Option<Step> = None;
                for leaf in self.next(done) {
                    let step = self.step(planner, (done, last.rows, last.cost), leaf, keep_order, needed)?;
                    let better = cheapest.is_none_or(|c| (step.cost + step.rows) < (c.cost + c.rows));
                    if better {
                        cheapest = Some(step);
                    }
                }
                let Some(step) = cheapest else { return Ok(None) };
                done |= 1 << step.leaf;
                steps.push(step);
            }
            let total = |steps: &[Step]| steps.last().map_or(f64::MAX, |s| s.cost);
            if best.as_ref().is_none_or(|b| total(&steps) < total(b)) {
                best = Some(steps);
            }
        }
        Ok(best)
    }

    fn build(self, planner: &Planner<'_>, steps: &[Step], needed: &ColumnSet, last: &[Expr]) -> Result<Node> {
        let Some((start, rest)) = steps.split_first() else {
            return Ok(node(Operator::OneRow, Vec::new(), 1.0, 0.0));
        };
        let mut current = self.leaves[start.leaf].node.clone();
        let mut done: Leaves = 1 << start.leaf;
        for step in rest {
            done |= 1 << step.leaf;
            // What is used above: by the query and by conditions that are still to come.
            let mut above = needed.clone();
            last.iter().for_each(|e| add_used(e, &planner.outers, &mut above));
            for condition in self.conditions.iter().filter(|c| c.leaves & !done != 0) {
                add_used(&condition.expr, &planner.outers, &mut above);
            }
            let open =
                self.leaves.iter().enumerate().filter(|(at, leaf)| leaf.needs != 0 && done >> at & 1 == 0);
            open.for_each(|(_, leaf)| above.add(&node_free(&leaf.node, &planner.outers)));
            current = self.join(planner, current, step, &above)?;
        }
        Ok(current)
    }

    fn join(&self, planner: &Planner<'_>, left: Node, step: &Step, above: &ColumnSet) -> Result<Node> {
        let leaf = &self.leaves[step.leaf];
        let kind = leaf.kind;
        // Conditions of WHERE that an outer join only makes possible come after it.
        let (on, late): (Vec<&Condition>, Vec<&Condition>) = self
            .applied(step.before, step.leaf)
            .partition(|c| kind == JoinKind::Inner || c.owner == Some(step.leaf));
        let late: Vec<Expr> = late.into_iter().map(|c| c.expr.clone()).collect();
        let mut handed = above.clone();
        late.iter().for_each(|e| add_used(e, &planner.outers, &mut handed));
        let conjuncts: Vec<Expr> = on.into_iter().map(|c| c.expr.clone()).collect();
        let left_columns = self.columns_of(step.before);
        let operator = match step.method {
            JoinMethod::Lookup => self.lookup_join(planner, left, step, conjuncts, &handed)?,
            JoinMethod::Loop => {
                let right = leaf.node.clone();
                let mut outer = Vec::new();
                if leaf.needs != 0 {
                    let taken = node_free(&right, &planner.outers);
                    outer.extend(left.columns.iter().copied().filter(|id| taken.contains(id)));
                }
                let on = join(in_cheap_order(conjuncts));
                Operator::NestedLoopJoin { kind, left: Box::new(left), right: Box::new(right), outer, on }
            }
            JoinMethod::Hash | JoinMethod::HashSwapped => {
                let swapped = step.method == JoinMethod::HashSwapped;
                let (mut keys, mut rest, mut null_aware) = (Vec::new(), Vec::new(), false);
                for conjunct in conjuncts {
                    if let Some(key) = equality(&conjunct, &left_columns, &leaf.columns, &planner.outers) {
                        keys.push(key);
                    } else {
                        rest.push(conjunct);
                    }
                }
                if keys.is_empty() {
                    let at = rest
                        .iter()
                        .position(|e| self.null_aware_key(planner, e, &left_columns, step.leaf).is_some());
                    if let Some(at) = at {
                        let conjunct = rest.remove(at);
                        if let Some(key) = self.null_aware_key(planner, &conjunct, &left_columns, step.leaf) {
                            keys.push(key);
                            null_aware = true;
                        }
                    }
                }
                let turn = |(l, r, rule): (Expr, Expr, Comparison)| {
                    if swapped { (r, l, super::predicate::mirror_rule(rule)) } else { (l, r, rule) }
                };
                let keys = keys.into_iter().map(turn).collect();
                let residual = join(in_cheap_order(rest));
                let right = leaf.node.clone();
                let (l, r) = if swapped { (right, left) } else { (left, right) };
                let (left, right) = (Box::new(l), Box::new(r));
                Operator::HashJoin { kind, left, right, keys, residual, null_aware }
            }
        };
        let columns = match &operator {
            Operator::NestedLoopJoin { left, right, .. } | Operator::HashJoin { left, right, .. } => {
                let right: &[ColumnId] =
                    if matches!(kind, JoinKind::Semi | JoinKind::Anti) { &[] } else { &right.columns };
                left.columns.iter().chain(right).copied().filter(|id| handed.contains(id)).collect()
            }
            _ => Vec::new(),
        };
        let joined = node(operator, columns, step.rows, step.cost);
        let rows = joined.rows;
        let mut joined = filter(joined, join(in_cheap_order(late)));
        joined.rows = rows;
        Ok(joined)
    }

    fn lookup_join(
        &self,
        planner: &Planner<'_>,
        left: Node,
        step: &Step,
        conjuncts: Vec<Expr>,
        handed: &ColumnSet,
    ) -> Result<Operator> {
        let leaf = &self.leaves[step.leaf];
        let Some((rows, local)) = &leaf.table else {
            // Only tables are entered by keys: every other leaf is looped over.
            let on = join(conjuncts);
            let (left, right) = (Box::new(left), Box::new(leaf.node.clone()));
            return Ok(Operator::NestedLoopJoin { kind: leaf.kind, left, right, outer: Vec::new(), on });
        };
        let mut all = local.clone();
        all.extend(conjuncts.iter().cloned());
        let mut wanted = handed.clone();
        conjuncts.iter().for_each(|e| add_used(e, &planner.outers, &mut wanted));
        let access = Access::new(rows, &all, &wanted, planner.cx, &planner.outers);
        let path = access.best()?;
        // What the scan can check alone it checks; what looks at both sides is checked by the join.
        let inside: Vec<Expr> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| *at < local.len() || path.guaranteed.contains(at))
            .map(|(_, e)| e.clone())
            .collect();
        let kept: Vec<Expr> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| *at >= local.len() && !path.guaranteed.contains(at))
            .map(|(_, e)| e.clone())
            .collect();
        let mut scan_path = path.clone();
        scan_path.guaranteed = (0..inside.len())
            .filter(|place| {
                all.iter()
                    .enumerate()
                    .any(|(at, e)| path.guaranteed.contains(&at) && Some(e) == inside.get(*place))
            })
            .collect();
        let mut used_by_scan = handed.clone();
        kept.iter().for_each(|e| add_used(e, &planner.outers, &mut used_by_scan));
        let right = planner.scan(rows, scan_path, false, inside, &used_by_scan);
        let free = node_free(&right, &planner.outers);
        let outer: Vec<ColumnId> = left.columns.iter().copied().filter(|id| free.contains(id)).collect();
        let (left, right) = (Box::new(left), Box::new(right));
        let on = join(in_cheap_order(kept));
        Ok(Operator::NestedLoopJoin { kind: leaf.kind, left, right, outer, on })
    }
}
