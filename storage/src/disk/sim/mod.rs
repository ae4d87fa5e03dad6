//! A disk that a test crashes: files in memory that forget at a power failure what was not synced, and fail when told to.
//!
//! `medium` keeps what the system's cache shows apart from what is on the platter, `fault` makes single calls fail, and
//! `recording` notes the calls of a run, so that a test can crash it behind each of them without running it again. The
//! files stand under the same `file_disk` as real ones.
//!
//! ```text
//! store -- file_disk -- SimFiles -- Medium: cache | versions of each unsynced sector | platter
//!                                     |  power failure: each sector gets one of its versions, by seed
//!                                     v
//!                                   another Medium, to be opened again
//! ```

mod fault;
mod medium;
mod recording;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub use fault::{Fault, FaultKind};
pub use recording::{Crash, Recording, Replay};

use super::file_disk::FileDisk;
use super::files::Files;
use super::{BasePage, Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::{PageBytes, PageId};
use fault::{Doing, Effect, Faults};
use medium::Medium;
use recording::Call;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A simulated disk with the files of one database. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    medium: Medium,
    recording: Option<Recording>,
    faults: Faults,
    /// The process that has the files open is alive; another one gets a flag of its own.
    alive: Arc<AtomicBool>,
}

/// The files as one process has them open.
#[derive(Debug)]
pub(crate) struct SimFiles {
    disk: SimDisk,
    alive: Arc<AtomicBool>,
    /// Pages are looked at where they lie, as in a mapped file, instead of read.
    mapped: bool,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    fn of(medium: Medium) -> SimDisk {
        let disk = SimDisk::default();
        disk.shared().medium = medium;
        disk
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files, as a process opens them: the base file is made if there is none. Whatever process had them open
    /// before is dead.
    ///
    /// # Errors
    /// Those of faults.
    pub(crate) fn attach(&self, mapped: bool, cache_size: usize) -> Result<Arc<dyn Disk>> {
        self.kill();
        let alive = Arc::new(AtomicBool::new(true));
        self.shared().alive = Arc::clone(&alive);
        let files = SimFiles { disk: self.clone(), alive, mapped };
        let made = files.make_base();
        let made = made.map_err(|source| Error::Io { context: "cannot open the file".into(), source })?;
        let disk = FileDisk::new(files, false, cache_size, made)?;
        disk.lock(true)?;
        Ok(Arc::new(disk))
    }

    /// Ends the process that has the files open: none of its calls does anything from here on. What the system's
    /// cache shows stays.
    pub fn kill(&self) {
        let mut shared = self.shared();
        shared.alive.store(false, Ordering::Release);
        shared.medium.forget_temporary();
    }

    /// Begins to note all calls, from the present state on.
    pub fn record(&self) {
        let mut shared = self.shared();
        shared.recording = Some(Recording::new(shared.medium.clone()));
    }

    /// Calls noted so far.
    pub fn recorded(&self) -> usize {
        self.shared().recording.as_ref().map_or(0, Recording::len)
    }

    /// Ends the noting and gives what was noted.
    pub fn recording(&self) -> Recording {
        self.shared().recording.take().unwrap_or_default()
    }

    /// What was noted so far; the noting goes on.
    #[cfg(test)]
    pub(crate) fn clone_of_recording(&self) -> Recording {
        self.shared().recording.clone().unwrap_or_default()
    }

    /// Makes a call fail that is to come.
    pub fn fail(&self, fault: Fault) {
        self.shared().faults.add(fault);
    }

    /// Calls so far that a [`Fault`] can be given the number of.
    pub fn calls(&self) -> u64 {
        self.shared().faults.calls()
    }

    /// The bytes of a file as the system shows them, if it exists: the base file by "", the logs by "-wal0" and "-wal1".
    pub fn bytes(&self, suffix: &str) -> Option<Vec<u8>> {
        let role = [FileRole::Base, FileRole::Log0, FileRole::Log1];
        let role = role.into_iter().find(|role| role.suffix() == suffix)?;
        self.shared().medium.file(role).map(|file| file.bytes().to_vec())
    }

    /// Puts bytes into a file, durably, and makes it if there is none: as if they had always been there.
    pub fn put(&self, suffix: &str, offset: u64, bytes: &[u8]) {
        let role = [FileRole::Base, FileRole::Log0, FileRole::Log1];
        for role in role.into_iter().filter(|role| role.suffix() == suffix) {
            let medium = &mut self.shared().medium;
            for call in [Call::Create(role), Call::Write(role, offset, bytes.into())] {
                medium.apply(&call);
            }
            medium.apply(&Call::Sync(role));
            medium.apply(&Call::SyncDirectory);
        }
    }

    /// Takes a file away, durably.
    pub fn remove(&self, suffix: &str) {
        let role = [FileRole::Base, FileRole::Log0, FileRole::Log1];
        for role in role.into_iter().filter(|role| role.suffix() == suffix) {
            let medium = &mut self.shared().medium;
            medium.apply(&Call::Remove(role));
            medium.apply(&Call::SyncDirectory);
        }
    }
}

impl Shared {
    /// Does a call and notes it. No crash leaves anything of a temporary file.
    fn apply(&mut self, call: Call) {
        self.medium.apply(&call);
        if let Some(recording) = &mut self.recording
            && !matches!(call, Call::Write(FileRole::Temporary, ..))
        {
            recording.push(call);
        }
    }
}

impl SimFiles {
    /// The disk, for a process that is alive, and what is to become of its next call.
    fn call(&self, doing: Doing) -> io::Result<(MutexGuard<'_, Shared>, Effect)> {
        let mut shared = self.disk.shared();
        if !self.alive.load(Ordering::Acquire) {
            return Err(io::Error::other("the process is dead"));
        }
        let effect = shared.faults.next(doing);
        Ok((shared, effect))
    }

    fn make_base(&self) -> io::Result<bool> {
        let exists = self.disk.shared().medium.file(FileRole::Base).is_some();
        if !exists {
            self.create_log(FileRole::Base)?;
        }
        Ok(!exists)
    }

    /// A change that is done or not, as a fault may have it.
    fn change(&self, change: Call) -> io::Result<()> {
        let (mut shared, effect) = self.call(Doing::Grow)?;
        if effect.share > 0.5 {
            shared.apply(change);
        }
        effect.result
    }
}

impl Files for SimFiles {
    fn read(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (shared, effect) = self.call(Doing::Read)?;
        // None at all would be the end of the file.
        let length = effect.part_of(offset, buffer.len()).max(1).min(buffer.len());
        effect.result?;
        let bytes = shared.medium.file(file).map_or(&[][..], medium::SimFile::bytes);
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(length);
        buffer[..length].copy_from_slice(&rest[..length]); // the shorter of both
        Ok(length)
    }

    fn write(&self, file: FileRole, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let (mut shared, effect) = self.call(Doing::Write)?;
        let length = match effect.part_of(offset, bytes.len()) {
            0 if effect.result.is_ok() => bytes.len(), // what lies in one sector is not written in part
            length => length,
        };
        if length > 0 {
            shared.apply(Call::Write(file, offset, bytes[..length].into())); // a part of them
        }
        effect.result.map(|()| length)
    }

    fn sync(&self, file: FileRole) -> io::Result<()> {
        let (mut shared, effect) = self.call(Doing::Other)?;
        let done = effect.result.is_ok();
        shared.apply(if done { Call::Sync(file) } else { Call::SyncFailed(file) });
        effect.result
    }

    fn set_length(&self, file: FileRole, length: u64) -> io::Result<()> {
        self.change(Call::SetLength(file, length))
    }

    fn length(&self, file: FileRole) -> io::Result<u64> {
        let (shared, effect) = self.call(Doing::Other)?;
        effect.result?;
        Ok(shared.medium.file(file).map_or(0, |file| file.bytes().len() as u64))
    }

    fn open_log(&self, file: FileRole) -> io::Result<bool> {
        let (shared, effect) = self.call(Doing::Other)?;
        effect.result?;
        Ok(shared.medium.file(file).is_some())
    }

    fn create_log(&self, file: FileRole) -> io::Result<()> {
        self.change(Call::Create(file))
    }

    fn remove_log(&self, file: FileRole) -> io::Result<()> {
        let (mut shared, effect) = self.call(Doing::Other)?;
        if effect.share > 0.5 && effect.result.is_ok() {
            shared.apply(Call::Remove(file));
        }
        effect.result
    }

    fn sync_directory(&self) -> io::Result<()> {
        let (mut shared, effect) = self.call(Doing::Other)?;
        if effect.result.is_ok() {
            shared.apply(Call::SyncDirectory);
        }
        effect.result
    }

    fn mapped_page(&self, offset: u64, page_size: usize) -> Option<Result<BasePage>> {
        if !self.mapped {
            return None;
        }
        let shared = self.disk.shared();
        let bytes = shared.medium.file(FileRole::Base)?.bytes();
        let page = bytes.get(offset as usize..).and_then(|rest| rest.get(..page_size));
        let missing = || Error::corrupt(PageId((offset / page_size as u64) as u32), "it was cut off");
        Some(page.map(|page| BasePage::Owned(PageBytes::from(page.to_vec()))).ok_or_else(missing))
    }

    fn lock(&self, _exclusive: bool) -> Result<()> {
        Ok(())
    }

    fn path(&self) -> &Path {
        Path::new("simulated")
    }
}
