//! Grouping against a model that collects the rows of each group.

use super::Builder;
use crate::exec::Context;
use crate::functions::lookup_aggregate;
use crate::ir::{AggregateCall, ColumnId, CompareOp, Comparison, Expr, SortKey};
use crate::plan::{Node, Operator};
use crate::types::{Collation, TypeSet};
use crate::value::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

type Row = Vec<Value>;

fn node(columns: &[u32], operator: Operator) -> Node {
    Node {
        operator,
        columns: columns.iter().map(|id| ColumnId(*id)).collect(),
        rows: 0.0,
        cost: 0.0,
        figures: None,
    }
}

fn column(id: u32) -> Expr {
    Expr::Column(ColumnId(id), TypeSet::ALL)
}

fn call(name: &str, args: Vec<Expr>) -> AggregateCall {
    AggregateCall {
        function: lookup_aggregate(name, args.len()).unwrap(),
        args,
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        collation: Collation::Binary,
    }
}

fn run(node: &Node) -> Vec<Row> {
    let mut cx = Context::new(Arc::new(AtomicBool::new(false)));
    let mut root = Builder { outer: &[], subplans: &[] }.build(node).unwrap();
    let mut runs: Vec<Vec<Row>> = Vec::new();
    for _ in 0..2 {
        root.reset(&mut cx).unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = root.next(&mut cx).unwrap() {
            for row in batch.selected() {
                rows.push((0..batch.columns.len()).map(|c| batch.get(c, row).to_owned()).collect());
            }
        }
        runs.push(rows);
    }
    assert_eq!(runs[0], runs[1], "a restart gives other rows");
    runs.swap_remove(0)
}

/// Columns 0 (group), 1 (group), 2 (a number), 3 (a text); `texts` makes the first group column text now and then.
fn some_rows(count: i64, texts: bool) -> Vec<Row> {
    let mut seed = 99_u64;
    let mut below = |limit: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) % limit) as i64
    };
    (0..count)
        .map(|i| {
            let group = match below(10) {
                0 => Value::Null,
                1 if texts && i > 1_500 => Value::text("g"),
                2 if texts => Value::Real(below(5) as f64),
                _ => Value::Integer(below(5)),
            };
            let number = if below(6) == 0 { Value::Null } else { Value::Integer(below(40) - 10) };
            vec![group, Value::Integer(below(3)), number, Value::text(format!("t{}", below(9)))]
        })
        .collect()
}

fn values(rows: &[Row]) -> Node {
    let rows = rows.iter().map(|row| row.iter().cloned().map(Expr::Constant).collect()).collect();
    node(&[0, 1, 2, 3], Operator::Values { rows })
}

fn numbers(rows: &[&Row]) -> Vec<i64> {
    rows.iter().filter_map(|row| if let Value::Integer(i) = row[2] { Some(i) } else { None }).collect()
}

/// What the calls of the tests give for the rows of one group.
fn model_calls(rows: &[&Row]) -> Row {
    let all = numbers(rows);
    let mut different = all.clone();
    different.sort_unstable();
    different.dedup();
    let positive: Vec<i64> = all.iter().copied().filter(|i| *i > 0).collect();
    let sum = |of: &[i64]| if of.is_empty() { Value::Null } else { Value::Integer(of.iter().sum()) };
    let mut texts: Vec<(i64, String)> = rows
        .iter()
        .filter_map(|row| match (&row[2], &row[3]) {
            (Value::Integer(i), Value::Text(text)) => Some((*i, text.to_string())),
            _ => None,
        })
        .collect();
    texts.sort_by_key(|(i, _)| -i);
    let joined: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    vec![
        Value::Integer(rows.len() as i64),
        Value::Integer(all.len() as i64),
        sum(&all),
        Value::Integer(different.len() as i64),
        sum(&positive),
        all.iter().max().map_or(Value::Null, |i| Value::Integer(*i)),
        if joined.is_empty() { Value::Null } else { Value::text(joined.join(",")) },
    ]
}

fn is_positive() -> Expr {
    Expr::Compare {
        op: CompareOp::Greater,
        left: Box::new(column(2)),
        right: Box::new(Expr::Constant(Value::Integer(0))),
        rule: Comparison::default(),
    }
}

fn calls() -> Vec<AggregateCall> {
    let not_null = Expr::IsNull { expr: Box::new(column(2)), negated: true };
    let by_number =
        SortKey { expr: column(2), collation: Collation::Binary, descending: true, nulls_first: false };
    vec![
        call("count", Vec::new()),
        call("count", vec![column(2)]),
        call("sum", vec![column(2)]),
        AggregateCall { distinct: true, ..call("count", vec![column(2)]) },
        AggregateCall { filter: Some(is_positive()), ..call("sum", vec![column(2)]) },
        call("max", vec![column(2)]),
        AggregateCall {
            filter: Some(not_null),
            order_by: vec![by_number],
            ..call("group_concat", vec![column(3)])
        },
    ]
}

/// Rows by group in order of first arrival.
fn model_groups(rows: &[Row], keys: usize) -> Vec<(Row, Vec<&Row>)> {
    let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
    for row in rows {
        let key = &row[..keys];
        let same = |group: &Row| group.iter().zip(key).all(|(a, b)| a.as_ref().total_cmp(b.as_ref()).is_eq());
        match groups.iter_mut().find(|(group, _)| same(group)) {
            Some((_, members)) => members.push(row),
            None => groups.push((key.to_vec(), vec![row])),
        }
    }
    groups
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.as_ref().total_cmp(b.as_ref()))
            .find(|o| o.is_ne())
            .unwrap_or(a.len().cmp(&b.len()))
    });
    rows
}

#[test]
fn groups_match_the_model() {
    for texts in [false, true] {
        for count in [0, 1, 50, 4_000] {
            let rows = some_rows(count, texts);
            for keys in [1, 2] {
                let aggregate = node(
                    &(10..10 + keys as u32 + 7).collect::<Vec<_>>(),
                    Operator::Aggregate {
                        input: Box::new(values(&rows)),
                        groups: (0..keys as u32).map(|id| (column(id), Collation::Binary)).collect(),
                        calls: calls(),
                        bare: Vec::new(),
                        bare_from: None,
                        sorted: false,
                    },
                );
                let expected = model_groups(&rows, keys)
                    .into_iter()
                    .map(|(key, members)| [key, model_calls(&members)].concat())
                    .collect();
                assert_eq!(sorted(run(&aggregate)), sorted(expected), "{texts} {count} {keys}");
            }
        }
    }
}

#[test]
fn without_groups_there_is_one_row() {
    for count in [0, 1, 3_000] {
        let rows = some_rows(count, false);
        let aggregate = node(
            &[10, 11, 12, 13, 14, 15, 16, 17],
            Operator::Aggregate {
                input: Box::new(values(&rows)),
                groups: Vec::new(),
                calls: calls(),
                bare: vec![ColumnId(3)],
                bare_from: None,
                sorted: false,
            },
        );
        let mut expected = model_calls(&rows.iter().collect::<Vec<_>>());
        expected.push(rows.first().map_or(Value::Null, |row| row[3].clone()));
        assert_eq!(run(&aggregate), vec![expected]);
    }
}

#[test]
fn bare_columns_come_from_the_row_of_the_max() {
    let rows = some_rows(3_000, false);
    let aggregate = node(
        &[10, 11, 12],
        Operator::Aggregate {
            input: Box::new(values(&rows)),
            groups: vec![(column(0), Collation::Binary)],
            calls: vec![call("max", vec![column(2)])],
            bare: vec![ColumnId(3)],
            bare_from: Some(0),
            sorted: false,
        },
    );
    let expected: Vec<Row> = model_groups(&rows, 1)
        .into_iter()
        .map(|(key, members)| {
            let max = numbers(&members).into_iter().max().unwrap();
            let row = members.iter().find(|row| row[2] == Value::Integer(max)).unwrap();
            vec![key[0].clone(), Value::Integer(max), row[3].clone()]
        })
        .collect();
    assert_eq!(sorted(run(&aggregate)), sorted(expected));
}
