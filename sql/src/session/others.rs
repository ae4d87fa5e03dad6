//! The databases of a session beside main: its temporary one, and those it has attached.
//!
//! Each is a store with its catalogs, as main is. A catalog is shared by all sessions of a store, and numbers its trees
//! as they are in main; a session gives it the number under which it has the database, once for each schema.

use super::{Engine, Session};
use crate::catalog::{Catalog, NamedCatalog, Schemas};
use crate::databases::{DatabaseId, Snapshot};
use crate::error::{Error, Result};
use crate::functions::UserFunctions;
use sedge_storage::{Options, Store};
use std::sync::Arc;

/// A database beside main.
pub(super) struct Other {
    pub(super) id: DatabaseId,
    pub(super) name: Arc<str>,
    pub(super) engine: Arc<Engine>,
    /// The catalog of the store that was seen last, and the same as one of this database.
    known: (Arc<Catalog>, Arc<Catalog>),
}

impl Other {
    /// The database of `engine` under this name, beside a main database whose functions it sees.
    pub(super) fn new(
        id: DatabaseId,
        name: &str,
        engine: Arc<Engine>,
        functions: &Arc<UserFunctions>,
    ) -> Result<Other> {
        let shared = engine.catalog(&engine.store().snapshot())?;
        let own = Arc::new(shared.in_database(id, functions)?);
        Ok(Other { id, name: name.into(), engine, known: (shared, own) })
    }

    /// Its catalog as `snapshot` has it.
    fn catalog(
        &mut self,
        snapshot: &sedge_storage::Snapshot,
        functions: &Arc<UserFunctions>,
    ) -> Result<Arc<Catalog>> {
        let shared = self.engine.catalog(snapshot)?;
        let is_known = Arc::ptr_eq(&shared, &self.known.0) && Arc::ptr_eq(functions, &self.known.1.functions);
        if !is_known {
            let own = Arc::new(shared.in_database(self.id, functions)?);
            self.known = (shared, own);
        }
        Ok(Arc::clone(&self.known.1))
    }

    /// Its newest catalog under its name.
    pub(super) fn named_catalog(&mut self) -> Result<NamedCatalog> {
        let functions = Arc::clone(&self.known.1.functions);
        let catalog = self.catalog(&self.engine.store().snapshot(), &functions)?;
        Ok(NamedCatalog { name: Arc::clone(&self.name), catalog })
    }

    /// A catalog of this database as one of its store, to be shared.
    pub(super) fn as_shared(&mut self, own: Arc<Catalog>) -> Result<Arc<Catalog>> {
        let shared = Arc::new(own.in_database(DatabaseId::MAIN, &self.engine.functions())?);
        self.known = (Arc::clone(&shared), own);
        Ok(shared)
    }
}

/// All of them, the temporary one first.
#[derive(Default)]
pub(super) struct Others {
    pub(super) list: Vec<Other>,
    /// The schemas made last, kept while they are the newest.
    last: Option<Schemas>,
}

impl Others {
    /// Lets go of the schemas made last.
    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }
}

impl Session {
    /// The databases by number: `None` for one that is not there.
    pub(super) fn engine_of(&self, database: DatabaseId) -> Option<&Arc<Engine>> {
        if database == DatabaseId::MAIN {
            return Some(&self.engine);
        }
        self.others.list.iter().find(|other| other.id == database).map(|other| &other.engine)
    }

    /// All databases: main, temp if there is one, the others.
    pub(super) fn databases(&self) -> impl Iterator<Item = DatabaseId> {
        std::iter::once(DatabaseId::MAIN).chain(self.others.list.iter().map(|other| other.id))
    }

    /// The store of a database that a statement was bound to.
    pub(super) fn store_of(&self, database: DatabaseId) -> Result<&Store> {
        let engine = self.engine_of(database);
        Ok(engine.ok_or_else(|| Error::Misuse("the database is no longer attached".to_owned()))?.store())
    }

    /// The newest commit of each database.
    pub(super) fn newest(&self) -> Snapshot {
        let mut snapshot = Snapshot::from(self.engine.store().snapshot());
        for other in &self.others.list {
            snapshot.add(other.id, other.engine.store().snapshot());
        }
        snapshot
    }

    /// The schemas as `snapshot` has them.
    pub(super) fn schemas_of(&mut self, snapshot: &Snapshot) -> Result<Schemas> {
        let main = self.engine.catalog(snapshot.main())?;
        let mut named = Vec::with_capacity(self.others.list.len());
        for other in &mut self.others.list {
            if let Some(snapshot) = snapshot.database(other.id) {
                named.push(NamedCatalog {
                    name: Arc::clone(&other.name),
                    catalog: other.catalog(snapshot, &main.functions)?,
                });
            }
        }
        let schemas = Schemas::new(main, named);
        if schemas.others().is_empty() {
            return Ok(schemas);
        }
        // The same list as last time, so that plans compare one pointer.
        match &self.others.last {
            Some(last) if last.same(&schemas) => Ok(last.clone()),
            _ => {
                self.others.last = Some(schemas.clone());
                Ok(schemas)
            }
        }
    }

    /// True if `schemas` are as `snapshot` has them.
    pub(super) fn are_schemas_of(&mut self, snapshot: &Snapshot, schemas: &Schemas) -> Result<bool> {
        if self.others.list.is_empty() && schemas.others().is_empty() {
            return Ok(self.engine.is_catalog_of(snapshot.main(), schemas.main()));
        }
        Ok(self.schemas_of(snapshot)?.same(schemas))
    }

    /// Makes the temporary database where there is none yet.
    pub(super) fn need_temp(&mut self) -> Result<()> {
        if self.engine_of(DatabaseId::TEMP).is_some() {
            return Ok(());
        }
        let store = Store::open_in_memory(&Options {
            page_size: self.engine.store().metrics().page_size as usize,
            ..Options::default()
        })?;
        let engine = Arc::new(Engine::new(store, self.busy_timeout)?);
        self.add_other(Other::new(DatabaseId::TEMP, "temp", engine, &self.engine.functions())?)
    }

    /// Adds a database, to the open transaction too.
    pub(super) fn add_other(&mut self, mut other: Other) -> Result<()> {
        let named = other.named_catalog()?;
        self.transaction.add(other.id, &other.engine, named);
        let place = if other.id == DatabaseId::TEMP { 0 } else { self.others.list.len() };
        self.others.list.insert(place, other);
        Ok(())
    }
}
