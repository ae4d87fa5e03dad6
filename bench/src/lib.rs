//! Sedge measured: beside other engines, and against its own budgets.
//!
//! `compare-bench` runs one `mode` on several engines by turns (`engine` says what each can do, one file an engine), and
//! prints a `report`. `guardrails` runs fixed workloads on Sedge alone and holds its counters against a `budget`. The
//! work of both is made by `mode` over `documents` and done by `run`; `measure` reads clocks and file sizes.
#![forbid(unsafe_code)]

pub mod budget;
pub mod documents;
pub mod engine;
pub mod measure;
pub mod mode;
mod random;
pub mod report;
pub mod run;

/// What can fail in a benchmark: each engine's own errors, boxed.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
