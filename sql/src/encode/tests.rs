//! Encodings against the values themselves: what is written is read back, and keys order as values do.

use super::entry::{EntryColumn, EntryLayout, EntryReader};
use super::key::*;
use super::record::*;
use crate::decimal::Decimal;
use crate::types::{Collation, ColumnType, TextForm};
use crate::value::{Value, ValueRef};
use proptest::prelude::*;
use std::cmp::Ordering;

const TYPES: [ColumnType; 9] = [
    ColumnType::Integer,
    ColumnType::Real,
    ColumnType::Text { max_chars: None },
    ColumnType::Blob,
    ColumnType::Any,
    ColumnType::Numeric,
    ColumnType::Boolean,
    ColumnType::Decimal { precision: 28, scale: 9 },
    ColumnType::Formatted(TextForm::Date),
];

fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -300_i64..300,
        (0_u32..64, -2_i64..3).prop_map(|(bits, by)| (1_i64 << bits).wrapping_add(by)),
        (0_u32..64, -2_i64..3).prop_map(|(bits, by)| (1_i64 << bits).wrapping_neg().wrapping_add(by)),
    ]
}

fn reals() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("no NaN", |r| !r.is_nan()),
        integers().prop_map(|i| i as f64),
        (integers(), 1_u32..60).prop_map(|(i, bits)| i as f64 / (1_u64 << bits) as f64),
        Just(-0.0),
        Just(0.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(9_223_372_036_854_775_808.0),
        Just(-9_223_372_036_854_775_808.0),
    ]
}

/// Small and large ones, and neighbours of integers and reals.
fn decimals() -> impl Strategy<Value = Decimal> {
    let parts = (any::<i128>(), 0_u32..94, 0_u8..=28);
    let any_size = parts.prop_map(|(bits, shift, scale)| (bits >> (33 + shift), scale));
    let near_real = (reals(), -2_i128..3).prop_map(|(real, by)| {
        let near = Decimal::from_real(real).unwrap_or(Decimal::ZERO);
        let scale = near.scale().max(20);
        near.rescale(scale).map_or((by, 28), |near| (near.coefficient() + by, scale))
    });
    let near_integer = (integers(), -1_i128..2).prop_map(|(i, by)| (i128::from(i) * 10 + by, 1));
    prop_oneof![any_size, near_real, near_integer]
        .prop_map(|(coefficient, scale)| Decimal::new(coefficient, scale).unwrap_or(Decimal::ZERO))
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[aAbB \u{0}\u{1}\u{2}]{0,6}", "[äÄßİıſK\u{10ffff}a ]{0,4}", any::<String>(), "x{200,400}",]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        4 => integers().prop_map(Value::Integer),
        4 => reals().prop_map(Value::Real),
        4 => decimals().prop_map(Value::Decimal),
        4 => texts().prop_map(Value::text),
        2 => proptest::collection::vec(prop_oneof![0_u8..4, Just(0xff), any::<u8>()], 0..8)
            .prop_map(|bytes| Value::Blob(bytes.into())),
    ]
}

fn collations() -> impl Strategy<Value = Collation> {
    prop_oneof![Just(Collation::Binary), Just(Collation::NoCase), Just(Collation::RTrim)]
}

/// A value that a column of the type holds.
fn fitting(column_type: ColumnType, value: &Value) -> Value {
    match (column_type, value) {
        (ColumnType::Any, value) => value.clone(),
        (ColumnType::Integer, Value::Integer(_))
        | (ColumnType::Real, Value::Real(_))
        | (ColumnType::Text { .. } | ColumnType::Formatted(_), Value::Text(_))
        | (ColumnType::Blob, Value::Blob(_))
        | (ColumnType::Numeric, Value::Integer(_) | Value::Real(_)) => value.clone(),
        (ColumnType::Decimal { scale, .. }, Value::Decimal(d)) => {
            d.round(scale).rescale(scale).map_or(Value::Null, Value::Decimal)
        }
        (ColumnType::Boolean, Value::Integer(i)) => Value::Integer(i & 1),
        _ => Value::Null,
    }
}

/// The text as the collation sees it, by a way of its own.
fn collated(value: &Value, collation: Collation) -> Value {
    match (value, collation) {
        (Value::Text(text), Collation::RTrim) => Value::text(text.trim_end_matches(' ')),
        (Value::Text(text), Collation::NoCase) => Value::text(
            text.chars()
                .map(|c| {
                    let lower = c.to_lowercase().collect::<Vec<char>>();
                    if let [one] = lower[..] { one } else { c }
                })
                .collect::<String>(),
        ),
        _ => value.clone(),
    }
}

fn encoded(value: &Value, collation: Collation, descending: bool) -> Vec<u8> {
    let mut key = Vec::new();
    encode_value(&mut key, value.as_ref(), collation, descending);
    key
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn records_read_back(row in proptest::collection::vec((0_usize..9, values()), 0..40)) {
        let row: Vec<(ColumnType, Value)> =
            row.iter().map(|(t, v)| (TYPES[*t], fitting(TYPES[*t], v))).collect();
        let mut writer = RecordWriter::new();
        let bytes = writer.encode(row.iter().map(|(t, v)| (*t, v.as_ref()))).unwrap().to_vec();
        let view = RecordView::new(&bytes).unwrap();
        prop_assert_eq!(view.columns(), row.len());
        for (i, (column_type, value)) in row.iter().enumerate() {
            prop_assert_eq!(view.get(i, *column_type).unwrap(), value.as_ref());
            match (column_type, value) {
                (ColumnType::Integer | ColumnType::Boolean, Value::Integer(v)) => {
                    prop_assert_eq!(view.integer(i).unwrap(), Some(*v));
                }
                (ColumnType::Real, Value::Real(v)) => {
                    prop_assert_eq!(view.real(i).unwrap().map(f64::to_bits), Some(v.to_bits()));
                }
                _ => {}
            }
        }
        prop_assert_eq!(view.field(row.len()).unwrap(), Field::Missing);
    }

    #[test]
    fn damaged_records_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), first in 0_u8..4) {
        let mut bytes = bytes;
        if let Some(flags) = bytes.first_mut() {
            *flags = first;
        }
        if let Ok(view) = RecordView::new(&bytes) {
            for i in 0..view.columns() + 1 {
                for column_type in TYPES {
                    let _ = view.get(i, column_type);
                }
                let _ = (view.integer(i), view.real(i));
            }
        }
        let mut scratch = Vec::new();
        for descending in [false, true] {
            let mut reader = KeyReader::new(&bytes);
            while reader.read(ColumnType::Any, descending, &mut scratch).is_ok() {}
            let mut reader = KeyReader::new(&bytes);
            while reader.skip(descending).is_ok() {}
        }
    }

    #[test]
    fn keys_order_as_values(a in values(), b in values(), collation in collations()) {
        let expected = collated(&a, collation).as_ref().total_cmp(collated(&b, collation).as_ref());
        prop_assert_eq!(encoded(&a, collation, false).cmp(&encoded(&b, collation, false)), expected);
        prop_assert_eq!(encoded(&a, collation, true).cmp(&encoded(&b, collation, true)), expected.reverse());
    }

    #[test]
    fn composite_keys_order_by_columns(
        columns in proptest::collection::vec((collations(), any::<bool>()), 1..4),
        a in proptest::collection::vec(values(), 3),
        b in proptest::collection::vec(values(), 3),
        equal in 0_usize..3,
        ids in (integers(), integers()),
    ) {
        let mut b = b;
        b[..equal].clone_from_slice(&a[..equal]);
        let layout = EntryLayout::new(columns.iter().map(|(collation, descending)| EntryColumn {
            column_type: ColumnType::Any, collation: *collation, descending: *descending,
        }).collect());
        let mut restore = RecordWriter::new();
        let (mut key_a, mut key_b) = (Vec::new(), Vec::new());
        layout.encode(&mut key_a, &mut restore, a.iter().map(Value::as_ref), ids.0).unwrap();
        layout.encode(&mut key_b, &mut restore, b.iter().map(Value::as_ref), ids.1).unwrap();
        let mut expected = Ordering::Equal;
        for (i, (collation, descending)) in columns.iter().enumerate() {
            let order = collated(&a[i], *collation).as_ref().total_cmp(collated(&b[i], *collation).as_ref());
            expected = expected.then(if *descending { order.reverse() } else { order });
        }
        prop_assert_eq!(key_a.cmp(&key_b), expected.then(ids.0.cmp(&ids.1)));
    }

    #[test]
    fn entries_read_back(
        columns in proptest::collection::vec((0_usize..9, collations(), any::<bool>(), values()), 1..5),
        row_id in integers(),
    ) {
        let layout = EntryLayout::new(columns.iter().map(|(t, collation, descending, _)| EntryColumn {
            column_type: TYPES[*t], collation: *collation, descending: *descending,
        }).collect());
        let row: Vec<Value> = columns.iter().map(|(t, _, _, v)| fitting(TYPES[*t], v)).collect();
        let mut restore = RecordWriter::new();
        let mut key = Vec::new();
        let value =
            layout.encode(&mut key, &mut restore, row.iter().map(Value::as_ref), row_id).unwrap().to_vec();
        let mut reader = EntryReader::new(&key, &value).unwrap();
        let mut scratch = Vec::new();
        prop_assert_eq!(reader.row_id().unwrap(), row_id);
        for (column, expected) in layout.columns().iter().zip(&row) {
            prop_assert_eq!(reader.read(column, &mut scratch).unwrap(), expected.as_ref());
        }
    }

    #[test]
    fn successors_bound_prefixes(prefix in proptest::collection::vec(prop_oneof![Just(0xff), any::<u8>()], 0..5),
                                 tail in proptest::collection::vec(any::<u8>(), 0..4)) {
        let key = [prefix.clone(), tail].concat();
        let mut bound = prefix.clone();
        if prefix_successor(&mut bound) {
            prop_assert!(bound > key && bound > prefix);
        } else {
            prop_assert!(prefix.iter().all(|byte| *byte == 0xff));
        }
    }

    #[test]
    fn row_keys_order(a in integers(), b in integers()) {
        prop_assert_eq!(row_key(a).cmp(&row_key(b)), a.cmp(&b));
        prop_assert_eq!(row_id_of_key(&row_key(a)).unwrap(), a);
    }
}

#[test]
fn integers_are_short() {
    let length = |integer| encoded(&Value::Integer(integer), Collation::Binary, false).len();
    assert_eq!([length(0), length(23), length(-24), length(100), length(-100)], [1, 1, 1, 2, 2]);
    assert_eq!([length(30_000), length(1 << 52), length(1 << 53), length(i64::MIN)], [3, 8, 9, 9]);
}

#[test]
fn a_value_a_column_does_not_hold_is_refused() {
    let mut writer = RecordWriter::new();
    assert!(writer.encode(std::iter::once((ColumnType::Integer, ValueRef::Text(b"x")))).is_err());
}
