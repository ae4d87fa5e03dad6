//! Kernels: the loops over plain numbers and texts that make batches pay. Each answers only for operands whose
//! kinds it knows, and leaves everything else to the scalar bodies.
//!
//! A kernel computes all rows of a batch, selected or not: nothing here can raise, and a straight loop over a
//! thousand numbers costs less than picking some of them.

use crate::exec::vector::{Nulls, Numbers, Vector, Views};
use crate::functions::fold::trim_spaces;
use crate::ir::{ArithmeticOp, CompareOp, Comparison};
use crate::types::{Affinity, Collation};
use crate::value::Value;
use std::cmp::Ordering;

/// One operand: a number a row, or one for all.
#[derive(Clone, Copy)]
enum Side<'a, T> {
    Each(&'a [T]),
    One(T),
}

impl<T: Copy + Default> Side<'_, T> {
    #[inline(always)]
    fn at(self, row: usize) -> T {
        match self {
            Side::Each(values) => values.get(row).copied().unwrap_or_default(),
            Side::One(value) => value,
        }
    }
}

type Mask<'a> = Option<&'a [bool]>;

fn ints(vector: &Vector) -> Option<(Side<'_, i64>, Mask<'_>)> {
    match vector {
        Vector::Int(numbers) => Some((Side::Each(&numbers.values), numbers.nulls.as_deref())),
        Vector::Constant(Value::Integer(i), _) => Some((Side::One(*i), None)),
        _ => None,
    }
}

/// Reals, or integers made reals; `converted` keeps these.
fn reals<'a>(vector: &'a Vector, converted: &'a mut Vec<f64>) -> Option<(Side<'a, f64>, Mask<'a>)> {
    match vector {
        Vector::Real(numbers) => Some((Side::Each(&numbers.values), numbers.nulls.as_deref())),
        Vector::Constant(Value::Real(r), _) => Some((Side::One(*r), None)),
        Vector::Constant(Value::Integer(i), _) => Some((Side::One(*i as f64), None)),
        Vector::Int(numbers) => {
            converted.extend(numbers.values.iter().map(|i| *i as f64));
            Some((Side::Each(converted), numbers.nulls.as_deref()))
        }
        _ => None,
    }
}

fn merge(left: Mask<'_>, right: Mask<'_>) -> Nulls {
    match (left, right) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.to_vec()),
        (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a | b).collect()),
    }
}

fn zip<T: Copy, R>(rows: usize, left: Side<'_, T>, right: Side<'_, T>, f: impl Fn(T, T) -> R) -> Vec<R> {
    match (left, right) {
        (Side::Each(a), Side::Each(b)) => a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect(),
        (Side::Each(a), Side::One(b)) => a.iter().map(|a| f(*a, b)).collect(),
        (Side::One(a), Side::Each(b)) => b.iter().map(|b| f(a, *b)).collect(),
        (Side::One(a), Side::One(b)) => (0..rows).map(|_| f(a, b)).collect(),
    }
}

/// As [`zip`], for an operation that may overflow: then there is no result.
fn zip_checked(
    left: Side<'_, i64>,
    right: Side<'_, i64>,
    rows: usize,
    f: impl Fn(i64, i64) -> (i64, bool),
) -> Option<Vec<i64>> {
    let mut values = Vec::with_capacity(rows);
    let mut overflow = false;
    match (left, right) {
        (Side::Each(a), Side::Each(b)) => values.extend(a.iter().zip(b).map(|(a, b)| {
            let (value, over) = f(*a, *b);
            overflow |= over;
            value
        })),
        (Side::Each(a), Side::One(b)) => values.extend(a.iter().map(|a| {
            let (value, over) = f(*a, b);
            overflow |= over;
            value
        })),
        (Side::One(a), Side::Each(b)) => values.extend(b.iter().map(|b| {
            let (value, over) = f(a, *b);
            overflow |= over;
            value
        })),
        (Side::One(_), Side::One(_)) => return None,
    }
    (!overflow).then_some(values)
}

/// Arithmetic over numbers; `None` where an operand is of another kind, an integer overflows (the result is then
/// partly real), or there is no kernel.
pub(crate) fn arithmetic(op: ArithmeticOp, left: &Vector, right: &Vector, rows: usize) -> Option<Vector> {
    use ArithmeticOp as Op;
    if let (Some((a, a_nulls)), Some((b, b_nulls))) = (ints(left), ints(right)) {
        let values = match (op, b) {
            (Op::Add, _) => zip_checked(a, b, rows, i64::overflowing_add),
            (Op::Subtract, _) => zip_checked(a, b, rows, i64::overflowing_sub),
            (Op::Multiply, _) => zip_checked(a, b, rows, i64::overflowing_mul),
            (Op::Divide, Side::One(d)) if d != 0 => zip_checked(a, b, rows, i64::overflowing_div),
            (Op::Remainder, Side::One(d)) if d != 0 => {
                zip_checked(a, b, rows, |x, y| (x.wrapping_rem(y), false))
            }
            (Op::BitAnd, _) => zip_checked(a, b, rows, |x, y| (x & y, false)),
            (Op::BitOr, _) => zip_checked(a, b, rows, |x, y| (x | y, false)),
            _ => None,
        }?;
        return Some(Vector::Int(Numbers { values, nulls: merge(a_nulls, b_nulls) }));
    }
    let (mut a_room, mut b_room) = (Vec::new(), Vec::new());
    let ((a, a_nulls), (b, b_nulls)) = (reals(left, &mut a_room)?, reals(right, &mut b_room)?);
    let values = match op {
        Op::Add => zip(rows, a, b, |x, y| x + y),
        Op::Subtract => zip(rows, a, b, |x, y| x - y),
        Op::Multiply => zip(rows, a, b, |x, y| x * y),
        // A zero divisor makes NULL, as NaN does below.
        Op::Divide => zip(rows, a, b, |x, y| if y == 0.0 { f64::NAN } else { x / y }),
        _ => return None,
    };
    let mut nulls = merge(a_nulls, b_nulls);
    if values.iter().any(|value| value.is_nan()) {
        let nulls = nulls.get_or_insert_with(|| vec![false; values.len()]);
        for (null, value) in nulls.iter_mut().zip(&values) {
            *null |= value.is_nan();
        }
    }
    Some(Vector::Real(Numbers { values, nulls }))
}

/// Who takes the outcome of a comparison: a selection, or a vector of 0 and 1.
pub(crate) trait Outcome {
    /// What it makes.
    type Result;
    /// Takes, for each row that is not NULL, whether the comparison holds.
    fn take(self, nulls: Nulls, holds: impl Fn(usize) -> bool) -> Self::Result;
}

/// Selects the rows for which the comparison holds.
pub(crate) struct Selected<'a> {
    /// Number of rows of the batch.
    pub(crate) rows: usize,
    /// Those that count; `None` is all.
    pub(crate) among: Option<&'a [u32]>,
    /// Where they go.
    pub(crate) out: &'a mut Vec<u32>,
}

impl Outcome for Selected<'_> {
    type Result = ();
    fn take(self, nulls: Nulls, holds: impl Fn(usize) -> bool) {
        match nulls {
            None => select_rows(self.rows, self.among, self.out, holds),
            Some(nulls) => select_rows(self.rows, self.among, self.out, |row| {
                holds(row) && !nulls.get(row).copied().unwrap_or(true)
            }),
        }
    }
}

/// Appends the rows for which `holds`. Written without a branch on the outcome: at mid selectivity a mispredicted
/// one costs more than the store.
pub(crate) fn select_rows(
    rows: usize,
    among: Option<&[u32]>,
    out: &mut Vec<u32>,
    holds: impl Fn(usize) -> bool,
) {
    let start = out.len();
    let most = among.map_or(rows, <[u32]>::len);
    out.resize(start + most, 0);
    let mut count = 0;
    if let Some(room) = out.get_mut(start..) {
        let mut note = |row: u32| {
            if let Some(place) = room.get_mut(count) {
                *place = row;
            }
            count += usize::from(holds(row as usize));
        };
        match among {
            None => (0..rows as u32).for_each(&mut note),
            Some(among) => among.iter().copied().for_each(&mut note),
        }
    }
    out.truncate(start + count);
}

/// Makes a vector of 0, 1 and NULL.
pub(crate) struct Truths {
    /// Number of rows.
    pub(crate) rows: usize,
}

impl Outcome for Truths {
    type Result = Vector;
    fn take(self, nulls: Nulls, holds: impl Fn(usize) -> bool) -> Vector {
        Vector::Int(Numbers { values: (0..self.rows).map(|row| i64::from(holds(row))).collect(), nulls })
    }
}

/// Compares vectors whose kinds a kernel knows; `Err` gives the outcome back where none does.
pub(crate) fn compare<O: Outcome>(
    op: CompareOp,
    left: &Vector,
    right: &Vector,
    rule: Comparison,
    outcome: O,
) -> Result<O::Result, O> {
    if matches!(op, CompareOp::Is | CompareOp::IsNot) {
        return Err(outcome);
    }
    let text_rule = rule.left == Affinity::Text || rule.right == Affinity::Text;
    if !text_rule {
        if let (Some((a, a_nulls)), Some((b, b_nulls))) = (ints(left), ints(right)) {
            return Ok(compare_ordered(op, a, b, merge(a_nulls, b_nulls), outcome));
        }
        if let (Some((a, a_nulls)), Some((b, b_nulls))) = (only_reals(left), only_reals(right)) {
            return Ok(compare_ordered(op, a, b, merge(a_nulls, b_nulls), outcome));
        }
    }
    if !rule.left.is_numeric()
        && !rule.right.is_numeric()
        && matches!(rule.collation, Collation::Binary | Collation::RTrim)
    {
        match (left, right) {
            (Vector::Text(views), Vector::Constant(Value::Text(text), _)) => {
                return Ok(compare_texts(op, views, text.as_bytes(), rule.collation, outcome));
            }
            (Vector::Constant(Value::Text(text), _), Vector::Text(views)) => {
                return Ok(compare_texts(mirror(op), views, text.as_bytes(), rule.collation, outcome));
            }
            _ => {}
        }
    }
    Err(outcome)
}

/// Reals, and integer constants that a real holds exactly.
fn only_reals(vector: &Vector) -> Option<(Side<'_, f64>, Mask<'_>)> {
    const EXACT: i64 = 1 << 53;
    match vector {
        Vector::Real(numbers) => Some((Side::Each(&numbers.values), numbers.nulls.as_deref())),
        Vector::Constant(Value::Real(r), _) => Some((Side::One(*r), None)),
        Vector::Constant(Value::Integer(i), _) if (-EXACT..=EXACT).contains(i) => {
            Some((Side::One(*i as f64), None))
        }
        _ => None,
    }
}

fn mirror(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
        same => same,
    }
}

fn compare_ordered<T: Copy + Default + PartialOrd, O: Outcome>(
    op: CompareOp,
    a: Side<'_, T>,
    b: Side<'_, T>,
    nulls: Nulls,
    outcome: O,
) -> O::Result {
    match op {
        CompareOp::Equal | CompareOp::Is => compare_with(a, b, nulls, outcome, |a, b| a == b),
        CompareOp::NotEqual | CompareOp::IsNot => compare_with(a, b, nulls, outcome, |a, b| a != b),
        CompareOp::Less => compare_with(a, b, nulls, outcome, |a, b| a < b),
        CompareOp::LessOrEqual => compare_with(a, b, nulls, outcome, |a, b| a <= b),
        CompareOp::Greater => compare_with(a, b, nulls, outcome, |a, b| a > b),
        CompareOp::GreaterOrEqual => compare_with(a, b, nulls, outcome, |a, b| a >= b),
    }
}

/// The common shape, a column beside one value, gets a loop of its own.
fn compare_with<T: Copy + Default, O: Outcome>(
    a: Side<'_, T>,
    b: Side<'_, T>,
    nulls: Nulls,
    outcome: O,
    f: impl Fn(T, T) -> bool,
) -> O::Result {
    match (a, b) {
        (Side::Each(a), Side::One(b)) => outcome.take(nulls, |row| a.get(row).is_some_and(|a| f(*a, b))),
        (a, b) => outcome.take(nulls, |row| f(a.at(row), b.at(row))),
    }
}

fn compare_texts<O: Outcome>(
    op: CompareOp,
    views: &Views,
    text: &[u8],
    collation: Collation,
    outcome: O,
) -> O::Result {
    let nulls = views.nulls.clone();
    if collation == Collation::RTrim {
        let text = trim_spaces(text);
        return outcome.take(nulls, |row| super::scalar::holds(op, trim_spaces(views.bytes(row)).cmp(text)));
    }
    match op {
        CompareOp::Equal | CompareOp::Is => outcome.take(nulls, |row| views.bytes(row) == text),
        CompareOp::NotEqual | CompareOp::IsNot => outcome.take(nulls, |row| views.bytes(row) != text),
        CompareOp::Less => outcome.take(nulls, |row| views.bytes(row).cmp(text) == Ordering::Less),
        CompareOp::LessOrEqual => outcome.take(nulls, |row| views.bytes(row).cmp(text) != Ordering::Greater),
        CompareOp::Greater => outcome.take(nulls, |row| views.bytes(row).cmp(text) == Ordering::Greater),
        CompareOp::GreaterOrEqual => outcome.take(nulls, |row| views.bytes(row).cmp(text) != Ordering::Less),
    }
}
