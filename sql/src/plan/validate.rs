//! A proof, in debug builds, that a plan can run: each column used is produced by an input of its node, or is an
//! outer column that something above sets; each subquery run has a subplan; nodes are as wide as they say.
//!
//! What fails here is a mistake of the planner, never of a user.

use super::columns::{ColumnSet, add_used, place, subquery_of, walk};
use super::nodes::{node_expressions, node_free, node_inputs};
use super::physical::{Node, Operator, Plan};
use crate::ir::{ColumnId, JoinKind};

/// Checks a plan; `given` are columns set from outside.
pub(super) fn check(plan: &Plan, given: &[ColumnId]) {
    let outers: Vec<Vec<ColumnId>> = plan
        .subplans
        .iter()
        .map(|subplan| subplan.as_ref().map_or_else(Vec::new, |subplan| subplan.outer.clone()))
        .collect();
    let checker = Checker { plan, outers };
    checker.node(&plan.root, &given.iter().copied().collect());
    for output in &plan.outputs {
        assert!(plan.root.columns.contains(&output.column), "output {:?} is not produced", output.column);
    }
    for subplan in plan.subplans.iter().flatten() {
        let free = node_free(&subplan.root, &checker.outers);
        let listed: ColumnSet = subplan.outer.iter().copied().collect();
        assert_eq!(free, listed, "the outer columns of a subplan");
        checker.node(&subplan.root, &listed);
        for column in &subplan.columns {
            assert!(subplan.root.columns.contains(column), "subplan column {column:?} is not produced");
        }
    }
    let unique: ColumnSet = plan.outer.iter().copied().collect();
    assert_eq!(unique.len(), plan.outer.len(), "an outer column has two slots");
}

struct Checker<'p> {
    plan: &'p Plan,
    outers: Vec<Vec<ColumnId>>,
}

impl Checker<'_> {
    fn node(&self, node: &Node, set_above: &ColumnSet) {
        let mut visible = set_above.clone();
        let mut inputs = ColumnSet::default();
        match &node.operator {
            Operator::TableScan(scan) => assert_eq!(scan.columns.len(), node.columns.len(), "scan width"),
            Operator::IndexScan(scan) => assert_eq!(scan.columns.len(), node.columns.len(), "scan width"),
            _ => node_inputs(node, &mut |input| inputs.extend(&input.columns)),
        }
        match &node.operator {
            Operator::TableScan(_) | Operator::IndexScan(_) => visible.extend(&node.columns),
            _ => visible.add(&inputs),
        }
        node_expressions(node, &mut |e| {
            let mut used = ColumnSet::default();
            add_used(e, &self.outers, &mut used);
            for id in used.iter() {
                assert!(visible.contains(&id), "{id:?} is used by {e:?} and set by nothing in {node:#?}");
            }
            walk(e, &mut |e| {
                if let Some(query) = subquery_of(e) {
                    let subplan = self.plan.subplans.get(place(query));
                    assert!(subplan.is_some_and(Option::is_some), "{query:?} has no plan");
                }
            });
        });
        for id in set_above.iter().chain(node.columns.iter().copied()) {
            let slot = self.plan.outer.contains(&id);
            assert!(slot || !set_above.contains(&id), "the outer column {id:?} has no slot");
        }
        self.width(node, &inputs);
        match &node.operator {
            Operator::NestedLoopJoin { left, right, outer, .. } => {
                self.node(left, set_above);
                let mut set = set_above.clone();
                for id in outer {
                    assert!(left.columns.contains(id), "{id:?} is not on the left side");
                    set.insert(*id);
                }
                let free = node_free(right, &self.outers);
                assert!(outer.iter().all(|id| free.contains(id)), "an outer column that nothing uses");
                self.node(right, &set);
            }
            _ => node_inputs(node, &mut |input| self.node(input, set_above)),
        }
    }

    fn width(&self, node: &Node, inputs: &ColumnSet) {
        match &node.operator {
            Operator::Values { rows } => {
                assert!(rows.iter().all(|row| row.len() == node.columns.len()), "a row of another width");
            }
            Operator::Project { exprs, .. } => {
                assert_eq!(exprs.len(), node.columns.len(), "projection width")
            }
            Operator::Filter { input, .. } | Operator::Sort { input, .. } | Operator::Limit { input, .. } => {
                assert_eq!(input.columns, node.columns, "a node that hands rows through changes them");
            }
            Operator::Window { input, calls, .. } => {
                assert_eq!(input.columns.len() + calls.len(), node.columns.len(), "window width");
            }
            Operator::Distinct { input, collations } => {
                assert_eq!(input.columns, node.columns, "a node that hands rows through changes them");
                assert_eq!(collations.len(), node.columns.len(), "one collation a column");
            }
            Operator::Aggregate { groups, calls, bare, input, .. } => {
                assert_eq!(groups.len() + calls.len() + bare.len(), node.columns.len(), "aggregate width");
                assert!(bare.iter().all(|id| input.columns.contains(id)), "a bare column is not produced");
            }
            Operator::Recursive(recursive) => {
                assert_eq!(recursive.anchor.columns.len(), node.columns.len(), "recursion width");
                assert_eq!(recursive.collations.len(), node.columns.len(), "one collation a column");
                for step in &recursive.steps {
                    assert_eq!(step.columns.len(), node.columns.len() + 1, "step width");
                }
            }
            Operator::SetOperation { members } => {
                for (at, member) in members.iter().enumerate() {
                    assert_eq!(member.input.columns.len(), node.columns.len(), "compound width");
                    let collations = if at == 0 { 0 } else { node.columns.len() };
                    assert_eq!(member.collations.len(), collations, "one collation a column");
                }
            }
            Operator::NestedLoopJoin { kind, left, .. } | Operator::HashJoin { kind, left, .. } => {
                let left_only = matches!(kind, JoinKind::Semi | JoinKind::Anti);
                for id in &node.columns {
                    let there = if left_only { left.columns.contains(id) } else { inputs.contains(id) };
                    assert!(there, "{id:?} is not produced by the join's sides");
                }
            }
            _ => {}
        }
    }
}
