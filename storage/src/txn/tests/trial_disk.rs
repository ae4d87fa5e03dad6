//! The simulated disk in the hands of a test: syncs that wait at gates or fail, a disk that is full, calls that stop where
//! something else is to happen first, and crashes behind each call.

use super::model::{Model, assert_owned, assert_shows, transaction};
use super::{RAW, Random, options};
use crate::disk::sim::{Crash, SimDisk};
use crate::disk::{BasePage, Disk, FileRole};
use crate::error::{Error, Result};
use crate::page::PageId;
use crate::store::Store;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Something that happens in front of a call.
type Before = Arc<dyn Fn() + Send + Sync>;

pub(super) struct TrialDisk {
    sim: SimDisk,
    disk: Arc<dyn Disk>,
    /// No file grows while this is set.
    pub(super) full: AtomicBool,
    /// Files that cannot be synced at present.
    pub(super) broken: Mutex<Vec<FileRole>>,
    /// How long a sync takes.
    pub(super) sync_micros: AtomicU64,
    /// Bytes written so far, those of the temporary file aside.
    pub(super) written: AtomicU64,
    before: Mutex<Option<Before>>,
    gates: Mutex<Gates>,
    changed: Condvar,
    /// Calls so far when the workload learned that its commit number so many is done.
    acknowledged: Mutex<Vec<(usize, usize)>>,
}

#[derive(Default)]
struct Gates {
    closed: Vec<FileRole>,
    /// Syncs that wait now.
    waiting: Vec<FileRole>,
}

impl TrialDisk {
    pub(super) fn new() -> Arc<TrialDisk> {
        TrialDisk::on(SimDisk::new())
    }

    /// As the process that opens the files of `sim` has it.
    fn on(sim: SimDisk) -> Arc<TrialDisk> {
        sim.record();
        let disk = sim.attach(true, 0).unwrap();
        Arc::new(TrialDisk {
            sim,
            disk,
            full: AtomicBool::default(),
            broken: Mutex::default(),
            sync_micros: AtomicU64::default(),
            written: AtomicU64::default(),
            before: Mutex::default(),
            gates: Mutex::default(),
            changed: Condvar::new(),
            acknowledged: Mutex::default(),
        })
    }

    /// What another process finds after this one was killed.
    pub(super) fn killed(&self) -> Arc<TrialDisk> {
        let recording = self.sim.clone_of_recording();
        let mut replay = recording.replay();
        while replay.step() {}
        TrialDisk::on(replay.crash(Crash::Kill))
    }

    /// The calls so far that changed something, in words.
    pub(super) fn calls(&self) -> Vec<String> {
        let recording = self.sim.clone_of_recording();
        (0..recording.len()).map(|at| recording.describe(at)).collect()
    }

    /// The workload knows commit `commit` to be done.
    pub(super) fn acknowledge(&self, commit: usize) {
        self.acknowledged.lock().unwrap().push((self.sim.recorded(), commit));
    }

    /// Lets `before` run in front of each call, in the thread that makes it.
    pub(super) fn before_each_call(&self, before: impl Fn() + Send + Sync + 'static) {
        *self.before.lock().unwrap() = Some(Arc::new(before));
    }

    /// Syncs of these files wait from here on, and of no others.
    pub(super) fn close(&self, files: &[FileRole]) {
        self.gates.lock().unwrap().closed = files.to_vec();
        self.changed.notify_all();
    }

    pub(super) fn open(&self, file: FileRole) {
        self.gates.lock().unwrap().closed.retain(|closed| *closed != file);
        self.changed.notify_all();
    }

    /// Returns when a sync of `file` stands at its gate.
    pub(super) fn wait_for(&self, file: FileRole) {
        let mut gates = self.gates.lock().unwrap();
        while !gates.waiting.contains(&file) {
            gates = self.changed.wait(gates).unwrap();
        }
    }

    fn called(&self) {
        let before = self.before.lock().unwrap().clone();
        if let Some(before) = before {
            before();
        }
    }

    fn pass_gate(&self, file: FileRole) {
        let mut gates = self.gates.lock().unwrap();
        gates.waiting.push(file);
        self.changed.notify_all();
        while gates.closed.contains(&file) {
            gates = self.changed.wait(gates).unwrap();
        }
        let at = gates.waiting.iter().position(|waiting| *waiting == file).unwrap();
        gates.waiting.remove(at);
    }
}

impl Disk for TrialDisk {
    fn page(&self, id: PageId, page_size: usize) -> Result<BasePage> {
        self.disk.page(id, page_size)
    }
    fn read_at(&self, file: FileRole, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.disk.read_at(file, offset, buffer)
    }
    fn write_at(&self, file: FileRole, offset: u64, bytes: &[u8]) -> Result<()> {
        self.called();
        if self.full.load(Ordering::Relaxed) && offset + bytes.len() as u64 > self.disk.length(file)? {
            return Err(Error::Full(format!("writing {file:?}")));
        }
        if file != FileRole::Temporary {
            self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.disk.write_at(file, offset, bytes)
    }
    fn sync_data(&self, file: FileRole) -> Result<()> {
        self.called();
        self.pass_gate(file);
        if self.broken.lock().unwrap().contains(&file) {
            let source = std::io::Error::other("broken");
            return Err(Error::Io { context: format!("syncing {file:?}"), source });
        }
        // A sync is good for what was written before it began.
        self.disk.sync_data(file)?;
        std::thread::sleep(Duration::from_micros(self.sync_micros.load(Ordering::Relaxed)));
        Ok(())
    }
    fn truncate(&self, file: FileRole, length: u64) -> Result<()> {
        self.called();
        self.disk.truncate(file, length)
    }
    fn length(&self, file: FileRole) -> Result<u64> {
        let length = self.disk.length(file);
        // What a length is taken for may be wrong by then.
        self.called();
        length
    }
    fn create_log(&self, file: FileRole) -> Result<()> {
        self.called();
        self.disk.create_log(file)
    }
    fn remove_log(&self, file: FileRole) -> Result<()> {
        self.called();
        self.disk.remove_log(file)
    }
    fn lock(&self, exclusive: bool) -> Result<()> {
        self.disk.lock(exclusive)
    }
    fn path(&self) -> &Path {
        self.disk.path()
    }
}

/// Crashes behind each call of a workload and compares with its states, by sequence.
pub(super) fn crash_everywhere(seed: u64, random: &mut Random, disk: &TrialDisk, states: &[Model]) {
    let recording = disk.sim.recording();
    let acknowledged = disk.acknowledged.lock().unwrap();
    let mut replay = recording.replay();
    loop {
        let point = replay.done();
        let crash = if random.one_in(5) { Crash::Kill } else { Crash::PowerFailure(random.next()) };
        let least = acknowledged.iter().filter(|(calls, _)| *calls <= point).map(|(_, commit)| *commit).max();
        let crashed = replay.crash(crash).attach(true, 0).unwrap();
        let at = || format!("seed {seed}, {crash:?} behind call {point} of {}", recording.len());
        let store = match Store::on_disk(Arc::clone(&crashed), &options(), RAW) {
            Ok(store) => store,
            Err(error) => panic!("{}: {error}", at()),
        };
        let snapshot = store.snapshot();
        let sequence = snapshot.sequence() as usize;
        let is_there = least.is_none_or(|least| sequence >= least);
        assert!(is_there, "{}: commit {least:?} was acknowledged, {sequence} is there", at());
        assert_shows(&snapshot, &states[sequence]);
        assert_owned(&snapshot, &states[sequence]);
        drop(snapshot);
        if point.is_multiple_of(5) {
            let mut model = states[sequence].clone();
            transaction(random, &store, &mut model, 20);
            store.close().unwrap();
            let store = Store::on_disk(crashed, &options(), RAW).unwrap();
            assert_shows(&store.snapshot(), &model);
            assert_owned(&store.snapshot(), &model);
        }
        if !replay.step() {
            return;
        }
    }
}
