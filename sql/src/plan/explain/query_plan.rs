//! Rows in the shape of SQLite's EXPLAIN QUERY PLAN: an id, the id of the row around it, and what is done. Joins
//! are the tables they read, one after the other, as in SQLite.

use super::super::columns::{place, subquery_of, walk};
use super::super::nodes::{node_expressions, node_inputs};
use super::super::physical::{IndexScan, Node, Operator, Plan, RowIdRange, WritePlan, WriteSource};
use super::index_column;
use crate::ir::SetOp;

/// A plan as (id, parent, detail); the parent of the outermost rows is 0.
#[must_use]
pub fn explain_query_plan(plan: &Plan) -> Vec<(i64, i64, String)> {
    let mut rows = Rows { plan, rows: Vec::new(), shown: vec![false; plan.subplans.len()] };
    rows.node(&plan.root, 0);
    rows.rows
}

/// How a statement that writes finds its rows: no row for one that is given them.
#[must_use]
pub fn explain_query_plan_of_write(plan: &WritePlan) -> Vec<(i64, i64, String)> {
    match plan {
        WritePlan::Insert { source: WriteSource::Query { plan, .. }, .. } => explain_query_plan(plan),
        WritePlan::Insert { .. } => Vec::new(),
        WritePlan::Update { find, .. } | WritePlan::Delete { find, .. } => explain_query_plan(find),
    }
}

struct Rows<'p> {
    plan: &'p Plan,
    rows: Vec<(i64, i64, String)>,
    shown: Vec<bool>,
}

impl Rows<'_> {
    fn add(&mut self, parent: i64, detail: String) -> i64 {
        let id = self.rows.len() as i64 + 1;
        self.rows.push((id, parent, detail));
        id
    }

    fn node(&mut self, node: &Node, parent: i64) {
        match &node.operator {
            Operator::TableScan(scan) => {
                let detail = match &scan.range {
                    RowIdRange::All => format!("SCAN {}", scan.alias),
                    RowIdRange::OneOf(_) => {
                        format!("SEARCH {} USING INTEGER PRIMARY KEY (rowid=?)", scan.alias)
                    }
                    RowIdRange::Between(lower, upper) => {
                        let bounds = bounds("rowid", lower.is_some(), upper.is_some());
                        format!("SEARCH {} USING INTEGER PRIMARY KEY ({})", scan.alias, bounds.join(" AND "))
                    }
                };
                self.add(parent, detail);
            }
            Operator::IndexScan(scan) => {
                let detail = index_detail(scan);
                self.add(parent, detail);
            }
            Operator::Recursive(recursive) => {
                let setup = self.add(parent, "SETUP".to_owned());
                self.node(&recursive.anchor, setup);
                let step = self.add(parent, "RECURSIVE STEP".to_owned());
                recursive.steps.iter().for_each(|node| self.node(node, step));
            }
            Operator::TableFunction { alias, .. } => {
                self.add(parent, format!("SCAN {alias} VIRTUAL TABLE INDEX 0:"));
            }
            Operator::Queue { alias, .. } => {
                self.add(parent, format!("SCAN {alias}"));
            }
            Operator::OneRow | Operator::Empty => {
                self.add(parent, "SCAN CONSTANT ROW".to_owned());
            }
            Operator::Values { rows } => {
                let detail = format!("SCAN {} CONSTANT ROWS", rows.len());
                self.add(parent, detail);
            }
            Operator::SetOperation { members } => {
                let compound = self.add(parent, "COMPOUND QUERY".to_owned());
                for (at, member) in members.iter().enumerate() {
                    let name = match member.op {
                        _ if at == 0 => "LEFT-MOST SUBQUERY",
                        SetOp::UnionAll => "UNION ALL",
                        SetOp::Union => "UNION USING TEMP B-TREE",
                        SetOp::Intersect => "INTERSECT USING TEMP B-TREE",
                        SetOp::Except => "EXCEPT USING TEMP B-TREE",
                    };
                    let place = self.add(compound, name.to_owned());
                    self.node(&member.input, place);
                }
            }
            _ => node_inputs(node, &mut |input| self.node(input, parent)),
        }
        match &node.operator {
            Operator::Aggregate { groups, sorted: false, .. } if !groups.is_empty() => {
                self.add(parent, "USE TEMP B-TREE FOR GROUP BY".to_owned());
            }
            Operator::Distinct { .. } => {
                self.add(parent, "USE TEMP B-TREE FOR DISTINCT".to_owned());
            }
            Operator::Sort { .. } => {
                self.add(parent, "USE TEMP B-TREE FOR ORDER BY".to_owned());
            }
            _ => {}
        }
        let mut found = Vec::new();
        node_expressions(node, &mut |e| walk(e, &mut |e| found.extend(subquery_of(e).map(place))));
        for at in found {
            let plan = self.plan;
            let Some(Some(subplan)) = plan.subplans.get(at) else { continue };
            if std::mem::replace(&mut self.shown[at], true) {
                continue; // As long as `subplans`, by construction.
            }
            let correlated = if subplan.outer.is_empty() { "" } else { "CORRELATED " };
            let id = self.add(parent, format!("{correlated}SUBQUERY {}", at + 1));
            self.node(&subplan.root, id);
        }
    }
}

fn bounds(column: &str, lower: bool, upper: bool) -> Vec<String> {
    let mut parts = Vec::new();
    if lower {
        parts.push(format!("{column}>?"));
    }
    if upper {
        parts.push(format!("{column}<?"));
    }
    parts
}

fn index_detail(scan: &IndexScan) -> String {
    let way = match (scan.table.is_clustered_by(&scan.index), scan.covering) {
        (true, _) => "PRIMARY KEY".to_owned(),
        (false, true) => format!("COVERING INDEX {}", scan.index.name),
        (false, false) => format!("INDEX {}", scan.index.name),
    };
    let mut parts = Vec::new();
    if let Some(range) = scan.ranges.first() {
        parts.extend((0..range.equal.len()).map(|at| format!("{}=?", index_column(scan, at))));
        let next = index_column(scan, range.equal.len());
        parts.extend(bounds(next, range.lower.is_some(), range.upper.is_some()));
    }
    match parts.is_empty() {
        true if scan.table.is_clustered_by(&scan.index) => format!("SCAN {}", scan.alias),
        true => format!("SCAN {} USING {way}", scan.alias),
        false => format!("SEARCH {} USING {way} ({})", scan.alias, parts.join(" AND ")),
    }
}
