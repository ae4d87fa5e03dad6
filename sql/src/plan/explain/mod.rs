//! Plans as text: a tree for people, and rows in the shape of SQLite's EXPLAIN QUERY PLAN.

mod expression;
mod query_plan;

pub use query_plan::{explain_query_plan, explain_query_plan_of_write};

use super::nodes::node_inputs;
use super::physical::{
    IndexRange, IndexScan, Node, Operator, Plan, RecursiveNode, RowIdRange, Subplan, WritePlan, WriteSource,
};
use crate::ir::{Expr, InsertColumn, JoinKind, SetOp, SortKey, Target, Upsert, UpsertTarget};
use crate::types::Collation;
use expression::Names;

/// A plan as a tree, one line a node, inputs below and further in.
#[must_use]
pub fn explain(plan: &Plan) -> Vec<String> {
    let mut tree = Tree::default();
    tree.plan(plan, 0);
    tree.lines
}

/// The plan of a statement that changes rows, as a tree.
#[must_use]
pub fn explain_write(plan: &WritePlan) -> Vec<String> {
    let mut tree = Tree::default();
    match plan {
        WritePlan::Insert { target, source, upserts, expressions, .. } => {
            tree.line(0, format!("Insert into {}", target.table.name));
            for upsert in upserts {
                tree.line(1, on_conflict(target, upsert));
            }
            match source {
                WriteSource::Rows(rows) => tree.line(1, format!("Values, rows={}", rows.len())),
                WriteSource::Query { plan, spool } => {
                    let depth = if *spool {
                        tree.line(1, "Spool".to_owned());
                        2
                    } else {
                        1
                    };
                    tree.plan(plan, depth);
                }
                WriteSource::Defaults => tree.line(1, "Default values".to_owned()),
            }
            tree.subplans(&expressions.subplans, 1);
        }
        WritePlan::Update { target, find, assignments, expressions, .. } => {
            tree.names.target(target);
            tree.names.node(&find.root);
            let set: Vec<String> = assignments
                .iter()
                .map(|(column, value)| format!("{} = {}", assigned(target, *column), tree.names.text(value)))
                .collect();
            tree.line(0, format!("Update {} set {}", target.table.name, set.join(", ")));
            tree.plan(find, 1);
            tree.subplans(&expressions.subplans, 1);
        }
        WritePlan::Delete { target, find, expressions, .. } => {
            tree.line(0, format!("Delete from {}", target.table.name));
            tree.plan(find, 1);
            tree.subplans(&expressions.subplans, 1);
        }
    }
    tree.lines
}

/// What an ON CONFLICT clause is about and does.
fn on_conflict(target: &Target, upsert: &Upsert) -> String {
    let about = match upsert.target {
        None => "any key",
        Some(UpsertTarget::RowId) => "the row id",
        Some(UpsertTarget::Index(at)) => target.indexes.get(at).map_or("?", |index| &index.index.name),
    };
    let Some(update) = &upsert.update else { return format!("On conflict of {about}: nothing") };
    let columns: Vec<&str> = update.assignments.iter().map(|(column, _)| assigned(target, *column)).collect();
    format!("On conflict of {about}: update {}", columns.join(", "))
}

fn assigned(target: &Target, column: InsertColumn) -> &str {
    match column {
        InsertColumn::RowId => "rowid",
        InsertColumn::Column(at) => target.table.columns.get(at).map_or("?", |column| &column.name),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

#[derive(Default)]
struct Tree {
    names: Names,
    lines: Vec<String>,
}

impl Tree {
    fn line(&mut self, depth: usize, text: String) {
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    fn plan(&mut self, plan: &Plan, depth: usize) {
        self.names.node(&plan.root);
        for subplan in plan.subplans.iter().flatten() {
            self.names.node(&subplan.root);
        }
        self.node(&plan.root, depth);
        self.subplans(&plan.subplans, depth);
    }

    fn subplans(&mut self, subplans: &[Option<Subplan>], depth: usize) {
        for subplan in subplans.iter().flatten() {
            self.names.node(&subplan.root);
        }
        for (at, subplan) in subplans.iter().enumerate() {
            let Some(subplan) = subplan else { continue };
            let outer: Vec<String> = subplan.outer.iter().map(|id| self.names.column(*id)).collect();
            let per =
                if outer.is_empty() { "once".to_owned() } else { format!("for each {}", outer.join(", ")) };
            self.line(depth, format!("Subquery {} {per}", at + 1));
            self.node(&subplan.root, depth + 1);
        }
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let text = self.describe(node);
        let figures = node.figures.as_ref().map_or_else(String::new, |figures| format!(" {figures}"));
        self.line(depth, format!("{text}  (rows={} cost={}){figures}", round(node.rows), round(node.cost)));
        let mut inputs = Vec::new();
        node_inputs(node, &mut |input| inputs.push(input));
        for input in inputs {
            self.node(input, depth + 1);
        }
    }

    fn describe(&self, node: &Node) -> String {
        match &node.operator {
            Operator::OneRow => "One row".to_owned(),
            Operator::Empty => "Empty".to_owned(),
            Operator::Values { rows } => format!("Values of {} rows", rows.len()),
            Operator::TableScan(scan) => {
                let mut text = format!("Scan {}", named(&scan.table.name, &scan.alias));
                match &scan.range {
                    RowIdRange::All => {}
                    RowIdRange::Between(lower, upper) => {
                        let mut parts = Vec::new();
                        if let Some((e, included)) = lower {
                            parts.push(format!("rowid {} {}", above(*included), self.names.text(e)));
                        }
                        if let Some((e, included)) = upper {
                            parts.push(format!("rowid {} {}", below(*included), self.names.text(e)));
                        }
                        text += &format!(" [{}]", parts.join(" AND "));
                    }
                    RowIdRange::OneOf(list) => text += &format!(" [rowid = {}]", self.any_of(list)),
                }
                self.scan_end(text, scan.filter.as_ref(), scan.reverse)
            }
            Operator::IndexScan(scan) => {
                let way = match (scan.table.is_clustered_by(&scan.index), scan.covering) {
                    (true, _) => "its primary key".to_owned(),
                    (false, true) => format!("covering index {}", scan.index.name),
                    (false, false) => format!("index {}", scan.index.name),
                };
                let mut text = format!("Scan {} by {way}", named(&scan.table.name, &scan.alias));
                let shown: Vec<String> = scan
                    .ranges
                    .iter()
                    .take(3)
                    .map(|range| self.range(scan, range))
                    .filter(|r| !r.is_empty())
                    .collect();
                if !shown.is_empty() {
                    let more = if scan.ranges.len() > 3 {
                        format!(" OR .. {} ranges", scan.ranges.len())
                    } else {
                        String::new()
                    };
                    text += &format!(" [{}{more}]", shown.join(" OR "));
                }
                self.scan_end(text, scan.filter.as_ref(), scan.reverse)
            }
            Operator::Filter { predicate, .. } => format!("Filter {}", self.names.text(predicate)),
            Operator::Project { exprs, .. } => format!("Project {}", self.list(exprs)),
            Operator::NestedLoopJoin { kind, on, .. } => {
                let on = on.as_ref().map_or_else(String::new, |on| format!(" on {}", self.names.text(on)));
                format!("{} nested-loop join{on}", join_name(*kind))
            }
            Operator::HashJoin { kind, keys, residual, null_aware, .. } => {
                let mut parts: Vec<String> = keys
                    .iter()
                    .map(|(l, r, _)| format!("{} = {}", self.names.text(l), self.names.text(r)))
                    .collect();
                parts.extend(residual.iter().map(|e| self.names.text(e)));
                let aware = if *null_aware { " (NULL-aware)" } else { "" };
                format!("{} hash join{aware} on {}", join_name(*kind), parts.join(" AND "))
            }
            Operator::Aggregate { groups, calls, sorted, .. } => {
                let mut text = if *sorted { "Sorted aggregate".to_owned() } else { "Aggregate".to_owned() };
                let calls: Vec<String> = calls.iter().map(|call| self.names.call(call)).collect();
                if !calls.is_empty() {
                    text += &format!(" {}", calls.join(", "));
                }
                if !groups.is_empty() {
                    let groups: Vec<String> =
                        groups.iter().map(|(e, c)| self.names.text(e) + &collated(*c)).collect();
                    text += &format!(" by {}", groups.join(", "));
                }
                text
            }
            Operator::Distinct { .. } => "Distinct".to_owned(),
            Operator::TableFunction { function, args, alias } => {
                let call = format!("{}({})", function.0.name, self.list(args));
                if *alias == function.0.name {
                    format!("Call {call}")
                } else {
                    format!("Call {call} AS {alias}")
                }
            }
            Operator::Queue { alias, .. } => format!("Queue {alias}"),
            Operator::Recursive(recursive) => self.recursive(recursive),
            Operator::Window { window, calls, .. } => {
                let calls: Vec<String> = calls.iter().map(|call| self.names.window_call(call)).collect();
                let mut text = format!("Window {}", calls.join(", "));
                if !window.partition.is_empty() {
                    let keys: Vec<String> =
                        window.partition.iter().map(|(e, c)| self.names.text(e) + &collated(*c)).collect();
                    text += &format!(" partition by {}", keys.join(", "));
                }
                if !window.order.is_empty() {
                    text += &format!(" order by {}", self.keys(&window.order));
                }
                text
            }
            Operator::Sort { keys, top, .. } => {
                let top =
                    top.as_ref().map_or_else(String::new, |top| format!(" (top {})", self.names.text(top)));
                format!("Sort by {}{top}", self.keys(keys))
            }
            Operator::Limit { limit, offset, .. } => {
                let mut text = "Limit".to_owned();
                text += &limit.as_ref().map_or_else(String::new, |e| format!(" {}", self.names.text(e)));
                text +=
                    &offset.as_ref().map_or_else(String::new, |e| format!(" offset {}", self.names.text(e)));
                text
            }
            Operator::SetOperation { members } => {
                let mut text = String::new();
                let mut last = None;
                // A run of one operator is told once.
                for op in members.iter().skip(1).map(|member| member.op) {
                    if last.replace(op) != Some(op) {
                        text += match op {
                            SetOp::UnionAll => ", union all",
                            SetOp::Union => ", union",
                            SetOp::Intersect => ", intersect",
                            SetOp::Except => ", except",
                        };
                    }
                }
                capitalised(text.trim_start_matches(", "))
            }
        }
    }

    fn recursive(&self, recursive: &RecursiveNode) -> String {
        let mut text = if recursive.distinct { "Recursive union" } else { "Recursive union all" }.to_owned();
        if !recursive.order.is_empty() {
            let keys: Vec<SortKey> = recursive.order.iter().map(|(_, key)| key.clone()).collect();
            text += &format!(" by {}", self.keys(&keys));
        }
        text +=
            &recursive.limit.as_ref().map_or_else(String::new, |e| format!(" limit {}", self.names.text(e)));
        text += &recursive
            .offset
            .as_ref()
            .map_or_else(String::new, |e| format!(" offset {}", self.names.text(e)));
        text
    }

    fn scan_end(&self, mut text: String, filter: Option<&Expr>, reverse: bool) -> String {
        if reverse {
            text += " backwards";
        }
        if let Some(filter) = filter {
            text += &format!(" where {}", self.names.text(filter));
        }
        text
    }

    fn range(&self, scan: &IndexScan, range: &IndexRange) -> String {
        let mut parts = Vec::new();
        for (at, value) in range.equal.iter().enumerate() {
            let safe = range.null_safe.get(at).copied().unwrap_or(false);
            let is = if safe { "IS" } else { "=" };
            parts.push(format!("{} {is} {}", index_column(scan, at), self.names.text(value)));
        }
        let next = range.equal.len();
        if let Some((e, included)) = &range.lower {
            parts.push(format!("{} {} {}", index_column(scan, next), above(*included), self.names.text(e)));
        }
        if let Some((e, included)) = &range.upper {
            parts.push(format!("{} {} {}", index_column(scan, next), below(*included), self.names.text(e)));
        }
        parts.join(" AND ")
    }

    fn any_of(&self, list: &[Expr]) -> String {
        match list {
            [one] => self.names.text(one),
            many => format!("any of {}", self.list(many)),
        }
    }

    fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|e| self.names.text(e)).collect::<Vec<_>>().join(", ")
    }

    fn keys(&self, keys: &[SortKey]) -> String {
        let text = |key: &SortKey| {
            let direction = if key.descending { " DESC" } else { "" };
            let nulls = match (key.descending, key.nulls_first) {
                (false, false) => " NULLS LAST",
                (true, true) => " NULLS FIRST",
                _ => "",
            };
            format!("{}{}{direction}{nulls}", self.names.text(&key.expr), collated(key.collation))
        };
        keys.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// What an index column indexes, by name.
fn index_column(scan: &IndexScan, at: usize) -> &str {
    use crate::catalog::IndexKey;
    match scan.index.columns.iter().chain(&scan.index.tail).nth(at).map(|column| &column.key) {
        Some(IndexKey::Column(column)) => scan.table.columns.get(*column).map_or("?", |column| &column.name),
        Some(IndexKey::Expression(expr)) => &expr.text,
        None => "rowid",
    }
}

fn named(table: &str, alias: &str) -> String {
    if table.eq_ignore_ascii_case(alias) || alias.is_empty() {
        table.to_owned()
    } else {
        format!("{table} AS {alias}")
    }
}

fn above(included: bool) -> &'static str {
    if included { ">=" } else { ">" }
}

fn below(included: bool) -> &'static str {
    if included { "<=" } else { "<" }
}

fn collated(collation: Collation) -> String {
    if collation == Collation::Binary { String::new() } else { format!(" COLLATE {}", collation.name()) }
}

fn join_name(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "Inner",
        JoinKind::Left => "Left",
        JoinKind::Right => "Right",
        JoinKind::Full => "Full",
        JoinKind::Semi => "Semi",
        JoinKind::Anti => "Anti",
    }
}

/// A number of at most three significant digits: estimates are no better.
fn round(number: f64) -> String {
    if number < 10.0 { format!("{:.1}", number.max(0.0)) } else { format!("{number:.0}") }
}
