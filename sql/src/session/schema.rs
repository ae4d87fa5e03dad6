//! CREATE and DROP: the catalog does the work, the session gives it a transaction and the next catalog a place.

use super::prepare::{bind_context, fold};
use super::statistics::SnapshotStatistics;
use super::transaction::Writing;
use super::{Session, unsupported};
use crate::bind;
use crate::catalog::{self, Catalog, Table};
use crate::error::{Error, Result};
use crate::exec::write::{WriteExecution, fill_index};
use crate::parser::{CreateTable, DropKind, Insert, Name, Parsed, Statement};
use crate::plan::{self, PlanContext};
use std::sync::Arc;

impl Session {
    /// Runs a CREATE or DROP in the open transaction or in one of its own.
    pub(super) fn run_schema_change(&mut self, parsed: &Parsed) -> Result<()> {
        self.write(|session, writing| {
            let before = Arc::clone(&writing.catalog);
            if let Statement::Drop { kind: DropKind::Table, name, .. } = &parsed.statement {
                return session.drop_table(name, &parsed.statement, writing);
            }
            let functions = &before.functions;
            let bind_table = |table: &Table| bind::bind_table(table, functions);
            let txn = &mut writing.storage;
            let next = match &parsed.statement {
                Statement::CreateTable(create) if create.source.is_some() => {
                    return session.create_table_as(parsed, create, writing);
                }
                Statement::CreateTable(create) => {
                    catalog::create_table(txn, &before, parsed, create, &bind_table)?
                }
                Statement::CreateIndex(create) => {
                    let mut context = session.context();
                    let mut fill = |txn: &mut sedge_storage::WriteTransaction,
                                    table: &Arc<Table>,
                                    index: &Arc<catalog::Index>| {
                        let target = bind::bind_target(table, functions)?;
                        // The table has the index already, so its bound form is there.
                        match target.indexes.iter().find(|known| Arc::ptr_eq(&known.index, index)) {
                            Some(bound) => fill_index(txn, &target, bound, &mut context),
                            None => Ok(()),
                        }
                    };
                    catalog::create_index(txn, &before, parsed, create, &bind_table, &mut fill)?
                }
                Statement::CreateTrigger(create) => catalog::create_trigger(txn, &before, parsed, create)?,
                Statement::CreateView(create) => catalog::create_view(txn, &before, parsed, create)?,
                Statement::Drop { kind, name, if_exists } => {
                    catalog::drop_object(txn, &before, *kind, name, *if_exists)?
                }
                _ => return Err(unsupported("this statement")),
            };
            writing.change_schema(next);
            Ok(())
        })
    }

    /// DROP TABLE, whose rows are deleted first where foreign keys refer to them.
    fn drop_table(&mut self, name: &Name, statement: &Statement, writing: &mut Writing) -> Result<()> {
        let Statement::Drop { kind, if_exists, .. } = statement else { return Ok(()) };
        let savepoint = writing.storage.savepoint();
        let known = writing.suspects.len();
        let mut done = Ok(());
        if catalog::is_main(name) {
            done = self.delete_before_drop(&name.name.value, writing);
        }
        let done = done.and_then(|()| {
            catalog::drop_object(&mut writing.storage, &writing.catalog, *kind, name, *if_exists)
        });
        if done.is_err() {
            writing.suspects.truncate(known);
            writing.storage.rollback_to(&savepoint)?;
        }
        writing.storage.release(savepoint)?;
        writing.change_schema(done?);
        Ok(())
    }

    /// CREATE TABLE AS SELECT: the table first, then an INSERT of the query's rows.
    fn create_table_as(
        &mut self,
        parsed: &Parsed,
        create: &CreateTable,
        writing: &mut Writing,
    ) -> Result<()> {
        let Some(query) = &create.source else { return Ok(()) };
        let bound = bind::bind_query(parsed, query, &bind_context(&writing.catalog, &[]))?;
        let columns: Vec<_> =
            bound.root.outputs.iter().map(|output| (output.name.clone(), output.column_type)).collect();
        let savepoint = writing.storage.savepoint();
        let done = (|| -> Result<()> {
            let Some(next) =
                catalog::create_table_as(&mut writing.storage, &writing.catalog, create, &columns)?
            else {
                return Ok(());
            };
            let insert = Statement::Insert(Box::new(Insert {
                with: None,
                on_conflict: None,
                table: create.name.clone(),
                alias: None,
                columns: None,
                source: Some(query.clone()),
                upserts: Vec::new(),
                returning: None,
            }));
            self.insert_rows(parsed, &insert, &next, writing)?;
            writing.change_schema(Some(next));
            Ok(())
        })();
        if done.is_err() {
            writing.storage.rollback_to(&savepoint)?;
        }
        writing.storage.release(savepoint)?;
        done
    }

    /// Runs an INSERT under a catalog that is not the transaction's yet.
    fn insert_rows(
        &self,
        parsed: &Parsed,
        insert: &Statement,
        catalog: &Catalog,
        writing: &mut Writing,
    ) -> Result<()> {
        let bound = bind::bind_write(parsed, insert, &bind_context(catalog, &[]))?;
        if bound.parameters > 0 {
            return Err(Error::invalid("a table cannot be made from a query with parameters", None));
        }
        let statistics = SnapshotStatistics::new(writing.storage.snapshot(), &writing.catalog);
        let plan = plan::plan_write(
            bound,
            &PlanContext { statistics: &statistics, fold: &fold, choices: self.choices },
        )?;
        let mut execution = WriteExecution::new(Arc::new(plan), Arc::default())?;
        execution.run(&mut writing.storage, &mut self.context())?;
        Ok(())
    }
}
