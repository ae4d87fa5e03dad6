//! Queue: inside a recursion, the rows that its steps are to work on, as the recursion has put them into the context.

use super::Operator;
use crate::error::Result;
use crate::exec::{Batch, Context};
use crate::ir::RecursionId;

/// One batch a start.
#[derive(Debug)]
pub(super) struct Queue {
    recursion: RecursionId,
    is_given: bool,
}

impl Queue {
    pub(super) fn new(recursion: RecursionId) -> Queue {
        Queue { recursion, is_given: true }
    }
}

impl Operator for Queue {
    fn reset(&mut self, _cx: &mut Context) -> Result<()> {
        self.is_given = false;
        Ok(())
    }

    fn next(&mut self, cx: &mut Context) -> Result<Option<Batch>> {
        if std::mem::replace(&mut self.is_given, true) {
            return Ok(None);
        }
        Ok(cx.queue(self.recursion).cloned())
    }

    fn stop(&mut self) {
        self.is_given = true;
    }
}
