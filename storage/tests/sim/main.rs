//! Crashes and failing calls on the simulated disk: random runs beside a model, crashed behind every call they make,
//! and one named test for each rule of the log.
//!
//! `SEDGE_CRASH_POINTS` says how many crashes the sweep tries, `SEDGE_FAULT_CALLS` how many calls are made to fail, and
//! `SEDGE_SIM_SEED` where both start. A failure prints its seed and the fewest steps that still fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copies;
mod faults;
mod life;
mod random;
mod rules;
mod schema;
mod state;
mod steps;
mod sweep;

/// Number `name` of the environment, or `usual`.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}
