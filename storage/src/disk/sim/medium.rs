//! What is in the system's cache, and what is on the platter.
//!
//! A sector of 512 bytes is written whole or not at all, and knows nothing of its neighbours. As long as it is not
//! synced, any of the versions it has had may be on the platter, and so it is with lengths and names. A sync that fails
//! settles nothing: the cache holds its sectors to be clean and shows them, and no later sync writes them, unless they
//! are written to again. (Lengths and names are not lost that way: a file system whose journal fails stops.)

use super::super::FileRole;
use super::recording::Call;
use std::collections::BTreeMap;

/// Bytes that a device writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// The files of one database; clones are states of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Medium {
    /// Every file that a name has stood for.
    files: Vec<SimFile>,
    names: [Name; 3],
    temporary: SimFile,
    /// Calls so far: versions are stamped with it.
    stamp: u64,
}

/// Which file a name stands for: as the system shows it, and what may be on the platter.
#[derive(Clone, Debug, Default)]
struct Name {
    shown: Option<usize>,
    synced: Option<usize>,
    unsynced: Vec<(u64, Option<usize>)>,
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct SimFile {
    /// As the system shows it.
    bytes: Vec<u8>,
    synced_length: usize,
    unsynced_lengths: Vec<(u64, usize)>,
    unsynced: BTreeMap<usize, Versions>,
}

/// What a sector may hold on the platter.
#[derive(Clone, Debug)]
struct Versions {
    /// With the stamps of their calls, from the one that was synced last to the one that the system shows.
    all: Vec<(u64, [u8; SECTOR])>,
    /// A sync failed since the sector was last written to: no later one settles it.
    given_up: bool,
}

/// What a power failure does to what was not synced.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// All of it was written.
    Kept,
    /// None of it was.
    Lost,
    /// Each sector was written or not: so many of 16 were.
    Sectors(u64),
    /// Each call was carried out whole or not at all: so many of 16 were.
    Calls(u64),
    /// All calls up to some one were carried out.
    Prefix(u64),
    /// Each file was written whole or not at all.
    Files,
}

/// A number that looks like chance, made from two.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let mut mixed = (a ^ b.rotate_left(32)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Fate {
    fn of(seed: u64, stamps: u64) -> Fate {
        match mix(seed, 1) % 12 {
            0 => Fate::Kept,
            1 => Fate::Lost,
            2 => Fate::Sectors(1),
            3 | 4 => Fate::Sectors(8),
            5 | 6 => Fate::Sectors(15),
            7 => Fate::Calls(4),
            8 => Fate::Calls(12),
            9 | 10 => Fate::Files,
            _ => Fate::Prefix(mix(seed, 2) % (stamps + 1)),
        }
    }

    /// True if what call `stamp` did to a place of a file was written.
    fn keeps(self, seed: u64, stamp: u64, file: usize, place: usize) -> bool {
        match self {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Sectors(share) => mix(mix(seed, stamp), mix(file as u64, place as u64)) % 16 < share,
            Fate::Calls(share) => mix(seed, stamp) % 16 < share,
            Fate::Prefix(last) => stamp <= last,
            Fate::Files => mix(seed, file as u64).is_multiple_of(2),
        }
    }
}

/// The newest of some versions that was written, if any.
fn newest_kept<T>(versions: &[(u64, T)], keeps: impl Fn(u64) -> bool) -> Option<&T> {
    versions.iter().rev().find(|(stamp, _)| keeps(*stamp)).map(|(_, version)| version)
}

impl Medium {
    fn name(&mut self, role: FileRole) -> Option<&mut Name> {
        self.names.get_mut(role.index())
    }

    /// A file as the system shows it, if it exists.
    pub(super) fn file(&self, role: FileRole) -> Option<&SimFile> {
        match self.names.get(role.index()) {
            Some(name) => name.shown.and_then(|at| self.files.get(at)),
            None => Some(&self.temporary),
        }
    }

    fn file_mut(&mut self, role: FileRole) -> Option<&mut SimFile> {
        match self.names.get(role.index()) {
            Some(name) => name.shown.and_then(|at| self.files.get_mut(at)),
            None => Some(&mut self.temporary),
        }
    }

    /// The temporary file is gone with its process.
    pub(super) fn forget_temporary(&mut self) {
        self.temporary = SimFile::default();
    }

    /// Does one call.
    pub(super) fn apply(&mut self, call: &Call) {
        self.stamp += 1;
        let stamp = self.stamp;
        match call {
            Call::Write(FileRole::Temporary, offset, bytes) => self.temporary.set(*offset as usize, bytes),
            Call::Write(role, offset, bytes) => {
                if let Some(file) = self.file_mut(*role) {
                    file.write(stamp, *offset as usize, bytes);
                }
            }
            Call::SetLength(role, length) => {
                if let Some(file) = self.file_mut(*role) {
                    file.set_length(stamp, *length as usize);
                }
            }
            Call::Sync(role) => {
                if let Some(file) = self.file_mut(*role) {
                    file.sync();
                }
            }
            Call::SyncFailed(role) => {
                if let Some(file) = self.file_mut(*role) {
                    file.unsynced.values_mut().for_each(|versions| versions.given_up = true);
                }
            }
            Call::Create(role) => {
                let next = self.files.len();
                if let Some(name) = self.name(*role).filter(|name| name.shown.is_none()) {
                    name.shown = Some(next);
                    name.unsynced.push((stamp, Some(next)));
                    self.files.push(SimFile::default());
                }
            }
            Call::Remove(role) => {
                if let Some(name) = self.name(*role).filter(|name| name.shown.is_some()) {
                    name.shown = None;
                    name.unsynced.push((stamp, None));
                }
            }
            Call::SyncDirectory => {
                for name in &mut self.names {
                    name.synced = name.shown;
                    name.unsynced.clear();
                }
            }
        }
    }

    /// What is on the platter after a power failure, chosen by `seed`.
    pub(super) fn after_power_failure(&self, seed: u64) -> Medium {
        let fate = Fate::of(seed, self.stamp);
        let mut after = Medium { stamp: self.stamp, ..Medium::default() };
        for (role, name) in self.names.iter().enumerate() {
            let keeps = |stamp| fate.keeps(seed, stamp, role, usize::MAX);
            let chosen = newest_kept(&name.unsynced, keeps).copied().unwrap_or(name.synced);
            let Some(file) = chosen.and_then(|at| self.files.get(at)) else { continue };
            let at = after.files.len();
            after.files.push(file.after_power_failure(seed, fate, role));
            if let Some(name) = after.names.get_mut(role) {
                *name = Name { shown: Some(at), synced: Some(at), unsynced: Vec::new() };
            }
        }
        after
    }
}

impl SimFile {
    /// The bytes as the system shows them.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A sector as the system shows it, with zeros behind the end of the file.
    fn sector(&self, at: usize) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let rest = self.bytes.get(at * SECTOR..).unwrap_or_default();
        let length = rest.len().min(SECTOR);
        sector[..length].copy_from_slice(&rest[..length]); // the shorter of both
        sector
    }

    /// Notes what sectors hold, before and after `change`.
    fn change(&mut self, stamp: u64, sectors: std::ops::Range<usize>, change: impl FnOnce(&mut SimFile)) {
        for at in sectors.clone() {
            let now = self.sector(at);
            self.unsynced.entry(at).or_insert_with(|| Versions { all: vec![(0, now)], given_up: false });
        }
        change(self);
        for at in sectors {
            let now = self.sector(at);
            if let Some(versions) = self.unsynced.get_mut(&at) {
                versions.all.push((stamp, now));
                versions.given_up = false;
            }
        }
    }

    fn set(&mut self, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes); // made long enough above
    }

    fn write(&mut self, stamp: u64, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        self.change(stamp, start / SECTOR..end.div_ceil(SECTOR), |file| {
            let before = file.bytes.len();
            file.set(start, bytes);
            if before < end {
                file.unsynced_lengths.push((stamp, end));
            }
        });
    }

    fn set_length(&mut self, stamp: u64, length: usize) {
        let cut = length / SECTOR..self.bytes.len().div_ceil(SECTOR).max(length / SECTOR);
        self.change(stamp, cut, |file| {
            file.bytes.resize(length, 0);
            file.unsynced_lengths.push((stamp, length));
        });
    }

    fn sync(&mut self) {
        self.unsynced.retain(|_, versions| versions.given_up);
        self.unsynced_lengths.clear();
        self.synced_length = self.bytes.len();
    }

    fn after_power_failure(&self, seed: u64, fate: Fate, role: usize) -> SimFile {
        let keeps = |stamp| fate.keeps(seed, stamp, role, usize::MAX);
        let length = newest_kept(&self.unsynced_lengths, keeps).copied().unwrap_or(self.synced_length);
        let mut bytes = self.bytes.clone();
        bytes.resize(length.next_multiple_of(SECTOR), 0);
        for (at, versions) in &self.unsynced {
            let Some(place) = bytes.get_mut(at * SECTOR..(at + 1) * SECTOR) else { break };
            let keeps = |stamp| {
                stamp == 0
                    || fate.keeps(seed, stamp, role, *at)
                        && (!versions.given_up || mix(mix(seed, 3), stamp).is_multiple_of(2))
            };
            if let Some(version) = newest_kept(&versions.all, keeps) {
                place.copy_from_slice(version);
            }
        }
        bytes.truncate(length);
        SimFile { bytes, synced_length: length, ..SimFile::default() }
    }
}
