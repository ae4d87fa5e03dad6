//! Recovery of hand-made logs: the record kinds, and what must be refused.

use super::header::{LogHeader, RECORDS_START};
use super::record::{HEADER_SIZE, RecordHeader, RecordKind, chain_start};
use super::{entry, recover};
use crate::disk::{Disk, FileRole, MemoryDisk};
use crate::error::{Error, Result};
use crate::overlay::Base;
use crate::page::file_header::{FileState, Identity};
use crate::page::{EditList, HEADER_SIZE as PAGE_HEADER_SIZE, PageId, Sequence, seal, set_sequence};
use std::sync::Arc;

const PAGE_SIZE: usize = 4096;
const IDENTITY: Identity = Identity { page_size: PAGE_SIZE, file_id: [5; 16] };

/// A database of four pages and the log that a test writes for it.
struct Fixture {
    disk: Arc<MemoryDisk>,
    file: FileRole,
    salt: u64,
    position: u64,
    chain: u32,
    synced: Sequence,
}

impl Fixture {
    fn new() -> Fixture {
        let disk = Arc::new(MemoryDisk::default());
        let state = FileState { page_count: 4, freelist_head: PageId::NONE, free_count: 0 };
        let mut first = IDENTITY.first_page(&state);
        seal(PageId(0), &mut first);
        disk.write_at(FileRole::Base, 0, &first).unwrap();
        let fixture = Fixture { disk, file: FileRole::Log0, salt: 0, position: 0, chain: 0, synced: 0 };
        for id in 1..4 {
            fixture.write_page(PageId(id), 0, 0);
        }
        fixture.generation(FileRole::Log0, 1, 0)
    }

    /// Goes on in another log file.
    fn generation(mut self, file: FileRole, generation: u64, first_sequence: Sequence) -> Fixture {
        (self.file, self.salt, self.position) = (file, 1000 + generation, RECORDS_START);
        self.chain = chain_start(self.salt);
        let (salt, synced) = (self.salt, first_sequence);
        let header = LogHeader {
            identity: IDENTITY,
            generation,
            update: 0,
            salt,
            first_sequence,
            checkpoint: 0,
            synced,
        };
        header.write(&*self.disk, file).unwrap();
        self
    }

    /// Writes a page filled with `byte` to the base file and gives back its checksum.
    fn write_page(&self, id: PageId, sequence: Sequence, byte: u8) -> u32 {
        let mut page = filled(byte);
        set_sequence(id, &mut page, sequence);
        let sum = seal(id, &mut page);
        self.disk.write_at(FileRole::Base, u64::from(id.0) * PAGE_SIZE as u64, &page).unwrap();
        sum
    }

    fn record(&mut self, kind: RecordKind, part: u32, last: bool, sequence: Sequence, entries: &[u8]) {
        let mut record = vec![0; HEADER_SIZE];
        record.extend_from_slice(entries);
        let (length, synced) = (entries.len() as u32, self.synced);
        let header = RecordHeader { kind, last, followed: false, part, length, sequence, synced };
        self.chain = header.seal(self.salt, self.chain, &mut record);
        self.disk.write_at(self.file, self.position, &record).unwrap();
        self.position += record.len() as u64;
    }

    fn commit(&mut self, sequence: Sequence, entries: &[u8]) {
        self.record(RecordKind::Commit, 0, true, sequence, entries);
    }

    /// The last commit, and the first content byte of each page that the logs give.
    fn recovered(&self) -> Result<(Sequence, Vec<(u32, u8)>)> {
        let base = Base::new(Arc::clone(&self.disk) as Arc<dyn Disk>, PAGE_SIZE, 0, |_, _| Ok(()));
        let state = recover(&base, &IDENTITY, 1)?.unwrap();
        let mut pages = Vec::new();
        state.overlay.for_each(&mut |id, page| pages.push((id.0, page.read().unwrap()[PAGE_HEADER_SIZE])));
        Ok((state.report.last_sequence, pages))
    }
}

fn filled(byte: u8) -> Vec<u8> {
    let mut page = vec![byte; PAGE_SIZE];
    page[..PAGE_HEADER_SIZE].fill(0);
    page
}

fn whole(id: u32, byte: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::put_whole(&mut bytes, PageId(id), &filled(byte)[..PAGE_SIZE - 4], &[]);
    bytes
}

fn image(id: u32, sequence: Sequence, byte: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::put_image(&mut bytes, PageId(id), sequence, &filled(byte)[..PAGE_SIZE - 4], &[]);
    bytes
}

/// Sets all content bytes of a page that was at `base`.
fn delta(id: u32, base: Sequence, byte: u8) -> Vec<u8> {
    let mut edits = EditList::default();
    edits.note_write(PAGE_HEADER_SIZE, PAGE_SIZE - 4);
    let mut bytes = Vec::new();
    entry::put_delta(&mut bytes, PageId(id), base, &edits, &filled(byte));
    bytes
}

fn direct(id: u32, checksum: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::put_direct(&mut bytes, PageId(id), checksum);
    bytes
}

#[test]
fn every_kind_of_entry_is_read() {
    let mut log = Fixture::new();
    let sum = log.write_page(PageId(3), 1, 33);
    log.commit(1, &[delta(1, 0, 11), whole(2, 12), direct(3, sum)].concat());
    log.commit(2, &delta(2, 1, 22));
    assert_eq!(log.recovered().unwrap(), (2, vec![(1, 11), (2, 22)]), "the base file has page 3");
    log.commit(3, &delta(3, 1, 43));
    assert_eq!(log.recovered().unwrap(), (3, vec![(1, 11), (2, 22), (3, 43)]));
    log.record(RecordKind::Images, 0, true, 3, &[image(1, 1, 11), image(2, 2, 22), image(3, 3, 43)].concat());
    // The checkpoint tears the pages that it writes in place.
    (1..4).for_each(|id| log.disk.write_at(FileRole::Base, id * 4096 + 700, &[9]).unwrap());
    assert_eq!(log.recovered().unwrap(), (3, vec![(1, 11), (2, 22), (3, 43)]));
    let mut log = log.generation(FileRole::Log1, 2, 3);
    log.commit(4, &delta(1, 1, 51));
    assert_eq!(log.recovered().unwrap(), (4, vec![(1, 51), (2, 22), (3, 43)]));
}

#[test]
fn a_page_written_directly_must_be_the_one_that_was_committed() {
    let mut log = Fixture::new();
    let sum = log.write_page(PageId(3), 1, 33);
    log.commit(1, &direct(3, sum));
    log.write_page(PageId(3), 1, 34);
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 3, .. })));
    log.write_page(PageId(3), 0, 33);
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 3, .. })));
}

#[test]
fn a_delta_needs_the_state_that_it_changes() {
    let mut log = Fixture::new();
    log.commit(1, &delta(1, 0, 11));
    log.commit(2, &delta(1, 1, 12));
    log.write_page(PageId(1), 1, 11);
    assert_eq!(log.recovered().unwrap(), (2, vec![(1, 12)]));
    log.write_page(PageId(1), 2, 12);
    assert_eq!(log.recovered().unwrap(), (2, vec![]));
    log.disk.write_at(FileRole::Base, 4096 + 700, &[9]).unwrap();
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 1, .. })));
    let mut log = Fixture::new();
    log.commit(1, &whole(2, 1));
    log.commit(2, &delta(1, 1, 12));
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 1, .. })));
}

#[test]
fn parts_count_only_with_their_mark() {
    let mut log = Fixture::new();
    log.commit(1, &whole(1, 11));
    log.record(RecordKind::Commit, 0, false, 2, &whole(1, 12));
    log.record(RecordKind::Commit, 1, false, 2, &whole(2, 12));
    assert_eq!(log.recovered().unwrap(), (1, vec![(1, 11)]));
    log.record(RecordKind::Commit, 2, true, 2, &whole(3, 12));
    assert_eq!(log.recovered().unwrap(), (2, vec![(1, 12), (2, 12), (3, 12)]));
}

#[test]
fn a_bad_record_ends_the_log_unless_it_was_durable() {
    let mut log = Fixture::new();
    log.commit(1, &whole(1, 11));
    let second = log.position;
    log.commit(2, &whole(1, 12));
    log.commit(3, &whole(1, 13));
    let flip = |log: &Fixture| log.disk.write_at(FileRole::Log0, second + 300, &[200]).unwrap();
    flip(&log);
    assert_eq!(log.recovered().unwrap(), (1, vec![(1, 11)]), "no record says that commit 2 was durable");
    log.synced = 2;
    log.commit(4, &whole(1, 14));
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 0, .. })));
    // A new generation, too, says that all before it was durable.
    let mut log = Fixture::new();
    log.commit(1, &whole(1, 11));
    log.commit(2, &whole(1, 12));
    flip(&log);
    let log = log.generation(FileRole::Log1, 2, 2);
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 0, .. })));
}

#[test]
fn a_lost_older_generation_is_noticed() {
    let mut log = Fixture::new();
    log.commit(1, &whole(1, 11));
    let mut log = log.generation(FileRole::Log1, 2, 1);
    log.commit(2, &delta(2, 0, 12));
    assert_eq!(log.recovered().unwrap(), (2, vec![(1, 11), (2, 12)]));
    log.disk.remove_log(FileRole::Log0).unwrap();
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 0, .. })));
}

#[test]
fn what_lies_behind_the_last_page_is_not_asked_for() {
    // An older commit wrote page 9 straight to the base file, a later one gave it back with the end of the file.
    let mut log = Fixture::new();
    log.commit(1, &[direct(9, 4711), whole(1, 11)].concat());
    assert_eq!(log.recovered().unwrap(), (1, vec![(1, 11)]));
}

#[test]
fn a_log_of_more_pages_than_the_memory_holds_is_read() {
    let mut log = Fixture::new();
    let state = FileState { page_count: 200, freelist_head: PageId::NONE, free_count: 0 };
    let mut first = IDENTITY.first_page(&state);
    seal(PageId(0), &mut first);
    log.disk.write_at(FileRole::Base, 0, &first).unwrap();
    let ids = 2..200u32;
    for id in ids.clone() {
        let is_last = id + 1 == ids.end;
        log.record(RecordKind::Commit, id - ids.start, is_last, 1, &whole(id, id as u8));
    }
    for id in ids.clone().step_by(3) {
        log.commit(2 + Sequence::from(id / 3), &delta(id, 1, 255));
    }
    let base = Base::new(Arc::clone(&log.disk) as Arc<dyn Disk>, PAGE_SIZE, 0, |_, _| Ok(()));
    let state = recover(&base, &IDENTITY, 10).unwrap().unwrap();
    assert!(state.overlay.in_memory() <= 10, "{} versions are in memory", state.overlay.in_memory());
    assert_eq!((state.report.pages, state.whole.len()), (198, 198));
    for id in ids {
        let byte = if (id - 2) % 3 == 0 { 255 } else { id as u8 };
        let page = state.overlay.get(PageId(id)).unwrap().read().unwrap();
        assert_eq!(page[PAGE_HEADER_SIZE], byte, "page {id}");
    }
}

#[test]
fn what_lies_behind_the_last_page_is_passed_over() {
    // Pages were given back at the end of the file, and a load wrote there straight to the base file before the power
    // failed: the log of older commits led to pages that were damaged, or of another time.
    let mut log = Fixture::new();
    log.commit(1, &[delta(2, 0, 12), delta(3, 0, 13)].concat());
    let state = FileState { page_count: 3, freelist_head: PageId::NONE, free_count: 0 };
    let first = IDENTITY.first_page(&state);
    let mut shrunk = Vec::new();
    entry::put_whole(&mut shrunk, PageId(0), &first[..PAGE_SIZE - 4], &[]);
    log.commit(2, &shrunk);
    log.disk.write_at(FileRole::Base, 3 * 4096 + 700, &[9]).unwrap();
    let pages = |log: &Fixture| log.recovered().unwrap().1.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert_eq!(pages(&log), [0, 2]);
    log.disk.truncate(FileRole::Base, 3 * 4096).unwrap();
    assert_eq!(pages(&log), [0, 2]);
}

#[test]
fn a_generation_that_a_failed_switch_has_left_is_passed_over() {
    let mut log = Fixture::new();
    log.commit(1, &whole(1, 11));
    let (salt, chain, position) = (log.salt, log.chain, log.position);
    let mut log = log.generation(FileRole::Log1, 2, 1);
    // Commits go on in the older one.
    let given_up = (log.salt, log.chain);
    (log.file, log.salt, log.chain, log.position) = (FileRole::Log0, salt, chain, position);
    log.commit(2, &whole(1, 12));
    assert_eq!(log.recovered().unwrap(), (2, vec![(1, 12)]));
    // But it must be empty.
    (log.file, log.salt, log.chain, log.position) = (FileRole::Log1, given_up.0, given_up.1, RECORDS_START);
    log.commit(2, &whole(1, 13));
    assert!(matches!(log.recovered(), Err(Error::Corrupt { page: 0, .. })));
}
