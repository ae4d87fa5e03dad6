//! Trees, snapshots and transactions over all the databases of a connection: what the rest of the package knows under
//! the names that storage has for those of one store.
//!
//! A connection has its main database, its temporary one, and those it has attached; [`DatabaseId`] numbers them. A
//! tree is known by its database and by its number there. Main stands apart from the others, so that a connection
//! which has no other pays one comparison.

use sedge_storage::{
    Counters, Cursor, Error, Result, Savepoint as StorePoint, Snapshot as StoreSnapshot, TreeId as StoreTree,
    TreeKind, WriteTransaction as StoreTransaction,
};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A database of a connection. Its number stays the same while it is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseId(u8);

impl DatabaseId {
    /// The database that the connection was opened on.
    pub const MAIN: DatabaseId = DatabaseId(0);
    /// The connection's own, for temporary objects.
    pub const TEMP: DatabaseId = DatabaseId(1);

    /// The database attached in `place`, from 0 on.
    #[must_use]
    pub fn attached(place: u8) -> DatabaseId {
        DatabaseId(place.saturating_add(2))
    }
}

/// A set of databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSet(u32);

impl DatabaseSet {
    /// None.
    pub const EMPTY: DatabaseSet = DatabaseSet(0);
    /// Main alone.
    pub const MAIN: DatabaseSet = DatabaseSet(1);

    /// This database alone.
    #[must_use]
    pub fn only(database: DatabaseId) -> DatabaseSet {
        DatabaseSet::EMPTY.with(database)
    }

    /// These, and one more.
    #[must_use]
    pub fn with(self, database: DatabaseId) -> DatabaseSet {
        DatabaseSet(self.0 | 1_u32.checked_shl(u32::from(database.0)).unwrap_or(0))
    }

    /// These and those.
    #[must_use]
    pub fn and(self, other: DatabaseSet) -> DatabaseSet {
        DatabaseSet(self.0 | other.0)
    }

    /// True if `database` is one of them.
    #[must_use]
    pub fn contains(self, database: DatabaseId) -> bool {
        self.and(DatabaseSet::only(database)) == self
    }

    /// Them all.
    pub fn iter(self) -> impl Iterator<Item = DatabaseId> {
        (0..32).map(DatabaseId).filter(move |database| self.contains(*database))
    }
}

/// A tree of one of the databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TreeId {
    /// The database that it is in.
    pub database: DatabaseId,
    /// Its number there.
    pub number: u32,
}

impl TreeId {
    /// The tree `number` of the main database.
    #[must_use]
    pub const fn main(number: u32) -> TreeId {
        TreeId { database: DatabaseId::MAIN, number }
    }

    /// A tree as its store knows it, in `database`.
    #[must_use]
    pub fn of(database: DatabaseId, tree: StoreTree) -> TreeId {
        TreeId { database, number: tree.0 }
    }

    /// As its store knows it.
    #[must_use]
    pub fn in_store(self) -> StoreTree {
        StoreTree(self.number)
    }
}

/// What a statement that reads sees: one commit of each database.
#[derive(Clone, Debug)]
pub struct Snapshot {
    main: StoreSnapshot,
    others: Vec<(DatabaseId, StoreSnapshot)>,
}

impl From<StoreSnapshot> for Snapshot {
    fn from(main: StoreSnapshot) -> Snapshot {
        Snapshot { main, others: Vec::new() }
    }
}

impl Snapshot {
    /// Adds another database.
    pub fn add(&mut self, database: DatabaseId, snapshot: StoreSnapshot) {
        self.others.push((database, snapshot));
    }

    /// Takes a database away.
    pub fn remove(&mut self, database: DatabaseId) {
        self.others.retain(|(known, _)| *known != database);
    }

    /// What is seen of main.
    #[must_use]
    pub fn main(&self) -> &StoreSnapshot {
        &self.main
    }

    /// What is seen of `database`; `None` if it is not there.
    #[must_use]
    pub fn database(&self, database: DatabaseId) -> Option<&StoreSnapshot> {
        if database == DatabaseId::MAIN {
            return Some(&self.main);
        }
        self.others.iter().find(|(known, _)| *known == database).map(|(_, snapshot)| snapshot)
    }

    /// A plan names the databases that its catalogs were of, and these are all in its snapshot; main stands for one
    /// that is not, and holds no such tree.
    #[inline]
    fn of(&self, tree: TreeId) -> &StoreSnapshot {
        if tree.database == DatabaseId::MAIN {
            return &self.main;
        }
        self.database(tree.database).unwrap_or(&self.main)
    }

    /// Hands the value of `key` to `with`; `None` where there is no such key.
    ///
    /// # Errors
    /// Damaged pages and I/O errors.
    #[inline]
    pub fn get<R>(&self, tree: TreeId, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.of(tree).get(tree.in_store(), key, with)
    }

    /// Hands the first key that is `key` or greater to `with`; `None` where there is none.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn first_key_at_or_after<R>(
        &self,
        tree: TreeId,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        self.of(tree).first_key_at_or_after(tree.in_store(), key, with)
    }

    /// A cursor over a tree that stands nowhere yet.
    #[must_use]
    pub fn cursor(&self, tree: TreeId) -> Cursor<StoreSnapshot> {
        self.of(tree).cursor(tree.in_store())
    }

    /// The same view; `visits` counts each page that is read through it.
    #[must_use]
    pub fn counting(self, visits: &Arc<AtomicU64>) -> Snapshot {
        let counting = |snapshot: StoreSnapshot| snapshot.counting(Arc::clone(visits));
        let others = self.others.into_iter().map(|(database, snapshot)| (database, counting(snapshot)));
        Snapshot { main: counting(self.main), others: others.collect() }
    }
}

/// One database in a transaction.
enum Side {
    /// The transaction reads it, from one snapshot.
    Reading(StoreSnapshot),
    /// The transaction writes to it.
    Writing(StoreTransaction),
}

impl Side {
    fn snapshot(&mut self) -> StoreSnapshot {
        match self {
            Side::Reading(snapshot) => snapshot.clone(),
            Side::Writing(storage) => storage.snapshot(),
        }
    }
}

/// A transaction that writes to some of the databases and reads the others.
pub struct WriteTransaction {
    main: Side,
    others: Vec<(DatabaseId, Side)>,
}

/// A state of each database written to, to come back to.
#[derive(Debug)]
pub struct Savepoint {
    points: SmallVec<[(DatabaseId, StorePoint); 1]>,
}

impl Savepoint {
    /// Adds the state of a database that joined the transaction after the savepoint was made.
    pub fn add(&mut self, database: DatabaseId, point: StorePoint) {
        self.points.push((database, point));
    }
}

impl From<StoreTransaction> for WriteTransaction {
    fn from(main: StoreTransaction) -> WriteTransaction {
        WriteTransaction { main: Side::Writing(main), others: Vec::new() }
    }
}

impl From<Snapshot> for WriteTransaction {
    fn from(snapshot: Snapshot) -> WriteTransaction {
        let others = snapshot.others.into_iter();
        WriteTransaction {
            main: Side::Reading(snapshot.main),
            others: others.map(|(database, snapshot)| (database, Side::Reading(snapshot))).collect(),
        }
    }
}

impl WriteTransaction {
    /// Adds a database, which is read.
    pub fn add(&mut self, database: DatabaseId, snapshot: StoreSnapshot) {
        self.others.push((database, Side::Reading(snapshot)));
    }

    /// Takes a database away.
    pub fn remove(&mut self, database: DatabaseId) {
        self.others.retain(|(known, _)| *known != database);
    }

    /// Writes to `database` from now on.
    pub fn begin(&mut self, database: DatabaseId, storage: StoreTransaction) {
        if let Some(side) = self.side_mut(database) {
            *side = Side::Writing(storage);
        }
    }

    #[inline]
    fn side(&self, database: DatabaseId) -> Option<&Side> {
        if database == DatabaseId::MAIN {
            return Some(&self.main);
        }
        self.others.iter().find(|(known, _)| *known == database).map(|(_, side)| side)
    }

    #[inline]
    fn side_mut(&mut self, database: DatabaseId) -> Option<&mut Side> {
        if database == DatabaseId::MAIN {
            return Some(&mut self.main);
        }
        self.others.iter_mut().find(|(known, _)| *known == database).map(|(_, side)| side)
    }

    /// True if the transaction writes to `database`.
    #[must_use]
    pub fn writes(&self, database: DatabaseId) -> bool {
        matches!(self.side(database), Some(Side::Writing(_)))
    }

    /// The part of the transaction in `database`.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a database that it does not write to.
    #[inline]
    pub fn database(&mut self, database: DatabaseId) -> Result<&mut StoreTransaction> {
        match self.side_mut(database) {
            Some(Side::Writing(storage)) => Ok(storage),
            _ => Err(Error::Misuse("a statement changes a database that its transaction only reads".into())),
        }
    }

    fn written(&mut self) -> impl Iterator<Item = (DatabaseId, &mut StoreTransaction)> {
        let main = std::iter::once((DatabaseId::MAIN, &mut self.main));
        let others = self.others.iter_mut().map(|(database, side)| (*database, side));
        main.chain(others).filter_map(|(database, side)| match side {
            Side::Writing(storage) => Some((database, storage)),
            Side::Reading(_) => None,
        })
    }

    /// The parts of the transaction that write, each with its database. Those that read are over.
    pub fn into_written(self) -> impl Iterator<Item = (DatabaseId, StoreTransaction)> {
        let main = std::iter::once((DatabaseId::MAIN, self.main));
        main.chain(self.others).filter_map(|(database, side)| match side {
            Side::Writing(storage) => Some((database, storage)),
            Side::Reading(_) => None,
        })
    }

    /// What the transaction sees now; later edits do not change it.
    pub fn snapshot(&mut self) -> Snapshot {
        let others = self.others.iter_mut().map(|(database, side)| (*database, side.snapshot()));
        Snapshot { others: others.collect(), main: self.main.snapshot() }
    }

    /// Makes an empty tree in `database`.
    ///
    /// # Errors
    /// As all edits: damage, a full medium and I/O errors; [`Error::Misuse`] for a database that is only read.
    pub fn create_tree(&mut self, database: DatabaseId, kind: TreeKind) -> Result<TreeId> {
        Ok(TreeId::of(database, self.database(database)?.create_tree(kind)?))
    }

    /// Frees all pages of a tree.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn drop_tree(&mut self, tree: TreeId) -> Result<()> {
        self.database(tree.database)?.drop_tree(tree.in_store())
    }

    /// Removes all records of a tree.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    pub fn clear_tree(&mut self, tree: TreeId) -> Result<()> {
        self.database(tree.database)?.clear_tree(tree.in_store())
    }

    /// Hands the value of `key` to `with`; `None` where there is no such key.
    ///
    /// # Errors
    /// Damaged pages and I/O errors.
    #[inline]
    pub fn get<R>(&self, tree: TreeId, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        match self.side(tree.database) {
            Some(Side::Writing(own)) => own.get(tree.in_store(), key, with),
            Some(Side::Reading(own)) => own.get(tree.in_store(), key, with),
            None => Err(not_there()),
        }
    }

    /// Hands the first key that is `key` or greater to `with`; `None` where there is none.
    ///
    /// # Errors
    /// As [`WriteTransaction::get`].
    pub fn first_key_at_or_after<R>(
        &self,
        tree: TreeId,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        match self.side(tree.database) {
            Some(Side::Writing(own)) => own.first_key_at_or_after(tree.in_store(), key, with),
            Some(Side::Reading(own)) => own.first_key_at_or_after(tree.in_store(), key, with),
            None => Err(not_there()),
        }
    }

    /// Inserts a record; false where the key exists, and then nothing changes.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    #[inline]
    pub fn insert(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        self.database(tree.database)?.insert(tree.in_store(), key, value)
    }

    /// Gives `key` another value; false where there is no such key.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    #[inline]
    pub fn replace(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        self.database(tree.database)?.replace(tree.in_store(), key, value)
    }

    /// Inserts or replaces; true where the key is new.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    #[inline]
    pub fn put(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<bool> {
        self.database(tree.database)?.put(tree.in_store(), key, value)
    }

    /// Deletes a record; false where there is no such key.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    #[inline]
    pub fn delete(&mut self, tree: TreeId, key: &[u8]) -> Result<bool> {
        self.database(tree.database)?.delete(tree.in_store(), key)
    }

    /// The greatest key of a table tree.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`].
    #[inline]
    pub fn last_row_id(&mut self, tree: TreeId) -> Result<Option<i64>> {
        self.database(tree.database)?.last_row_id(tree.in_store())
    }

    /// Fills an empty tree from records in ascending order of their keys; gives their number.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`], and those of `next`.
    pub fn bulk_load(
        &mut self,
        tree: TreeId,
        next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<u64> {
        self.database(tree.database)?.bulk_load(tree.in_store(), next)
    }

    /// Inserts records in ascending order of their keys into a tree that may hold others.
    ///
    /// # Errors
    /// As [`WriteTransaction::create_tree`], [`Error::Misuse`] for keys out of order, and those of `next`.
    pub fn insert_sorted(
        &mut self,
        tree: TreeId,
        next: impl FnMut(&mut Vec<u8>, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<u64> {
        self.database(tree.database)?.insert_sorted(tree.in_store(), next)
    }

    /// Marks the present state of all databases written to.
    pub fn savepoint(&mut self) -> Savepoint {
        Savepoint {
            points: self.written().map(|(database, storage)| (database, storage.savepoint())).collect(),
        }
    }

    /// Undoes all since the savepoint, which stays open; those made after it are gone.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the savepoint is no longer open.
    pub fn rollback_to(&mut self, savepoint: &Savepoint) -> Result<()> {
        for (database, point) in &savepoint.points {
            self.database(*database)?.rollback_to(point)?;
        }
        Ok(())
    }

    /// Forgets the savepoint, and those made after it; what was done since stays.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the savepoint is no longer open.
    pub fn release(&mut self, savepoint: Savepoint) -> Result<()> {
        for (database, point) in savepoint.points {
            self.database(database)?.release(point)?;
        }
        Ok(())
    }

    /// Makes all edits visible and durable, one database after the other.
    ///
    /// # Errors
    /// Those of storage; what was committed before stays.
    pub fn commit(self) -> Result<()> {
        self.into_written().try_for_each(|(_, storage)| storage.commit())
    }

    /// Forgets all edits.
    pub fn rollback(self) {
        self.into_written().for_each(|(_, storage)| storage.rollback());
    }

    /// What the transaction has done so far.
    #[must_use]
    pub fn counters(&mut self) -> Counters {
        let mut sum = Counters::default();
        self.written().for_each(|(_, storage)| sum.add(&storage.counters()));
        sum
    }
}

#[cold]
fn not_there() -> Error {
    Error::Misuse("a statement reads a database that is not attached".into())
}

impl fmt::Debug for WriteTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTransaction").field("others", &self.others.len()).finish_non_exhaustive()
    }
}
