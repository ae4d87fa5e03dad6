//! Runs that a forged file has bent: whatever they state, reading them ends soon.

use super::store::Store;
use crate::btree::overflow::{compare_run, free_run, pages_of_run, read_run, write_run};
use crate::page::{CHECKSUM_SIZE, HEADER_SIZE, PageId, WritePages};

const PAGE_SIZE: usize = 4096;
const NEXT: usize = HEADER_SIZE;
/// Bytes of content that a page of a run holds.
const PIECE: usize = PAGE_SIZE - NEXT - 4 - CHECKSUM_SIZE;

/// A run of `pages` full pages, the first of them, and its length.
fn run_of(pages: usize) -> (Store, PageId, u32) {
    let mut store = Store::new(PAGE_SIZE);
    let content: Vec<u8> = (0..pages * PIECE).map(|at| (at / PIECE) as u8).collect();
    let first = write_run(&mut store, &content).unwrap();
    (store, first, content.len() as u32)
}

fn link(store: &mut Store, from: PageId, to: PageId) {
    let (page, ..) = store.edit(from).unwrap().parts_mut();
    page[NEXT..NEXT + 4].copy_from_slice(&to.0.to_le_bytes());
}

fn ids(store: &Store, first: PageId, length: u32) -> Vec<PageId> {
    let mut ids = Vec::new();
    pages_of_run(store, first, length, &mut |id| {
        ids.push(id);
        Ok(())
    })
    .unwrap();
    ids
}

#[test]
fn a_run_that_leads_back_into_itself_is_left_at_once() {
    // Every circle in a run of ten pages, under a length that would take a gigabyte of memory.
    for (from, to) in (0..10).flat_map(|from| (0..=from).map(move |to| (from, to))) {
        let (mut store, first, length) = run_of(10);
        let ids = ids(&store, first, length);
        link(&mut store, ids[from], ids[to]);
        let mut out = Vec::new();
        let error = read_run(&store, first, 1 << 30, &mut out).unwrap_err().to_string();
        assert!(error.contains("leads back to page"), "{from} to {to}: {error}");
        assert!(out.len() <= 3 * 10 * PIECE, "{from} to {to}: {} bytes", out.len());
        assert!(free_run(&mut store, first, 1 << 30).is_err());
    }
}

#[test]
fn a_run_is_as_long_as_is_said_where_it_hangs() {
    let (mut store, first, length) = run_of(4);
    for stated in [1, PIECE as u32, length - PIECE as u32, length + 1, 1 << 30] {
        assert!(read_run(&store, first, stated, &mut Vec::new()).is_err(), "{stated}");
        assert!(compare_run(&store, first, stated, &[]).is_ok(), "the first byte tells");
    }
    for stated in [length - 1, length] {
        let mut out = Vec::new();
        read_run(&store, first, stated, &mut out).unwrap();
        assert_eq!(out.len(), stated as usize);
    }
    free_run(&mut store, first, length).unwrap();
}
