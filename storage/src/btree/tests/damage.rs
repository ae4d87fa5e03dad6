//! Damaged pages: found by `verify`, and never a panic for a reader.

use super::store::{Bed, Numbers};
use crate::btree::{Cursor, Problems, TreeKind, get, row_key, verify};
use crate::page::CHECKSUM_SIZE;

fn filled(kind: TreeKind) -> Bed {
    let mut bed = Bed::new(kind, 4096);
    for row in 0..600i64 {
        let row = row * 7919 % 600;
        let length = if row % 50 == 0 { 5_000 } else { row as usize % 90 };
        match kind {
            TreeKind::Table => bed.insert(&row_key(row), &vec![1; length]),
            TreeKind::Index => bed
                .insert(format!("{}{row:05}", "key/".repeat(row as usize % 3)).as_bytes(), &vec![1; length]),
        };
    }
    bed.commit();
    bed.check();
    bed
}

fn problems(bed: &Bed) -> Vec<String> {
    let mut problems = Problems::new(10);
    verify(&bed.store, bed.tree, bed.kind, &mut |_| Ok(()), "it", &mut problems).unwrap();
    problems.into_list()
}

#[test]
fn planted_damage_is_found() {
    for kind in [TreeKind::Table, TreeKind::Index] {
        // Offsets in the header: kind, level, count, heap start, dead bytes, prefix length, sibling; and a slot's head.
        for offset in [8, 9, 16, 18, 20, 22, 32, 64, 67] {
            for id in filled(kind).store.node_ids().into_iter().take(3) {
                let mut bed = filled(kind);
                bed.store.damage(id, offset, 1);
                assert!(!problems(&bed).is_empty(), "{kind:?}: page {id}, offset {offset}");
            }
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    for (kind, seed) in [(TreeKind::Table, 1), (TreeKind::Index, 2)] {
        let mut bed = filled(kind);
        let pages = bed.store.page_count() as u64;
        let mut numbers = Numbers(seed);
        for _ in 0..1_500 {
            let id = 1 + numbers.below(pages) as u32;
            // Half of them in the header and the first slots, where most harm is done.
            let room = if numbers.below(2) == 0 { 120 } else { 4096 - CHECKSUM_SIZE as u64 };
            let (offset, bits) = (numbers.below(room) as usize, 1 << numbers.below(8));
            bed.store.damage(id, offset, bits);
            let _ = problems(&bed);
            let mut cursor = Cursor::new(&bed.store, bed.tree);
            let mut on = cursor.seek_first();
            for _ in 0..2_000 {
                if !matches!(on, Ok(true)) {
                    break;
                }
                let _ = (cursor.key().map(<[u8]>::len), cursor.value().map(<[u8]>::len), cursor.row_id());
                on = cursor.next();
            }
            let _ = cursor.seek_last();
            let _ = cursor.prev();
            for row in [0, 299, 599] {
                let key = if kind == TreeKind::Table {
                    row_key(row).to_vec()
                } else {
                    format!("{row:05}").into_bytes()
                };
                let _ = get(&bed.store, bed.tree, &key, <[u8]>::len);
                let _ = cursor.seek(&key);
                let _ = cursor.estimate_range(Some(&key), None);
            }
            bed.store.damage(id, offset, bits);
        }
        bed.check();
    }
}
