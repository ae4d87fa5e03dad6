//! What the records of a damaged schema tree say one by one, and rows by a table's description alone.

use super::define::{CollationNames, define_table};
use super::schema::{Object, ObjectKind, Table};
use super::store::{META, OBJECT, parse_kept, read_object};
use crate::databases::TreeId;
use crate::encode::{RecordView, each_column};
use crate::error::{Error, Result};
use crate::parser::Statement;
use crate::value::{Value, ValueRef};

/// One record of a schema tree.
#[derive(Debug)]
pub enum SchemaRecord {
    /// An object and its number: objects were made in the order of their numbers.
    Object(u64, Object),
    /// A number that the schema keeps under this name.
    Meta(String, i64),
}

/// Reads a record of a schema tree.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] if it is none.
pub fn schema_record(key: &[u8], value: &[u8]) -> Result<SchemaRecord> {
    let record = RecordView::new(value)?;
    match key.split_first() {
        Some((&OBJECT, number)) if let Ok(number) = number.try_into() => {
            Ok(SchemaRecord::Object(u64::from_be_bytes(number), read_object(&record)?))
        }
        Some((&META, name))
            if let (Ok(name), Some(number)) = (std::str::from_utf8(name), record.integer(0)?) =>
        {
            Ok(SchemaRecord::Meta(name.to_owned(), number))
        }
        _ => Err(super::store::corrupt("an unknown kind of schema record".to_owned())),
    }
}

/// The table that an object of the schema describes, without its indexes.
///
/// # Errors
/// [`Error::Misuse`] if it describes none, and what its statement meets.
pub fn salvaged_table(object: &Object) -> Result<Table> {
    let none = || Error::Misuse(format!("{} is no table with a tree and a statement", object.name));
    let (ObjectKind::Table, Some(root), Some(sql)) = (object.kind, object.root, &object.sql) else {
        return Err(none());
    };
    let parsed = parse_kept(sql)?;
    let Statement::CreateTable(create) = &parsed.statement else { return Err(none()) };
    let mut table = define_table(create, sql.clone(), CollationNames::Salvaged)?.table;
    table.root = TreeId::main(root.0);
    Ok(table)
}

/// The values of a row, in the order of the table's columns: fewer where the record is older than a column.
///
/// # Errors
/// [`sedge_storage::Error::Corrupt`] if key and record do not suit the table.
pub fn salvaged_row(table: &Table, key: &[u8], record: &[u8], row: &mut Vec<Value>) -> Result<()> {
    row.clear();
    let columns = RecordView::new(record)?.columns();
    if columns > table.columns.len() {
        return Err(super::store::corrupt(format!("a record of {columns} columns")));
    }
    row.resize(columns, Value::Null);
    each_column(table, key, record, &mut Vec::new(), |place, value| {
        if let ValueRef::Text(text) = value
            && std::str::from_utf8(text).is_err()
        {
            let name = table.columns.get(place).map_or("", |column| &column.name);
            return Err(super::store::corrupt(format!("a text in column {name} that is not UTF-8")));
        }
        if let Some(slot) = row.get_mut(place) {
            *slot = value.to_owned();
        }
        Ok(())
    })
}
