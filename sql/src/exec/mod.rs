//! Execution: values in flight, the evaluator, the operators, and the run of a plan.
//!
//! `vector` and `batch` are the values on their way, `context` is what a run needs beside its plan, `expr` evaluates, `accumulate` holds the states of aggregates,
//! `ops` runs a plan batch by batch, `point` runs the plans that give one row by its key without building a batch,
//! and `execution` is a plan with all it needs to run.

pub(crate) mod accumulate;
pub(crate) mod batch;
pub(crate) mod context;
pub(crate) mod execution;
pub(crate) mod expr;
pub(crate) mod ops;
mod point;
pub(crate) mod vector;
pub(crate) mod write;

pub(crate) use batch::{BATCH_ROWS, Batch};
pub(crate) use context::Context;
pub(crate) use execution::Execution;
pub(crate) use point::Reader;
pub(crate) use vector::{NO_ROW, Vector};
