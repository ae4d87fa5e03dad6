//! Bounds of row ids: what a value that a row id is compared with means among 64-bit integers.

use crate::value::ValueRef;

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// The row id that equals `value`, already converted as a comparison with an integer column converts it.
pub(crate) fn equal_row_id(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(integer) => Some(integer),
        // In range and whole, so the cast is exact.
        ValueRef::Real(real) if (-TWO_TO_63..TWO_TO_63).contains(&real) && real.trunc() == real => {
            Some(real as i64)
        }
        ValueRef::Decimal(decimal) => decimal.exact_integer(),
        _ => None,
    }
}

/// The least row id that is greater than `value`, or equal to it where it is `included`.
pub(super) fn first_row_id(value: ValueRef<'_>, included: bool) -> Option<i64> {
    match value {
        ValueRef::Integer(integer) => {
            if included {
                Some(integer)
            } else {
                integer.checked_add(1)
            }
        }
        ValueRef::Real(real) if real < -TWO_TO_63 => Some(i64::MIN),
        ValueRef::Real(real) if real < TWO_TO_63 => match real.ceil() {
            // Rounding up can reach 2^63 only from below it by a fraction, which such reals have not.
            above if above == real && !included => (above as i64).checked_add(1),
            above => Some(above as i64),
        },
        ValueRef::Decimal(decimal) => {
            let (floor, above) = decimal.split();
            let next = if above == 0 && included { floor } else { floor + 1 };
            if next <= i128::from(i64::MIN) { Some(i64::MIN) } else { i64::try_from(next).ok() }
        }
        // NULL compares with nothing; texts and blobs are greater than every number.
        _ => None,
    }
}

/// The greatest row id that is less than `value`, or equal to it where it is `included`.
pub(super) fn last_row_id(value: ValueRef<'_>, included: bool) -> Option<i64> {
    match value {
        ValueRef::Integer(integer) => {
            if included {
                Some(integer)
            } else {
                integer.checked_sub(1)
            }
        }
        ValueRef::Real(real) if real >= TWO_TO_63 => Some(i64::MAX),
        ValueRef::Real(real) if real >= -TWO_TO_63 => match real.floor() {
            below if below == real && !included => (below as i64).checked_sub(1),
            below => Some(below as i64),
        },
        ValueRef::Decimal(decimal) => {
            let (floor, above) = decimal.split();
            let last = if above == 0 && !included { floor - 1 } else { floor };
            if last >= i128::from(i64::MAX) { Some(i64::MAX) } else { i64::try_from(last).ok() }
        }
        ValueRef::Text(_) | ValueRef::Blob(_) => Some(i64::MAX),
        ValueRef::Null | ValueRef::Real(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{equal_row_id, first_row_id, last_row_id};
    use crate::value::ValueRef;

    #[test]
    fn bounds_agree_with_the_order_of_values() {
        let row_ids = [i64::MIN, i64::MIN + 1, -3, -2, -1, 0, 1, 2, 3, i64::MAX - 1, i64::MAX];
        let reals = [-1e300, -9.3e18, -9_223_372_036_854_775_808.0, -2.5, -2.0, -0.0, 0.5, 2.0, 2.5];
        let reals = reals.into_iter().chain([9_223_372_036_854_775_808.0, 1e300]).map(ValueRef::Real);
        let decimals = [
            "-1e20",
            "-9223372036854775808",
            "-9223372036854775808.5",
            "-2.50",
            "2.0",
            "1e20",
            "9223372036854775807.1",
        ];
        let decimals = decimals.into_iter().map(|text| ValueRef::Decimal(text.parse().unwrap()));
        let others = [ValueRef::Text(b"x"), ValueRef::Blob(b"")].into_iter().chain(decimals);
        for value in row_ids.into_iter().map(ValueRef::Integer).chain(reals).chain(others) {
            for row_id in row_ids {
                let order = ValueRef::Integer(row_id).total_cmp(value);
                assert_eq!(equal_row_id(value) == Some(row_id), order.is_eq(), "{row_id} = {value:?}");
                let from = |included| first_row_id(value, included).is_some_and(|first| row_id >= first);
                let to = |included| last_row_id(value, included).is_some_and(|last| row_id <= last);
                assert_eq!([from(false), from(true)], [order.is_gt(), order.is_ge()], "{row_id} {value:?}");
                assert_eq!([to(false), to(true)], [order.is_lt(), order.is_le()], "{row_id} {value:?}");
            }
        }
        for included in [false, true] {
            assert_eq!(first_row_id(ValueRef::Null, included), None);
            assert_eq!(last_row_id(ValueRef::Null, included), None);
        }
    }
}
