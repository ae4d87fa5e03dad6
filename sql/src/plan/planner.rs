//! From rewritten relations to nodes: one function a relation, from the top down, each told which of its columns
//! are needed.

use super::access::{Access, Method, Path};
use super::columns::{ColumnSet, Replacements, add_used, expressions, inputs};
use super::conjuncts::{equality, in_cheap_order, peel, take_filters};
use super::cost;
use super::nodes::{filter, node, project};
use super::order::Want;
use super::physical::{IndexScan, Node, Operator, PlannedMember, ScanColumn, TableScan};
use super::predicate::{join, split, types_of, weight};
use super::rewrite::replace;
use super::stats::PlanContext;
use crate::error::Result;
use crate::ir::{
    AggregateCall, AggregateKind, ArithmeticOp, CaseBranch, ColumnId, CompareOp, Comparison, Expr, JoinKind,
    Member, Output, Relation, SetOp, SortKey, TableRows,
};
use crate::types::{Collation, TypeSet};
use crate::value::Value;

/// The kinds of values of columns, by their ids.
#[derive(Default)]
pub(super) struct ColumnTypes(Vec<Option<TypeSet>>);

impl ColumnTypes {
    fn insert(&mut self, id: ColumnId, types: TypeSet) {
        let place = id.0 as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(types); // There is such a place now.
    }

    fn get(&self, id: ColumnId) -> Option<TypeSet> {
        self.0.get(id.0 as usize).copied().flatten()
    }
}

/// The state of planning one statement.
pub(super) struct Planner<'a> {
    pub(super) cx: &'a PlanContext<'a>,
    /// For each subquery, the columns that its plan takes from around it.
    pub(super) outers: Vec<Vec<ColumnId>>,
    /// The kinds of values of each column.
    pub(super) types: ColumnTypes,
}

impl Planner<'_> {
    /// Notes the kinds of values of all columns that a relation and its inputs produce.
    pub(super) fn note_types(&mut self, relation: &Relation) {
        inputs(relation, &mut |input| self.note_types(input));
        match relation {
            Relation::Table(table) => {
                for (id, column) in table.columns.iter().zip(&table.table.columns) {
                    self.types.insert(*id, column.column_type.type_set());
                }
                self.types.insert(table.row_id, TypeSet::INTEGER | TypeSet::NULL);
            }
            Relation::Values { rows, columns } => {
                for (at, id) in columns.iter().enumerate() {
                    let types = rows.iter().filter_map(|row| row.get(at)).map(types_of);
                    self.types.insert(*id, types.fold(TypeSet::NULL, |a, b| a | b));
                }
            }
            Relation::Project { columns, .. } => {
                for (id, expr) in columns {
                    // A column that is handed through keeps what is known of it.
                    let known = match expr {
                        Expr::Column(from, _) => self.types.get(*from),
                        _ => None,
                    };
                    self.types.insert(*id, known.unwrap_or_else(|| types_of(expr)));
                }
            }
            Relation::Aggregate { groups, calls, bare, .. } => {
                for (id, expr, _) in groups {
                    self.types.insert(*id, types_of(expr));
                }
                for (id, call) in calls {
                    let args: Vec<TypeSet> = call.args.iter().map(types_of).collect();
                    self.types.insert(*id, (call.function.0.result)(&args));
                }
                for (id, from) in bare {
                    let types = self.types.get(*from).unwrap_or(TypeSet::ALL);
                    self.types.insert(*id, types | TypeSet::NULL);
                }
            }
            Relation::Window { calls, .. } => {
                for (id, call) in calls {
                    let args: Vec<TypeSet> = call.args.iter().map(types_of).collect();
                    self.types.insert(*id, call.function.result_types(&args));
                }
            }
            Relation::Recursive(recursive) => {
                recursive.columns.iter().for_each(|(id, _)| self.types.insert(*id, TypeSet::ALL));
            }
            Relation::TableFunction(call) => {
                call.columns.iter().for_each(|id| self.types.insert(*id, TypeSet::ALL));
            }
            Relation::Queue(queue) => {
                queue.columns.iter().for_each(|id| self.types.insert(*id, TypeSet::ALL));
                self.types.insert(queue.sequence, TypeSet::INTEGER);
            }
            Relation::SetOperation { members, columns } => {
                for (at, id) in columns.iter().enumerate() {
                    let of = |member: &Member| {
                        let id = member.columns.get(at);
                        id.and_then(|id| self.types.get(*id)).unwrap_or(TypeSet::ALL)
                    };
                    let types = members.iter().map(of).fold(TypeSet::EMPTY, |a, b| a | b);
                    self.types.insert(*id, types);
                }
            }
            _ => {}
        }
    }

    fn column(&self, id: ColumnId) -> Expr {
        Expr::Column(id, self.types.get(id).unwrap_or(TypeSet::ALL))
    }

    /// `input` with exactly these columns in this order.
    pub(super) fn fit(&self, input: Node, columns: &[ColumnId]) -> Node {
        let exprs = columns.iter().map(|id| (*id, self.column(*id))).collect();
        project(input, exprs)
    }

    /// Plans a query of which all outputs are needed.
    pub(super) fn query(&mut self, relation: Relation, outputs: &[Output]) -> Result<Node> {
        let needed: ColumnSet = outputs.iter().map(|output| output.column).collect();
        match relation {
            // What is computed last goes into the plan as it is: no other plan wants it.
            Relation::Project { input, mut columns } => {
                columns.retain(|(id, _)| needed.contains(id));
                let input = self.plan_once(*input, &self.used_by(columns.iter().map(|(_, e)| e)))?;
                Ok(project(input, columns))
            }
            relation => self.plan_once(relation, &needed),
        }
    }

    /// Plans a relation of which no other plan is wanted: what filters it goes into the plan as it is.
    fn plan_once(&mut self, relation: Relation, needed: &ColumnSet) -> Result<Node> {
        if !matches!(relation, Relation::Filter { .. }) {
            return self.plan(&relation, needed);
        }
        let (base, conjuncts) = take_filters(relation);
        self.filtered(&base, conjuncts, needed)
    }

    /// Plans a relation; the node hands up `needed` at least, as far as the relation produces it.
    pub(super) fn plan(&mut self, relation: &Relation, needed: &ColumnSet) -> Result<Node> {
        match relation {
            Relation::OneRow => Ok(node(Operator::OneRow, Vec::new(), 1.0, 0.0)),
            Relation::Values { rows, columns } if rows.is_empty() => {
                Ok(node(Operator::Empty, columns.clone(), 0.0, 0.0))
            }
            Relation::Values { rows, columns } => {
                let count = rows.len() as f64;
                Ok(node(Operator::Values { rows: rows.clone() }, columns.clone(), count, count * 0.2))
            }
            Relation::Table(table) => {
                self.table(table, Vec::new(), needed, None, 1.0).map(|found| found.unwrap_or_else(empty))
            }
            Relation::Filter { .. } => {
                let (base, conjuncts) = peel(relation);
                self.filtered(base, conjuncts, needed)
            }
            Relation::Join { kind: JoinKind::Full | JoinKind::Right, .. } => {
                self.outer_join(relation, needed)
            }
            Relation::Join { .. } => {
                Ok(self.region(relation, Vec::new(), needed, None)?.unwrap_or_else(empty))
            }
            Relation::Project { input, columns } => {
                let columns: Vec<_> = columns.iter().filter(|(id, _)| needed.contains(id)).cloned().collect();
                let input = self.plan(input, &self.used_by(columns.iter().map(|(_, e)| e)))?;
                Ok(project(input, columns))
            }
            Relation::Aggregate { .. } => self.aggregate(relation),
            Relation::Distinct { input, columns } => {
                let ids: Vec<ColumnId> = columns.iter().map(|(id, _)| *id).collect();
                let input = self.plan(input, &ids.iter().copied().collect())?;
                let input = self.fit(input, &ids);
                let collations = columns.iter().map(|(_, collation)| *collation).collect();
                let rows = (input.rows * 0.5).max(1.0_f64.min(input.rows));
                let price = input.cost + input.rows * cost::GROUP_HASH;
                Ok(node(Operator::Distinct { input: Box::new(input), collations }, ids, rows, price))
            }
            Relation::Window { .. } => self.windowed(relation, needed),
            Relation::Sort { input, keys } => self.sorted(input, keys, needed, None),
            Relation::Limit { input, limit, offset } => {
                self.limited(input, limit.as_ref(), offset.as_ref(), needed)
            }
            Relation::TableFunction(call) => {
                let (function, args, alias) = (call.function.clone(), call.args.clone(), call.alias.clone());
                let rows = function.0.rows;
                let operator = Operator::TableFunction { function, args, alias };
                Ok(node(operator, call.columns.clone(), rows, rows * 0.3))
            }
            Relation::Queue(queue) => {
                let columns = queue.columns.iter().copied().chain([queue.sequence]).collect();
                let (recursion, alias) = (queue.recursion, queue.alias.clone());
                Ok(node(
                    Operator::Queue { recursion, alias },
                    columns,
                    cost::QUEUE_ROWS,
                    cost::QUEUE_ROWS * 0.2,
                ))
            }
            Relation::Recursive(recursive) => self.recursive(recursive),
            Relation::SetOperation { members, columns } => {
                let (mut planned, mut rows, mut price) = (Vec::with_capacity(members.len()), 0.0, 0.0);
                for member in members {
                    let input = self.plan(&member.relation, &member.columns.iter().copied().collect())?;
                    let input = self.fit(input, &member.columns);
                    let both = rows + input.rows;
                    let (kept, work) = match member.op {
                        SetOp::UnionAll => (both, 0.0),
                        SetOp::Union => (both * 0.7, both * cost::GROUP_HASH),
                        SetOp::Intersect => (input.rows.min(rows) * 0.5, both * cost::GROUP_HASH),
                        SetOp::Except => (rows * 0.5, both * cost::GROUP_HASH),
                    };
                    rows = kept;
                    price += input.cost + work;
                    planned.push(PlannedMember {
                        op: member.op,
                        collations: member.collations.clone(),
                        input,
                    });
                }
                Ok(node(Operator::SetOperation { members: planned }, columns.clone(), rows, price))
            }
        }
    }

    /// The columns that some expressions use.
    pub(super) fn used_by<'e>(&self, exprs: impl Iterator<Item = &'e Expr>) -> ColumnSet {
        let mut set = ColumnSet::default();
        exprs.for_each(|e| add_used(e, &self.outers, &mut set));
        set
    }

    /// Plans a relation that is no filter, under conjuncts.
    fn filtered(&mut self, base: &Relation, conjuncts: Vec<Expr>, needed: &ColumnSet) -> Result<Node> {
        match base {
            Relation::Table(table) => {
                Ok(self.table(table, conjuncts, needed, None, 1.0)?.unwrap_or_else(empty))
            }
            Relation::Join { kind, .. } if !matches!(kind, JoinKind::Full | JoinKind::Right) => {
                Ok(self.region(base, conjuncts, needed, None)?.unwrap_or_else(empty))
            }
            other => {
                let mut below = needed.clone();
                below.add(&self.used_by(conjuncts.iter()));
                let input = self.plan(other, &below)?;
                Ok(filter(input, join(in_cheap_order(conjuncts))))
            }
        }
    }

    /// RIGHT and FULL joins keep both sides whole: they are not moved.
    fn outer_join(&mut self, relation: &Relation, needed: &ColumnSet) -> Result<Node> {
        let Relation::Join { kind, left, right, on } = relation else {
            return self.plan(relation, needed);
        };
        let mut below = needed.clone();
        below.add(&self.used_by(on.iter()));
        let (l, r) = (self.plan(left, &below)?, self.plan(right, &below)?);
        let mut conjuncts = Vec::new();
        on.iter().for_each(|on| split(on.clone(), &mut conjuncts));
        let (lset, rset) = (l.columns.iter().copied().collect(), r.columns.iter().copied().collect());
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for conjunct in conjuncts {
            match equality(&conjunct, &lset, &rset, &self.outers) {
                Some(key) => keys.push(key),
                None => rest.push(conjunct),
            }
        }
        let columns = l.columns.iter().chain(&r.columns).copied().collect();
        let rows = l.rows.max(r.rows);
        let price = l.cost + r.cost + r.rows * cost::BUILD + l.rows * cost::PROBE;
        let operator = Operator::HashJoin {
            kind: *kind,
            left: Box::new(l),
            right: Box::new(r),
            keys,
            residual: join(rest),
            null_aware: false,
        };
        Ok(node(operator, columns, rows, price))
    }

    /// The cheapest scan of a table; with `want`, the cheapest in that order, if there is one. `fraction` is how
    /// much of the rows is expected to be read.
    pub(super) fn table(
        &self,
        table: &TableRows,
        conjuncts: Vec<Expr>,
        needed: &ColumnSet,
        want: Option<Want<'_>>,
        fraction: f64,
    ) -> Result<Option<Node>> {
        let access = Access::new(table, &conjuncts, needed, self.cx, &self.outers);
        let mut best: Option<(f64, Path, bool)> = None;
        for path in access.paths()? {
            let Some(reverse) = want.map_or(Some(false), |want| path.order.serves(want)) else { continue };
            let price = path.cost * fraction;
            if best.as_ref().is_none_or(|(least, ..)| price < *least) {
                best = Some((price, path, reverse));
            }
        }
        Ok(best.map(|(_, path, reverse)| self.scan(table, path, reverse, conjuncts, needed)))
    }

    /// The node of one path.
    pub(super) fn scan(
        &self,
        table: &TableRows,
        path: Path,
        reverse: bool,
        mut conjuncts: Vec<Expr>,
        needed: &ColumnSet,
    ) -> Node {
        let mut place = 0..;
        conjuncts.retain(|_| place.next().is_none_or(|place| !path.guaranteed.contains(&place)));
        let rest = conjuncts;
        let mut wanted = self.used_by(rest.iter());
        wanted.add(needed);
        let mut ids = Vec::new();
        let mut columns = Vec::new();
        for (at, id) in table.columns.iter().enumerate().filter(|(_, id)| wanted.contains(id)) {
            ids.push(*id);
            let is_row_id = table.table.row_id_column == Some(at);
            columns.push(if is_row_id { ScanColumn::RowId } else { ScanColumn::Column(at) });
        }
        if wanted.contains(&table.row_id) {
            ids.push(table.row_id);
            columns.push(ScanColumn::RowId);
        }
        let passed: f64 = rest.iter().map(cost::selectivity).product();
        let filter = join(in_cheap_order(rest));
        // Guesses multiply: one row is the least that is believed.
        let rows = (path.rows * passed).max(path.rows.min(1.0));
        let (alias, price) = (table.alias.clone(), path.cost);
        let rel = table.table.clone();
        let operator = match path.method {
            Method::Rows(range) => {
                Operator::TableScan(TableScan { table: rel, columns, range, filter, reverse, alias })
            }
            Method::Index { at, ranges, covering } => Operator::IndexScan(IndexScan {
                table: rel,
                // `at` is the place of a bound index of this very table.
                index: table.bound_indexes[at].index.clone(),
                columns,
                covering,
                ranges,
                filter,
                reverse,
                alias,
            }),
        };
        node(operator, ids, rows, price)
    }

    /// Plans a relation so that its rows come in an order by themselves, if they can.
    fn ordered(
        &mut self,
        relation: &Relation,
        needed: &ColumnSet,
        want: Want<'_>,
        fraction: f64,
    ) -> Result<Option<Node>> {
        match relation {
            Relation::Table(_) | Relation::Filter { .. } => {
                let (base, conjuncts) = peel(relation);
                match base {
                    Relation::Table(table) => self.table(table, conjuncts, needed, Some(want), fraction),
                    Relation::Join { kind, .. } if !matches!(kind, JoinKind::Full | JoinKind::Right) => {
                        self.region(base, conjuncts, needed, Some(want))
                    }
                    other => {
                        let mut below = needed.clone();
                        below.add(&self.used_by(conjuncts.iter()));
                        let input = self.ordered(other, &below, want, fraction)?;
                        Ok(input.map(|input| filter(input, join(in_cheap_order(conjuncts)))))
                    }
                }
            }
            Relation::Join { kind, .. } if !matches!(kind, JoinKind::Full | JoinKind::Right) => {
                self.region(relation, Vec::new(), needed, Some(want))
            }
            Relation::Project { input, columns } => {
                let map: Replacements = columns.iter().cloned().collect();
                let columns: Vec<_> = columns.iter().filter(|(id, _)| needed.contains(id)).cloned().collect();
                let below = self.used_by(columns.iter().map(|(_, e)| e));
                let input = match want {
                    Want::Sort(keys) => {
                        let mut keys = keys.to_vec();
                        keys.iter_mut().for_each(|key| replace(&mut key.expr, &map));
                        self.ordered(input, &below, Want::Sort(&keys), fraction)?
                    }
                    Want::Groups(groups) => {
                        let mut groups = groups.to_vec();
                        groups.iter_mut().for_each(|(e, _)| replace(e, &map));
                        self.ordered(input, &below, Want::Groups(&groups), fraction)?
                    }
                };
                Ok(input.map(|input| project(input, columns)))
            }
            Relation::Aggregate { input, groups, .. } => {
                let Want::Sort(keys) = want else { return Ok(None) };
                // The groups in the order asked for, then the others in any.
                let mut order: Vec<SortKey> = Vec::new();
                let mut open: Vec<_> = groups.iter().collect();
                for key in keys {
                    let at = open.iter().position(|(id, _, collation)| {
                        matches!(key.expr, Expr::Column(column, _) if column == *id)
                            && *collation == key.collation
                    });
                    let Some(at) = at else { return Ok(None) };
                    let (_, expr, _) = open.remove(at);
                    order.push(SortKey { expr: expr.clone(), ..key.clone() });
                }
                order.extend(open.into_iter().map(|(_, expr, collation)| SortKey {
                    expr: expr.clone(),
                    collation: *collation,
                    descending: false,
                    nulls_first: true,
                }));
                let below = self.aggregate_uses(relation);
                let input = self.ordered(input, &below, Want::Sort(&order), fraction)?;
                Ok(input.map(|input| aggregate_node(relation, input, true)))
            }
            Relation::Window { .. } => match want {
                Want::Sort(keys) if super::window::gives_order(relation, keys) => {
                    self.windowed(relation, needed).map(Some)
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    pub(super) fn sorted(
        &mut self,
        input: &Relation,
        keys: &[SortKey],
        needed: &ColumnSet,
        top: Option<(Expr, f64)>,
    ) -> Result<Node> {
        let mut below = needed.clone();
        below.add(&self.used_by(keys.iter().map(|key| &key.expr)));
        let mut base = input;
        while let Relation::Filter { input, .. } = base {
            base = input;
        }
        if let Relation::Table(table) = base {
            return self.sorted_table(table, peel(input).1, keys, &below, top);
        }
        let plain = self.plan(input, &below)?;
        let kept = top.as_ref().map_or(plain.rows, |(_, rows)| *rows);
        let price = plain.cost + cost::sort(plain.rows, kept);
        let fraction = if plain.rows > 0.0 { (kept / plain.rows).min(1.0) } else { 1.0 };
        if let Some(ordered) = self.ordered(input, &below, Want::Sort(keys), fraction)?
            && ordered.cost * fraction <= price
        {
            return Ok(ordered);
        }
        Ok(sort_node(plain, keys, top, price))
    }

    /// A table in an order: of all ways into it the cheapest and a sort, or the cheapest that gives the order.
    fn sorted_table(
        &mut self,
        table: &TableRows,
        conjuncts: Vec<Expr>,
        keys: &[SortKey],
        needed: &ColumnSet,
        top: Option<(Expr, f64)>,
    ) -> Result<Node> {
        let paths = Access::new(table, &conjuncts, needed, self.cx, &self.outers).paths()?;
        let cheaper = |a: &&(&Path, bool), b: &&(&Path, bool)| a.0.cost.total_cmp(&b.0.cost);
        let all: Vec<(&Path, bool)> = paths.iter().map(|path| (path, false)).collect();
        let Some(&(path, _)) = all.iter().min_by(cheaper) else { return Ok(empty()) };
        let want = Want::Sort(keys);
        let in_order: Vec<(&Path, bool)> =
            paths.iter().filter_map(|path| Some((path, path.order.serves(want)?))).collect();
        let ordered = in_order.iter().min_by(cheaper);
        let kept_conjuncts = ordered.map(|_| conjuncts.clone());
        let plain = self.scan(table, path.clone(), false, conjuncts, needed);
        let kept = top.as_ref().map_or(plain.rows, |(_, rows)| *rows);
        let price = plain.cost + cost::sort(plain.rows, kept);
        let fraction = if plain.rows > 0.0 { (kept / plain.rows).min(1.0) } else { 1.0 };
        match ordered.zip(kept_conjuncts) {
            Some(((path, reverse), conjuncts)) if path.cost * fraction <= price => {
                Ok(self.scan(table, (*path).clone(), *reverse, conjuncts, needed))
            }
            _ => Ok(sort_node(plain, keys, top, price)),
        }
    }

    fn limited(
        &mut self,
        input: &Relation,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        needed: &ColumnSet,
    ) -> Result<Node> {
        let count = |expr: Option<&Expr>| match expr {
            None => Some(0.0),
            Some(Expr::Constant(Value::Integer(n))) if *n >= 0 => Some(*n as f64),
            Some(_) => None,
        };
        let known = limit.and_then(|l| Some(count(Some(l))? + count(offset)?));
        let kept = limit.map(|_| known.unwrap_or(cost::LIMIT_GUESS));
        let plan = match input {
            Relation::Sort { input, keys } => {
                let top = limit.zip(kept).map(|(limit, rows)| (top_rows(limit, offset), rows));
                self.sorted(input, keys, needed, top)?
            }
            other => self.plan(other, needed)?,
        };
        let rows = kept.map_or(plan.rows, |kept| plan.rows.min(kept));
        let blocking = matches!(plan.operator, Operator::Sort { .. } | Operator::Aggregate { .. });
        let fraction = if blocking || plan.rows <= 0.0 { 1.0 } else { (rows / plan.rows).min(1.0) };
        let (columns, price) = (plan.columns.clone(), plan.cost * fraction);
        let (limit, offset) = (limit.cloned(), offset.cloned());
        Ok(node(Operator::Limit { input: Box::new(plan), limit, offset }, columns, rows, price))
    }

    fn aggregate_uses(&self, relation: &Relation) -> ColumnSet {
        let mut set = ColumnSet::default();
        expressions(relation, &mut |e| add_used(e, &self.outers, &mut set));
        if let Relation::Aggregate { bare, .. } = relation {
            set.extend(bare.iter().map(|(_, from)| *from));
        }
        set
    }

    fn aggregate(&mut self, relation: &Relation) -> Result<Node> {
        let Relation::Aggregate { input, groups, calls, bare, .. } = relation else {
            return self.plan(relation, &ColumnSet::default());
        };
        let below = self.aggregate_uses(relation);
        if let ([], [(_, call)], []) = (groups.as_slice(), calls.as_slice(), bare.as_slice())
            && let Some(end) = self.index_end(input, call, &below)?
        {
            return Ok(aggregate_node(relation, end, false));
        }
        let plain = aggregate_node(relation, self.plan(input, &below)?, groups.is_empty());
        if groups.is_empty() {
            return Ok(plain);
        }
        let wanted: Vec<(Expr, Collation)> = groups.iter().map(|(_, e, c)| (e.clone(), *c)).collect();
        if let Some(ordered) = self.ordered(input, &below, Want::Groups(&wanted), 1.0)? {
            let ordered = aggregate_node(relation, ordered, true);
            if ordered.cost < plain.cost {
                return Ok(ordered);
            }
        }
        Ok(plain)
    }

    /// The one row that min or max needs, where an index or the row id gives it first.
    fn index_end(
        &mut self,
        input: &Relation,
        call: &AggregateCall,
        needed: &ColumnSet,
    ) -> Result<Option<Node>> {
        let descending = match call.function.0.kind {
            AggregateKind::Min => false,
            AggregateKind::Max => true,
            _ => return Ok(None),
        };
        let ([argument], None) = (call.args.as_slice(), &call.filter) else { return Ok(None) };
        let (base, mut conjuncts) = peel(input);
        let Relation::Table(table) = base else { return Ok(None) };
        let is_row_id = matches!(argument, Expr::Column(id, _) if *id == table.row_id
            || table.table.row_id_column.and_then(|at| table.columns.get(at)) == Some(id));
        if !is_row_id {
            conjuncts.push(Expr::IsNull { expr: Box::new(argument.clone()), negated: true });
        }
        let key = SortKey {
            expr: argument.clone(),
            collation: call.collation,
            descending,
            nulls_first: !descending,
        };
        let keys = [key];
        let rows = self.cx.statistics.rows(&table.table).max(1.0);
        let Some(ordered) =
            self.table(table, conjuncts.clone(), needed, Some(Want::Sort(&keys)), 1.0 / rows)?
        else {
            return Ok(None);
        };
        // Rows are read until the first that passes the filter.
        let first = ordered.cost / ordered.rows.max(1.0);
        let plain = self.table(table, conjuncts, needed, None, 1.0)?.map_or(f64::MAX, |plain| plain.cost);
        if first > plain {
            return Ok(None);
        }
        let columns = ordered.columns.clone();
        let operator = Operator::Limit {
            input: Box::new(ordered),
            limit: Some(Expr::Constant(Value::Integer(1))),
            offset: None,
        };
        Ok(Some(node(operator, columns, 1.0, first)))
    }
}

fn sort_node(input: Node, keys: &[SortKey], top: Option<(Expr, f64)>, price: f64) -> Node {
    let kept = top.as_ref().map_or(input.rows, |(_, rows)| *rows);
    let (columns, rows) = (input.columns.clone(), input.rows.min(kept));
    let top = top.map(|(expr, _)| expr);
    node(Operator::Sort { input: Box::new(input), keys: keys.to_vec(), top }, columns, rows, price)
}

fn aggregate_node(relation: &Relation, input: Node, sorted: bool) -> Node {
    let Relation::Aggregate { groups, calls, bare, bare_from, .. } = relation else { return input };
    let per_row = if sorted { cost::GROUP_SORTED } else { cost::GROUP_HASH };
    let work: f64 = groups.iter().map(|(_, e, _)| weight(e)).sum::<f64>()
        + calls.iter().map(|(_, call)| 1.0 + call.args.iter().map(weight).sum::<f64>()).sum::<f64>();
    let price = input.cost + input.rows * (per_row + work * cost::OPERATOR);
    let rows = match groups.len() {
        0 => 1.0,
        1 => (input.rows * 0.1).max(1.0_f64.min(input.rows)),
        _ => (input.rows * 0.3).max(1.0_f64.min(input.rows)),
    };
    let columns = super::columns::produced(relation);
    let operator = Operator::Aggregate {
        input: Box::new(input),
        groups: groups.iter().map(|(_, e, c)| (e.clone(), *c)).collect(),
        calls: calls.iter().map(|(_, call)| call.clone()).collect(),
        bare: bare.iter().map(|(_, from)| *from).collect(),
        bare_from: *bare_from,
        sorted: sorted && !groups.is_empty(),
    };
    node(operator, columns, rows, price)
}

/// Limit plus offset: how many rows a sort must keep; all if the limit is negative.
fn top_rows(limit: &Expr, offset: Option<&Expr>) -> Expr {
    let Some(offset) = offset else { return limit.clone() };
    if let (Expr::Constant(Value::Integer(limit @ 0..)), Expr::Constant(Value::Integer(offset @ 0..))) =
        (limit, offset)
    {
        return Expr::Constant(Value::Integer(limit.saturating_add(*offset)));
    }
    let zero = || Expr::Constant(Value::Integer(0));
    let below_zero = |e: &Expr| Expr::Compare {
        op: CompareOp::Less,
        left: Box::new(e.clone()),
        right: Box::new(zero()),
        rule: Comparison::default(),
    };
    let choose = |when: Expr, then: Expr, otherwise: Expr| Expr::Case {
        operand: None,
        branches: vec![CaseBranch { when, rule: Comparison::default(), then }],
        otherwise: Some(Box::new(otherwise)),
    };
    let skipped = choose(below_zero(offset), zero(), offset.clone());
    let sum =
        Expr::Arithmetic { op: ArithmeticOp::Add, left: Box::new(limit.clone()), right: Box::new(skipped) };
    choose(below_zero(limit), Expr::Constant(Value::Integer(-1)), sum)
}

fn empty() -> Node {
    node(Operator::Empty, Vec::new(), 0.0, 0.0)
}
