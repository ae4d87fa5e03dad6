//! Clocks, and what a run left on the disk.

use std::path::Path;
use std::time::{Duration, Instant};

/// Time that a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// By the clock on the wall.
    pub wall: Duration,
    /// On the processors: user and system time of all threads of this process, ended ones included.
    pub cpu: Duration,
}

/// A running measurement.
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch { wall: Instant::now(), cpu: process_time() }
    }

    /// What passed since the start.
    pub fn stop(self) -> Cost {
        let cpu = process_time();
        Cost { wall: self.wall.elapsed(), cpu: cpu.saturating_sub(self.cpu) }
    }
}

/// CPU time of the process: what getrusage(RUSAGE_SELF) gives, in nanoseconds instead of microseconds.
fn process_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Bytes that this process has handed to write calls so far: `wchar` of /proc/self/io, `None` where there is none. It
/// counts a page each time it is written, whether or not the system has it on the medium yet.
pub fn written_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}

/// Bytes of all files in a folder and below.
///
/// # Errors
/// Those of reading the folder.
pub fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
