//! From parsed CREATE statements to descriptions: names resolved, types known, constraints made into columns, checks
//! and indexes. Pure: no tree is made here, so the same code serves CREATE and reading the schema back.

use super::schema::{
    Check, Column, ForeignKey, Generated, Index, IndexColumn, IndexKey, IndexOrigin, SqlExpr, Table,
    TableKind, Trigger, View, is_row_id_name,
};
use super::types::column_type;
use crate::collation::Collations;
use crate::databases::{DatabaseId, TreeId};
use crate::error::{Error, Result, Span};
use crate::parser::ast::{Expr, Ident};
use crate::parser::{
    self, ColumnConstraint, ColumnConstraintKind, ColumnDefinition, CreateIndex, CreateTable, CreateTrigger,
    CreateView, Hints, IndexedColumn, OnConflict, Parsed, Statement, TableConstraint, TableConstraintKind,
    span_of,
};
use crate::suggest::{nearest, suggest};
use crate::types::{Collation, ColumnType};
use std::sync::Arc;

/// The most columns of a table.
const COLUMNS_MAX: usize = 2_000;

/// The tree of an object for which none has been made yet.
pub(super) const NO_TREE: TreeId = TreeId::main(0);

/// A table before its trees are made: `table.indexes` is empty.
#[derive(Debug)]
pub(super) struct TableShape {
    /// The table.
    pub(super) table: Table,
    /// The indexes of its UNIQUE and PRIMARY KEY constraints in order.
    pub(super) automatic: Vec<Index>,
}

/// What names of collations may stand for.
#[derive(Clone, Copy)]
pub(super) enum CollationNames<'a> {
    /// In a statement being run: collations that can be used.
    Written(&'a Collations),
    /// In a schema being read: those that the program may register later, too.
    Kept(&'a Collations),
    /// In what is left of a schema, by which nothing is compared.
    Salvaged,
}

impl CollationNames<'_> {
    fn find(self, name: &Ident) -> Result<Collation> {
        let collations = match self {
            CollationNames::Written(collations) => collations,
            CollationNames::Kept(collations) => return Ok(collations.named(&name.value)),
            CollationNames::Salvaged => return Ok(Collation::Binary),
        };
        collations.find(&name.value).ok_or_else(|| {
            let message = format!("no such collation sequence: {}", name.value);
            Error::name(suggest(message, nearest(&name.value, collations.names())), place(name))
        })
    }
}

/// The place of an identifier in the text of its statement.
pub(super) fn place(ident: &Ident) -> Span {
    span_of(ident.span)
}

/// Describes a table. `sql` is what the schema keeps of the statement.
pub(super) fn define_table(
    create: &CreateTable,
    sql: String,
    collations: CollationNames<'_>,
) -> Result<TableShape> {
    let name = &create.name.name;
    let mut builder = TableBuilder {
        table: Table {
            name: name.value.to_string(),
            kind: if create.without_rowid { TableKind::Clustered } else { TableKind::RowId },
            root: NO_TREE,
            columns: Vec::with_capacity(create.columns.len()),
            row_id_column: None,
            primary_key: Vec::new(),
            row_id_conflict: OnConflict::Abort,
            autoincrement: false,
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            primary: None,
            indexes: Vec::new(),
            sql,
        },
        automatic: Vec::new(),
        has_primary_key: false,
        collations,
    };
    if create.columns.is_empty() {
        return Err(Error::invalid(format!("table {} has no columns", name.value), place(name)));
    }
    if create.strict {
        create.columns.iter().try_for_each(|definition| check_strict(&name.value, definition))?;
    }
    if create.columns.len() > COLUMNS_MAX {
        return Err(Error::limit(format!("table {} has more than {COLUMNS_MAX} columns", name.value))
            .limit_at(place(name)));
    }
    for definition in &create.columns {
        builder.column(definition)?;
    }
    // Constraints may name any column, so they come after all of them; those of columns first.
    for (i, definition) in create.columns.iter().enumerate() {
        for constraint in &definition.constraints {
            builder.column_constraint(i, definition, constraint)?;
        }
    }
    for constraint in &create.constraints {
        builder.table_constraint(create, constraint)?;
    }
    builder.check_generated(create)?;
    if create.without_rowid {
        builder.cluster(place(name))?;
    }
    for i in builder.table.primary_key.clone() {
        if builder.table.row_id_column != Some(i)
            && let Some(column) = builder.table.columns.get_mut(i)
        {
            column.not_null.get_or_insert_default();
        }
    }
    Ok(TableShape { table: builder.table, automatic: builder.automatic })
}

struct TableBuilder<'a> {
    table: Table,
    automatic: Vec<Index>,
    has_primary_key: bool,
    collations: CollationNames<'a>,
}

impl TableBuilder<'_> {
    fn column(&mut self, definition: &ColumnDefinition) -> Result<()> {
        let name = &definition.name;
        if self.table.column(&name.value).is_some() {
            return Err(Error::name(format!("duplicate column name: {}", name.value), place(name)));
        }
        let declared = definition.declared_type.as_ref();
        let mut collation = Collation::Binary;
        for constraint in &definition.constraints {
            if let ColumnConstraintKind::Collate(name) = &constraint.kind {
                collation = self.collations.find(name)?;
            }
        }
        self.table.columns.push(Column {
            name: name.value.to_string(),
            column_type: column_type(declared)?,
            declared: declared.map(declared_text),
            not_null: None,
            default: None,
            collation,
            generated: None,
        });
        Ok(())
    }

    fn column_constraint(
        &mut self,
        i: usize,
        definition: &ColumnDefinition,
        constraint: &ColumnConstraint,
    ) -> Result<()> {
        let name = &definition.name;
        let Some(column) = self.table.columns.get_mut(i) else { return Ok(()) };
        match &constraint.kind {
            ColumnConstraintKind::PrimaryKey { descending, autoincrement } => {
                let keys = vec![self.plain_key(i, *descending)];
                // SQLite's quirk: INTEGER PRIMARY KEY DESC on the column is not the row id.
                let may_be_row_id = !descending;
                let action = (constraint.on_conflict, constraint.name.as_ref());
                self.primary_key(keys, action, may_be_row_id, place(name))?;
                self.autoincrement(*autoincrement, place(name))?;
            }
            ColumnConstraintKind::NotNull => {
                column.not_null = Some(constraint.on_conflict.unwrap_or_default());
            }
            // The collation was needed with the column.
            ColumnConstraintKind::Null | ColumnConstraintKind::Collate(_) => {}
            ColumnConstraintKind::Unique => {
                let keys = vec![self.plain_key(i, false)];
                let action = (constraint.on_conflict, constraint.name.as_ref());
                self.unique(keys, IndexOrigin::Unique, action, place(name))?;
            }
            ColumnConstraintKind::Check(expr, text) => {
                self.check(constraint.name.as_ref(), expr, text);
            }
            ColumnConstraintKind::Default(expr, text) => {
                column.default = Some(SqlExpr { expr: expr.clone(), text: text.clone() });
            }
            ColumnConstraintKind::References(key) => {
                self.foreign_key(constraint.name.as_ref(), vec![i], key, place(name))?;
            }
            ColumnConstraintKind::Generated { expr, text, stored } => {
                let expr = SqlExpr { expr: expr.clone(), text: text.clone() };
                column.generated = Some(Generated { expr, stored: *stored });
            }
        }
        Ok(())
    }

    fn table_constraint(&mut self, create: &CreateTable, constraint: &TableConstraint) -> Result<()> {
        let here = constraint.name.as_ref().map_or_else(|| place(&create.name.name), place);
        match &constraint.kind {
            TableConstraintKind::PrimaryKey { columns, autoincrement } => {
                let keys = key_columns(&self.table, columns, here, self.collations)?;
                let action = (constraint.on_conflict, constraint.name.as_ref());
                self.primary_key(keys, action, true, here)?;
                self.autoincrement(*autoincrement, here)
            }
            TableConstraintKind::Unique(columns) => {
                let keys = key_columns(&self.table, columns, here, self.collations)?;
                let action = (constraint.on_conflict, constraint.name.as_ref());
                self.unique(keys, IndexOrigin::Unique, action, here)
            }
            TableConstraintKind::Check(expr, text) => {
                self.check(constraint.name.as_ref(), expr, text);
                Ok(())
            }
            TableConstraintKind::ForeignKey { columns, key } => {
                let mut places = Vec::with_capacity(columns.len());
                for column in columns {
                    let Some(i) = self.table.column(&column.value) else {
                        let message = format!("unknown column {} in foreign key definition", column.value);
                        return Err(Error::name(message, place(column)));
                    };
                    places.push(i);
                }
                self.foreign_key(constraint.name.as_ref(), places, key, here)
            }
        }
    }

    /// WITHOUT ROWID: the entries of the primary key are the rows, and other indexes lead to them by its columns.
    fn cluster(&mut self, here: Span) -> Result<()> {
        let primary = self.automatic.iter().find(|index| index.origin == IndexOrigin::PrimaryKey);
        let Some(primary) = primary.cloned() else {
            let message = format!("PRIMARY KEY missing on table {}", self.table.name);
            return Err(Error::invalid(message, here));
        };
        for index in &mut self.automatic {
            if index.origin != IndexOrigin::PrimaryKey {
                index.tail = tail_of(&primary, &index.columns);
            }
        }
        self.table.primary = Some(Arc::new(primary));
        Ok(())
    }

    fn check(&mut self, name: Option<&Ident>, expr: &Expr, text: &str) {
        self.table.checks.push(Check {
            name: name.map(|name| name.value.to_string()),
            condition: SqlExpr { expr: expr.clone(), text: text.to_owned() },
        });
    }

    fn foreign_key(
        &mut self,
        name: Option<&Ident>,
        columns: Vec<usize>,
        key: &parser::ForeignKey,
        here: Span,
    ) -> Result<()> {
        if !key.columns.is_empty() && key.columns.len() != columns.len() {
            let message = "number of columns in foreign key does not match the number of columns in the \
                           referenced table";
            return Err(Error::invalid(message, here));
        }
        self.table.foreign_keys.push(Arc::new(ForeignKey {
            name: name.map(|name| name.value.to_string()),
            columns,
            parent: key.table.value.to_string(),
            parent_columns: key.columns.iter().map(|column| column.value.to_string()).collect(),
            on_delete: key.on_delete,
            on_update: key.on_update,
            deferred: key.deferred,
        }));
        Ok(())
    }

    /// Column `i` as a key by itself.
    fn plain_key(&self, i: usize, descending: bool) -> IndexColumn {
        let collation = self.table.columns.get(i).map_or(Collation::Binary, |column| column.collation);
        IndexColumn { key: IndexKey::Column(i), collation, descending }
    }

    fn primary_key(
        &mut self,
        keys: Vec<IndexColumn>,
        (on_conflict, name): (Option<OnConflict>, Option<&Ident>),
        may_be_row_id: bool,
        here: Span,
    ) -> Result<()> {
        if std::mem::replace(&mut self.has_primary_key, true) {
            let message = format!("table {} has more than one primary key", self.table.name);
            return Err(Error::invalid(message, here));
        }
        self.table.primary_key = keys
            .iter()
            .filter_map(|key| match key.key {
                IndexKey::Column(i) => Some(i),
                IndexKey::Expression(_) => None,
            })
            .collect();
        if let [only] = self.table.primary_key[..]
            && may_be_row_id
            && self.table.has_row_id()
            && self.is_plain_integer(only)
        {
            self.table.row_id_column = Some(only);
            self.table.row_id_conflict = on_conflict.unwrap_or_default();
            return Ok(());
        }
        let mut keys = keys;
        if !self.table.has_row_id() {
            // A column that is there already orders nothing.
            let mut kept: Vec<IndexColumn> = Vec::with_capacity(keys.len());
            for key in keys {
                if !kept.iter().any(|known| same_key(known, &key)) {
                    kept.push(key);
                }
            }
            keys = kept;
        }
        self.unique(keys, IndexOrigin::PrimaryKey, (on_conflict, name), here)
    }

    /// AUTOINCREMENT, which needs a column that is the row id.
    fn autoincrement(&mut self, wanted: bool, here: Span) -> Result<()> {
        if wanted && !self.table.has_row_id() {
            return Err(Error::invalid("AUTOINCREMENT not allowed on WITHOUT ROWID tables", here));
        }
        if wanted && self.table.row_id_column.is_none() {
            return Err(Error::invalid("AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY", here));
        }
        self.table.autoincrement |= wanted;
        Ok(())
    }

    /// What a generated column may not be.
    fn check_generated(&self, create: &CreateTable) -> Result<()> {
        let table = &self.table;
        for (i, (column, definition)) in table.columns.iter().zip(&create.columns).enumerate() {
            if column.generated.is_none() {
                continue;
            }
            if column.default.is_some() {
                let message = format!("generated column {} cannot have a DEFAULT", column.name);
                return Err(Error::invalid(message, place(&definition.name)));
            }
            if table.primary_key.contains(&i) {
                let message = "generated columns cannot be part of the PRIMARY KEY";
                return Err(Error::invalid(message, place(&definition.name)));
            }
        }
        if table.columns.iter().all(|column| column.generated.is_some()) {
            let message = format!("table {} must have at least one column that is not generated", table.name);
            return Err(Error::invalid(message, place(&create.name.name)));
        }
        Ok(())
    }

    /// True if the column's type is the very word INTEGER: INT and the like make no row id.
    fn is_plain_integer(&self, i: usize) -> bool {
        self.table.columns.get(i).is_some_and(|column| {
            column.column_type == ColumnType::Integer
                && column.declared.as_ref().is_some_and(|declared| declared.eq_ignore_ascii_case("INTEGER"))
        })
    }

    fn unique(
        &mut self,
        keys: Vec<IndexColumn>,
        origin: IndexOrigin,
        (on_conflict, name): (Option<OnConflict>, Option<&Ident>),
        here: Span,
    ) -> Result<()> {
        // A second constraint over the same key needs no second index.
        if let Some(twin) = self.automatic.iter_mut().find(|index| same_keys(&index.columns, &keys)) {
            if let Some(action) = on_conflict {
                if twin.on_conflict != OnConflict::Abort && twin.on_conflict != action {
                    return Err(Error::invalid("conflicting ON CONFLICT clauses", here));
                }
                twin.on_conflict = action;
            }
            if origin == IndexOrigin::PrimaryKey {
                twin.origin = origin;
            }
            return Ok(());
        }
        self.automatic.push(Index {
            name: format!("sqlite_autoindex_{}_{}", self.table.name, self.automatic.len() + 1),
            table: self.table.name.clone(),
            root: NO_TREE,
            columns: keys,
            tail: Vec::new(),
            unique: true,
            on_conflict: on_conflict.unwrap_or_default(),
            filter: None,
            origin,
            constraint: name.map(|name| name.value.to_string()),
            sql: None,
        });
        Ok(())
    }
}

fn same_keys(a: &[IndexColumn], b: &[IndexColumn]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_key(a, b))
}

/// True for the same column under the same collation.
fn same_key(a: &IndexColumn, b: &IndexColumn) -> bool {
    match (&a.key, &b.key) {
        (IndexKey::Column(left), IndexKey::Column(right)) => left == right && a.collation == b.collation,
        _ => false,
    }
}

/// The columns of a primary key that an index over `columns` lacks.
fn tail_of(primary: &Index, columns: &[IndexColumn]) -> Vec<IndexColumn> {
    let is_missing = |key: &&IndexColumn| !columns.iter().any(|column| same_key(column, key));
    primary.columns.iter().filter(is_missing).cloned().collect()
}

/// The types of SQLite's STRICT tables.
const STRICT_TYPES: [&str; 6] = ["ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"];

/// What STRICT asks of a column: one of its types, by its bare name.
fn check_strict(table: &str, definition: &ColumnDefinition) -> Result<()> {
    let column = &definition.name;
    let message = match definition.declared_type.as_ref().map(declared_text) {
        None => format!("missing datatype for {table}.{}", column.value),
        Some(declared) if STRICT_TYPES.contains(&declared.as_str()) => return Ok(()),
        Some(declared) => format!("unknown datatype for {table}.{}: \"{declared}\"", column.value),
    };
    let message = format!("{message}; STRICT takes {}", STRICT_TYPES.join(", "));
    Err(Error::invalid(message, place(column)))
}

fn declared_text(declared: &parser::DeclaredType) -> String {
    if declared.arguments.is_empty() {
        // SQLite shows the names of its own types in capitals, however they were written.
        let known = STRICT_TYPES.iter().find(|known| known.eq_ignore_ascii_case(&declared.name));
        return known.map_or_else(|| declared.name.clone(), |known| (*known).to_owned());
    }
    let arguments: Vec<String> = declared.arguments.iter().map(i64::to_string).collect();
    format!("{}({})", declared.name, arguments.join(","))
}

/// The columns of a key or an index.
fn index_columns(
    table: &Table,
    columns: &[IndexedColumn],
    collations: CollationNames<'_>,
) -> Result<Vec<IndexColumn>> {
    columns.iter().map(|column| index_column(table, column, collations)).collect()
}

/// The columns of a PRIMARY KEY or UNIQUE constraint, where no expression may stand.
fn key_columns(
    table: &Table,
    columns: &[IndexedColumn],
    here: Span,
    collations: CollationNames<'_>,
) -> Result<Vec<IndexColumn>> {
    let keys = index_columns(table, columns, collations)?;
    match keys.iter().any(|key| matches!(key.key, IndexKey::Expression(_))) {
        true => Err(Error::invalid("expressions prohibited in PRIMARY KEY and UNIQUE constraints", here)),
        false => Ok(keys),
    }
}

fn index_column(
    table: &Table,
    column: &IndexedColumn,
    collations: CollationNames<'_>,
) -> Result<IndexColumn> {
    let mut expr = &column.expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    let collation = column.collation.as_ref().map(|name| collations.find(name)).transpose()?;
    let Expr::Identifier(name) = expr else {
        let indexed = SqlExpr { expr: expr.clone(), text: column.text.clone() };
        return Ok(IndexColumn {
            key: IndexKey::Expression(Box::new(indexed)),
            collation: collation.unwrap_or(Collation::Binary),
            descending: column.descending,
        });
    };
    let Some(i) = table.column(&name.value) else {
        return Err(no_such_column(table, name));
    };
    let own = table.columns.get(i).map_or(Collation::Binary, |column| column.collation);
    let collation = collation.unwrap_or(own);
    Ok(IndexColumn { key: IndexKey::Column(i), collation, descending: column.descending })
}

fn no_such_column(table: &Table, name: &Ident) -> Error {
    let mut message = format!("table {} has no column named {}", table.name, name.value);
    if is_row_id_name(&name.value) && table.has_row_id() {
        message.push_str(", and its row id needs no index");
    } else if let Some(near) = nearest(&name.value, table.columns.iter().map(|column| column.name.as_str())) {
        message.push_str(&format!("; did you mean {near}?"));
    }
    Error::name(message, place(name))
}

/// Describes an index of `table`. `sql` is what the schema keeps of the statement.
pub(super) fn define_index(
    table: &Table,
    create: &CreateIndex,
    sql: String,
    collations: CollationNames<'_>,
) -> Result<Index> {
    let filter = create.filter.as_ref();
    let columns = index_columns(table, &create.columns, collations)?;
    Ok(Index {
        name: create.name.name.value.to_string(),
        table: table.name.clone(),
        root: NO_TREE,
        tail: table.primary.as_ref().map_or_else(Vec::new, |primary| tail_of(primary, &columns)),
        columns,
        unique: create.unique,
        on_conflict: OnConflict::Abort,
        filter: filter.map(|(expr, text)| SqlExpr { expr: expr.clone(), text: text.clone() }),
        origin: IndexOrigin::Create,
        constraint: None,
        sql: Some(sql),
    })
}

/// Describes a view. `sql` is what the schema keeps of the statement, and the hints are by its places.
pub(super) fn define_view(create: &CreateView, hints: &Hints, sql: String) -> Result<View> {
    Ok(View {
        database: DatabaseId::MAIN,
        name: create.name.name.value.to_string(),
        columns: create.columns.iter().map(|column| column.value.to_string()).collect(),
        query: (*create.query).clone(),
        hints: hints.clone(),
        sql,
    })
}

/// Describes a trigger by the statement that the schema keeps of it.
pub(super) fn define_trigger(parsed: &Parsed, sql: &str) -> Result<Trigger> {
    let Statement::CreateTrigger(create) = &parsed.statement else {
        return Err(Error::Misuse("its statement makes no trigger".to_owned()));
    };
    Ok(Trigger {
        database: DatabaseId::MAIN,
        name: create.name.name.value.to_string(),
        table: create.table.value.to_string(),
        create: CreateTrigger::clone(create),
        hints: parsed.hints.clone(),
        sql: sql.to_owned(),
    })
}
