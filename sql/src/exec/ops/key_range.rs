//! Ranges of index keys as bytes: what an index scan visits, from the values that bound it.
//!
//! A range is `low <= key < high`. Values are first converted as the comparison with the column would convert them;
//! then the encoding's order does the rest: a text bounds a column of numbers as SQLite orders them, NULLs are left
//! out of ranges with a bound, and a DESC column exchanges the ends.

use crate::encode::{EntryColumn, encode_value, prefix_successor};
use crate::value::ValueRef;

/// Keys from `low` up to but not including `high`; without an end if `unbounded`.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyRange {
    pub(super) low: Vec<u8>,
    pub(super) high: Vec<u8>,
    pub(super) unbounded: bool,
}

impl KeyRange {
    /// True if `key` is not beyond the end.
    #[inline]
    pub(super) fn ends_after(&self, key: &[u8]) -> bool {
        self.unbounded || key < self.high.as_slice()
    }
}

/// A bound of a column in terms of its values, and whether it is included.
pub(super) type Bound<'v> = Option<(ValueRef<'v>, bool)>;

/// A set of ranges whose buffers are reused from run to run.
#[derive(Debug, Default)]
pub(super) struct KeyRanges {
    ranges: Vec<KeyRange>,
    count: usize,
}

impl KeyRanges {
    /// Forgets all ranges and keeps their buffers.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// The ranges; after [`KeyRanges::merge`] they are in order and apart.
    pub(super) fn as_slice(&self) -> &[KeyRange] {
        self.ranges.get(..self.count).unwrap_or_default()
    }

    /// Begins a range: the caller appends the columns known to be equal to the buffer given, then calls
    /// [`KeyRanges::close`]. A range begun and not closed does not count.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        if self.count == self.ranges.len() {
            self.ranges.push(KeyRange::default());
        }
        let range = &mut self.ranges[self.count]; // One was pushed if there was none.
        range.low.clear();
        range.high.clear();
        range.unbounded = false;
        &mut range.low
    }

    /// Ends the range begun last by the bounds of the column after the equal ones. A NULL bound leaves nothing.
    pub(super) fn close(&mut self, column: Option<&EntryColumn>, lower: Bound<'_>, upper: Bound<'_>) {
        let Some(range) = self.ranges.get_mut(self.count) else { return };
        let is_null = |bound: &Bound<'_>| matches!(bound, Some((value, _)) if value.is_null());
        if is_null(&lower) || is_null(&upper) {
            return;
        }
        let KeyRange { low, high, unbounded } = range;
        high.extend_from_slice(low);
        let mut is_empty = false;
        match column {
            Some(column) if lower.is_some() || upper.is_some() => {
                let encode = |key: &mut Vec<u8>, value: ValueRef<'_>| {
                    encode_value(key, value, column.collation, column.descending);
                };
                // In the order of bytes a DESC column runs from its upper bound to its lower one, NULLs last.
                let (first, last) = if column.descending { (upper, lower) } else { (lower, upper) };
                match first {
                    Some((value, included)) => {
                        encode(low, value);
                        is_empty = !included && !prefix_successor(low);
                    }
                    None if !column.descending => {
                        encode(low, ValueRef::Null);
                        is_empty = !prefix_successor(low);
                    }
                    None => {}
                }
                match last {
                    Some((value, included)) => {
                        encode(high, value);
                        *unbounded = included && !prefix_successor(high);
                    }
                    None if column.descending => encode(high, ValueRef::Null),
                    None => *unbounded = !prefix_successor(high),
                }
            }
            _ => *unbounded = !prefix_successor(high),
        }
        if !is_empty && (*unbounded || *low < *high) {
            self.count += 1;
        }
    }

    /// Puts the ranges in order and joins those that overlap, so that each key is visited once.
    pub(super) fn merge(&mut self) {
        if self.count < 2 {
            return;
        }
        let ranges = self.ranges.get_mut(..self.count).unwrap_or_default();
        ranges.sort_unstable_by(|a, b| a.low.cmp(&b.low));
        let mut kept = 0;
        for i in 1..ranges.len() {
            let (before, from) = ranges.split_at_mut(i);
            // `kept` is less than `i`, and `from` starts at `i`.
            let (last, next) = (&mut before[kept], &mut from[0]);
            if last.unbounded || next.low <= last.high {
                if next.unbounded || (!last.unbounded && next.high > last.high) {
                    std::mem::swap(&mut last.high, &mut next.high);
                    last.unbounded |= next.unbounded;
                }
            } else {
                kept += 1;
                ranges.swap(kept, i);
            }
        }
        self.count = kept + 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Bound, KeyRanges};
    use crate::encode::{EntryColumn, encode_value};
    use crate::types::{Collation, ColumnType};
    use crate::value::Value;

    fn column(descending: bool) -> EntryColumn {
        EntryColumn { column_type: ColumnType::Any, collation: Collation::Binary, descending }
    }

    /// Every combination of bounds over a few values, in both directions, against the comparison itself.
    #[test]
    fn ranges_hold_what_the_bounds_say() {
        let values = [
            Value::Null,
            Value::Integer(-5),
            Value::Integer(2),
            Value::Real(2.5),
            Value::Integer(i64::MAX),
            Value::text(""),
            Value::text("a"),
            Value::Blob([0xff, 0xff].into()),
        ];
        let mut bounds: Vec<Option<(usize, bool)>> = vec![None];
        for i in 0..values.len() {
            bounds.extend([Some((i, true)), Some((i, false))]);
        }
        for descending in [false, true] {
            let column = column(descending);
            for lower in &bounds {
                for upper in &bounds {
                    let value_of = |bound: &Option<(usize, bool)>| -> Bound<'_> {
                        bound.map(|(i, included)| (values[i].as_ref(), included))
                    };
                    let mut ranges = KeyRanges::default();
                    encode_value(ranges.begin(), Value::Integer(7).as_ref(), Collation::Binary, false);
                    ranges.close(Some(&column), value_of(lower), value_of(upper));
                    for value in &values {
                        let within = |bound: &Option<(usize, bool)>, is_lower: bool| match bound {
                            None => true,
                            Some((i, included)) => {
                                let order = value.as_ref().total_cmp(values[*i].as_ref());
                                !values[*i].is_null()
                                    && ((*included && order.is_eq())
                                        || (if is_lower { order.is_gt() } else { order.is_lt() }))
                            }
                        };
                        let bounded = lower.is_some() || upper.is_some();
                        let expected =
                            within(lower, true) && within(upper, false) && !(bounded && value.is_null());
                        let mut key = Vec::new();
                        encode_value(&mut key, Value::Integer(7).as_ref(), Collation::Binary, false);
                        encode_value(&mut key, value.as_ref(), Collation::Binary, descending);
                        key.extend_from_slice(&[0xff; 8]);
                        let found = ranges.as_slice().iter().any(|r| r.low <= key && r.ends_after(&key));
                        assert_eq!(found, expected, "{value:?} {lower:?} {upper:?} {descending}");
                    }
                }
            }
        }
    }

    #[test]
    fn overlapping_ranges_are_joined() {
        let mut ranges = KeyRanges::default();
        for (low, high) in [(30, 40), (1, 3), (2, 9), (9, 9), (35, 36), (50, 60)] {
            let _ = ranges.begin();
            ranges.close(
                Some(&column(false)),
                Some((Value::Integer(low).as_ref(), true)),
                Some((Value::Integer(high).as_ref(), true)),
            );
        }
        ranges.merge();
        let count = |value: i64| {
            let mut key = Vec::new();
            encode_value(&mut key, Value::Integer(value).as_ref(), Collation::Binary, false);
            ranges.as_slice().iter().filter(|r| r.low <= key && r.ends_after(&key)).count()
        };
        for value in 0..70 {
            let expected =
                (1..=9).contains(&value) || (30..=40).contains(&value) || (50..=60).contains(&value);
            assert_eq!(count(value), usize::from(expected), "{value}");
        }
        assert_eq!(ranges.as_slice().len(), 3);
    }
}
