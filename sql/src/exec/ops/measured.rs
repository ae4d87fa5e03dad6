//! An operator that notes what the one inside it does: EXPLAIN ANALYZE builds these around all others, and nothing
//! else builds any.

use super::Operator;
use crate::error::Result;
use crate::exec::{Batch, Context};
use crate::plan::{Figures, Work};
use std::sync::Arc;
use std::time::Instant;

/// An operator and where its figures go.
pub(super) struct Measured {
    inner: Box<dyn Operator>,
    figures: Arc<Figures>,
}

impl Measured {
    /// Puts itself around `inner`.
    pub(super) fn new(inner: Box<dyn Operator>, figures: Arc<Figures>) -> Measured {
        Measured { inner, figures }
    }
}

impl Operator for Measured {
    fn reset(&mut self, cx: &mut Context) -> Result<()> {
        let watch = Watch::start(cx);
        let done = self.inner.reset(cx);
        self.figures.add(watch.stop(cx, Work { loops: 1, ..Work::default() }));
        done
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        let watch = Watch::start(cx);
        let given = self.inner.next(cx);
        let handed = match &given {
            Ok(Some(batch)) => Work { batches: 1, rows: batch.selected_rows() as u64, ..Work::default() },
            _ => Work::default(),
        };
        self.figures.add(watch.stop(cx, handed));
        given
    }

    fn stop(&mut self) {
        self.inner.stop();
    }
}

/// Measures one call.
pub(super) struct Watch {
    started: Instant,
    pages: u64,
}

impl Watch {
    pub(super) fn start(cx: &Context) -> Watch {
        Watch { started: Instant::now(), pages: cx.pages_visited() }
    }

    /// `work` with the time and the pages since the start.
    pub(super) fn stop(self, cx: &Context, work: Work) -> Work {
        let nanos = self.started.elapsed().as_nanos() as u64;
        Work { pages: cx.pages_visited() - self.pages, nanos, ..work }
    }
}
