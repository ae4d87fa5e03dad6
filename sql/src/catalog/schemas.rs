//! The catalogs of all databases of a connection, and where a name is looked for in them: first in temp, then in main,
//! then in those attached, in the order in which they were.

use super::listing::is_schema_table;
use super::schema::{Catalog, Index, Relation, Table, Trigger};
use crate::databases::DatabaseId;
use crate::functions::UserFunctions;
use std::sync::{Arc, LazyLock};

/// The catalog of a database beside main, under the name that the connection has for it.
#[derive(Clone, Debug)]
pub struct NamedCatalog {
    /// The name, as it was given.
    pub name: Arc<str>,
    /// The catalog, whose trees and objects are in this database.
    pub catalog: Arc<Catalog>,
}

/// What a statement sees of the schemas: one catalog of each database.
#[derive(Clone, Debug)]
pub struct Schemas {
    main: Arc<Catalog>,
    /// The temporary database first, if there is one.
    others: Option<Arc<[NamedCatalog]>>,
}

/// The temporary database of a connection that has made nothing in it yet.
static EMPTY_TEMP: LazyLock<Catalog> =
    LazyLock::new(|| Catalog { database: DatabaseId::TEMP, ..Catalog::default() });

/// The catalog of a connection without any object.
static EMPTY: LazyLock<Catalog> = LazyLock::new(Catalog::default);

impl Schemas {
    /// Main's, and those of the others: temp first, if there is one.
    #[must_use]
    pub fn new(main: Arc<Catalog>, others: Vec<NamedCatalog>) -> Schemas {
        Schemas { main, others: (!others.is_empty()).then(|| others.into()) }
    }

    /// The catalog of main.
    #[must_use]
    pub fn main(&self) -> &Arc<Catalog> {
        &self.main
    }

    /// The others.
    #[must_use]
    pub fn others(&self) -> &[NamedCatalog] {
        self.others.as_deref().unwrap_or_default()
    }

    /// The catalog of `database`.
    #[must_use]
    pub fn get(&self, database: DatabaseId) -> Option<&Arc<Catalog>> {
        if database == DatabaseId::MAIN {
            return Some(&self.main);
        }
        self.others().iter().map(|named| &named.catalog).find(|catalog| catalog.database == database)
    }

    /// The same, with another catalog of the database that `next` is of.
    #[must_use]
    pub fn with(&self, next: Arc<Catalog>) -> Schemas {
        if next.database == DatabaseId::MAIN {
            return Schemas { main: next, others: self.others.clone() };
        }
        let mut others = self.others().to_vec();
        if let Some(named) = others.iter_mut().find(|named| named.catalog.database == next.database) {
            named.catalog = next;
        }
        Schemas::new(Arc::clone(&self.main), others)
    }

    /// The same for a program that has other functions.
    #[must_use]
    pub fn with_functions(&self, functions: &Arc<UserFunctions>) -> Schemas {
        let other = |named: &NamedCatalog| NamedCatalog {
            name: Arc::clone(&named.name),
            catalog: Arc::new(named.catalog.with_functions(functions)),
        };
        let others = self.others().iter().map(other).collect();
        Schemas::new(Arc::new(self.main.with_functions(functions)), others)
    }

    /// The same, and one more database.
    #[must_use]
    pub fn and(&self, named: NamedCatalog) -> Schemas {
        let mut others = self.others().to_vec();
        let place = if named.catalog.database == DatabaseId::TEMP { 0 } else { others.len() };
        others.insert(place, named);
        Schemas::new(Arc::clone(&self.main), others)
    }

    /// True if `other` are the very same catalogs.
    #[must_use]
    pub fn same(&self, other: &Schemas) -> bool {
        if !Arc::ptr_eq(&self.main, &other.main) {
            return false;
        }
        match (&self.others, &other.others) {
            (None, None) => true,
            (Some(own), Some(their)) => {
                let same = |(a, b): (&NamedCatalog, &NamedCatalog)| {
                    Arc::ptr_eq(&a.catalog, &b.catalog) && a.name == b.name
                };
                Arc::ptr_eq(own, their) || own.len() == their.len() && own.iter().zip(&**their).all(same)
            }
            _ => false,
        }
    }

    /// Where names are looked for.
    #[must_use]
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup { main: &self.main, others: self.others(), instead: None, functions: &self.main.functions }
    }
}

/// Where names are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    main: &'a Catalog,
    others: &'a [NamedCatalog],
    /// A catalog in the place of the one of its database.
    instead: Option<&'a Catalog>,
    /// The program's own functions and collations, those of main.
    functions: &'a Arc<UserFunctions>,
}

impl<'a> From<&'a Catalog> for Lookup<'a> {
    fn from(main: &'a Catalog) -> Lookup<'a> {
        Lookup { main, others: &[], instead: None, functions: &main.functions }
    }
}

impl<'a> Lookup<'a> {
    /// Where nothing is found but functions.
    #[must_use]
    pub fn nowhere(functions: &'a Arc<UserFunctions>) -> Lookup<'a> {
        Lookup { functions, ..Lookup::from(&*EMPTY) }
    }

    /// The program's own functions and collations.
    #[must_use]
    pub fn functions(self) -> &'a UserFunctions {
        self.functions
    }

    /// The same, with `catalog` in the place of the one of its database.
    #[must_use]
    pub fn instead(self, catalog: &'a Catalog) -> Lookup<'a> {
        Lookup { instead: Some(catalog), ..self }
    }

    fn or_instead(self, catalog: &'a Catalog) -> &'a Catalog {
        self.instead.filter(|instead| instead.database == catalog.database).unwrap_or(catalog)
    }

    fn others(self) -> impl Iterator<Item = (&'a str, &'a Catalog)> {
        self.others.iter().map(move |named| (&*named.name, self.or_instead(&named.catalog)))
    }

    /// All databases and their names: main, temp if there is one, the others.
    pub fn listed(self) -> impl Iterator<Item = (&'a str, &'a Catalog)> {
        std::iter::once(("main", self.or_instead(self.main))).chain(self.others())
    }

    /// All databases in the order in which they are searched for a name.
    pub fn searched(self) -> impl Iterator<Item = &'a Catalog> {
        let is_temp = |(_, catalog): &(&str, &Catalog)| catalog.database == DatabaseId::TEMP;
        let temp = self.others().filter(is_temp);
        let rest = self.listed().filter(move |listed| !is_temp(listed));
        temp.chain(rest).map(|(_, catalog)| catalog)
    }

    /// The database `id`.
    #[must_use]
    pub fn get(self, id: DatabaseId) -> Option<&'a Catalog> {
        self.listed().map(|(_, catalog)| catalog).find(|catalog| catalog.database == id)
    }

    /// The database called `name`, in any case.
    #[must_use]
    pub fn named(self, name: &str) -> Option<&'a Catalog> {
        let found = self.listed().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match found {
            Some((_, catalog)) => Some(catalog),
            None if name.eq_ignore_ascii_case("temp") => Some(&EMPTY_TEMP),
            None => None,
        }
    }

    /// The name of the database `id`.
    #[must_use]
    pub fn name_of(self, id: DatabaseId) -> &'a str {
        self.listed().find(|(_, catalog)| catalog.database == id).map_or("temp", |(name, _)| name)
    }

    /// The databases that a name means: the one written before it, or those that it is looked for in. A text that the
    /// database `home` keeps sees that one alone, unless it is temp, which sees all.
    pub fn meant(self, home: DatabaseId, written: Option<&str>) -> impl Iterator<Item = &'a Catalog> {
        let only = match written {
            Some(name) => Some(self.named(name)),
            None if home == DatabaseId::TEMP => None,
            None => Some(self.get(home)),
        };
        let all = if only.is_none() { Some(self.searched()) } else { None };
        only.flatten().into_iter().chain(all.into_iter().flatten())
    }

    /// The database in which `name` is the first schema table met: `sqlite_temp_schema` is temp's.
    #[must_use]
    pub fn schema_table(self, home: DatabaseId, written: Option<&str>, name: &str) -> Option<&'a Catalog> {
        let is_temp =
            ["sqlite_temp_schema", "sqlite_temp_master"].iter().any(|n| n.eq_ignore_ascii_case(name));
        if is_temp && written.is_none_or(|written| written.eq_ignore_ascii_case("temp")) {
            return self.named("temp");
        }
        if !is_schema_table(name) {
            return None;
        }
        match written {
            Some(written) => self.named(written),
            None if home == DatabaseId::TEMP => self.get(DatabaseId::MAIN),
            None => self.get(home),
        }
    }

    /// The first table or view called `name` where an unqualified name is looked for.
    #[must_use]
    pub fn relation(self, name: &str) -> Option<&'a Relation> {
        self.searched().find_map(|catalog| catalog.relation(name))
    }

    /// The first index called `name`.
    #[must_use]
    pub fn index(self, name: &str) -> Option<&'a Arc<Index>> {
        self.searched().find_map(|catalog| catalog.index(name))
    }

    /// All tables and views.
    pub fn relations(self) -> impl Iterator<Item = &'a Relation> {
        self.searched().flat_map(Catalog::relations)
    }

    /// The triggers of a table or view in the order in which they fire: temporary ones first.
    pub fn triggers(self, database: DatabaseId, name: &'a str) -> impl Iterator<Item = &'a Arc<Trigger>> {
        let temp = self.get(DatabaseId::TEMP).into_iter().flat_map(move |temp| temp.triggers(name));
        let temp = temp.filter(move |trigger| self.watched(trigger).is_some_and(|on| on == database));
        let own = self.get(database).filter(|own| own.database != DatabaseId::TEMP);
        temp.chain(own.into_iter().flat_map(move |own| own.triggers(name)))
    }

    /// The database of the table or view that a trigger is on.
    #[must_use]
    pub fn watched(self, trigger: &Trigger) -> Option<DatabaseId> {
        let written = trigger.create.on_database.as_ref().map(|database| database.value.as_str());
        let mut meant = self.meant(trigger.database, written);
        meant.find(|catalog| catalog.relation(&trigger.table).is_some()).map(|catalog| catalog.database)
    }

    /// The table that AUTOINCREMENT of `table` counts in.
    #[must_use]
    pub fn sequences(self, table: &Table) -> Option<&'a Arc<Table>> {
        self.get(table.root.database)?.table(super::sequence::SEQUENCE_TABLE)
    }
}
