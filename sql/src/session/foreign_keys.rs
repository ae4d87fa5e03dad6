//! Foreign keys beside statements: the check of deferred ones at the end of a transaction, `PRAGMA foreign_key_check`,
//! and the rows that DROP TABLE takes from under those that refer to them.

use super::Session;
use super::prepare::{bind_context, fold};
use super::programs::find_programs;
use super::statistics::SnapshotStatistics;
use super::transaction::Writing;
use crate::bind;
use crate::catalog::{Catalog, Reference, Table, fold_name};
use crate::constraint::foreign_key::Suspect;
use crate::databases::DatabaseId;
use crate::error::{Error, Result};
use crate::exec::write::WriteExecution;
use crate::parser::parse_one;
use crate::plan::{self, ChildProgram, PlanContext, ProgramOwner, Programs, TablePrograms};
use crate::value::Value;
use crate::value_list::ValueList;
use std::sync::Arc;

/// An identifier that may hold anything, as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Writing {
    /// Looks at the deferred keys that were broken when they were met.
    ///
    /// # Errors
    /// [`Error::Constraint`] for the first that still is.
    pub(super) fn check_deferred(&mut self) -> Result<()> {
        for suspect in &self.suspects {
            let known = &suspect.reference;
            // The schema may have changed since.
            let Some(catalog) = self.schemas.get(known.child.root.database) else { continue };
            let Some(child) = catalog.table(&known.child.name) else { continue };
            let same = |key: &&Arc<crate::catalog::ForeignKey>| {
                key.columns == known.key.columns && key.parent == known.key.parent
            };
            let Some(key) = child.foreign_keys.iter().find(same) else { continue };
            let reference = Arc::new(Reference::new(catalog, child, key));
            Suspect { reference, values: suspect.values.clone() }.check(&mut self.storage)?;
        }
        self.suspects.clear();
        Ok(())
    }
}

impl Session {
    /// The rows of `PRAGMA foreign_key_check`: table, row id, parent, number of the key.
    pub(super) fn foreign_key_check(
        &mut self,
        catalog: &Catalog,
        table: Option<&str>,
    ) -> Result<Vec<Vec<Value>>> {
        let wanted = |known: &&Arc<Table>| table.is_none_or(|name| fold_name(name) == fold_name(&known.name));
        let mut found = Vec::new();
        for child in catalog.tables().filter(wanted) {
            // SQLite numbers the key declared last 0.
            for (number, key) in child.foreign_keys.iter().rev().enumerate() {
                let reference = Reference::new(catalog, child, key);
                if let (Err(why), Some(_)) = (&reference.lookup, &reference.parent) {
                    return Err(Error::invalid(why.clone(), None));
                }
                for row_id in self.orphans(catalog.database, &reference)? {
                    found.push(vec![
                        Value::text(child.name.as_str()),
                        row_id,
                        Value::text(key.parent.as_str()),
                        Value::Integer(number as i64),
                    ]);
                }
            }
        }
        Ok(found)
    }

    /// The row ids of the child's rows that have no parent; NULL where rows have none.
    fn orphans(&mut self, database: DatabaseId, reference: &Reference) -> Result<Vec<Value>> {
        let child = &reference.child;
        let database = quoted(self.name_of(database));
        let names: Vec<String> =
            reference.column_names().iter().map(|name| format!("c.{}", quoted(name))).collect();
        let mut conditions: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
        if let Some(parent) = &reference.parent {
            let above = reference.parent_columns.iter().filter_map(|at| parent.columns.get(*at));
            let same = above.zip(&names).map(|(above, below)| format!("p.{} = {below}", quoted(&above.name)));
            let same = same.collect::<Vec<_>>().join(" AND ");
            conditions.push(format!(
                "NOT EXISTS (SELECT 1 FROM {database}.{} AS p WHERE {same})",
                quoted(&parent.name)
            ));
        }
        let names = ["rowid", "_rowid_", "oid"];
        let named = names.into_iter().find(|name| child.column(name).is_none());
        let row_id = match child.has_row_id() {
            true => format!("c.{}", named.unwrap_or("rowid")),
            false => "NULL".to_owned(),
        };
        let text = format!(
            "SELECT {row_id} FROM {database}.{} AS c WHERE {} ORDER BY 1",
            quoted(&child.name),
            conditions.join(" AND ")
        );
        let Some((mut prepared, _)) = self.prepare(&text)? else { return Ok(Vec::new()) };
        self.start(&mut prepared, &mut ValueList::default())?;
        let mut found = Vec::new();
        while prepared.step()? {
            found.push(prepared.value(0).to_owned());
        }
        Ok(found)
    }

    /// Deletes the rows of a table that is about to be dropped, so that the keys that refer to it have their say. No
    /// trigger fires.
    pub(super) fn delete_before_drop(
        &mut self,
        database: DatabaseId,
        name: &str,
        writing: &mut Writing,
    ) -> Result<()> {
        let schemas = writing.schemas.clone();
        let Some(catalog) = schemas.get(database) else { return Ok(()) };
        let Some(table) = catalog.table(name) else { return Ok(()) };
        if !self.foreign_keys || catalog.references_to(&table.name).next().is_none() {
            return Ok(());
        }
        let text = format!("DELETE FROM {}.{}", quoted(self.name_of(database)), quoted(&table.name));
        let Some((parsed, _)) = parse_one(&text, None)? else { return Ok(()) };
        let statistics = SnapshotStatistics::new(writing.storage.snapshot(), &schemas);
        let context = PlanContext { statistics: &statistics, fold: &fold, choices: self.choices };
        let bound = bind::bind_write(&parsed, &parsed.statement, &bind_context(&schemas, &[]))?;
        let plan = plan::plan_write(bound, &context)?;
        let mut programs: Programs = find_programs(schemas.lookup(), table, &context);
        if let Some(own) = programs.of(table) {
            // As in SQLite, a key that does not fit its parent stands in no table's way.
            let fits = |child: &&Arc<ChildProgram>| child.reference.lookup.is_ok();
            let children = own.children.iter().filter(fits).map(Arc::clone).collect();
            let own = TablePrograms { triggers: Vec::new(), keys: Vec::new(), children };
            programs.tables.insert(ProgramOwner::of(table), Arc::new(own));
        }
        let mut execution = WriteExecution::new(Arc::new(plan), Arc::new(programs))?;
        let run = execution.run(&mut writing.storage, &mut self.context());
        self.changes = run.as_ref().map_or(0, |written| written.changes);
        self.total_changes += self.changes + execution.changes_by_programs();
        run?;
        writing.suspects.extend(execution.take_deferred());
        Ok(())
    }
}
