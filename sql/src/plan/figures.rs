//! What the nodes of a plan did when it ran: the measurements of EXPLAIN ANALYZE. Other plans carry none.

use super::nodes::node_inputs_mut;
use super::physical::{Node, Operator, Plan, Subplan, WritePlan, WriteSource};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What one node did, with all below it.
#[derive(Debug, Default)]
pub struct Figures {
    loops: AtomicU64,
    batches: AtomicU64,
    rows: AtomicU64,
    pages: AtomicU64,
    nanos: AtomicU64,
    by_key: AtomicBool,
}

/// A part of what a node did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// Starts and restarts.
    pub loops: u64,
    /// Batches handed up.
    pub batches: u64,
    /// Rows handed up.
    pub rows: u64,
    /// Pages visited; one that is visited again counts again.
    pub pages: u64,
    /// Nanoseconds.
    pub nanos: u64,
}

impl Figures {
    /// Adds a part.
    pub fn add(&self, work: Work) {
        let Work { loops, batches, rows, pages, nanos } = work;
        let sums = [&self.loops, &self.batches, &self.rows, &self.pages, &self.nanos];
        for (sum, part) in sums.into_iter().zip([loops, batches, rows, pages, nanos]) {
            sum.fetch_add(part, Ordering::Relaxed);
        }
    }

    /// True if the node was started.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.loops.load(Ordering::Relaxed) > 0
    }

    /// Notes that a write names its row by its key, which is all that the node would have told.
    pub fn note_by_key(&self) {
        self.by_key.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        if !self.has_run() {
            return f.write_str(if self.by_key.load(Ordering::Relaxed) {
                "(named by its key)"
            } else {
                "(not run)"
            });
        }
        write!(
            f,
            "(actual rows={} batches={} loops={} pages={} time={:.3} ms)",
            of(&self.rows),
            of(&self.batches),
            of(&self.loops),
            of(&self.pages),
            of(&self.nanos) as f64 / 1e6
        )
    }
}

impl Plan {
    /// Makes runs of the plan note what each node does.
    pub fn measure(&mut self) {
        measure_node(&mut self.root);
        measure_subplans(&mut self.subplans);
    }
}

impl Plan {
    /// Adds what a run did that used no operator, since the plan finds one row by its key: the lookup, and the
    /// projection above it.
    pub fn note_point(&self, work: Work) {
        if self.root.figures.as_ref().is_some_and(|figures| figures.has_run()) {
            return;
        }
        let mut node = Some(&self.root);
        while let Some(Node { figures: Some(figures), operator, .. }) = node {
            figures.add(work);
            node = if let Operator::Project { input, .. } = operator { Some(input) } else { None };
        }
    }
}

impl WritePlan {
    /// Makes runs of the plan note what each node does.
    pub fn measure(&mut self) {
        match self {
            WritePlan::Insert { source, expressions, .. } => {
                if let WriteSource::Query { plan, .. } = source {
                    plan.measure();
                }
                measure_subplans(&mut expressions.subplans);
            }
            WritePlan::Update { find, expressions, .. } => {
                find.measure();
                measure_subplans(&mut expressions.subplans);
            }
            WritePlan::Delete { find, expressions, .. } => {
                find.measure();
                measure_subplans(&mut expressions.subplans);
            }
        }
    }

    /// The query that finds the rows to change, where there is one.
    #[must_use]
    pub fn find(&self) -> Option<&Plan> {
        match self {
            WritePlan::Insert { .. } => None,
            WritePlan::Update { find, .. } | WritePlan::Delete { find, .. } => Some(find),
        }
    }
}

fn measure_subplans(subplans: &mut [Option<Subplan>]) {
    subplans.iter_mut().flatten().for_each(|subplan| measure_node(&mut subplan.root));
}

fn measure_node(node: &mut Node) {
    node.figures = Some(Arc::default());
    node_inputs_mut(node, &mut measure_node);
}
