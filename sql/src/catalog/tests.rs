//! The catalog over an in-memory store: what is created is read back the same, what cannot be is refused.

use super::*;
use crate::databases::WriteTransaction;
use crate::error::{Error, Result};
use crate::parser::{OnConflict, Statement, parse_one};
use crate::types::{Collation, ColumnType, TextForm};
use crate::value::Value;
use sedge_storage::{Options, Store};
use std::time::Duration;

/// A catalog and the transaction that changes it.
struct World {
    txn: WriteTransaction,
    catalog: Catalog,
}

impl World {
    fn new() -> World {
        let store = Store::open_in_memory(&Options::default()).unwrap();
        let txn = store.begin_write(Duration::ZERO).unwrap().into();
        World { txn, catalog: Catalog::default() }
    }

    /// Runs one CREATE or DROP; true if it changed something.
    fn run(&mut self, sql: &str) -> Result<bool> {
        let (parsed, _) = parse_one(sql, None)?.unwrap();
        let (txn, catalog) = (&mut self.txn, &self.catalog);
        let next = match &parsed.statement {
            Statement::CreateTable(create) => create_table(txn, catalog, &parsed, create, &|_| Ok(()))?,
            Statement::CreateIndex(create) => {
                create_index(txn, catalog, &parsed, create, &|_| Ok(()), &mut |_, _, _| Ok(()))?
            }
            Statement::CreateView(create) => create_view(txn, catalog, &parsed, create)?,
            Statement::Drop { kind, name, if_exists } => drop_object(txn, catalog, *kind, name, *if_exists)?,
            other => panic!("{other:?}"),
        };
        let changed = next.is_some();
        if let Some(next) = next {
            assert!(next.version != self.catalog.version);
            self.catalog = next;
        }
        self.check_reload();
        Ok(changed)
    }

    fn ok(&mut self, sql: &str) {
        assert!(self.run(sql).unwrap(), "{sql} changed nothing");
    }

    /// The message of the error and the text it points at.
    fn error(&mut self, sql: &str) -> (String, String) {
        let error = self.run(sql).unwrap_err();
        let place = error.span().map_or("", |span| &sql[span.start..span.end]);
        (error.to_string(), place.to_owned())
    }

    /// What is read back is what is in memory.
    fn check_reload(&mut self) {
        let loaded = load(self.txn.snapshot().main(), &Default::default()).unwrap();
        assert_eq!(schema_rows(&loaded), schema_rows(&self.catalog));
        let describe = |catalog: &Catalog| {
            let mut all: Vec<String> = catalog.relations().map(|relation| format!("{relation:?}")).collect();
            all.sort();
            let mut indexes: Vec<String> =
                catalog.indexes.values().map(|index| format!("{index:?}")).collect();
            indexes.sort();
            (all, indexes, catalog.schema_version, catalog.next_object, catalog.user_version)
        };
        assert_eq!(without_spans(&describe(&loaded)), without_spans(&describe(&self.catalog)));
    }
}

/// Places in texts differ where the schema keeps a shorter text than was written.
fn without_spans(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    while let Some(start) = text.find("Place { start: ") {
        let end = start + text[start..].find('}').unwrap() + 1;
        text.replace_range(start..end, "");
    }
    text
}

#[test]
fn tables_and_indexes_are_kept() {
    let mut world = World::new();
    world.ok("create table if not exists main.t(id integer primary key, a int not null default 5, \
              b varchar(10) collate nocase unique, c any check (c <> 1), constraint k check (a < 10), unique (a, c));");
    world.ok("CREATE UNIQUE INDEX i ON t(c DESC, b COLLATE RTRIM) WHERE a > 3");
    let table = world.catalog.table("T").unwrap();
    assert_eq!(
        table.sql,
        "CREATE TABLE t(id integer primary key, a int not null default 5, \
              b varchar(10) collate nocase unique, c any check (c <> 1), constraint k check (a < 10), unique (a, c))"
    );
    assert_eq!(table.row_id_column, Some(0));
    assert_eq!(table.primary_key, [0]);
    assert_eq!(table.columns[1].not_null, Some(OnConflict::Abort));
    assert_eq!(table.columns[1].default.as_ref().unwrap().text, "5");
    assert_eq!(table.columns[2].column_type, ColumnType::Text { max_chars: Some(10) });
    assert_eq!(table.checks.iter().map(|c| c.name.as_deref()).collect::<Vec<_>>(), [None, Some("k")]);
    let names: Vec<&str> = table.indexes.iter().map(|index| index.name.as_str()).collect();
    assert_eq!(names, ["sqlite_autoindex_t_1", "sqlite_autoindex_t_2", "i"]);
    assert_eq!(table.indexes[0].columns[0].collation, Collation::NoCase);
    assert_eq!(table.indexes[2].columns[1].collation, Collation::RTrim);
    assert!(table.indexes[2].columns[0].descending && table.indexes[2].filter.is_some());
    let kinds: Vec<String> =
        schema_rows(&world.catalog).iter().map(|row| format!("{:?} {:?}", row[0], row[1])).collect();
    assert_eq!(kinds.len(), 4);
    assert!(!world.run("CREATE TABLE IF NOT EXISTS T(x)").unwrap());
    assert!(!world.run("CREATE INDEX IF NOT EXISTS I ON t(a)").unwrap());
    world.ok("DROP INDEX i");
    assert_eq!(world.catalog.table("t").unwrap().indexes.len(), 2);
    world.ok("DROP TABLE t");
    assert_eq!(schema_rows(&world.catalog).len(), 0);
    assert!(!world.run("DROP TABLE IF EXISTS t").unwrap());
    assert!(world.catalog.index("sqlite_autoindex_t_1").is_none());
}

#[test]
fn files_with_older_names_of_automatic_indexes_are_read() {
    let mut world = World::new();
    world.ok("CREATE TABLE t(a PRIMARY KEY, b UNIQUE)");
    let mut catalog = world.catalog.clone();
    for (number, object) in world.catalog.objects.clone() {
        let older = object.name.replace("sqlite_auto", "sedge_auto");
        catalog.put_object(&mut world.txn, number, Object { name: older, ..object }).unwrap();
    }
    assert!(catalog.objects.values().any(|object| object.name == "sedge_autoindex_t_2"));
    world.check_reload();
    world.ok("DROP TABLE t");
}

#[test]
fn the_row_id_is_integer_primary_key_alone() {
    let mut world = World::new();
    let cases = [
        ("a(x INTEGER PRIMARY KEY)", Some(0)),
        ("b(x INT PRIMARY KEY)", None),
        ("c(x INTEGER PRIMARY KEY DESC)", None),
        ("d(y, x INTEGER, PRIMARY KEY(x DESC))", Some(1)),
        ("e(x INTEGER, y INTEGER, PRIMARY KEY(x, y))", None),
        ("f(x BIGINT, PRIMARY KEY(x))", None),
        ("g(x INTEGER)", None),
    ];
    for (definition, row_id_column) in cases {
        world.ok(&format!("CREATE TABLE {definition}"));
        let table = world.catalog.table(&definition[..1]).unwrap();
        assert_eq!(table.row_id_column, row_id_column, "{definition}");
        let has_key = !table.primary_key.is_empty();
        assert_eq!(table.indexes.len(), usize::from(has_key && row_id_column.is_none()), "{definition}");
        if has_key && row_id_column.is_none() {
            assert!(table.primary_key.iter().all(|i| table.columns[*i].not_null.is_some()), "{definition}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let mut world = World::new();
    world.ok("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
    world.ok("CREATE VIEW v(a) AS SELECT name FROM t");
    let cases = [
        ("CREATE TABLE T(x)", "there is already a table named t", "T"),
        ("CREATE TABLE v(x)", "there is already a view named v", "v"),
        (
            "CREATE TABLE sqlite_x(x)",
            "names that begin with sedge_ or sqlite_ are reserved: sqlite_x",
            "sqlite_x",
        ),
        ("CREATE TABLE u(a, b, A)", "duplicate column name: A", "A"),
        ("CREATE TABLE u(a PRIMARY KEY, b PRIMARY KEY)", "table u has more than one primary key", "b"),
        ("CREATE TABLE u(a, PRIMARY KEY(bb))", "table u has no column named bb", "bb"),
        (
            "CREATE TABLE u(a FOO)",
            "unknown column type FOO; the types are INTEGER, REAL, TEXT, VARCHAR(n), BLOB, BOOLEAN, NUMERIC, DECIMAL(p,s), DATE, TIME, DATETIME, UUID, JSON and ANY",
            "FOO",
        ),
        ("CREATE TABLE u(a TXET)", "unknown column type TXET; did you mean TEXT?", "TXET"),
        (
            "CREATE TABLE u(a DECIMAL(30,2))",
            "DECIMAL(p,s) takes 1 to 28 digits, of which 0 to p stand after the point",
            "DECIMAL(30,2)",
        ),
        (
            "CREATE TABLE u(a VARCHAR(0))",
            "the length of VARCHAR(0) must be from 1 to 4294967295",
            "VARCHAR(0)",
        ),
        (
            "CREATE TABLE u(a TEXT COLLATE NOCAES)",
            "no such collation sequence: NOCAES; did you mean NOCASE?",
            "NOCAES",
        ),
        (
            "CREATE TABLE u(a, FOREIGN KEY (b) REFERENCES t)",
            "unknown column b in foreign key definition",
            "b",
        ),
        (
            "CREATE TABLE u(a INT PRIMARY KEY AUTOINCREMENT)",
            "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY",
            "a",
        ),
        (
            "CREATE TABLE u(a, b AS (a) PRIMARY KEY)",
            "generated columns cannot be part of the PRIMARY KEY",
            "b",
        ),
        ("CREATE TABLE u(a) WITHOUT ROWID", "PRIMARY KEY missing on table u", "u"),
        ("CREATE INDEX i ON tt(id)", "no such table: tt; did you mean t?", "tt"),
        ("CREATE INDEX i ON v(a)", "views may not be indexed", "v"),
        ("CREATE INDEX i ON t(nam)", "table t has no column named nam; did you mean name?", "nam"),
        ("CREATE INDEX t ON t(name)", "there is already a table named t", "t"),
        ("DROP TABLE v", "use DROP VIEW to drop view v", "v"),
        (
            "DROP INDEX sqlite_autoindex_t_1",
            "an index of a UNIQUE or PRIMARY KEY constraint cannot be dropped",
            "sqlite_autoindex_t_1",
        ),
        ("DROP TABLE nope", "no such table: nope", "nope"),
        ("DROP TABLE sedge_schema", "table sedge_schema may not be dropped", "sedge_schema"),
    ];
    let before = schema_rows(&world.catalog);
    for (sql, message, place) in cases {
        assert_eq!(world.error(sql), (message.to_owned(), place.to_owned()), "{sql}");
    }
    assert_eq!(schema_rows(&world.catalog), before);
}

#[test]
fn a_failed_creation_leaves_nothing() {
    let mut world = World::new();
    world.ok("CREATE TABLE t(a)");
    let (parsed, _) = parse_one("CREATE UNIQUE INDEX i ON t(a)", None).unwrap().unwrap();
    let Statement::CreateIndex(create) = &parsed.statement else { panic!() };
    let mut fill = |_: &mut WriteTransaction, _: &std::sync::Arc<Table>, _: &std::sync::Arc<Index>| {
        Err(Error::Interrupted)
    };
    let World { txn, catalog } = &mut world;
    let error = create_index(txn, catalog, &parsed, create, &|_| Ok(()), &mut fill).unwrap_err();
    assert!(matches!(error, Error::Interrupted));
    world.check_reload();
}

#[test]
fn declared_types_follow_affinity() {
    let text = ColumnType::Text { max_chars: None };
    let cases = [
        ("BIGINT", ColumnType::Integer),
        ("UNSIGNED BIG INT", ColumnType::Integer),
        ("double precision", ColumnType::Real),
        ("FLOAT(24)", ColumnType::Real),
        ("nvarchar(5)", ColumnType::Text { max_chars: Some(5) }),
        ("CHARACTER VARYING(255)", ColumnType::Text { max_chars: Some(255) }),
        ("CLOB", text),
        ("STRING", text),
        ("BLOB", ColumnType::Blob),
        ("BOOL", ColumnType::Boolean),
        ("NUMERIC", ColumnType::Numeric),
        ("DECIMAL", ColumnType::Numeric),
        ("NUMERIC(12)", ColumnType::Decimal { precision: 12, scale: 0 }),
        ("Decimal(12, 4)", ColumnType::Decimal { precision: 12, scale: 4 }),
        ("date", ColumnType::Formatted(TextForm::Date)),
        ("TIMESTAMP", ColumnType::Formatted(TextForm::DateTime)),
        ("Json", ColumnType::Formatted(TextForm::Json)),
        ("any", ColumnType::Any),
        ("", ColumnType::Any),
    ];
    let mut world = World::new();
    for (i, (declared, column_type)) in cases.into_iter().enumerate() {
        world.ok(&format!("CREATE TABLE t{i}(a {declared})"));
        let table = world.catalog.table(&format!("t{i}")).unwrap();
        assert_eq!(table.columns[0].column_type, column_type, "{declared}");
    }
}

#[test]
fn a_table_made_from_a_query_keeps_its_columns() {
    let mut world = World::new();
    let (parsed, _) = parse_one("CREATE TABLE t AS SELECT 1", None).unwrap().unwrap();
    let Statement::CreateTable(create) = &parsed.statement else { panic!() };
    let columns = [
        ("a b".to_owned(), Some(ColumnType::Integer)),
        ("x\"y".to_owned(), None),
        ("A B".to_owned(), Some(ColumnType::Text { max_chars: Some(3) })),
    ];
    let next = create_table_as(&mut world.txn, &world.catalog, create, &columns).unwrap().unwrap();
    world.catalog = next;
    world.check_reload();
    let table = world.catalog.table("t").unwrap();
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a b", "x\"y", "A B:1"]);
    assert_eq!(table.columns[2].column_type, ColumnType::Text { max_chars: Some(3) });
}

#[test]
fn pragmas_show_the_catalog() {
    let mut world = World::new();
    world.ok("CREATE TABLE t(a INTEGER NOT NULL DEFAULT (1 + 2), b TEXT, PRIMARY KEY(b, a))");
    world.ok("CREATE INDEX i ON t(a DESC) WHERE b IS NOT NULL");
    world.catalog = set_user_version(&mut world.txn, &world.catalog, 42).unwrap();
    world.check_reload();
    let rows = |name: &str, argument: Option<&str>| -> Vec<String> {
        let (_, rows) = pragma_rows(Lookup::from(&world.catalog), None, name, argument, &|_| None).unwrap();
        let cell = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Integer(i) => i.to_string(),
            Value::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    };
    assert_eq!(rows("table_info", Some("T")), ["0|a|INTEGER|1|1 + 2|2", "1|b|TEXT|1|NULL|1"]);
    assert_eq!(rows("index_list", Some("t")), ["0|i|0|c|1", "1|sqlite_autoindex_t_1|1|pk|0"]);
    assert_eq!(rows("index_info", Some("i")), ["0|0|a"]);
    assert_eq!(rows("index_xinfo", Some("i")), ["0|0|a|1|BINARY|1", "1|-1|NULL|0|BINARY|0"]);
    assert_eq!(rows("table_list", None), ["main|t|table|2|0|1", "main|sedge_schema|table|5|0|0"]);
    assert_eq!(rows("user_version", None), ["42"]);
    assert_eq!(rows("table_info", Some("nope")), Vec::<String>::new());
    assert!(pragma_rows(Lookup::from(&world.catalog), None, "nope", None, &|_| None).is_none());
}
