//! RENAME TO and RENAME COLUMN: every name that stands for the table or the column, in each text of the schema.
//!
//! Which names do is told by resolving them (`NamesIn`), never by looking for a word. Afterwards every text is resolved
//! again, and has to mean what it meant before.

use super::alter::{NamesIn, TextChange, kept_table};
use super::edit::{Edit, NameUse, at, edited, is_called, quoted, renamed};
use super::schema::{Catalog, Index, IndexKey, Object, ObjectKind, Relation, Table};
use super::store::parse_kept;
use crate::error::{Error, Result};
use crate::parser::ast::{Expr, Ident};
use crate::parser::{
    ColumnConstraintKind, CreateTable, ForeignKey, IndexedColumn, Statement, TableConstraintKind,
};
use std::sync::Arc;

/// What gets another name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Renamed<'a> {
    /// The table itself.
    Table,
    /// The column called so.
    Column(&'a str),
}

/// A rename: of `table`, or of one of its columns.
pub(super) struct Rename<'a> {
    pub(super) table: &'a Arc<Table>,
    pub(super) what: Renamed<'a>,
    pub(super) next: &'a Ident,
}

/// What the views and triggers of a catalog name, by the number of the object.
pub(super) type KeptNames = Vec<(u64, Vec<NameUse>)>;

/// The views and triggers, with what they name; one that does not stand its resolution is an error that says so.
pub(super) fn kept_names(catalog: &Catalog, names: &NamesIn<'_>, after: &str) -> Result<KeptNames> {
    let mut kept = KeptNames::new();
    for (number, object) in &catalog.objects {
        let Some(found) = names_of(catalog, object, names) else { continue };
        let found = found.map_err(|error| {
            let (kind, name) = (object.kind.name(), &object.name);
            Error::invalid(format!("error in {kind} {name}{after}: {error}"), None)
        })?;
        kept.push((*number, found));
    }
    Ok(kept)
}

/// What an object names if it is a view or a trigger.
fn names_of(catalog: &Catalog, object: &Object, names: &NamesIn<'_>) -> Option<Result<Vec<NameUse>>> {
    match object.kind {
        ObjectKind::View => match catalog.relation(&object.name) {
            Some(Relation::View(view)) => Some((names.in_view)(catalog, view)),
            _ => None,
        },
        ObjectKind::Trigger => {
            let trigger =
                catalog.triggers(&object.table).iter().find(|trigger| trigger.name == object.name)?;
            Some((names.in_trigger)(catalog, trigger))
        }
        ObjectKind::Table | ObjectKind::Index => None,
    }
}

impl Rename<'_> {
    fn is_it(&self, found: &NameUse) -> bool {
        found.table.eq_ignore_ascii_case(&self.table.name)
            && match (self.what, &found.column) {
                (Renamed::Table, column) => column.is_none(),
                (Renamed::Column(name), Some(column)) => column.eq_ignore_ascii_case(name),
                (Renamed::Column(_), None) => false,
            }
    }

    /// The next name at `span` of `text`. Names of tables are always quoted, as in SQLite.
    fn edit(&self, text: &str, span: crate::error::Span) -> Edit {
        match self.what {
            Renamed::Table => Edit::replace(span, quoted(&self.next.value)),
            Renamed::Column(_) => renamed(text, span, self.next),
        }
    }

    fn names(&self, ident: &Ident) -> bool {
        match self.what {
            Renamed::Table => is_called(ident, &self.table.name),
            Renamed::Column(column) => is_called(ident, column),
        }
    }

    /// The texts of all objects that change.
    pub(super) fn texts(
        &self,
        catalog: &Catalog,
        kept: &KeptNames,
        names: &NamesIn<'_>,
    ) -> Result<Vec<TextChange>> {
        let mut changes = Vec::new();
        for (number, object) in &catalog.objects {
            let Some(sql) = &object.sql else { continue };
            let is_own = object.table.eq_ignore_ascii_case(&self.table.name);
            let edits: Vec<Edit> = match object.kind {
                ObjectKind::Table => {
                    let (create, table) = kept_table(catalog, object)?;
                    let mut edits = self.in_keys(&create, sql);
                    if is_own {
                        edits.extend(self.in_own_table(&create, &table, sql, names)?);
                    }
                    edits
                }
                ObjectKind::Index if is_own => self.in_index(sql, names)?,
                ObjectKind::View | ObjectKind::Trigger => {
                    let found = kept.iter().find(|(object, _)| object == number);
                    let found = found.map_or(&[][..], |(_, found)| found.as_slice());
                    found.iter().filter(|found| self.is_it(found)).map(|f| self.edit(sql, f.span)).collect()
                }
                ObjectKind::Index => continue,
            };
            if !edits.is_empty() {
                changes.push(TextChange { number: *number, sql: edited(sql, edits) });
            }
        }
        Ok(changes)
    }

    fn in_expr(&self, table: &Table, expr: &Expr, sql: &str, names: &NamesIn<'_>) -> Result<Vec<Edit>> {
        let found = (names.in_expr)(table, expr)?;
        Ok(found.iter().filter(|found| self.is_it(found)).map(|f| self.edit(sql, f.span)).collect())
    }

    /// The table's own statement, but for its foreign keys.
    fn in_own_table(
        &self,
        create: &CreateTable,
        table: &Table,
        sql: &str,
        names: &NamesIn<'_>,
    ) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        let is_column = matches!(self.what, Renamed::Column(_));
        if !is_column {
            edits.push(self.edit(sql, at(&create.name.name)));
        }
        let in_key = |columns: &[IndexedColumn]| {
            let named = columns.iter().filter_map(|column| key_name(&column.expr));
            let named = named.filter(|ident| is_column && self.names(ident));
            named.map(|ident| self.edit(sql, at(ident))).collect::<Vec<_>>()
        };
        for definition in &create.columns {
            if is_column && self.names(&definition.name) {
                edits.push(self.edit(sql, at(&definition.name)));
            }
            for constraint in &definition.constraints {
                if let ColumnConstraintKind::Check(expr, _) | ColumnConstraintKind::Generated { expr, .. } =
                    &constraint.kind
                {
                    edits.extend(self.in_expr(table, expr, sql, names)?);
                }
            }
        }
        for constraint in &create.constraints {
            match &constraint.kind {
                TableConstraintKind::PrimaryKey { columns, .. } | TableConstraintKind::Unique(columns) => {
                    edits.extend(in_key(columns));
                }
                TableConstraintKind::Check(expr, _) => edits.extend(self.in_expr(table, expr, sql, names)?),
                TableConstraintKind::ForeignKey { columns, .. } => {
                    let named = columns.iter().filter(|ident| is_column && self.names(ident));
                    edits.extend(named.map(|ident| self.edit(sql, at(ident))));
                }
            }
        }
        Ok(edits)
    }

    /// The foreign keys of any table, where they refer to this one.
    fn in_keys(&self, create: &CreateTable, sql: &str) -> Vec<Edit> {
        let in_key = |key: &ForeignKey| -> Vec<Edit> {
            if !is_called(&key.table, &self.table.name) {
                return Vec::new();
            }
            match self.what {
                Renamed::Table => vec![self.edit(sql, at(&key.table))],
                Renamed::Column(_) => {
                    let named = key.columns.iter().filter(|ident| self.names(ident));
                    named.map(|ident| self.edit(sql, at(ident))).collect()
                }
            }
        };
        foreign_keys(create).flat_map(in_key).collect()
    }

    fn in_index(&self, sql: &str, names: &NamesIn<'_>) -> Result<Vec<Edit>> {
        let parsed = parse_kept(sql)?;
        let Statement::CreateIndex(create) = &parsed.statement else { return Ok(Vec::new()) };
        let mut edits = Vec::new();
        if matches!(self.what, Renamed::Table) {
            edits.push(self.edit(sql, at(&create.table)));
        }
        for column in &create.columns {
            edits.extend(self.in_expr(self.table, &column.expr, sql, names)?);
        }
        if let Some((filter, _)) = &create.filter {
            edits.extend(self.in_expr(self.table, filter, sql, names)?);
        }
        Ok(edits)
    }

    /// An error if a view or a trigger means something else than before, under the names that it now has.
    pub(super) fn verify(&self, before: &KeptNames, after: &KeptNames, catalog: &Catalog) -> Result<()> {
        for ((number, before), (_, after)) in before.iter().zip(after) {
            let same = |(before, after): (&NameUse, &NameUse)| {
                let is_own = before.table.eq_ignore_ascii_case(&self.table.name);
                let (table, column) = match self.what {
                    Renamed::Table if is_own => (self.next.value.as_str(), before.column.as_deref()),
                    Renamed::Column(_) if self.is_it(before) => {
                        (before.table.as_str(), Some(self.next.value.as_str()))
                    }
                    _ => (before.table.as_str(), before.column.as_deref()),
                };
                let columns = (column, after.column.as_deref());
                table.eq_ignore_ascii_case(&after.table)
                    && match columns {
                        (Some(column), Some(after)) => column.eq_ignore_ascii_case(after),
                        (before, after) => before.is_none() && after.is_none(),
                    }
            };
            if before.len() != after.len() || !before.iter().zip(after).all(same) {
                let object = catalog.objects.get(number);
                let (kind, name) = object.map_or(("view", ""), |o| (o.kind.name(), o.name.as_str()));
                let message =
                    format!("error in {kind} {name} after rename: a name would stand for something else");
                return Err(Error::invalid(message, at(self.next)));
            }
        }
        Ok(())
    }
}

/// The foreign keys of a table, as written.
pub(super) fn foreign_keys(create: &CreateTable) -> impl Iterator<Item = &ForeignKey> {
    let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
    let of_columns = of_columns.filter_map(|constraint| match &constraint.kind {
        ColumnConstraintKind::References(key) => Some(key),
        _ => None,
    });
    let of_table = create.constraints.iter().filter_map(|constraint| match &constraint.kind {
        TableConstraintKind::ForeignKey { key, .. } => Some(key),
        _ => None,
    });
    of_columns.chain(of_table)
}

/// The column that a part of a key is.
pub(super) fn key_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::Nested(inner) => key_name(inner),
        _ => None,
    }
}

/// True if an index's own columns or expressions name column `place`.
pub(super) fn index_uses(table: &Table, index: &Index, place: usize, names: &NamesIn<'_>) -> Result<bool> {
    let uses = |expr: &Expr| expr_uses(table, expr, place, names);
    for column in &index.columns {
        let used = match &column.key {
            IndexKey::Column(column) => *column == place,
            IndexKey::Expression(expr) => uses(&expr.expr)?,
        };
        if used {
            return Ok(true);
        }
    }
    index.filter.as_ref().map_or(Ok(false), |filter| uses(&filter.expr))
}

/// True if an expression of the schema names column `place`.
pub(super) fn expr_uses(table: &Table, expr: &Expr, place: usize, names: &NamesIn<'_>) -> Result<bool> {
    let Some(column) = table.columns.get(place) else { return Ok(false) };
    let found = (names.in_expr)(table, expr)?;
    Ok(found.iter().any(|found| found.column.as_deref() == Some(column.name.as_str())))
}
