//! Pragmas that show the catalog, with SQLite's columns.

use super::schema::{
    Catalog, Column, Generated, Index, IndexColumn, IndexKey, IndexOrigin, Relation, Table, View,
};
use super::schemas::Lookup;
use crate::databases::DatabaseId;
use crate::parser::ForeignAction;
use crate::types::Collation;
use crate::value::Value;
use std::sync::Arc;

/// Names of the columns and the rows.
pub type PragmaRows = (&'static [&'static str], Vec<Vec<Value>>);

/// Describes a view as a table, whose columns are those of its query; `None` where the query cannot be bound.
pub type DescribeView<'a> = &'a dyn Fn(&View) -> Option<Arc<Table>>;

/// The answer of `PRAGMA name` or `PRAGMA name(argument)`, asked of `database` if one is written; `None` if no pragma of
/// the catalog is called so. A table or index that does not exist has no rows, as in SQLite.
#[must_use]
pub fn pragma_rows(
    lookup: Lookup<'_>,
    database: Option<&Catalog>,
    name: &str,
    argument: Option<&str>,
    describe: DescribeView<'_>,
) -> Option<PragmaRows> {
    let home = database.map_or(DatabaseId::TEMP, |database| database.database);
    let written = database.map(|database| lookup.name_of(database.database));
    let meant = || lookup.meant(home, written);
    let relation = || argument.and_then(|name| meant().find_map(|catalog| catalog.relation(name)));
    let table = || match relation() {
        Some(Relation::Table(table)) => Some(table),
        _ => None,
    };
    let index =
        || argument.and_then(|name| meant().find_map(|catalog| Some((catalog, catalog.index(name)?))));
    let catalog = || database.or_else(|| lookup.get(DatabaseId::MAIN));
    let number_of = |number: fn(&Catalog) -> i64| vec![vec![Value::Integer(catalog().map_or(0, number))]];
    Some(match name.to_ascii_lowercase().as_str() {
        "table_info" => (
            &["cid", "name", "type", "notnull", "dflt_value", "pk"],
            relation().map_or_else(Vec::new, |relation| column_rows(relation, false, describe)),
        ),
        "table_xinfo" => (
            &["cid", "name", "type", "notnull", "dflt_value", "pk", "hidden"],
            relation().map_or_else(Vec::new, |relation| column_rows(relation, true, describe)),
        ),
        "table_list" => {
            let rows = table_list(lookup, database, argument, describe);
            (&["schema", "name", "type", "ncol", "wr", "strict"], rows)
        }
        "index_list" => (&["seq", "name", "unique", "origin", "partial"], {
            table().map_or_else(Vec::new, |table| index_list(table))
        }),
        "index_info" => (
            &["seqno", "cid", "name"],
            index().map_or_else(Vec::new, |(catalog, index)| index_columns(catalog, index, false)),
        ),
        "index_xinfo" => (
            &["seqno", "cid", "name", "desc", "coll", "key"],
            index().map_or_else(Vec::new, |(catalog, index)| index_columns(catalog, index, true)),
        ),
        "foreign_key_list" => (&["id", "seq", "table", "from", "to", "on_update", "on_delete", "match"], {
            table().map_or_else(Vec::new, |table| foreign_key_list(table))
        }),
        "collation_list" => {
            let names = lookup.functions().collations.names();
            let rows = names.iter().enumerate().map(|(i, name)| vec![number(i), Value::text(*name)]);
            (&["seq", "name"], rows.collect())
        }
        "schema_version" => (&["schema_version"], number_of(|catalog| catalog.schema_version)),
        "user_version" => (&["user_version"], number_of(|catalog| catalog.user_version)),
        "application_id" => (&["application_id"], number_of(|catalog| catalog.application_id)),
        "encoding" => (&["encoding"], vec![vec![Value::text("UTF-8")]]),
        _ => return None,
    })
}

fn number(number: usize) -> Value {
    Value::Integer(number as i64)
}

fn flag(flag: bool) -> Value {
    Value::Integer(i64::from(flag))
}

fn column_rows(relation: &Relation, with_hidden: bool, describe: DescribeView<'_>) -> Vec<Vec<Value>> {
    let table = match relation {
        Relation::Table(table) => Arc::clone(table),
        Relation::View(view) => match describe(view) {
            Some(table) => table,
            None => return Vec::new(),
        },
    };
    // Without the hidden ones the others are numbered as if these were not there, as in SQLite.
    let shown = |(_, column): &(usize, &Column)| with_hidden || column.generated.is_none();
    let columns = table.columns.iter().enumerate().filter(shown).enumerate();
    let mut rows: Vec<Vec<Value>> =
        columns.map(|(number, (i, column))| column_row(&table, number, i, column)).collect();
    if with_hidden {
        for (row, column) in rows.iter_mut().zip(&table.columns) {
            row.push(Value::Integer(match &column.generated {
                None => 0,
                Some(Generated { stored: false, .. }) => 2,
                Some(Generated { stored: true, .. }) => 3,
            }));
        }
    }
    rows
}

fn column_row(table: &Table, shown: usize, i: usize, column: &Column) -> Vec<Value> {
    let key_place = table.primary_key.iter().position(|key| *key == i).map_or(0, |place| place + 1);
    vec![
        number(shown),
        Value::text(column.name.as_str()),
        Value::text(column.declared.as_deref().unwrap_or_default()),
        flag(column.not_null.is_some()),
        column.default.as_ref().map_or(Value::Null, |default| Value::text(default.text.as_str())),
        number(key_place),
    ]
}

fn table_list(
    lookup: Lookup<'_>,
    database: Option<&Catalog>,
    argument: Option<&str>,
    describe: DescribeView<'_>,
) -> Vec<Vec<Value>> {
    let asked = |(_, catalog): &(&str, &Catalog)| database.is_none_or(|d| d.database == catalog.database);
    let listed = lookup.listed().filter(asked);
    listed.flat_map(|(name, catalog)| tables_of(name, catalog, argument, describe)).collect()
}

/// The tables and views of one database.
fn tables_of(
    database: &str,
    catalog: &Catalog,
    argument: Option<&str>,
    describe: DescribeView<'_>,
) -> Vec<Vec<Value>> {
    let wanted = |name: &str| argument.is_none_or(|argument| argument.eq_ignore_ascii_case(name));
    let row = |name: &str, kind: &str, columns: usize, clustered: bool, strict: bool| {
        vec![
            Value::text(database),
            Value::text(name),
            Value::text(kind),
            number(columns),
            flag(clustered),
            flag(strict),
        ]
    };
    let mut rows = Vec::new();
    for object in catalog.objects().filter(|object| wanted(&object.name)) {
        match catalog.relation(&object.name) {
            Some(Relation::Table(table)) if table.name == object.name => {
                rows.push(row(&table.name, "table", table.columns.len(), !table.has_row_id(), true));
            }
            Some(Relation::View(view)) if view.name == object.name => {
                let columns = describe(view).map_or(view.columns.len(), |table| table.columns.len());
                rows.push(row(&view.name, "view", columns, false, false));
            }
            _ => {}
        }
    }
    if wanted("sedge_schema") {
        rows.push(row("sedge_schema", "table", super::listing::SCHEMA_COLUMNS.len(), false, false));
    }
    rows
}

fn foreign_key_list(table: &Table) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    // SQLite numbers the key declared last 0.
    for (id, key) in table.foreign_keys.iter().rev().enumerate() {
        for (seq, column) in key.columns.iter().enumerate() {
            let from = table.columns.get(*column).map_or(Value::Null, |c| Value::text(c.name.as_str()));
            let to = key.parent_columns.get(seq).map_or(Value::Null, |name| Value::text(name.as_str()));
            rows.push(vec![
                number(id),
                number(seq),
                Value::text(key.parent.as_str()),
                from,
                to,
                Value::text(action_name(key.on_update)),
                Value::text(action_name(key.on_delete)),
                Value::text("NONE"),
            ]);
        }
    }
    rows
}

fn action_name(action: ForeignAction) -> &'static str {
    match action {
        ForeignAction::NoAction => "NO ACTION",
        ForeignAction::Restrict => "RESTRICT",
        ForeignAction::SetNull => "SET NULL",
        ForeignAction::SetDefault => "SET DEFAULT",
        ForeignAction::Cascade => "CASCADE",
    }
}

fn index_list(table: &Table) -> Vec<Vec<Value>> {
    // SQLite lists the index created last first.
    let row = |(i, index): (usize, &Arc<Index>)| {
        let origin = match index.origin {
            IndexOrigin::Create => "c",
            IndexOrigin::Unique => "u",
            IndexOrigin::PrimaryKey => "pk",
        };
        vec![
            number(i),
            Value::text(index.name.as_str()),
            flag(index.unique),
            Value::text(origin),
            flag(index.filter.is_some()),
        ]
    };
    table.indexes.iter().rev().enumerate().map(row).collect()
}

fn index_columns(catalog: &Catalog, index: &Index, extended: bool) -> Vec<Vec<Value>> {
    let table = catalog.table(&index.table).map(AsRef::as_ref);
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut add = |place: i64, name: Value, column: Option<&IndexColumn>, is_key: bool| {
        let mut row = vec![number(rows.len()), Value::Integer(place), name];
        if extended {
            let collation = column.map_or(Collation::Binary, |column| column.collation);
            let descending = is_key && column.is_some_and(|column| column.descending);
            row.extend([flag(descending), Value::text(collation.name()), flag(is_key)]);
        }
        rows.push(row);
    };
    let named = |column: &IndexColumn| match &column.key {
        IndexKey::Column(place) => (*place as i64, column_name(table, *place)),
        // -2 says that it is an expression.
        IndexKey::Expression(_) => (-2, Value::Null),
    };
    for column in &index.columns {
        let (place, name) = named(column);
        add(place, name, Some(column), true);
    }
    if !extended {
        return rows;
    }
    match table {
        // What the rows of the table hold beside their key.
        Some(table) if table.is_clustered_by(index) => {
            let places = 0..table.columns.len();
            let rest = places.filter(|place| !table.primary_key.contains(place));
            for place in rest.filter(|place| !is_virtual(table, *place)) {
                let column = IndexColumn {
                    key: IndexKey::Column(place),
                    collation: Collation::Binary,
                    descending: false,
                };
                add(place as i64, column_name(Some(table), place), Some(&column), false);
            }
        }
        Some(table) if !table.has_row_id() => {
            for column in &index.tail {
                let (place, name) = named(column);
                add(place, name, Some(column), false);
            }
        }
        // The row id, which ends every entry.
        _ => add(-1, Value::Null, None, false),
    }
    rows
}

fn column_name(table: Option<&Table>, place: usize) -> Value {
    let column = table.and_then(|table| table.columns.get(place));
    column.map_or(Value::Null, |column| Value::text(column.name.as_str()))
}

/// True for a generated column that is not told to be stored: SQLite keeps it in no record.
fn is_virtual(table: &Table, place: usize) -> bool {
    let generated = table.columns.get(place).and_then(|column| column.generated.as_ref());
    generated.is_some_and(|generated| !generated.stored)
}
