//! Group commit: commits become visible in order and after their sync, one sync runs at a time, a failure reaches all who
//! wait, and what a checkpoint made smaller stays smaller.

use super::check;
use super::error::{Error, Result};
use super::group_commit::GroupCommit;
use super::overlay::Root;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// What the engine has around it.
struct Engine {
    group: GroupCommit,
    /// The writer's turn, and the last commit appended.
    appended: Mutex<u64>,
    synced: AtomicU64,
    syncing: AtomicBool,
    broken: bool,
    visible: Mutex<(u64, bool)>,
}

impl Engine {
    fn new(broken: bool) -> Arc<Engine> {
        Arc::new(Engine {
            group: GroupCommit::default(),
            appended: Mutex::new(0),
            synced: AtomicU64::new(0),
            syncing: AtomicBool::new(false),
            broken,
            visible: Mutex::new((0, false)),
        })
    }

    /// Appends a commit, in its turn.
    fn append(&self) -> u64 {
        let mut appended = self.appended.lock().unwrap();
        *appended += 1;
        self.group.append(Arc::new(Root { sequence: *appended, is_small: false }));
        *appended
    }

    fn sync(&self, target: u64) -> Result<()> {
        assert!(!self.syncing.swap(true, Ordering::SeqCst), "two syncs at a time");
        thread::yield_now();
        assert!(self.syncing.swap(false, Ordering::SeqCst));
        if self.broken {
            return Err(Error::OutcomeUnknown);
        }
        self.synced.store(target, Ordering::SeqCst);
        Ok(())
    }

    fn publish(&self, root: &Root) {
        let mut visible = self.visible.lock().unwrap();
        assert!(visible.0 < root.sequence, "commit {} after {}", root.sequence, visible.0);
        assert!(self.synced.load(Ordering::SeqCst) >= root.sequence, "visible before its sync");
        *visible = (root.sequence, root.is_small);
        self.group.set_visible(root.sequence);
    }

    fn settle(&self, sequence: u64) -> Result<()> {
        let gather = |target| {
            thread::yield_now();
            self.group.appended() >= target
        };
        self.group.wait(sequence, gather, |target| self.sync(target), |root| self.publish(&root))
    }

    fn commit(&self) -> Result<()> {
        let sequence = self.append();
        self.settle(sequence)?;
        assert!(self.visible.lock().unwrap().0 >= sequence, "a commit is visible when it returns");
        Ok(())
    }

    /// A checkpoint drops what it has flushed, in its turn.
    fn drop_flushed(&self) {
        let _turn = self.appended.lock().unwrap();
        let smaller = |root: &Arc<Root>| Arc::new(Root { sequence: root.sequence, is_small: true });
        self.group.exchange(smaller, || self.visible.lock().unwrap().1 = true);
    }
}

fn in_threads<const N: usize>(engine: &Arc<Engine>, work: [fn(&Engine) -> Result<()>; N]) -> [Result<()>; N] {
    let threads = work.map(|work| {
        let engine = Arc::clone(engine);
        thread::spawn(move || work(&engine))
    });
    threads.map(|thread| thread.join().unwrap())
}

#[test]
fn commits_become_visible_in_order_and_after_their_sync() {
    check(|| {
        let engine = Engine::new(false);
        let done = in_threads(&engine, [Engine::commit, Engine::commit, Engine::commit]);
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(*engine.visible.lock().unwrap(), (3, false));
        assert!(engine.group.newest().is_none());
    });
}

#[test]
fn a_failed_sync_fails_all_who_wait_and_all_who_come() {
    check(|| {
        let engine = Engine::new(true);
        let done = in_threads(
            &engine,
            [Engine::commit, Engine::commit, |engine| {
                // One whose end waits for a commit that it has read, as a rollback does.
                let newest = engine.group.newest().map_or(0, |newest| newest.sequence);
                match engine.settle(newest) {
                    Ok(()) if newest == 0 => Err(Error::OutcomeUnknown), // there was nothing to wait for
                    done => done,
                }
            }],
        );
        assert!(done.iter().all(|done| matches!(done, Err(Error::OutcomeUnknown))));
        assert_eq!(engine.visible.lock().unwrap().0, 0);
        assert!(matches!(engine.commit(), Err(Error::OutcomeUnknown)));
    });
}

#[test]
fn a_drop_that_races_a_commit_is_not_undone_by_it() {
    check(|| {
        let engine = Engine::new(false);
        engine.append();
        let done = in_threads(
            &engine,
            [
                |engine| engine.settle(1),
                |engine| {
                    engine.drop_flushed();
                    Ok(())
                },
            ],
        );
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(*engine.visible.lock().unwrap(), (1, true));
    });
}

#[test]
fn a_sync_that_no_commit_asked_for_runs_alone() {
    check(|| {
        let engine = Engine::new(false);
        let alone = |engine: &Engine| engine.group.sync_alone(|| engine.sync(0));
        let done = in_threads(&engine, [Engine::commit, Engine::commit, alone]);
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(engine.visible.lock().unwrap().0, 2);
    });
}
