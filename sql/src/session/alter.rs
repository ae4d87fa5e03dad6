//! ALTER TABLE and REINDEX: the catalog changes the texts, the executor the rows and the indexes.

use super::Session;
use super::transaction::Writing;
use crate::bind;
use crate::catalog::{self, Catalog, NamesIn, RowWork, Table};
use crate::databases::{DatabaseId, DatabaseSet};
use crate::error::{Error, Result};
use crate::exec::write::{fill_index, rebuild_rows, verify_rows};
use crate::parser::{AlterOperation, Name, Parsed, span_of};
use crate::types::Collation;
use std::sync::Arc;

impl Session {
    /// ALTER TABLE, whole or not at all.
    pub(super) fn alter_table(
        &self,
        parsed: &Parsed,
        name: &Name,
        operation: &AlterOperation,
        database: DatabaseId,
        writing: &mut Writing,
    ) -> Result<()> {
        let next = whole(writing, |writing| self.altered(parsed, name, operation, database, writing))?;
        writing.change_schema(Some(next));
        Ok(())
    }

    fn altered(
        &self,
        parsed: &Parsed,
        name: &Name,
        operation: &AlterOperation,
        database: DatabaseId,
        writing: &mut Writing,
    ) -> Result<Catalog> {
        let schemas = writing.schemas.clone();
        let functions = Arc::clone(&schemas.main().functions);
        let lookup = schemas.lookup();
        let names = NamesIn {
            in_expr: &|table, expr| bind::names_in_expr(table, expr, &functions),
            in_view: &|catalog, view| bind::names_in_view(lookup.instead(catalog), view),
            in_trigger: &|catalog, trigger| bind::names_in_trigger(lookup.instead(catalog), trigger),
        };
        let catalog = writing.catalog(database)?;
        let txn = &mut writing.storage;
        let altered = catalog::alter_table(txn, &catalog, parsed, (name, operation), &names)?;
        let table = &altered.table;
        // Its places are those of the text kept, which nobody has written.
        bind::bind_table(table, &functions).map_err(|error| match error {
            Error::Name { message, .. } => Error::name(message, None),
            Error::Invalid { message, .. } => Error::invalid(message, None),
            error => error,
        })?;
        let target = bind::bind_target(table, &functions)?;
        let mut context = self.context();
        match altered.rows {
            RowWork::Nothing => {}
            RowWork::Verify => verify_rows(txn, &target, &mut context)?,
            RowWork::Rewrite => rebuild_rows(txn, &altered.before, &target, &altered.places, &mut context)?,
        }
        self.refill(table, writing, &|index| altered.stale.iter().any(|stale| stale == index))?;
        Ok(altered.catalog)
    }

    /// REINDEX: of a collation or of all there is, in all databases that have an index; of a table, or of an index.
    pub(super) fn reindex(&mut self, name: Option<&Name>) -> Result<()> {
        let unqualified = name.filter(|name| name.database.is_none());
        let collation =
            unqualified.and_then(|name| self.engine.functions().collations.find(&name.name.value));
        if let Some(name) = name.filter(|_| collation.is_none()) {
            let database = self.database_of_indexed(name)?;
            return self.reindex_in(database, Some(name), None);
        }
        let schemas = self.schemas()?;
        let indexed = |catalog: &&Catalog| catalog.tables().any(|table| !table.indexes.is_empty());
        let databases: Vec<DatabaseId> =
            schemas.lookup().searched().filter(indexed).map(|catalog| catalog.database).collect();
        databases.into_iter().try_for_each(|database| self.reindex_in(database, name, collation))
    }

    fn reindex_in(
        &mut self,
        database: DatabaseId,
        name: Option<&Name>,
        collation: Option<Collation>,
    ) -> Result<()> {
        self.write_to(DatabaseSet::only(database), |session, writing| {
            let catalog = writing.catalog(database)?;
            let wanted = name.map_or("", |name| name.name.value.as_str());
            let is_known = name.is_none()
                || collation.is_some()
                || catalog.table(wanted).is_some()
                || catalog.index(wanted).is_some();
            if let Some(name) = name.filter(|_| !is_known) {
                let message = format!("unable to identify the object to be reindexed: {wanted}");
                return Err(Error::name(message, span_of(name.name.span)));
            }
            whole(writing, |writing| {
                for table in catalog.tables() {
                    let all = name.is_none() || table.name.eq_ignore_ascii_case(wanted);
                    session.refill(table, writing, &|index| {
                        let uses = |collation| {
                            let index = catalog.index(index);
                            index.is_some_and(|index| index.columns.iter().any(|c| c.collation == collation))
                        };
                        all || index.eq_ignore_ascii_case(wanted) || collation.is_some_and(uses)
                    })?;
                }
                Ok(())
            })
        })
    }

    /// Fills indexes of a table anew.
    fn refill(&self, table: &Arc<Table>, writing: &mut Writing, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
        let target = bind::bind_target(table, &writing.schemas.main().functions)?;
        let mut context = self.context();
        for bound in target.indexes.iter().filter(|bound| wanted(&bound.index.name)) {
            if table.is_clustered_by(&bound.index) {
                // Its entries are the rows themselves.
                continue;
            }
            writing.storage.clear_tree(bound.index.root)?;
            fill_index(&mut writing.storage, &target, bound, &mut context)?;
        }
        Ok(())
    }
}

/// Runs a change; where it fails, nothing of it is left.
fn whole<T>(writing: &mut Writing, change: impl FnOnce(&mut Writing) -> Result<T>) -> Result<T> {
    let savepoint = writing.storage.savepoint();
    let done = change(writing);
    if done.is_err() {
        writing.storage.rollback_to(&savepoint)?;
    }
    writing.storage.release(savepoint)?;
    done
}
