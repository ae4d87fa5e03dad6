//! Ctrl-C: the first stops the running statement and what was to follow it; a third ends the shell.

use sedge::InterruptHandle;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many times Ctrl-C must be pressed at one statement to end the shell: for what does not look at interrupts.
const PRESSES_TO_EXIT: u32 = 3;
/// What a process that SIGINT ended exits with.
const EXIT_CODE: i32 = 130;

/// What the handler of Ctrl-C and the shell share.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Shared>);

struct Shared {
    handle: Mutex<InterruptHandle>,
    presses: AtomicU32,
}

impl Interrupt {
    pub(crate) fn new(handle: InterruptHandle) -> Interrupt {
        Interrupt(Arc::new(Shared { handle: Mutex::new(handle), presses: AtomicU32::new(0) }))
    }

    /// From here on Ctrl-C stops statements instead of the process.
    pub(crate) fn catch(&self) {
        let shared = Arc::clone(&self.0);
        // Where no handler can be set, Ctrl-C goes on ending the process: nothing to tell.
        let _ = ctrlc::set_handler(move || {
            if shared.presses.fetch_add(1, Ordering::Relaxed) + 1 >= PRESSES_TO_EXIT {
                // The next open recovers from the log what was committed.
                std::process::exit(EXIT_CODE);
            }
            shared.handle.lock().unwrap_or_else(PoisonError::into_inner).interrupt();
        });
    }

    /// Aims at another connection.
    pub(crate) fn aim(&self, handle: InterruptHandle) {
        *self.0.handle.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// True if Ctrl-C was pressed since the last [`Interrupt::forget`].
    pub(crate) fn pressed(&self) -> bool {
        self.0.presses.load(Ordering::Relaxed) > 0
    }

    /// Starts afresh.
    pub(crate) fn forget(&self) {
        self.0.presses.store(0, Ordering::Relaxed);
    }
}
