//! Scans, lookups and whole executions over tables in a store in memory, against the rows themselves.

use crate::catalog::{Column, Index, IndexColumn, IndexKey, IndexOrigin, Table, TableKind};
use crate::databases::{DatabaseId, WriteTransaction};
use crate::encode::{EntryLayout, RecordWriter, row_key};
use crate::exec::Execution;
use crate::ir::{ColumnId, CompareOp, Comparison, Expr, JoinKind, Output};
use crate::parser::OnConflict;
use crate::plan::{IndexRange, IndexScan, Node, Operator, Plan, RowIdRange, ScanColumn, TableScan};
use crate::types::{Affinity, Collation, ColumnType, TypeSet};
use crate::value::Value;
use sedge_storage::{Options, Store, TreeKind};
use std::sync::Arc;
use std::time::Duration;

type Row = Vec<Value>;

/// A table `t(id INTEGER PRIMARY KEY, n INTEGER, r REAL, s TEXT, x ANY)` and its rows, with an index on (n, s DESC)
/// and a unique one on (s, n).
struct Fixture {
    store: Store,
    table: Arc<Table>,
    rows: Vec<Row>,
}

fn column(name: &str, column_type: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declared: None,
        not_null: None,
        default: None,
        collation: Collation::Binary,
        generated: None,
    }
}

fn fixture(rows: Vec<Row>) -> Fixture {
    let store = Store::open_in_memory(&Options::default()).unwrap();
    let mut txn = WriteTransaction::from(store.begin_write(Duration::ZERO).unwrap());
    let root = txn.create_tree(DatabaseId::MAIN, TreeKind::Table).unwrap();
    let index = |name: &str, root, unique, columns: &[(usize, bool)]| {
        Arc::new(Index {
            name: name.to_owned(),
            table: "t".to_owned(),
            root,
            columns: columns
                .iter()
                .map(|(place, descending)| IndexColumn {
                    key: IndexKey::Column(*place),
                    collation: Collation::Binary,
                    descending: *descending,
                })
                .collect(),
            tail: Vec::new(),
            unique,
            on_conflict: OnConflict::Abort,
            filter: None,
            origin: IndexOrigin::Create,
            constraint: None,
            sql: None,
        })
    };
    let indexes = vec![
        index(
            "by_n",
            txn.create_tree(DatabaseId::MAIN, TreeKind::Index).unwrap(),
            false,
            &[(1, false), (3, true)],
        ),
        index(
            "by_s",
            txn.create_tree(DatabaseId::MAIN, TreeKind::Index).unwrap(),
            true,
            &[(3, false), (1, false)],
        ),
    ];
    let table = Arc::new(Table {
        name: "t".to_owned(),
        root,
        columns: vec![
            column("id", ColumnType::Integer),
            column("n", ColumnType::Integer),
            column("r", ColumnType::Real),
            column("s", ColumnType::Text { max_chars: None }),
            column("x", ColumnType::Any),
        ],
        row_id_column: Some(0),
        primary_key: vec![0],
        row_id_conflict: OnConflict::Abort,
        kind: TableKind::RowId,
        primary: None,
        autoincrement: false,
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes,
        sql: String::new(),
    });
    let (mut record, mut restore, mut key) = (RecordWriter::new(), RecordWriter::new(), Vec::new());
    for row in &rows {
        let Value::Integer(id) = row[0] else { panic!("a row without an id") };
        let stored = table.columns.iter().enumerate().map(|(i, column)| {
            (column.column_type, if i == 0 { Value::Null.as_ref() } else { row[i].as_ref() })
        });
        let bytes = record.encode(stored).unwrap();
        assert!(txn.insert(root, &row_key(id), bytes).unwrap());
        for index in &table.indexes {
            let values = index.columns.iter().map(|column| match &column.key {
                IndexKey::Column(place) => row[*place].as_ref(),
                IndexKey::Expression(_) => unreachable!(),
            });
            let value = EntryLayout::of(&table, index).encode(&mut key, &mut restore, values, id).unwrap();
            assert!(txn.insert(index.root, &key, value).unwrap());
        }
    }
    txn.commit().unwrap();
    Fixture { store, table, rows }
}

/// Rows with gaps between their ids, NULLs, duplicates, and now and then a text longer than a page.
fn some_rows(count: i64) -> Vec<Row> {
    (0..count)
        .map(|i| {
            let text = if i % 97 == 50 { "long ".repeat(3_000) } else { format!("s{}", i % 50) };
            vec![
                Value::Integer(i * 3 - 100),
                if i % 11 == 0 { Value::Null } else { Value::Integer(i % 23 - 5) },
                if i % 7 == 0 { Value::Null } else { Value::Real(i as f64 / 4.0) },
                if i % 13 == 0 { Value::Null } else { Value::text(text) },
                match i % 4 {
                    0 => Value::Null,
                    1 => Value::Integer(i),
                    2 => Value::Real(i as f64 / 2.0),
                    _ => Value::text(format!("x{i}")),
                },
            ]
        })
        .collect()
}

fn col(id: u32) -> Expr {
    Expr::Column(ColumnId(id), TypeSet::ALL)
}

/// What a test may write as a constant.
trait Constant {
    fn constant(self) -> Value;
}

impl Constant for i64 {
    fn constant(self) -> Value {
        Value::Integer(self)
    }
}

impl Constant for f64 {
    fn constant(self) -> Value {
        Value::Real(self)
    }
}

impl Constant for &str {
    fn constant(self) -> Value {
        Value::text(self)
    }
}

fn value(value: impl Constant) -> Expr {
    Expr::Constant(value.constant())
}

fn node(columns: std::ops::Range<u32>, operator: Operator) -> Node {
    Node { operator, columns: columns.map(ColumnId).collect(), rows: 0.0, cost: 0.0, figures: None }
}

fn plan(root: Node, outer: Vec<ColumnId>) -> Arc<Plan> {
    let output = |column: &ColumnId| Output {
        column: *column,
        name: format!("c{}", column.0),
        types: TypeSet::ALL,
        affinity: Affinity::None,
        collation: Collation::Binary,
        column_type: None,
        origin: None,
    };
    Arc::new(Plan { outputs: root.columns.iter().map(output).collect(), root, subplans: Vec::new(), outer })
}

fn all(execution: &mut Execution, width: usize, store: &Store) -> Vec<Row> {
    execution.start(store.snapshot().into()).unwrap();
    let mut rows = Vec::new();
    while execution.step().unwrap() {
        rows.push((0..width).map(|column| execution.value(column).to_owned()).collect());
    }
    assert!(!execution.step().unwrap());
    rows
}

impl Fixture {
    /// The rows of a plan, which must be the same when it runs again.
    fn run(&self, root: Node, outer: Vec<ColumnId>) -> Vec<Row> {
        let width = root.columns.len();
        let mut execution = Execution::new(plan(root, outer)).unwrap();
        let rows = all(&mut execution, width, &self.store);
        assert_eq!(all(&mut execution, width, &self.store), rows, "a second run gives other rows");
        rows
    }

    fn table_scan(&self, range: RowIdRange, filter: Option<Expr>, reverse: bool) -> Node {
        self.table_scan_at(0, range, filter, reverse)
    }

    fn table_scan_at(&self, first: u32, range: RowIdRange, filter: Option<Expr>, reverse: bool) -> Node {
        let columns = (0..5).map(ScanColumn::Column).chain([ScanColumn::RowId]).collect();
        let table = Arc::clone(&self.table);
        let scan = TableScan { table, columns, range, filter, reverse, alias: "t".to_owned() };
        node(first..first + 6, Operator::TableScan(scan))
    }

    fn index_scan(
        &self,
        first: u32,
        index: usize,
        ranges: Vec<IndexRange>,
        covering: bool,
        reverse: bool,
    ) -> Node {
        let columns = if covering {
            vec![ScanColumn::Column(0), ScanColumn::Column(1), ScanColumn::Column(3)]
        } else {
            (0..5).map(ScanColumn::Column).collect()
        };
        let width = columns.len() as u32;
        let scan = IndexScan {
            table: Arc::clone(&self.table),
            index: Arc::clone(&self.table.indexes[index]),
            columns,
            covering,
            ranges,
            filter: None,
            reverse,
            alias: "t".to_owned(),
        };
        node(first..first + width, Operator::IndexScan(scan))
    }

    /// The rows that a filter keeps, with the row id behind them.
    fn expected(&self, keep: impl Fn(&Row) -> bool) -> Vec<Row> {
        let rows = self.rows.iter().filter(|row| keep(row));
        rows.map(|row| [row.clone(), vec![row[0].clone()]].concat()).collect()
    }
}

fn id(row: &Row) -> i64 {
    if let Value::Integer(id) = row[0] { id } else { panic!("a row without an id") }
}

fn reversed(mut rows: Vec<Row>) -> Vec<Row> {
    rows.reverse();
    rows
}

#[test]
fn table_scans_give_the_rows_in_their_range() {
    let fixture = fixture(some_rows(3_000));
    type Bound = Option<(Expr, bool)>;
    type Case = (Bound, Bound, fn(i64) -> bool);
    let bounds: [Case; 8] = [
        (None, None, |_| true),
        (Some((value(2_000), true)), None, |id| id >= 2_000),
        (Some((value(2_000), false)), Some((value(2_600), true)), |id| id > 2_000 && id <= 2_600),
        (None, Some((value(50.5), false)), |id| id <= 50),
        (Some((value("17"), false)), Some((value("x"), false)), |id| id > 17),
        (Some((value(1e30), true)), None, |_| false),
        (None, Some((Expr::Constant(Value::Null), true)), |_| false),
        (Some((value(9), true)), Some((value(5), true)), |_| false),
    ];
    for (lower, upper, keep) in bounds {
        let expected = fixture.expected(|row| keep(id(row)));
        for reverse in [false, true] {
            let scan = fixture.table_scan(RowIdRange::Between(lower.clone(), upper.clone()), None, reverse);
            let expected = if reverse { reversed(expected.clone()) } else { expected.clone() };
            assert!(fixture.run(scan, Vec::new()) == expected, "{lower:?} {upper:?} {reverse}");
        }
    }
    let few =
        [value(20), value("23"), value(2.5), value(20), Expr::Constant(Value::Null), value(-100), value(21)];
    let expected = fixture.expected(|row| [-100, 20, 23].contains(&id(row)));
    for reverse in [false, true] {
        let scan = fixture.table_scan(RowIdRange::OneOf(few.to_vec()), None, reverse);
        let expected = if reverse { reversed(expected.clone()) } else { expected.clone() };
        assert_eq!(fixture.run(scan, Vec::new()), expected);
    }
}

#[test]
fn filters_of_scans_read_their_columns_first() {
    let fixture = fixture(some_rows(3_000));
    let filter = Expr::Compare {
        op: CompareOp::GreaterOrEqual,
        left: Box::new(col(1)),
        right: Box::new(value(15)),
        rule: Comparison::default(),
    };
    let expected = fixture.expected(|row| matches!(row[1], Value::Integer(n) if n >= 15));
    assert!(!expected.is_empty());
    let scan = fixture.table_scan(RowIdRange::All, Some(filter), false);
    assert!(fixture.run(scan, Vec::new()) == expected);
    let none = Expr::Constant(Value::Integer(0));
    assert!(fixture.run(fixture.table_scan(RowIdRange::All, Some(none), false), Vec::new()).is_empty());
}

fn range(equal: Vec<Expr>, lower: Option<(Expr, bool)>, upper: Option<(Expr, bool)>) -> IndexRange {
    IndexRange { null_safe: vec![false; equal.len()], equal, lower, upper }
}

#[test]
fn index_scans_give_the_entries_in_their_ranges() {
    let fixture = fixture(some_rows(2_000));
    let n = |row: &Row| if let Value::Integer(n) = row[1] { Some(n) } else { None };
    let null_safe =
        IndexRange { null_safe: vec![true], ..range(vec![Expr::Constant(Value::Null)], None, None) };
    let text = |row: &Row| row[3].clone();
    type Keep<'a> = Box<dyn Fn(&Row) -> bool + 'a>;
    type Case<'a> = (Vec<IndexRange>, Keep<'a>);
    let cases: Vec<Case<'_>> = vec![
        (vec![IndexRange::default()], Box::new(|_| true)),
        (vec![range(vec![value(4)], None, None)], Box::new(|row| n(row) == Some(4))),
        (vec![range(vec![value("4")], None, None)], Box::new(|row| n(row) == Some(4))),
        (vec![range(vec![value(4.5)], None, None)], Box::new(|_| false)),
        (vec![range(vec![value("four")], None, None)], Box::new(|_| false)),
        (vec![range(vec![Expr::Constant(Value::Null)], None, None)], Box::new(|_| false)),
        (vec![null_safe], Box::new(|row| row[1].is_null())),
        (vec![range(vec![], Some((value(4.5), false)), None)], Box::new(|row| n(row) > Some(4))),
        (vec![range(vec![], None, Some((value(0), true)))], Box::new(|row| n(row).is_some_and(|n| n <= 0))),
        (
            vec![range(vec![value(3)], Some((value("s2"), true)), Some((value("s4"), false)))],
            Box::new(|row| {
                n(row) == Some(3) && text(row) != Value::Null && {
                    let Value::Text(s) = text(row) else { return false };
                    &*s >= "s2" && &*s < "s4"
                }
            }),
        ),
        (
            vec![
                range(vec![value(9)], None, None),
                range(vec![value(1)], None, None),
                range(vec![], Some((value(8), true)), Some((value(10), true))),
            ],
            Box::new(|row| matches!(n(row), Some(1 | 8 | 9 | 10))),
        ),
    ];
    for (place, (ranges, keep)) in cases.into_iter().enumerate() {
        let mut expected: Vec<Row> = fixture.rows.iter().filter(|row| keep(row)).cloned().collect();
        // By n, then s descending with NULLs last, then row id.
        expected.sort_by(|a, b| {
            a[1].as_ref()
                .total_cmp(b[1].as_ref())
                .then_with(|| b[3].as_ref().total_cmp(a[3].as_ref()))
                .then_with(|| id(a).cmp(&id(b)))
        });
        for reverse in [false, true] {
            let expected = if reverse { reversed(expected.clone()) } else { expected.clone() };
            let scan = fixture.index_scan(0, 0, ranges.clone(), false, reverse);
            assert!(fixture.run(scan, Vec::new()) == expected, "case {place} {reverse}");
            let covering = fixture.index_scan(0, 0, ranges.clone(), true, reverse);
            let expected: Vec<Row> =
                expected.iter().map(|row| vec![row[0].clone(), row[1].clone(), row[3].clone()]).collect();
            assert!(fixture.run(covering, Vec::new()) == expected, "covering case {place} {reverse}");
        }
    }
}

/// Left rows of one column, the constants given.
fn left_values(values: &[Value]) -> Node {
    let rows = values.iter().map(|value| vec![Expr::Constant(value.clone())]).collect();
    node(100..101, Operator::Values { rows })
}

#[test]
fn lookup_joins_find_partners_by_row_id_and_index() {
    let fixture = fixture(some_rows(1_500));
    let keys = [5, 2, 8, -100, 1_000_000].map(Value::Integer);
    let keys: Vec<Value> =
        keys.into_iter().chain([Value::Null, Value::text("2"), Value::Real(2.5)]).collect();
    let as_integer = |key: &Value| match key {
        Value::Integer(i) => Some(*i),
        Value::Text(_) => Some(2),
        _ => None,
    };
    for by_row_id in [true, false] {
        for filtered in [false, true] {
            for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
                let outer = col(100);
                let filter = filtered.then(|| Expr::IsNull { expr: Box::new(col(2)), negated: true });
                let mut right = if by_row_id {
                    fixture.table_scan(RowIdRange::OneOf(vec![outer]), None, false)
                } else {
                    fixture.index_scan(0, 0, vec![range(vec![outer], None, None)], false, false)
                };
                match &mut right.operator {
                    Operator::TableScan(scan) => scan.filter = filter,
                    Operator::IndexScan(scan) => scan.filter = filter,
                    _ => unreachable!(),
                }
                let existence = matches!(kind, JoinKind::Semi | JoinKind::Anti);
                let mut columns = vec![ColumnId(100)];
                if !existence {
                    columns.extend([ColumnId(0), ColumnId(3)]);
                }
                let join = Node {
                    columns,
                    ..node(
                        0..0,
                        Operator::NestedLoopJoin {
                            kind,
                            left: Box::new(left_values(&keys)),
                            right: Box::new(right),
                            outer: vec![ColumnId(100)],
                            on: None,
                        },
                    )
                };
                let mut expected = Vec::new();
                for key in &keys {
                    let mut found: Vec<&Row> = fixture
                        .rows
                        .iter()
                        .filter(|row| {
                            as_integer(key)
                                .is_some_and(|key| row[usize::from(!by_row_id)] == Value::Integer(key))
                        })
                        .filter(|row| !filtered || !row[2].is_null())
                        .collect();
                    found.sort_by(|a, b| b[3].as_ref().total_cmp(a[3].as_ref()).then(id(a).cmp(&id(b))));
                    match kind {
                        JoinKind::Semi if !found.is_empty() => expected.push(vec![key.clone()]),
                        JoinKind::Anti if found.is_empty() => expected.push(vec![key.clone()]),
                        JoinKind::Left if found.is_empty() => {
                            expected.push(vec![key.clone(), Value::Null, Value::Null]);
                        }
                        _ => {}
                    }
                    if !existence {
                        expected.extend(found.iter().map(|r| vec![key.clone(), r[0].clone(), r[3].clone()]));
                    }
                }
                let rows = fixture.run(join, vec![ColumnId(100)]);
                assert_eq!(rows, expected, "row id {by_row_id} filtered {filtered} {kind:?}");
            }
        }
    }
}

#[test]
fn the_point_path_gives_what_the_operators_give() {
    let fixture = fixture(some_rows(500));
    let expr = Expr::Concat(vec![col(3), value("!")]);
    for key in
        [value(20), value("23"), value(21), value(2.5), Expr::Constant(Value::Null), Expr::Parameter(0)]
    {
        let parameter = Value::Integer(-100);
        let expected_id = match &key {
            Expr::Constant(Value::Integer(i)) => *i,
            Expr::Constant(Value::Text(_)) => 23,
            Expr::Parameter(_) => -100,
            _ => i64::MAX,
        };
        let scan = fixture.table_scan(RowIdRange::OneOf(vec![key]), None, false);
        let project = Node {
            columns: vec![ColumnId(50), ColumnId(51)],
            ..node(0..0, Operator::Project { input: Box::new(scan), exprs: vec![expr.clone(), col(4)] })
        };
        let mut execution = Execution::new(plan(project, Vec::new())).unwrap();
        for _ in 0..2 {
            execution.context_mut().parameters.clear();
            execution.context_mut().parameters.push(parameter.as_ref());
            let rows = all(&mut execution, 2, &fixture.store);
            let expected: Vec<Row> = fixture
                .rows
                .iter()
                .filter(|row| id(row) == expected_id)
                .map(|row| {
                    let text = match &row[3] {
                        Value::Text(text) => Value::text(format!("{text}!")),
                        _ => Value::Null,
                    };
                    vec![text, row[4].clone()]
                })
                .collect();
            assert_eq!(rows, expected);
        }
    }
    // A unique index whose columns are all given.
    let row = &fixture.rows[60];
    let keys = vec![Expr::Constant(row[3].clone()), Expr::Constant(row[1].clone())];
    let found =
        fixture.run(fixture.index_scan(0, 1, vec![range(keys, None, None)], false, false), Vec::new());
    assert!(found.iter().all(|found| found[3] == row[3] && found[1] == row[1]));
    assert_eq!(found.len(), 1);
    let none = vec![Expr::Constant(row[3].clone()), Expr::Constant(Value::Null)];
    let scan = fixture.index_scan(0, 1, vec![range(none, None, None)], false, false);
    assert!(fixture.run(scan, Vec::new()).is_empty());
}

#[test]
fn a_run_sees_its_snapshot_only() {
    let fixture = fixture(some_rows(10));
    let scan = fixture.table_scan(RowIdRange::All, None, false);
    let mut execution = Execution::new(plan(scan, Vec::new())).unwrap();
    execution.start(fixture.store.snapshot().into()).unwrap();
    let mut txn = WriteTransaction::from(fixture.store.begin_write(Duration::ZERO).unwrap());
    assert!(txn.delete(fixture.table.root, &row_key(-100)).unwrap());
    txn.commit().unwrap();
    let mut rows = 0;
    while execution.step().unwrap() {
        rows += 1;
    }
    assert_eq!(rows, 10);
    assert_eq!(all(&mut execution, 6, &fixture.store).len(), 9);
}
