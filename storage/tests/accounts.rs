//! Writers move money between accounts, readers add it up on every snapshot, a checkpointer runs, and the level of
//! `synchronous` changes under way: the sum never does. `SEDGE_TEST_SECONDS` makes it a long run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sedge_storage::{Error, Options, Snapshot, Store, Synchronous, TreeId, TreeKind, row_key};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ACCOUNTS: i64 = 400;
const START: u64 = 1000;
const WAIT: Duration = Duration::from_secs(60);

fn seconds() -> f64 {
    std::env::var("SEDGE_TEST_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }
}

/// What an account holds; the rest of the value makes a leaf hold few of them.
fn balance(value: &[u8]) -> u64 {
    u64::from_le_bytes(value[..8].try_into().unwrap())
}

fn value(balance: u64) -> Vec<u8> {
    let mut value = vec![balance as u8; 400];
    value[..8].copy_from_slice(&balance.to_le_bytes());
    value
}

fn sum(snapshot: &Snapshot, tree: TreeId) -> u64 {
    let mut cursor = snapshot.cursor(tree);
    let (mut more, mut sum) = (cursor.seek_first().unwrap(), 0);
    while more {
        sum += balance(cursor.value().unwrap());
        more = cursor.next().unwrap();
    }
    sum
}

/// Moves money among a few accounts; some transactions are rolled back, wholly or to a savepoint.
fn transfer(store: &Store, tree: TreeId, random: &mut Random) -> Result<(), Error> {
    let mut transaction = store.begin_write(WAIT)?;
    for _ in 0..1 + random.below(20) {
        let savepoint = transaction.savepoint();
        let from = row_key(random.below(ACCOUNTS as u64) as i64);
        let to = row_key(random.below(ACCOUNTS as u64) as i64);
        let held = transaction.get(tree, &from, balance)?.unwrap();
        let amount = random.below(held + 1);
        transaction.replace(tree, &from, &value(held - amount))?;
        let held = transaction.get(tree, &to, balance)?.unwrap();
        transaction.replace(tree, &to, &value(held + amount))?;
        match random.below(8) {
            0 => transaction.rollback_to(&savepoint)?,
            1 => assert_eq!(sum(&transaction.snapshot(), tree), START * ACCOUNTS as u64),
            _ => {}
        }
        transaction.release(savepoint)?;
    }
    if random.below(10) == 0 {
        transaction.rollback();
        return Ok(());
    }
    transaction.commit()
}

fn run(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.sedge");
    let store = Store::open(&path, options).unwrap();
    let mut transaction = store.begin_write(WAIT).unwrap();
    let tree = transaction.create_tree(TreeKind::Table).unwrap();
    for account in 0..ACCOUNTS {
        transaction.insert(tree, &row_key(account), &value(START)).unwrap();
    }
    transaction.commit().unwrap();
    let (over, checkpoints) = (AtomicBool::new(false), AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs_f64(seconds());
    std::thread::scope(|scope| {
        let (store, over, checkpoints) = (&store, &over, &checkpoints);
        for seed in 1..=4 {
            scope.spawn(move || {
                let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
                while Instant::now() < until {
                    transfer(store, tree, &mut random).unwrap();
                }
                over.store(true, Ordering::Relaxed);
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                let mut last = 0;
                while !over.load(Ordering::Relaxed) {
                    let snapshot = store.snapshot();
                    assert!(snapshot.sequence() >= last, "commits become visible in their order");
                    last = snapshot.sequence();
                    assert_eq!(sum(&snapshot, tree), START * ACCOUNTS as u64);
                }
            });
        }
        scope.spawn(move || {
            let levels = [Synchronous::Full, Synchronous::Normal, Synchronous::Full, Synchronous::Off];
            for level in levels.into_iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                store.set_synchronous(level);
                match store.checkpoint() {
                    Ok(()) => drop(checkpoints.fetch_add(1, Ordering::Relaxed)),
                    Err(Error::Busy(_)) => {} // a reader is in the way
                    Err(error) => panic!("{error}"),
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    });
    assert_eq!(store.check(&[(tree, TreeKind::Table, "accounts".into())]).unwrap(), Vec::<String>::new());
    let commits = store.metrics().counters.commits;
    assert!(commits > 5, "{commits} commits");
    store.close().unwrap();
    let store = Store::open(&path, options).unwrap();
    assert_eq!(sum(&store.snapshot(), tree), START * ACCOUNTS as u64);
}

#[test]
fn the_sum_over_all_accounts_never_changes() {
    run(&Options::default());
}

#[test]
fn the_sum_over_all_accounts_never_changes_in_the_smallest_cache() {
    for mmap in [true, false] {
        run(&Options { cache_size: 64 << 10, page_size: 4096, mmap, ..Options::default() });
    }
}
