//! ALTER TABLE but for RENAME: the next text of the table, what SQLite refuses about it, and what becomes of the rows.

use super::alter::{NamesIn, RowWork, column_called, kept_table, number_of};
use super::ddl::no_such;
use super::define::place;
use super::edit::{Edit, at, edited, is_called};
use super::rename::{expr_uses, index_uses};
use super::schema::{Catalog, IndexOrigin, Table};
use crate::error::{Error, Result, Span};
use crate::parser::ast::{Expr, Ident, UnaryOperator};
use crate::parser::{
    AlterOperation, ColumnChange, ColumnConstraintKind, ColumnDefinition, CreateTable, Parsed,
    TableConstraint, TableConstraintKind, literal_value,
};

/// What becomes of a table.
pub(super) struct OwnChange {
    /// Its next text.
    pub(super) sql: String,
    /// Of each column, where it stood before.
    pub(super) places: Vec<Option<usize>>,
    /// What to do with the rows.
    pub(super) rows: RowWork,
    /// True if a column's values become others, in the indexes too.
    pub(super) is_retyped: bool,
    /// What of the statement is to blame.
    pub(super) here: Span,
}

/// The statement of the table, as it is kept.
struct Own<'a> {
    table: &'a Table,
    create: CreateTable,
    sql: String,
    has_rows: bool,
    names: &'a NamesIn<'a>,
}

/// What ALTER TABLE says about the table's own text.
pub(super) fn own_change(
    catalog: &Catalog,
    table: &Table,
    parsed: &Parsed,
    operation: &AlterOperation,
    has_rows: bool,
    names: &NamesIn<'_>,
) -> Result<OwnChange> {
    let object = catalog.objects.get(&number_of(catalog, table)?);
    let Some(object) = object else { return Err(Error::Misuse("the table is gone".to_owned())) };
    let (create, _) = kept_table(catalog, object)?;
    let own = Own { table, create, sql: object.sql.clone().unwrap_or_default(), has_rows, names };
    let written = |span: Span| parsed.text.get(span.start..span.end).unwrap_or_default();
    match operation {
        AlterOperation::AddColumn(definition) => own.add_column(definition, written(definition.span)),
        AlterOperation::DropColumn(column) => own.drop_column(column),
        AlterOperation::AlterColumn { column, change } => {
            let text = match change {
                ColumnChange::Type(declared) => written(declared.span),
                ColumnChange::SetDefault(span) => written(*span),
                _ => "",
            };
            own.alter_column(column, change, text)
        }
        AlterOperation::AddConstraint(constraint) => own.add_constraint(constraint, written(constraint.span)),
        AlterOperation::DropConstraint(name) => own.drop_constraint(name),
        AlterOperation::RenameTable(name) | AlterOperation::RenameColumn { from: name, .. } => {
            Err(Error::invalid("a rename changes more than one text", place(name)))
        }
    }
}

impl Own<'_> {
    /// The change that these edits are, with all columns where they are.
    fn change(&self, edits: Vec<Edit>, rows: RowWork, here: Span) -> OwnChange {
        OwnChange {
            sql: edited(&self.sql, edits),
            places: (0..self.table.columns.len()).map(Some).collect(),
            rows: if self.has_rows { rows } else { RowWork::Nothing },
            is_retyped: false,
            here,
        }
    }

    /// The places of columns and table constraints, in their order.
    fn elements(&self) -> Vec<Span> {
        let columns = self.create.columns.iter().map(|column| column.span);
        columns.chain(self.create.constraints.iter().map(|constraint| constraint.span)).collect()
    }

    /// Removes a column or table constraint, with the comma that no longer divides anything.
    fn remove_element(&self, element: usize) -> Vec<Edit> {
        let elements = self.elements();
        let before = element.checked_sub(1).and_then(|before| elements.get(before));
        match (before, elements.get(element), elements.get(element + 1)) {
            (Some(before), Some(own), _) => vec![Edit::remove(before.end, own.end)],
            (None, Some(own), Some(next)) => vec![Edit::remove(own.start, next.start)],
            _ => Vec::new(),
        }
    }

    /// Removes a part of a column, with the blanks in front of it.
    fn remove_part(&self, span: Span) -> Edit {
        let before = self.sql.get(..span.start).unwrap_or_default();
        Edit::remove(before.trim_end().len(), span.end)
    }

    fn add_column(&self, definition: &ColumnDefinition, text: &str) -> Result<OwnChange> {
        let here = place(&definition.name);
        let refuse = |message: &str| Err(Error::invalid(message.to_owned(), here));
        let (mut default, mut not_null, mut checked, mut generated, mut refers) =
            (None, false, false, false, false);
        for constraint in &definition.constraints {
            match &constraint.kind {
                ColumnConstraintKind::PrimaryKey { .. } => return refuse("cannot add a PRIMARY KEY column"),
                ColumnConstraintKind::Unique => return refuse("cannot add a UNIQUE column"),
                ColumnConstraintKind::Default(expr, _) => default = Some(expr),
                ColumnConstraintKind::NotNull => not_null = true,
                ColumnConstraintKind::Check(..) => checked = true,
                ColumnConstraintKind::Generated { .. } => generated = true,
                ColumnConstraintKind::References(_) => refers = true,
                ColumnConstraintKind::Null | ColumnConstraintKind::Collate(_) => {}
            }
        }
        let is_null = default.is_none_or(is_null);
        if self.has_rows && !generated {
            if default.is_some_and(|default| !is_constant(default)) {
                return refuse("cannot add a column with non-constant default");
            }
            if not_null && is_null {
                return refuse("cannot add a NOT NULL column with default value NULL");
            }
            if refers && !is_null {
                return refuse("cannot add a REFERENCES column with non-NULL default value");
            }
        }
        // A record without the column reads as NULL, so nothing is written for that.
        let rows = match () {
            () if generated || !is_null => RowWork::Rewrite,
            () if checked => RowWork::Verify,
            () => RowWork::Nothing,
        };
        let last = self.create.columns.last().map_or(0, |column| column.span.end);
        let mut change = self.change(vec![Edit::insert(last, format!(", {text}"))], rows, here);
        change.places.push(None);
        Ok(change)
    }

    fn drop_column(&self, ident: &Ident) -> Result<OwnChange> {
        let here = place(ident);
        let dropped = column_called(self.table, ident)?;
        let name = &ident.value;
        let refuse = |message: String| Err(Error::invalid(message, here));
        if self.table.primary_key.contains(&dropped) {
            return refuse(format!("cannot drop PRIMARY KEY column: \"{name}\""));
        }
        if self.table.columns.len() == 1 {
            return refuse(format!("cannot drop column \"{name}\": no other columns exist"));
        }
        for index in &self.table.indexes {
            if index_uses(self.table, index, dropped, self.names)? {
                return refuse(match index.origin {
                    IndexOrigin::Create => {
                        format!("cannot drop column \"{name}\": index {} uses it", index.name)
                    }
                    _ => format!("cannot drop UNIQUE column: \"{name}\""),
                });
            }
        }
        let uses = |expr: &Expr| expr_uses(self.table, expr, dropped, self.names);
        for (i, definition) in self.create.columns.iter().enumerate().filter(|(i, _)| *i != dropped) {
            let owner = self.table.columns.get(i).map_or("", |column| &column.name);
            for constraint in &definition.constraints {
                let user = match &constraint.kind {
                    ColumnConstraintKind::Check(expr, _) if uses(expr)? => "a CHECK of column",
                    ColumnConstraintKind::Generated { expr, .. } if uses(expr)? => "generated column",
                    _ => continue,
                };
                return refuse(format!("cannot drop column \"{name}\": {user} {owner} uses it"));
            }
        }
        for constraint in &self.create.constraints {
            let user = match &constraint.kind {
                TableConstraintKind::Check(expr, text) if uses(expr)? => match &constraint.name {
                    Some(named) => format!("CHECK {}", named.value),
                    None => format!("CHECK ({text})"),
                },
                TableConstraintKind::ForeignKey { columns, key }
                    if columns.iter().any(|c| is_called(c, name)) =>
                {
                    format!("the foreign key to {}", key.table.value)
                }
                _ => continue,
            };
            return refuse(format!("cannot drop column \"{name}\": {user} uses it"));
        }
        let mut change = self.change(self.remove_element(dropped), RowWork::Rewrite, here);
        change.places.remove(dropped);
        Ok(change)
    }

    fn alter_column(&self, ident: &Ident, change: &ColumnChange, text: &str) -> Result<OwnChange> {
        let here = place(ident);
        let altered = column_called(self.table, ident)?;
        let Some(definition) = self.create.columns.get(altered) else {
            return Err(Error::Misuse("a column without a definition".to_owned()));
        };
        let parts = |wanted: fn(&ColumnConstraintKind) -> bool| {
            definition.constraints.iter().filter(move |constraint| wanted(&constraint.kind))
        };
        let is_default = |kind: &ColumnConstraintKind| matches!(kind, ColumnConstraintKind::Default(..));
        let is_not_null = |kind: &ColumnConstraintKind| matches!(kind, ColumnConstraintKind::NotNull);
        let end = definition.span.end;
        Ok(match change {
            ColumnChange::Type(_) => {
                let edit = match &definition.declared_type {
                    Some(declared) => Edit::replace(declared.span, text),
                    None => Edit::insert(at(&definition.name).end, format!(" {text}")),
                };
                let retyped = self.change(vec![edit], RowWork::Rewrite, here);
                OwnChange { is_retyped: self.has_rows, ..retyped }
            }
            ColumnChange::SetDefault(_) => {
                let mut known = parts(is_default);
                let edit = match known.next() {
                    Some(known) => Edit::replace(known.span, text),
                    None => Edit::insert(end, format!(" {text}")),
                };
                let surplus = known.map(|part| self.remove_part(part.span));
                self.change(surplus.chain([edit]).collect(), RowWork::Nothing, here)
            }
            ColumnChange::DropDefault => {
                let edits = parts(is_default).map(|part| self.remove_part(part.span)).collect();
                self.change(edits, RowWork::Nothing, here)
            }
            ColumnChange::SetNotNull => {
                let edits = match parts(is_not_null).next() {
                    Some(_) => Vec::new(),
                    None => vec![Edit::insert(end, " NOT NULL")],
                };
                self.change(edits, RowWork::Verify, here)
            }
            ColumnChange::DropNotNull => {
                if self.table.primary_key.contains(&altered) {
                    let message = format!("column {} is part of the primary key", ident.value);
                    return Err(Error::invalid(message, here));
                }
                let edits = parts(is_not_null).map(|part| self.remove_part(part.span)).collect();
                self.change(edits, RowWork::Nothing, here)
            }
        })
    }

    fn add_constraint(&self, constraint: &TableConstraint, text: &str) -> Result<OwnChange> {
        let here = constraint.span;
        if let Some(name) = &constraint.name
            && self.constraint_names().any(|known| is_called(known, &name.value))
        {
            return Err(Error::name(format!("there is already a constraint {}", name.value), place(name)));
        }
        let rows = match &constraint.kind {
            TableConstraintKind::PrimaryKey { .. } => {
                return Err(Error::invalid("a primary key cannot be added to a table", here));
            }
            TableConstraintKind::ForeignKey { .. } if self.has_rows => {
                let message = "a foreign key can be added only while the table is empty";
                return Err(Error::invalid(message, here));
            }
            // The rows enter the index of a UNIQUE constraint.
            TableConstraintKind::ForeignKey { .. } | TableConstraintKind::Unique(_) => RowWork::Nothing,
            TableConstraintKind::Check(..) => RowWork::Verify,
        };
        let last = self.elements().last().map_or(0, |element| element.end);
        Ok(self.change(vec![Edit::insert(last, format!(", {text}"))], rows, here))
    }

    fn constraint_names(&self) -> impl Iterator<Item = &Ident> {
        let of_columns = self.create.columns.iter().flat_map(|column| &column.constraints);
        let of_columns = of_columns.filter_map(|constraint| constraint.name.as_ref());
        of_columns.chain(self.create.constraints.iter().filter_map(|constraint| constraint.name.as_ref()))
    }

    fn drop_constraint(&self, name: &Ident) -> Result<OwnChange> {
        let here = place(name);
        let is_it = |known: Option<&Ident>| known.is_some_and(|known| is_called(known, &name.value));
        let key = || Err(Error::invalid("the primary key of a table cannot be dropped", here));
        let columns = self.create.columns.len();
        for (i, constraint) in self.create.constraints.iter().enumerate() {
            if is_it(constraint.name.as_ref()) {
                if matches!(constraint.kind, TableConstraintKind::PrimaryKey { .. }) {
                    return key();
                }
                return Ok(self.change(self.remove_element(columns + i), RowWork::Nothing, here));
            }
        }
        for constraint in self.create.columns.iter().flat_map(|column| &column.constraints) {
            if is_it(constraint.name.as_ref()) {
                match constraint.kind {
                    ColumnConstraintKind::PrimaryKey { .. } => return key(),
                    ColumnConstraintKind::Generated { .. } | ColumnConstraintKind::Collate(_) => {
                        let message = format!("{} is no constraint that could be dropped", name.value);
                        return Err(Error::invalid(message, here));
                    }
                    _ => {}
                }
                let edits = vec![self.remove_part(constraint.span)];
                return Ok(self.change(edits, RowWork::Nothing, here));
            }
        }
        Err(no_such("constraint", name, self.constraint_names().map(|known| known.value.as_str())))
    }
}

/// The literal that a default is, without its parentheses.
fn literal(expr: &Expr) -> Option<&crate::parser::ast::Value> {
    match expr {
        Expr::Nested(inner) => literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => literal(expr),
        Expr::Value(value) => Some(&value.value),
        _ => None,
    }
}

fn is_constant(expr: &Expr) -> bool {
    // A bare word is a text, or TRUE or FALSE.
    literal(expr).is_some() || matches!(expr, Expr::Identifier(_))
}

fn is_null(expr: &Expr) -> bool {
    let value = literal(expr).and_then(|value| literal_value(value).ok().flatten());
    value.is_some_and(|value| value.is_null())
}
