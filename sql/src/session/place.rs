//! Which database a statement is about: where what it makes is kept, and where what it names is found.

use super::Session;
use crate::catalog::{Catalog, Lookup, ObjectKind};
use crate::databases::DatabaseId;
use crate::error::{Error, Result};
use crate::parser::ast::Ident;
use crate::parser::{CreateIndex, CreateTrigger, DropKind, Name, span_of};
use crate::suggest::{nearest, suggest};

impl Session {
    /// The database called so.
    ///
    /// # Errors
    /// [`Error::Name`] if there is none.
    pub(super) fn database_named(&mut self, database: &Ident) -> Result<DatabaseId> {
        let schemas = self.schemas()?;
        match schemas.lookup().named(&database.value) {
            Some(catalog) => Ok(catalog.database),
            None => Err(unknown_database(schemas.lookup(), database)),
        }
    }

    /// The database in which CREATE TABLE or CREATE VIEW makes what it names.
    pub(super) fn place_of_new(&mut self, name: &Name, temporary: bool) -> Result<DatabaseId> {
        let database = match &name.database {
            None if temporary => DatabaseId::TEMP,
            None => DatabaseId::MAIN,
            Some(database) => self.database_named(database)?,
        };
        if temporary && database != DatabaseId::TEMP {
            let span = name.database.as_ref().map(|database| span_of(database.span));
            return Err(Error::name("temporary table name must be unqualified", span));
        }
        self.ready(database)
    }

    /// The database of an index: that of its table.
    pub(super) fn place_of_index(&mut self, create: &CreateIndex) -> Result<DatabaseId> {
        let database = match &create.name.database {
            Some(database) => self.database_named(database)?,
            None => self.temp_or_main(&create.table.value)?,
        };
        self.ready(database)
    }

    /// The database of a trigger, and that of the table or view which it watches.
    pub(super) fn place_of_trigger(&mut self, create: &CreateTrigger) -> Result<(DatabaseId, DatabaseId)> {
        let written =
            create.on_database.as_ref().map(|database| self.database_named(database)).transpose()?;
        let home = match &create.name.database {
            Some(database) => {
                let home = self.database_named(database)?;
                if create.temporary && home != DatabaseId::TEMP {
                    let message = "temporary trigger may not have qualified name";
                    return Err(Error::name(message, span_of(database.span)));
                }
                home
            }
            None if create.temporary || written == Some(DatabaseId::TEMP) => DatabaseId::TEMP,
            None if written.is_some() => DatabaseId::MAIN,
            None => self.temp_or_main(&create.table.value)?,
        };
        let watched = match written {
            Some(watched) if home != DatabaseId::TEMP && watched != home => {
                let name = &create.name.name.value;
                let other = self.name_of(watched);
                let message = format!("trigger {name} cannot reference objects in database {other}");
                return Err(Error::invalid(message, span_of(create.table.span)));
            }
            Some(watched) => watched,
            None if home == DatabaseId::TEMP => {
                let schemas = self.schemas()?;
                let mut searched = schemas.lookup().searched();
                let found = searched.find(|catalog| catalog.relation(&create.table.value).is_some());
                found.map_or(DatabaseId::MAIN, |catalog| catalog.database)
            }
            None => home,
        };
        Ok((self.ready(home)?, watched))
    }

    /// The database in which a statement finds the object that it drops or alters: main if there is none.
    pub(super) fn database_of(&mut self, kind: ObjectKind, name: &Name) -> Result<DatabaseId> {
        let database = match &name.database {
            Some(database) => self.database_named(database)?,
            None => {
                let schemas = self.schemas()?;
                let found = schemas.lookup().searched().find(|catalog| has(catalog, kind, &name.name.value));
                found.map_or(DatabaseId::MAIN, |catalog| catalog.database)
            }
        };
        self.ready(database)
    }

    /// The database in which DROP finds what it names.
    pub(super) fn database_of_dropped(&mut self, kind: DropKind, name: &Name) -> Result<DatabaseId> {
        let kind = match kind {
            DropKind::Table => ObjectKind::Table,
            DropKind::Index => ObjectKind::Index,
            DropKind::View => ObjectKind::View,
            DropKind::Trigger => ObjectKind::Trigger,
        };
        self.database_of(kind, name)
    }

    /// The database in which ANALYZE and REINDEX find the index or the table that they name.
    pub(super) fn database_of_indexed(&mut self, name: &Name) -> Result<DatabaseId> {
        match self.database_of(ObjectKind::Index, name)? {
            DatabaseId::MAIN => self.database_of(ObjectKind::Table, name),
            database => Ok(database),
        }
    }

    /// Temp, if it holds a table or view of this name.
    fn temp_or_main(&mut self, table: &str) -> Result<DatabaseId> {
        let schemas = self.schemas()?;
        let temp = schemas.get(DatabaseId::TEMP);
        let is_there = temp.is_some_and(|temp| temp.relation(table).is_some());
        Ok(if is_there { DatabaseId::TEMP } else { DatabaseId::MAIN })
    }

    /// The same database; temp is made where it is named first.
    pub(super) fn ready(&mut self, database: DatabaseId) -> Result<DatabaseId> {
        if database == DatabaseId::TEMP {
            self.need_temp()?;
        }
        Ok(database)
    }
}

fn has(catalog: &Catalog, kind: ObjectKind, name: &str) -> bool {
    match kind {
        // Whichever it is, DROP tells which of the two it would have to be.
        ObjectKind::Table | ObjectKind::View => catalog.relation(name).is_some(),
        ObjectKind::Index => catalog.index(name).is_some(),
        ObjectKind::Trigger => {
            let mut triggers = catalog.objects().filter(|object| object.kind == ObjectKind::Trigger);
            triggers.any(|trigger| trigger.name.eq_ignore_ascii_case(name))
        }
    }
}

pub(super) fn unknown_database(lookup: Lookup<'_>, database: &Ident) -> Error {
    let known = nearest(&database.value, lookup.listed().map(|(name, _)| name));
    let message = format!("unknown database {}", database.value);
    Error::name(suggest(message, known), span_of(database.span))
}
