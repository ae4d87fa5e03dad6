//! The schema table: `sedge_schema`, also `sqlite_schema` and `sqlite_master`.

use super::schema::Catalog;
use crate::value::Value;

/// Names and declared types of the schema table's columns.
pub const SCHEMA_COLUMNS: [(&str, &str); 5] =
    [("type", "TEXT"), ("name", "TEXT"), ("tbl_name", "TEXT"), ("rootpage", "INT"), ("sql", "TEXT")];

/// True if `name` stands for the schema table.
#[must_use]
pub fn is_schema_table(name: &str) -> bool {
    ["sedge_schema", "sqlite_schema", "sqlite_master"].iter().any(|schema| schema.eq_ignore_ascii_case(name))
}

/// The rows of the schema table in order of creation, as wide as [`SCHEMA_COLUMNS`].
#[must_use]
pub fn schema_rows(catalog: &Catalog) -> Vec<[Value; 5]> {
    let row = |object: &super::schema::Object| {
        [
            Value::text(object.kind.name()),
            Value::text(object.name.as_str()),
            Value::text(object.table.as_str()),
            Value::Integer(object.root.map_or(0, |root| i64::from(root.0))),
            object.sql.as_deref().map_or(Value::Null, Value::text),
        ]
    };
    catalog.objects().map(row).collect()
}
