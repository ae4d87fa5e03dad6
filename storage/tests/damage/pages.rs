//! Damage to the database file, at rest: every byte, every page, every length.

use super::sample::{PAGE_SIZE, Rows, chosen, free_pages, open, read, trees_of, write_sample};
use sedge_storage::{Error, Options, Store, TreeId};
use std::path::PathBuf;

const ROWS: i64 = 400;

/// A sound database, and what is in it.
struct Sound {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    trees: [TreeId; 3],
    expected: [Rows; 3],
    free: Vec<u32>,
}

fn sound() -> Sound {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sedge");
    let [table, index] = write_sample(&path, ROWS);
    let trees = [Store::SCHEMA_TREE, table, index];
    let store = open(&path).unwrap();
    let expected = trees.map(|tree| read(&store.snapshot(), tree, false).unwrap());
    assert_eq!(store.check(&trees_of(&[table, index])).unwrap(), Vec::<String>::new());
    store.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let free = free_pages(&bytes);
    assert!(expected[1].len() > 200 && !free.is_empty() && bytes.len() / PAGE_SIZE > 16);
    Sound { folder, bytes, trees, expected, free }
}

impl Sound {
    fn page_count(&self) -> usize {
        self.bytes.len() / PAGE_SIZE
    }

    fn range(page: usize) -> std::ops::Range<usize> {
        page * PAGE_SIZE..(page + 1) * PAGE_SIZE
    }

    /// Writes a damaged copy and reads all of it in each way. `pages` are the damaged ones, in any order.
    fn examine(&self, bytes: &[u8], pages: &[u32], what: &str) {
        let path = self.folder.path().join("damaged.sedge");
        std::fs::write(&path, bytes).unwrap();
        let is_even = pages.first().is_some_and(|page| page % 2 == 0);
        let options = Options { mmap: is_even, ..Options::default() };
        self.read_all(&path, &options, pages, what);
        // Opening, reading and closing a damaged file leaves it as it was.
        assert!(std::fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
    }

    fn read_all(&self, path: &PathBuf, options: &Options, pages: &[u32], what: &str) {
        let store = match Store::open(path, options) {
            Ok(store) => store,
            Err(Error::NotADatabase { path: named, .. }) => {
                assert!(pages.contains(&0) && named == *path, "{what}: taken for something else");
                return;
            }
            Err(Error::Corrupt { page, .. }) => {
                assert!(pages.contains(&page), "{what}: the open names page {page}");
                return;
            }
            Err(error) => panic!("{what}: {error}"),
        };
        assert!(!pages.contains(&0), "{what}: page 0 is damaged, and the file opens");
        for (tree, expected) in self.trees.iter().zip(&self.expected) {
            for backwards in [false, true] {
                match read(&store.snapshot(), *tree, backwards) {
                    Ok(mut rows) => {
                        if backwards {
                            rows.reverse();
                        }
                        assert!(rows == *expected, "{what}: wrong rows");
                    }
                    Err(Error::Corrupt { page, .. }) => {
                        assert!(pages.contains(&page), "{what}: reading names page {page}");
                    }
                    Err(error) => panic!("{what}: {error}"),
                }
            }
        }
        let problems = store.check(&trees_of(&[self.trees[1], self.trees[2]])).unwrap();
        let matter: Vec<String> =
            pages.iter().filter(|id| !self.free.contains(id)).map(u32::to_string).collect();
        let names =
            |problem: &String| matter.iter().any(|id| problem.contains(&format!("page {id} is damaged")));
        assert!(matter.is_empty() || problems.iter().any(names), "{what}: a check finds {problems:?}");
        assert!(!matter.is_empty() || problems.is_empty(), "{what}: a check finds {problems:?}");
    }
}

#[test]
fn every_flipped_byte_is_found_or_changes_nothing() {
    let sound = sound();
    let mut bytes = sound.bytes.clone();
    for at in chosen(bytes.len(), 400) {
        let mask = [1, 0x80, 0xff, 0x10][at % 4];
        bytes[at] ^= mask;
        sound.examine(&bytes, &[(at / PAGE_SIZE) as u32], &format!("byte {at} flipped by {mask:#x}"));
        bytes[at] ^= mask;
    }
}

#[test]
fn every_page_that_is_zeroed_is_found() {
    let sound = sound();
    for page in 0..sound.page_count() {
        let mut bytes = sound.bytes.clone();
        bytes[Sound::range(page)].fill(0);
        sound.examine(&bytes, &[page as u32], &format!("page {page} zeroed"));
    }
}

#[test]
fn pages_in_each_others_place_are_found() {
    let sound = sound();
    let count = sound.page_count();
    for pair in chosen(count * count, 150) {
        let (first, second) = (pair / count, pair % count);
        if first == second {
            continue;
        }
        let mut bytes = sound.bytes.clone();
        bytes.copy_within(Sound::range(first), second * PAGE_SIZE);
        sound.examine(&bytes, &[second as u32], &format!("page {first} copied over page {second}"));
        if first < second {
            bytes[Sound::range(first)].copy_from_slice(&sound.bytes[Sound::range(second)]);
            let swapped = [first as u32, second as u32];
            sound.examine(&bytes, &swapped, &format!("pages {first} and {second} swapped"));
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_damaged_from_there_on() {
    let sound = sound();
    // At pages, at sectors inside them, and a byte to either side.
    let lengths =
        (1..sound.bytes.len() / 512).flat_map(|sector| [sector * 512 - 1, sector * 512, sector * 512 + 1]);
    let lengths: Vec<usize> = lengths.collect();
    for at in chosen(lengths.len(), 100) {
        let length = lengths[at];
        let lost: Vec<u32> = ((length / PAGE_SIZE) as u32..sound.page_count() as u32).collect();
        sound.examine(&sound.bytes[..length], &lost, &format!("cut to {length} bytes"));
    }
}

#[test]
fn a_file_that_is_empty_is_new_where_it_may_be_made_and_refused_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.sedge");
    std::fs::write(&path, []).unwrap();
    let options = Options { create: false, ..Options::default() };
    assert!(matches!(Store::open(&path, &options), Err(Error::NotADatabase { .. })));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    assert!(Store::open(&path, &Options::default()).is_ok());
}
