//! Planning recursions: the first rows, and the steps, which run many times over few rows of the queue.

use super::columns::ColumnSet;
use super::cost;
use super::nodes::{node, node_inputs_mut, reads_queue};
use super::physical::{Node, Operator, RecursiveNode};
use super::planner::Planner;
use super::predicate::mirror_rule;
use crate::error::Result;
use crate::ir::{ColumnId, Expr, JoinKind, Recursive, Relation};

impl Planner<'_> {
    pub(super) fn recursive(&mut self, recursive: &Recursive) -> Result<Node> {
        let anchor = self.part(&recursive.anchor)?;
        let mut steps = Vec::with_capacity(recursive.steps.len());
        for step in &recursive.steps {
            let mut step = self.part(step)?;
            lead_with_queue(&mut step);
            steps.push(step);
        }
        let ids: Vec<ColumnId> = recursive.columns.iter().map(|(id, _)| *id).collect();
        let place = |expr: &Expr| match expr {
            Expr::Column(id, _) => ids.iter().position(|known| known == id),
            _ => None,
        };
        // The terms of a compound's ORDER BY are columns of its result.
        let order = recursive.order.iter().filter_map(|key| Some((place(&key.expr)?, key.clone()))).collect();
        let rows = anchor.rows + cost::QUEUE_ROWS * steps.len() as f64;
        let price = anchor.cost + steps.iter().map(|step| step.cost).sum::<f64>();
        let operator = Operator::Recursive(Box::new(RecursiveNode {
            recursion: recursive.recursion,
            anchor,
            steps,
            distinct: recursive.distinct,
            order,
            reals: recursive.reals.clone(),
            limit: recursive.limit.clone(),
            offset: recursive.offset.clone(),
            collations: recursive.columns.iter().map(|(_, collation)| *collation).collect(),
        }));
        Ok(node(operator, ids, rows, price))
    }

    fn part(&mut self, (relation, columns): &(Relation, Vec<ColumnId>)) -> Result<Node> {
        let needed: ColumnSet = columns.iter().copied().collect();
        let planned = self.plan(relation, &needed)?;
        Ok(self.fit(planned, columns))
    }
}

/// Puts the queue on the left of inner joins that can be turned. The right side is kept from step to step where it
/// does not change, and the left side alone is read anew.
fn lead_with_queue(root: &mut Node) {
    node_inputs_mut(root, &mut lead_with_queue);
    match &mut root.operator {
        Operator::HashJoin { kind: JoinKind::Inner, left, right, keys, .. }
            if reads_queue(right) && !reads_queue(left) =>
        {
            std::mem::swap(left, right);
            for (left, right, rule) in keys {
                std::mem::swap(left, right);
                *rule = mirror_rule(*rule);
            }
        }
        Operator::NestedLoopJoin { kind: JoinKind::Inner, left, right, outer, .. }
            if outer.is_empty() && reads_queue(right) && !reads_queue(left) =>
        {
            std::mem::swap(left, right);
        }
        _ => {}
    }
}
