//! A store and its catalogs: what all sessions of a database share.

use crate::bind::{self, TableExprUse};
use crate::catalog::{self, Catalog, Index, IndexKey, ObjectKind, Table};
use crate::databases::TreeId;
use crate::error::Result;
use crate::exec::Context;
use crate::exec::expr::{CompiledExpr, Scope};
use crate::functions::{Datum, UserFunctions};
use crate::value::{Value, ValueRef};
use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;
use sedge_storage::{Snapshot, Store, TreeKind};
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Catalogs kept for snapshots taken a moment ago; a session that reads longer holds its own.
const CATALOGS_KEPT: usize = 8;

/// A database as its sessions see it.
pub struct Engine {
    store: Store,
    busy_timeout: Duration,
    /// The file, with its whole path; none for a database in memory.
    file: Option<PathBuf>,
    shared: Arc<Shared>,
}

/// What all handles on one store share.
struct Shared {
    /// The program's own functions. [`Engine::change_functions`] puts them into the catalogs too.
    functions: ArcSwap<UserFunctions>,
    /// Held while catalogs or functions are replaced.
    changing: Mutex<()>,
    /// Catalogs by the commit that made them, oldest first. Replaced whole.
    catalogs: ArcSwap<Vec<(u64, Arc<Catalog>)>>,
}

/// What is shared of the stores that this process has open, by their identity: a file that is opened twice, or attached
/// to a connection and opened by another, has one list of catalogs.
static OPEN: Mutex<Vec<(usize, Weak<Shared>)>> = Mutex::new(Vec::new());

impl Engine {
    /// Reads the schema of `store`. Writers wait for `busy_timeout` unless their session says otherwise.
    ///
    /// # Errors
    /// Damage that keeps it from being read.
    pub fn new(store: Store, busy_timeout: Duration) -> Result<Engine> {
        let file = store.path().map(|file| file.canonicalize().unwrap_or(file));
        // The list is whole whoever panicked: one call edits it.
        let mut known = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, shared)| shared.strong_count() > 0);
        let identity = store.identity();
        let shared = known.iter().find(|(of, _)| *of == identity).and_then(|(_, shared)| shared.upgrade());
        let shared = match shared {
            Some(shared) => shared,
            None => {
                let functions = Arc::<UserFunctions>::default();
                let catalog = Arc::new(catalog::load(&store.snapshot(), &functions)?);
                let shared = Arc::new(Shared {
                    functions: ArcSwap::new(functions),
                    changing: Mutex::new(()),
                    // Whatever commit made the schema, it is not newer than any snapshot that will be asked about.
                    catalogs: ArcSwap::from_pointee(vec![(0, catalog)]),
                });
                known.push((identity, Arc::downgrade(&shared)));
                shared
            }
        };
        drop(known);
        Ok(Engine { store, busy_timeout, file, shared })
    }

    /// The program's own functions and collations.
    #[must_use]
    pub fn functions(&self) -> Arc<UserFunctions> {
        self.shared.functions.load_full()
    }

    /// Replaces the program's own functions. Every plan made before is made anew, since it belongs to a catalog, and
    /// each catalog to the functions that it was made for.
    pub fn change_functions(&self, change: impl FnOnce(&UserFunctions) -> UserFunctions) {
        let shared = &self.shared;
        let _changing = shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = Arc::new(change(&shared.functions.load()));
        let mut catalogs = Vec::clone(&shared.catalogs.load());
        for (_, catalog) in &mut catalogs {
            *catalog = Arc::new(catalog.with_functions(&functions));
        }
        shared.functions.store(functions);
        shared.catalogs.store(Arc::new(catalogs));
    }

    /// True if the database is a file: what is committed to it is there after a crash.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// The file, with its whole path; none for a database in memory.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How long writers wait unless a session says otherwise.
    pub(super) fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    /// The schema as `snapshot` has it.
    pub(super) fn catalog(&self, snapshot: &Snapshot) -> Result<Arc<Catalog>> {
        let catalogs = self.shared.catalogs.load();
        match catalogs.iter().rev().find(|(sequence, _)| *sequence <= snapshot.sequence()) {
            Some((_, catalog)) => Ok(Arc::clone(catalog)),
            None => Ok(Arc::new(catalog::load(snapshot, &self.functions())?)),
        }
    }

    /// True if `catalog` is the schema as `snapshot` has it.
    pub(super) fn is_catalog_of(&self, snapshot: &Snapshot, catalog: &Arc<Catalog>) -> bool {
        let catalogs = self.shared.catalogs.load();
        let found = catalogs.iter().rev().find(|(sequence, _)| *sequence <= snapshot.sequence());
        found.is_some_and(|(_, known)| Arc::ptr_eq(known, catalog))
    }

    /// Notes the catalog that the commit `sequence` is about to make. Called by the one writer, before the commit.
    pub(super) fn announce(&self, sequence: u64, mut catalog: Arc<Catalog>) {
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = self.shared.functions.load();
        if !Arc::ptr_eq(&catalog.functions, &functions) {
            catalog = Arc::new(catalog.with_functions(&functions));
        }
        let mut catalogs = Vec::clone(&self.shared.catalogs.load());
        catalogs.push((sequence, catalog));
        let surplus = catalogs.len().saturating_sub(CATALOGS_KEPT);
        catalogs.drain(..surplus);
        self.shared.catalogs.store(Arc::new(catalogs));
    }

    /// Takes back what [`Engine::announce`] noted for a commit that failed.
    pub(super) fn retract(&self, sequence: u64) {
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut catalogs = Vec::clone(&self.shared.catalogs.load());
        catalogs.retain(|(announced, _)| *announced != sequence);
        self.shared.catalogs.store(Arc::new(catalogs));
    }

    /// Verifies every page, tree and index; what is wrong, a line each.
    ///
    /// # Errors
    /// Damage that keeps the schema from being read, and I/O errors.
    pub fn check(&self) -> Result<Vec<String>> {
        let snapshot = self.store.snapshot();
        let functions = self.functions();
        let catalog = catalog::load(&snapshot, &functions)?;
        let tree = |object: &catalog::Object| {
            let clusters = catalog.table(&object.name).is_some_and(|table| !table.has_row_id());
            let kind = match object.kind {
                ObjectKind::Index => TreeKind::Index,
                ObjectKind::Table if clusters => TreeKind::Index,
                ObjectKind::Table | ObjectKind::View | ObjectKind::Trigger => TreeKind::Table,
            };
            object.root.map(|root| (root, kind, object.name.clone()))
        };
        let schema = (Store::SCHEMA_TREE, TreeKind::Index, "sedge_schema".to_string());
        let trees: Vec<_> = std::iter::once(schema).chain(catalog.objects().filter_map(tree)).collect();
        let mut problems = self.store.check(&trees)?;
        // Comparing tables with their indexes needs trees that can be walked.
        if problems.is_empty() {
            let mut predicates = Predicates { functions, compiled: FxHashMap::default() };
            let mut covers =
                |table: &Table, index: &Index, row: &[Value]| predicates.cover(table, index, row);
            problems = catalog::verify_indexes(&snapshot, &catalog, Some(&mut covers))?;
        }
        Ok(problems)
    }

    /// Closes the store, and tells what its last checkpoint met.
    ///
    /// # Errors
    /// I/O errors; the log keeps what the base file lacks.
    pub fn close(self) -> Result<()> {
        Ok(self.store.close()?)
    }
}

/// What the expressions of indexes say, compiled once.
struct Predicates {
    functions: Arc<UserFunctions>,
    compiled: FxHashMap<TreeId, Evaluated>,
}

/// The expressions of one index.
struct Evaluated {
    filter: Option<CompiledExpr>,
    /// What each column is: a column of the table, or an expression.
    columns: Vec<Result<usize, CompiledExpr>>,
}

impl Evaluated {
    fn of(table: &Table, index: &Index, functions: &Arc<UserFunctions>) -> Result<Evaluated> {
        let compile = |expr, usage| -> Result<CompiledExpr> {
            let bound = bind::bind_table_expr(table, expr, usage, functions)?;
            let mut layout = bound.columns;
            layout.push(bound.row_id);
            CompiledExpr::compile(&bound.expr, Scope { layout: &layout, ..Scope::default() })
        };
        let filter = index.filter.as_ref();
        let filter = filter.map(|f| compile(&f.expr, TableExprUse::IndexPredicate)).transpose()?;
        let columns = index.columns.iter().map(|column| match &column.key {
            IndexKey::Column(place) => Ok(Ok(*place)),
            IndexKey::Expression(expr) => compile(&expr.expr, TableExprUse::IndexColumn).map(Err),
        });
        Ok(Evaluated { filter, columns: columns.collect::<Result<_>>()? })
    }
}

impl Predicates {
    /// What the index holds of the row.
    fn cover(&mut self, table: &Table, index: &Index, row: &[Value]) -> Result<Option<Vec<Value>>> {
        let evaluated = match self.compiled.entry(index.root) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Evaluated::of(table, index, &self.functions)?),
        };
        let values: Vec<ValueRef<'_>> = row.iter().map(Value::as_ref).collect();
        let values = values.as_slice();
        let mut context = Context::new(Arc::default());
        if let Some(filter) = &mut evaluated.filter
            && filter.truth_row(&values, &mut context)? != Some(true)
        {
            return Ok(None);
        }
        let column = |column: &mut Result<usize, CompiledExpr>| match column {
            Ok(place) => Ok(row.get(*place).cloned().unwrap_or_default()),
            Err(expr) => Ok(match expr.eval_row(&values, &mut context)? {
                Datum::Borrowed(value) => value.to_owned(),
                Datum::Owned(value) => value,
            }),
        };
        evaluated.columns.iter_mut().map(column).collect::<Result<_>>().map(Some)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
