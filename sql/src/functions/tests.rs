//! Aggregates against SQLite: one state at a time, and many groups at once over batches of each kind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::exec::accumulate::{Accumulators, Groups};
use crate::exec::vector::VectorBuilder;

fn inputs() -> Vec<Vec<Value>> {
    let int = Value::Integer;
    vec![
        vec![],
        vec![Value::Null, Value::Null],
        vec![int(1), int(2), Value::Null, int(-7)],
        vec![int(i64::MAX), int(1)],
        vec![int(i64::MAX), int(1), int(-5)],
        vec![int(i64::MAX), Value::Real(1.0), int(7)],
        vec![int(i64::MAX), int(i64::MAX), Value::Real(0.5)],
        vec![Value::Real(1e100), Value::Real(1.0), Value::Real(-1e100)],
        vec![Value::Real(0.1); 10],
        vec![Value::Real(f64::INFINITY), Value::Real(1.0)],
        vec![Value::text("3"), Value::text("4.5x"), Value::text("abc"), Value::Null],
        vec![Value::text("5"), int(6), Value::text(" 7 ")],
        vec![Value::Blob(b"12"[..].into()), int(1), Value::text("b"), Value::text("B"), Value::Real(2.5)],
    ]
}

fn sqlite(name: &str, values: &[Value]) -> Option<Value> {
    use rusqlite::types::Value as Theirs;
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t(x ANY) STRICT").unwrap();
    for value in values {
        let value = match value {
            Value::Null => Theirs::Null,
            Value::Integer(i) => Theirs::Integer(*i),
            Value::Real(r) => Theirs::Real(*r),
            Value::Decimal(d) => panic!("SQLite has no decimal {d}"),
            Value::Text(t) => Theirs::Text(t.to_string()),
            Value::Blob(b) => Theirs::Blob(b.to_vec()),
        };
        connection.execute("INSERT INTO t VALUES (?1)", [value]).unwrap();
    }
    let value = connection.query_row(&format!("SELECT {name}(x) FROM t"), [], |row| row.get(0)).ok()?;
    Some(match value {
        Theirs::Null => Value::Null,
        Theirs::Integer(i) => Value::Integer(i),
        Theirs::Real(r) => Value::Real(r),
        Theirs::Text(t) => Value::text(t),
        Theirs::Blob(b) => Value::Blob(b.into()),
    })
}

#[test]
fn aggregates_are_as_in_sqlite() {
    for name in ["count", "sum", "total", "avg", "min", "max", "group_concat"] {
        let function = lookup_aggregate(name, 1).unwrap();
        for values in inputs() {
            let expected = sqlite(name, &values);
            let mut state = function.state(Collation::Binary);
            values.iter().for_each(|value| state.step(&[value.as_ref()]).unwrap());
            assert_eq!(state.finish().ok(), expected, "{name} of {values:?}");

            // The same through the kernels: one group, and every value in each of three groups in turn.
            let mut builder = VectorBuilder::new(TypeSet::EMPTY);
            values.iter().for_each(|value| builder.push(value.as_ref()));
            let vector = Arc::new(builder.finish());
            let mut one = Accumulators::new(&function, Collation::Binary);
            one.grow(1);
            one.update(Groups::One(0), &[Arc::clone(&vector)], values.len(), None, None).unwrap();
            assert_eq!(one.finish(0).ok(), expected, "{name} of {values:?} in one group");

            let mut builder = VectorBuilder::new(TypeSet::EMPTY);
            values.iter().for_each(|value| (0..3).for_each(|_| builder.push(value.as_ref())));
            let groups: Vec<u32> = (0..values.len() as u32 * 3).map(|row| row % 3).collect();
            let selection: Vec<u32> = (0..groups.len() as u32).filter(|row| row % 3 != 1).collect();
            let mut many = Accumulators::new(&function, Collation::Binary);
            many.grow(3);
            let args = [Arc::new(builder.finish())];
            many.update(Groups::Each(&groups), &args, groups.len(), Some(&selection), None).unwrap();
            assert_eq!(many.finish(0).ok(), expected, "{name} of {values:?} in groups");
            assert_eq!(many.finish(2).ok(), expected, "{name} of {values:?} in groups");
            assert_eq!(many.finish(1).ok(), sqlite(name, &[]), "{name} of nothing");
        }
    }
}

#[test]
fn min_tells_which_rows_it_took() {
    let function = lookup_aggregate("MIN", 1).unwrap();
    let mut states = Accumulators::new(&function, Collation::Binary);
    states.grow(1);
    let vector = Arc::new(crate::exec::vector::Vector::from_ints(vec![5, 7, 3, 3, 4]));
    let mut replaced = Vec::new();
    states.update(Groups::One(0), &[vector], 5, None, Some(&mut replaced)).unwrap();
    assert_eq!(replaced, [(0, 0), (0, 2)]);
}

#[test]
fn names_are_found_in_any_case_and_by_number_of_arguments() {
    assert!(lookup_scalar("SubStr", 3).is_some());
    assert!(lookup_scalar("substr", 4).is_none());
    assert!(lookup_scalar("max", 1).is_none() && lookup_aggregate("max", 1).is_some());
    assert_eq!(lookup_aggregate("count", 0).unwrap().0.kind, AggregateKind::CountRows);
    assert!(is_function("TOTAL") && !is_function("totals"));
    assert!(function_names().any(|name| name == "printf"));
}
