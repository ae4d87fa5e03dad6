//! CREATE and DROP: the catalog does the work, the session gives it a transaction and the next catalog a place.

use super::prepare::{bind_context, fold};
use super::statistics::SnapshotStatistics;
use super::transaction::Writing;
use super::{Session, unsupported};
use crate::bind;
use crate::catalog::{self, Catalog, Relation, Schemas, Table};
use crate::databases::{DatabaseId, DatabaseSet, WriteTransaction};
use crate::error::{Error, Result};
use crate::exec::write::{WriteExecution, fill_index};
use crate::parser::ast::{Ident, Place};
use crate::parser::{CreateTable, DropKind, Insert, Name, Parsed, Statement, span_of};
use crate::plan::{self, PlanContext};
use std::sync::Arc;

impl Session {
    /// Runs a CREATE or DROP in the open transaction or in one of its own.
    pub(super) fn run_schema_change(&mut self, parsed: &Parsed) -> Result<()> {
        let (database, watched) = match &parsed.statement {
            Statement::CreateTable(create) => (self.place_of_new(&create.name, create.temporary)?, None),
            Statement::CreateView(create) => (self.place_of_new(&create.name, create.temporary)?, None),
            Statement::CreateIndex(create) => (self.place_of_index(create)?, None),
            Statement::CreateTrigger(create) => {
                let (database, watched) = self.place_of_trigger(create)?;
                (database, Some(watched))
            }
            Statement::Drop { kind, name, if_exists } => match self.database_of_dropped(*kind, name) {
                Ok(database) => (database, None),
                Err(_) if *if_exists => return Ok(()),
                Err(error) => return Err(error),
            },
            _ => return Err(unsupported("this statement")),
        };
        let mut changed = DatabaseSet::only(database);
        if let Statement::Drop { kind: DropKind::Table | DropKind::View, name, .. } = &parsed.statement
            && !self.temporary_triggers(database, &name.name.value)?.is_empty()
        {
            changed = changed.with(DatabaseId::TEMP);
        }
        self.write_to(changed, |session, writing| {
            let before = writing.catalog(database)?;
            if let Statement::Drop { kind: kind @ (DropKind::Table | DropKind::View), name, if_exists } =
                &parsed.statement
            {
                return session.drop_relation(database, (*kind, name, *if_exists), writing);
            }
            let functions = &Arc::clone(&writing.schemas.main().functions);
            let bind_table = |table: &Table| bind::bind_table(table, functions);
            let txn = &mut writing.storage;
            let next = match &parsed.statement {
                Statement::CreateTable(create) if create.source.is_some() => {
                    return session.create_table_as(parsed, create, database, writing);
                }
                Statement::CreateTable(create) => {
                    catalog::create_table(txn, &before, parsed, create, &bind_table)?
                }
                Statement::CreateIndex(create) => {
                    let mut context = session.context();
                    let mut fill =
                        |txn: &mut WriteTransaction, table: &Arc<Table>, index: &Arc<catalog::Index>| {
                            let target = bind::bind_target(table, functions)?;
                            // The table has the index already, so its bound form is there.
                            match target.indexes.iter().find(|known| Arc::ptr_eq(&known.index, index)) {
                                Some(bound) => fill_index(txn, &target, bound, &mut context),
                                None => Ok(()),
                            }
                        };
                    catalog::create_index(txn, &before, parsed, create, &bind_table, &mut fill)?
                }
                Statement::CreateTrigger(create) => {
                    let watched = writing.schemas.get(watched.unwrap_or(database)).unwrap_or(&before);
                    catalog::create_trigger(txn, &before, watched, parsed, create)?
                }
                Statement::CreateView(create) => {
                    let savepoint = txn.savepoint();
                    let next = catalog::create_view(txn, &before, parsed, create)?;
                    let refused = refuse_crossing(next.as_ref(), &writing.schemas, &create.name);
                    if refused.is_err() {
                        txn.rollback_to(&savepoint)?;
                    }
                    txn.release(savepoint)?;
                    refused?;
                    next
                }
                Statement::Drop { kind, name, if_exists } => {
                    catalog::drop_object(txn, &before, *kind, name, *if_exists)?
                }
                _ => return Err(unsupported("this statement")),
            };
            writing.change_schema(next);
            Ok(())
        })
    }

    /// DROP TABLE, whose rows are deleted first where foreign keys refer to them, and DROP VIEW. Temporary triggers go
    /// with what they watch.
    fn drop_relation(
        &mut self,
        database: DatabaseId,
        (kind, name, if_exists): (DropKind, &Name, bool),
        writing: &mut Writing,
    ) -> Result<()> {
        let watching = self.temporary_triggers_in(&writing.schemas, database, &name.name.value);
        let savepoint = writing.storage.savepoint();
        let known = writing.suspects.len();
        let before = writing.schemas.clone();
        let done = self.delete_before_drop(database, &name.name.value, writing).and_then(|()| {
            for trigger in watching {
                let temp = writing.catalog(DatabaseId::TEMP)?;
                let trigger = Name { database: None, name: named(&trigger) };
                let storage = &mut writing.storage;
                let next = catalog::drop_object(storage, &temp, DropKind::Trigger, &trigger, true)?;
                writing.change_schema(next);
            }
            let catalog = writing.catalog(database)?;
            catalog::drop_object(&mut writing.storage, &catalog, kind, name, if_exists)
        });
        if done.is_err() {
            writing.suspects.truncate(known);
            writing.schemas = before;
            writing.storage.rollback_to(&savepoint)?;
        }
        writing.storage.release(savepoint)?;
        writing.change_schema(done?);
        Ok(())
    }

    /// The temporary triggers on a table or view of another database.
    fn temporary_triggers(&mut self, database: DatabaseId, name: &str) -> Result<Vec<String>> {
        let schemas = self.schemas()?;
        Ok(self.temporary_triggers_in(&schemas, database, name))
    }

    fn temporary_triggers_in(&self, schemas: &Schemas, database: DatabaseId, name: &str) -> Vec<String> {
        if database == DatabaseId::TEMP {
            return Vec::new();
        }
        let on_it = schemas.lookup().triggers(database, name);
        let temporary = on_it.filter(|trigger| trigger.database == DatabaseId::TEMP);
        temporary.map(|trigger| trigger.name.clone()).collect()
    }

    /// CREATE TABLE AS SELECT: the table first, then an INSERT of the query's rows.
    fn create_table_as(
        &mut self,
        parsed: &Parsed,
        create: &CreateTable,
        database: DatabaseId,
        writing: &mut Writing,
    ) -> Result<()> {
        let Some(query) = &create.source else { return Ok(()) };
        let bound = bind::bind_query(parsed, query, &bind_context(&writing.schemas, &[]))?;
        let columns: Vec<_> =
            bound.root.outputs.iter().map(|output| (output.name.clone(), output.column_type)).collect();
        let savepoint = writing.storage.savepoint();
        let done = (|| -> Result<()> {
            let before = writing.catalog(database)?;
            let Some(next) = catalog::create_table_as(&mut writing.storage, &before, create, &columns)?
            else {
                return Ok(());
            };
            let schemas = writing.schemas.with(Arc::new(next.clone()));
            let name = writing.schemas.lookup().name_of(database);
            let insert = Statement::Insert(Box::new(Insert {
                with: None,
                on_conflict: None,
                table: Name { database: Some(named(name)), name: create.name.name.clone() },
                alias: None,
                columns: None,
                source: Some(query.clone()),
                upserts: Vec::new(),
                returning: None,
            }));
            self.insert_rows(parsed, &insert, &schemas, writing)?;
            writing.change_schema(Some(next));
            Ok(())
        })();
        if done.is_err() {
            writing.storage.rollback_to(&savepoint)?;
        }
        writing.storage.release(savepoint)?;
        done
    }

    /// Runs an INSERT under schemas that are not the transaction's yet.
    fn insert_rows(
        &self,
        parsed: &Parsed,
        insert: &Statement,
        schemas: &Schemas,
        writing: &mut Writing,
    ) -> Result<()> {
        let bound = bind::bind_write(parsed, insert, &bind_context(schemas, &[]))?;
        if bound.parameters > 0 {
            return Err(Error::invalid("a table cannot be made from a query with parameters", None));
        }
        let statistics = SnapshotStatistics::new(writing.storage.snapshot(), schemas);
        let plan = plan::plan_write(
            bound,
            &PlanContext { statistics: &statistics, fold: &fold, choices: self.choices },
        )?;
        let mut execution = WriteExecution::new(Arc::new(plan), Arc::default())?;
        execution.run(&mut writing.storage, &mut self.context())?;
        Ok(())
    }
}

/// Fails if a view that was just made names another database, which only a temporary one may.
fn refuse_crossing(made: Option<&Catalog>, schemas: &Schemas, name: &Name) -> Result<()> {
    let Some(Relation::View(view)) = made.and_then(|made| made.relation(&name.name.value)) else {
        return Ok(());
    };
    match bind::database_crossed_to(schemas.lookup(), view) {
        Some(other) => {
            let message = format!("view {} cannot reference objects in database {other}", view.name);
            Err(Error::invalid(message, span_of(name.name.span)))
        }
        None => Ok(()),
    }
}

/// A name that was not written.
fn named(name: &str) -> Ident {
    Ident { value: name.into(), quoted: true, span: Place::default() }
}
