//! Writing against SQLite: the same random statements on the same tables leave the same rows, and every index agrees
//! with its table after each of them.

use super::{WriteExecution, Written};
use crate::catalog::{Catalog, Table, create_index, create_table, verify_indexes};
use crate::constraint::types::{Fitted, fit};
use crate::databases::WriteTransaction;
use crate::error::{ConstraintKind, Error, Result};
use crate::exec::context::Context;
use crate::ir::{ColumnId, CompareOp, Comparison, Expr, InsertColumn, Output, Target, TargetIndex};
use crate::parser::{OnConflict, Statement, parse_one};
use crate::plan::{
    Expressions, Node, Operator, Plan, RowIdRange, ScanColumn, TableScan, WritePlan, WriteSource,
};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use crate::value::Value;
use proptest::prelude::*;
use sedge_storage::{Options, Store};
use std::sync::Arc;
use std::time::Duration;

/// A database in one transaction.
struct World {
    txn: WriteTransaction,
    catalog: Catalog,
}

fn context() -> Context {
    Context::new(Arc::default())
}

/// Expressions of tests are made by hand: columns by place, the row id after them.
fn target(table: &Arc<Table>) -> Target {
    let columns: Vec<ColumnId> = (0..table.columns.len() as u32).map(ColumnId).collect();
    let constant = |text: &str| match text {
        "'d'" => Expr::Constant(Value::text("d")),
        number => Expr::Constant(Value::Integer(number.parse().unwrap())),
    };
    let index = |index: &Arc<crate::catalog::Index>| TargetIndex {
        index: Arc::clone(index),
        columns: Vec::new(),
        filter: index.filter.as_ref().map(|filter| condition(table, &filter.text)),
    };
    Target {
        table: Arc::clone(table),
        row_id: ColumnId(table.columns.len() as u32),
        defaults: table
            .columns
            .iter()
            .map(|c| c.default.as_ref().map_or(Expr::Constant(Value::Null), |d| constant(&d.text)))
            .collect(),
        checks: table.checks.iter().map(|check| condition(table, &check.condition.text)).collect(),
        indexes: table.indexes.iter().map(index).collect(),
        generated: Vec::new(),
        sequence: None,
        columns,
    }
}

/// `column op number`.
fn condition(table: &Table, text: &str) -> Expr {
    let words: Vec<&str> = text.split(' ').collect();
    let [column, op, number] = words[..] else { panic!("{text}") };
    let place = table.column(column).unwrap();
    Expr::Compare {
        op: match op {
            "<" => CompareOp::Less,
            ">" => CompareOp::Greater,
            other => panic!("{other}"),
        },
        left: Box::new(Expr::Column(ColumnId(place as u32), TypeSet::ALL)),
        right: Box::new(Expr::Constant(Value::Integer(number.parse().unwrap()))),
        rule: Comparison::default(),
    }
}

impl World {
    fn new(statements: &[&str]) -> World {
        let store = Store::open_in_memory(&Options::default()).unwrap();
        let txn = store.begin_write(Duration::ZERO).unwrap().into();
        let mut world = World { txn, catalog: Catalog::default() };
        for sql in statements {
            world.create(sql).unwrap();
        }
        world
    }

    fn create(&mut self, sql: &str) -> Result<()> {
        let (parsed, _) = parse_one(sql, None)?.unwrap();
        let (txn, catalog) = (&mut self.txn, &self.catalog);
        let next = match &parsed.statement {
            Statement::CreateTable(create) => create_table(txn, catalog, &parsed, create, &|_| Ok(()))?,
            Statement::CreateIndex(create) => {
                let mut fill =
                    |txn: &mut WriteTransaction, table: &Arc<Table>, index: &Arc<crate::catalog::Index>| {
                        let target = target(table);
                        let index = target.indexes.iter().find(|t| t.index.name == index.name).unwrap();
                        super::fill_index(txn, &target, index, &mut context())
                    };
                create_index(txn, catalog, &parsed, create, &|_| Ok(()), &mut fill)?
            }
            other => panic!("{other:?}"),
        };
        self.catalog = next.unwrap();
        Ok(())
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(self.catalog.table("t").unwrap())
    }

    fn run(&mut self, plan: WritePlan) -> Result<Written> {
        let mut execution = WriteExecution::new(Arc::new(plan), Arc::default()).unwrap();
        // What ROLLBACK undoes is one statement here, as in SQLite outside a transaction.
        let before = self.txn.savepoint();
        let result = execution.run(&mut self.txn, &mut context());
        if execution.rolls_back() {
            self.txn.rollback_to(&before).unwrap();
        }
        self.txn.release(before).unwrap();
        result
    }

    /// INSERT of rows of constants; the last value of each row is the row id where there is one more than columns.
    fn insert(&mut self, rows: &[Vec<Value>], on_conflict: Option<OnConflict>) -> Result<Written> {
        let table = self.table();
        let width = rows.first().map_or(0, Vec::len);
        let columns = (0..width).map(|i| match i {
            i if i < table.columns.len() => InsertColumn::Column(i),
            _ => InsertColumn::RowId,
        });
        let rows = rows.iter().map(|row| row.iter().cloned().map(Expr::Constant).collect()).collect();
        self.run(WritePlan::Insert {
            target: target(&table),
            columns: columns.collect(),
            source: WriteSource::Rows(rows),
            on_conflict,
            upserts: Vec::new(),
            excluded: Vec::new(),
            returning: None,
            expressions: Expressions::default(),
        })
    }

    fn update(
        &mut self,
        row_id: Option<i64>,
        assignments: Vec<(InsertColumn, Expr)>,
        on_conflict: Option<OnConflict>,
    ) -> Result<Written> {
        let table = self.table();
        self.run(WritePlan::Update {
            target: target(&table),
            find: find(&table, row_id),
            assignments,
            expressions: Expressions::default(),
            on_conflict,
            finds_twice: false,
            returning: None,
        })
    }

    fn delete(&mut self, row_id: Option<i64>) -> Result<Written> {
        let table = self.table();
        self.run(WritePlan::Delete {
            target: target(&table),
            find: find(&table, row_id),
            returning: None,
            expressions: Expressions::default(),
        })
    }

    /// The rows in order of row id: the id, then the columns.
    fn rows(&mut self) -> Vec<Vec<Value>> {
        let table = self.table();
        let mut cursor = self.txn.snapshot().cursor(table.root);
        let mut rows = Vec::new();
        let mut found = cursor.seek_first().unwrap();
        while found {
            let row_id = cursor.row_id();
            let mut row = super::row_buffer::RowBuffer::default();
            super::row_writer::load_record(
                &table,
                &crate::encode::row_key(row_id),
                cursor.value().unwrap(),
                &mut row,
            )
            .unwrap();
            let columns = (0..table.columns.len()).map(|i| row.get(i).to_owned());
            rows.push(std::iter::once(Value::Integer(row_id)).chain(columns).collect());
            found = cursor.next().unwrap();
        }
        rows
    }

    fn verify(&mut self) {
        let mut covers = |table: &Table, index: &crate::catalog::Index, row: &[Value]| {
            let filter = index.filter.as_ref().unwrap();
            let words: Vec<&str> = filter.text.split(' ').collect();
            let value = &row[table.column(words[0]).unwrap()];
            let bound = Value::Integer(words[2].parse().unwrap());
            let order = value.as_ref().total_cmp(bound.as_ref());
            let covered = !value.is_null() && if words[1] == ">" { order.is_gt() } else { order.is_lt() };
            let columns = index.columns.iter().map(|column| match column.key {
                crate::catalog::IndexKey::Column(place) => row[place].clone(),
                crate::catalog::IndexKey::Expression(_) => panic!("no test has one"),
            });
            Ok(covered.then(|| columns.collect()))
        };
        let problems = verify_indexes(self.txn.snapshot().main(), &self.catalog, Some(&mut covers)).unwrap();
        assert_eq!(problems, Vec::<String>::new());
    }
}

/// The row with this id, or all rows.
fn find(table: &Arc<Table>, row_id: Option<i64>) -> Plan {
    let column = ColumnId(1000);
    Plan {
        root: Node {
            operator: Operator::TableScan(TableScan {
                table: Arc::clone(table),
                columns: vec![ScanColumn::RowId],
                range: match row_id {
                    Some(row_id) => RowIdRange::OneOf(vec![Expr::Constant(Value::Integer(row_id))]),
                    None => RowIdRange::All,
                },
                filter: None,
                reverse: false,
                alias: "t".to_owned(),
            }),
            columns: vec![column],
            rows: 1.0,
            cost: 1.0,
            figures: None,
        },
        outputs: vec![Output {
            column,
            name: "rowid".to_owned(),
            types: TypeSet::INTEGER,
            affinity: Affinity::Integer,
            collation: Collation::Binary,
            column_type: None,
            origin: None,
        }],
        subplans: Vec::new(),
        outer: Vec::new(),
    }
}

fn int(integer: i64) -> Value {
    Value::Integer(integer)
}

/// The kind and text of a constraint error.
fn broken(result: Result<Written>) -> (ConstraintKind, String) {
    match result.unwrap_err() {
        Error::Constraint(constraint) => (constraint.kind, constraint.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_converted_where_nothing_is_lost() {
    let mut world = World::new(&[
        "CREATE TABLE t(i INTEGER, r REAL, s TEXT, b BLOB, x ANY, n NUMERIC, o BOOLEAN, v VARCHAR(3))",
    ]);
    let text = Value::text;
    let row = vec![
        text(" 42 "),
        int(5),
        int(12),
        Value::Blob([1].into()),
        text("7"),
        text("1.5"),
        Value::Real(1.0),
        text("äöü"),
    ];
    world.insert(&[row], None).unwrap();
    let expected = vec![
        int(1),
        int(42),
        Value::Real(5.0),
        text("12"),
        Value::Blob([1].into()),
        text("7"),
        Value::Real(1.5),
        int(1),
        text("äöü"),
    ];
    assert_eq!(world.rows(), [expected]);
    let refused = [
        (0, text("4x"), "type constraint failed: t.i: text '4x' does not fit INTEGER"),
        (0, Value::Real(1.5), "type constraint failed: t.i: real 1.5 does not fit INTEGER"),
        (1, text("abc"), "type constraint failed: t.r: text 'abc' does not fit REAL"),
        (1, int((1 << 53) + 1), "type constraint failed: t.r: integer 9007199254740993 does not fit REAL"),
        (2, Value::Blob([1, 2].into()), "type constraint failed: t.s: blob of 2 bytes does not fit TEXT"),
        (3, text("x"), "type constraint failed: t.b: text 'x' does not fit BLOB"),
        (5, text("one"), "type constraint failed: t.n: text 'one' does not fit NUMERIC"),
        (6, int(2), "type constraint failed: t.o: integer 2 does not fit BOOLEAN"),
        (7, text("abcd"), "type constraint failed: t.v: text 'abcd' does not fit VARCHAR(3)"),
    ];
    for (place, value, message) in refused {
        let mut row = vec![Value::Null; 8];
        row[place] = value;
        assert_eq!(broken(world.insert(&[row], None)), (ConstraintKind::Type, message.to_owned()));
    }
    assert_eq!(world.rows().len(), 1);
}

#[test]
fn row_ids_follow_the_greatest() {
    let mut world = World::new(&["CREATE TABLE t(a)"]);
    let ids = |world: &mut World| -> Vec<i64> {
        world
            .rows()
            .iter()
            .map(|row| match row[0] {
                Value::Integer(id) => id,
                _ => 0,
            })
            .collect()
    };
    assert_eq!(world.insert(&[vec![int(0)]], None).unwrap(), Written { changes: 1, last_row_id: Some(1) });
    world.insert(&[vec![int(0), int(-7)], vec![int(0), int(10)], vec![int(0), Value::Null]], None).unwrap();
    assert_eq!(ids(&mut world), [-7, 1, 10, 11]);
    world.insert(&[vec![int(0), int(i64::MAX)]], None).unwrap();
    let written = world.insert(&[vec![int(0)]], None).unwrap();
    assert!(written.last_row_id.is_some_and(|id| id > 0 && id < i64::MAX));
    assert_eq!(ids(&mut world).len(), 6);
    let (kind, message) = broken(world.insert(&[vec![int(0), int(10)]], None));
    assert_eq!(
        (kind, message.as_str()),
        (ConstraintKind::PrimaryKey, "PRIMARY KEY constraint failed: t.rowid: 10 is there already")
    );
}

#[test]
fn a_broken_constraint_names_itself() {
    let mut world = World::new(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b TEXT NOT NULL, c)",
        "CREATE UNIQUE INDEX by_c ON t(c, b)",
    ]);
    let row = |id: i64, a: i64, b: &str, c: i64| vec![int(id), int(a), Value::text(b), int(c)];
    world.insert(&[row(1, 1, "x", 1)], None).unwrap();
    let cases = [
        (row(1, 2, "y", 2), "PRIMARY KEY constraint failed: t.id: 1 is there already"),
        (row(2, 1, "y", 2), "UNIQUE constraint failed: t.a"),
        (row(2, 2, "x", 1), "UNIQUE constraint failed: t.c, t.b (by_c)"),
        (vec![int(2), int(2), Value::Null, int(2)], "NOT NULL constraint failed: t.b"),
    ];
    for (bad, message) in cases {
        // The row before it goes with it.
        let rows = [row(9, 9, "z", 9), bad];
        assert_eq!(broken(world.insert(&rows, None)).1, message);
        assert_eq!(world.rows().len(), 1);
        assert_eq!(broken(world.insert(&rows, Some(OnConflict::Fail))).1, message);
        assert_eq!(world.rows().len(), 2);
        world.delete(Some(9)).unwrap();
        world.verify();
    }
}

#[test]
fn a_unique_index_over_twins_is_refused() {
    let mut world = World::new(&["CREATE TABLE t(a TEXT COLLATE NOCASE, b)"]);
    let rows = [("x", 1), ("Y", 2), ("X", 3), ("y", 2)].map(|(a, b)| vec![Value::text(a), int(b)]);
    world.insert(&rows, None).unwrap();
    world.insert(&[vec![Value::Null, int(2)], vec![Value::Null, int(2)]], None).unwrap();
    let error = world.create("CREATE UNIQUE INDEX u ON t(a)").unwrap_err();
    assert_eq!(error.to_string(), "UNIQUE constraint failed: t.a (u)");
    world.create("CREATE UNIQUE INDEX u ON t(a COLLATE BINARY, b DESC)").unwrap();
    world.create("CREATE INDEX v ON t(a)").unwrap();
    world.verify();
}

// Random statements against SQLite.

const SCHEMAS: [&[&str]; 4] = [
    &[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b TEXT COLLATE NOCASE, c ANY)",
        "CREATE INDEX by_c ON t(c DESC, b)",
    ],
    &[
        "CREATE TABLE t(a INTEGER UNIQUE ON CONFLICT REPLACE, b TEXT COLLATE RTRIM NOT NULL ON CONFLICT REPLACE DEFAULT 'd', \
       c ANY UNIQUE ON CONFLICT IGNORE, d ANY)",
        "CREATE UNIQUE INDEX u ON t(b, d)",
    ],
    &[
        "CREATE TABLE t(a INTEGER NOT NULL DEFAULT 3, id INTEGER, b TEXT, c ANY, PRIMARY KEY(id) ON CONFLICT REPLACE, UNIQUE(a, c))",
    ],
    &[
        "CREATE TABLE t(a INTEGER, b TEXT COLLATE NOCASE, c ANY NOT NULL ON CONFLICT IGNORE, PRIMARY KEY(b, a) ON CONFLICT FAIL)",
        "CREATE UNIQUE INDEX u ON t(c)",
    ],
];

/// With conditions: CHECK and partial indexes.
const CONDITIONS: [&[&str]; 2] = [
    &[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER CHECK (a < 4), b TEXT, c ANY)",
        "CREATE UNIQUE INDEX p ON t(b) WHERE a > 1",
        "CREATE INDEX q ON t(c) WHERE a < 2",
    ],
    &[
        "CREATE TABLE t(a INTEGER, b TEXT UNIQUE ON CONFLICT REPLACE, c ANY, CHECK (a > -2))",
        "CREATE UNIQUE INDEX p ON t(a DESC) WHERE a > 1",
    ],
];

#[derive(Clone, Debug)]
enum Action {
    Insert(Vec<Vec<Value>>, Option<OnConflict>),
    Update(i64, Vec<(usize, Value)>, Option<OnConflict>),
    UpdateAll(usize, Value, Option<OnConflict>),
    Delete(i64),
    DeleteAll,
}

fn small_values() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        4 => (-3_i64..6).prop_map(Value::Integer),
        1 => Just(Value::Real(2.0)),
        1 => Just(Value::Real(2.5)),
        4 => "[aAbB]{1,2} {0,1}".prop_map(Value::text),
        1 => Just(Value::text("3")),
        1 => Just(Value::Blob([7, 0].into())),
    ]
}

fn actions_of_conflict() -> impl Strategy<Value = Option<OnConflict>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(OnConflict::Abort)),
        1 => Just(Some(OnConflict::Fail)),
        1 => Just(Some(OnConflict::Ignore)),
        2 => Just(Some(OnConflict::Replace)),
        1 => Just(Some(OnConflict::Rollback)),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    let rows = proptest::collection::vec(proptest::collection::vec(small_values(), 5), 1..4);
    prop_oneof![
        6 => (rows, actions_of_conflict()).prop_map(|(rows, action)| Action::Insert(rows, action)),
        4 => (-3_i64..8, proptest::collection::vec((0_usize..5, small_values()), 1..3), actions_of_conflict())
            .prop_map(|(id, set, action)| Action::Update(id, set, action)),
        1 => (0_usize..5, small_values(), actions_of_conflict())
            .prop_map(|(column, value, action)| Action::UpdateAll(column, value, action)),
        2 => (-3_i64..8).prop_map(Action::Delete),
        1 => Just(Action::DeleteAll),
    ]
}

fn sql_value(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(i) => i.to_string(),
        Value::Real(r) => format!("{r:?}"),
        Value::Decimal(d) => format!("decimal('{d}')"),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(blob) => format!("x'{}'", blob.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    }
}

fn or(action: Option<OnConflict>) -> String {
    action.map_or_else(String::new, |action| format!("OR {action:?}").to_uppercase())
}

/// The same in SQLite: what it changed, or that it failed.
fn in_sqlite(sqlite: &rusqlite::Connection, table: &Table, action: &Action) -> Option<i64> {
    let mut names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    names.push("rowid");
    let sql = match action {
        Action::Insert(rows, action) => {
            let width = rows.first().map_or(0, Vec::len);
            let rows: Vec<String> = rows
                .iter()
                .map(|row| format!("({})", row.iter().map(sql_value).collect::<Vec<_>>().join(", ")))
                .collect();
            format!("INSERT {} INTO t({}) VALUES {}", or(*action), names[..width].join(", "), rows.join(", "))
        }
        Action::Update(id, set, action) => {
            let set: Vec<String> = set
                .iter()
                .map(|(column, value)| format!("{} = {}", names[*column], sql_value(value)))
                .collect();
            format!("UPDATE {} t SET {} WHERE rowid = {id}", or(*action), set.join(", "))
        }
        Action::UpdateAll(column, value, action) => {
            format!("UPDATE {} t SET {} = {}", or(*action), names[*column], sql_value(value))
        }
        Action::Delete(id) => format!("DELETE FROM t WHERE rowid = {id}"),
        Action::DeleteAll => "DELETE FROM t WHERE rowid IS NOT NULL".to_owned(),
    };
    sqlite.execute(&sql, []).ok().map(|changes| changes as i64)
}

fn sqlite_rows(sqlite: &rusqlite::Connection, table: &Table) -> Vec<Vec<Value>> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let sql = format!("SELECT rowid, {} FROM t ORDER BY rowid", names.join(", "));
    let mut statement = sqlite.prepare(&sql).unwrap();
    let width = names.len() + 1;
    let rows = statement
        .query_map([], |row| {
            (0..width)
                .map(|i| {
                    row.get_ref(i).map(|value| match value {
                        rusqlite::types::ValueRef::Null => Value::Null,
                        rusqlite::types::ValueRef::Integer(i) => Value::Integer(i),
                        rusqlite::types::ValueRef::Real(r) => Value::Real(r),
                        rusqlite::types::ValueRef::Text(t) => Value::text(String::from_utf8_lossy(t)),
                        rusqlite::types::ValueRef::Blob(b) => Value::Blob(b.into()),
                    })
                })
                .collect::<rusqlite::Result<Vec<Value>>>()
        })
        .unwrap();
    rows.map(|row| row.unwrap()).collect()
}

/// The value, or another that fits the column: what a value that does not fit undoes, and whether NOT NULL is looked
/// at before, depends in SQLite on how the statement is compiled.
fn fitting(table: &Table, place: usize, value: Value) -> Value {
    let column_type = table.columns.get(place).map_or(ColumnType::Integer, |column| column.column_type);
    match fit(value.as_ref(), column_type) {
        Fitted::Refused if column_type == ColumnType::Integer => Value::Integer(1),
        Fitted::Refused => Value::text("a"),
        _ => value,
    }
}

/// Runs the statements here and in SQLite and compares after each.
fn compare_with_sqlite(schema: &[&str], actions: &[Action]) {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    for sql in schema {
        // There as here, a primary key is not NULL; types are enforced by STRICT.
        let strict = if sql.starts_with("CREATE TABLE") { " STRICT" } else { "" };
        sqlite.execute(&format!("{sql}{strict}"), []).unwrap();
    }
    let mut world = World::new(schema);
    for action in actions {
        let table = world.table();
        let width = table.columns.len() + 1;
        // A table whose row id is a column takes it there alone.
        let given = if table.row_id_column.is_some() { width - 1 } else { width };
        let place = |i: usize| i % given;
        let column = |i: usize| if i < width - 1 { InsertColumn::Column(i) } else { InsertColumn::RowId };
        let action = match action.clone() {
            Action::Insert(rows, on) => {
                let fit = |row: Vec<Value>| {
                    let row = row.into_iter().take(given).enumerate();
                    row.map(|(i, value)| fitting(&table, i, value)).collect()
                };
                Action::Insert(rows.into_iter().map(fit).collect(), on)
            }
            Action::Update(id, set, on) => {
                let mut set: Vec<(usize, Value)> =
                    set.into_iter().map(|(i, v)| (place(i), fitting(&table, place(i), v))).collect();
                set.dedup_by_key(|(i, _)| *i);
                Action::Update(id, set, on)
            }
            Action::UpdateAll(i, v, on) => Action::UpdateAll(place(i), fitting(&table, place(i), v), on),
            other => other,
        };
        let theirs = in_sqlite(&sqlite, &table, &action);
        let ours = match action.clone() {
            Action::Insert(rows, on) => world.insert(&rows, on),
            Action::Update(id, set, on) => {
                let set = set.into_iter().map(|(i, v)| (column(i), Expr::Constant(v))).collect();
                world.update(Some(id), set, on)
            }
            Action::UpdateAll(i, v, on) => world.update(None, vec![(column(i), Expr::Constant(v))], on),
            Action::Delete(id) => world.delete(Some(id)),
            Action::DeleteAll => world.delete(None),
        };
        let ours = ours.map(|written| written.changes);
        let shown = format!("{action:?}: {ours:?}, SQLite {theirs:?}");
        assert_eq!(ours.is_err(), theirs.is_none(), "{shown}");
        assert_eq!(world.rows(), sqlite_rows(&sqlite, &table), "{shown}");
        if let (Ok(ours), Some(theirs)) = (ours, theirs) {
            assert_eq!(ours, theirs, "{shown}");
        }
        world.verify();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_of_sqlite(schema in 0_usize..4, actions in proptest::collection::vec(actions(), 1..25)) {
        compare_with_sqlite(SCHEMAS[schema], &actions);
    }

    #[test]
    fn rows_are_those_of_sqlite_under_conditions(
        schema in 0_usize..2,
        actions in proptest::collection::vec(actions(), 1..25),
    ) {
        compare_with_sqlite(CONDITIONS[schema], &actions);
    }
}

#[test]
fn an_insert_from_its_own_table_ends() {
    let mut world = World::new(&["CREATE TABLE t(a INTEGER, b TEXT)", "CREATE INDEX i ON t(b DESC, a)"]);
    world.insert(&[vec![int(1), Value::text("x")], vec![int(2), Value::text("y")]], None).unwrap();
    let table = world.table();
    for round in 1..=10 {
        let mut plan = find(&table, None);
        plan.root.columns = vec![ColumnId(1000), ColumnId(1001)];
        let mut second = plan.outputs[0].clone();
        second.column = ColumnId(1001);
        plan.outputs.insert(0, second);
        if let Operator::TableScan(scan) = &mut plan.root.operator {
            scan.columns = vec![ScanColumn::Column(1), ScanColumn::Column(0)];
        }
        let written = world.run(WritePlan::Insert {
            target: target(&table),
            columns: vec![InsertColumn::Column(0), InsertColumn::Column(1)],
            source: WriteSource::Query { plan: Box::new(plan), spool: true },
            on_conflict: None,
            upserts: Vec::new(),
            excluded: Vec::new(),
            returning: None,
            expressions: Expressions::default(),
        });
        let rows = 1_i64 << round;
        assert_eq!(written.unwrap(), Written { changes: rows, last_row_id: Some(2 * rows) });
    }
    let rows = world.rows();
    assert_eq!(rows.len(), 2048);
    assert!(rows.iter().enumerate().all(|(i, row)| row[1] == int(i as i64 % 2 + 1)));
    world.verify();
    assert_eq!(world.delete(None).unwrap().changes, 2048);
    assert!(world.rows().is_empty());
    world.verify();
}
