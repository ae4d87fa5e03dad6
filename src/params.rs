//! Parameters: what is bound to `?`, `?NNN`, `:name`, `@name` and `$name`.

use crate::convert::ToValue;
use crate::error::{Error, ErrorCode, Result};
use sedge_sql::functions::encode_array;
use sedge_sql::{Value, ValueList};

/// Values for the parameters of a statement: an array, a slice or a tuple in order, or [`Named`] ones.
///
/// ```
/// use sedge::{Database, Named, params, params_from_iter};
/// # fn main() -> sedge::Result<()> {
/// let mut conn = Database::open_in_memory()?.connect()?;
/// let sum = |row: &sedge::Row<'_>| row.get::<i64>(0);
/// assert_eq!(conn.query_row("SELECT ? + ?", [1, 2], sum)?, 3);
/// assert_eq!(conn.query_row("SELECT ? + length(?)", (1, "ab"), sum)?, 3);
/// assert_eq!(conn.query_row("SELECT ?1 + length(?2)", params![1, "ab"], sum)?, 3);
/// assert_eq!(conn.query_row("SELECT :a + :b", Named(&[(":a", &1), (":b", &2)]), sum)?, 3);
/// assert_eq!(conn.query_row("SELECT ? + ?", params_from_iter(vec![1, 2]), sum)?, 3);
/// # Ok(())
/// # }
/// ```
pub trait Params {
    /// Puts the values where `target` has room for them; `names` are those of the statement's parameters in order
    /// (with their sigil; `None` for `?` and `?NNN`).
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] for a wrong number of values or an unknown name, and what a conversion says.
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()>;
}

/// Parameters by name, with their sigil.
pub struct Named<'a>(pub &'a [(&'a str, &'a dyn ToValue)]);

/// A list as one value: `x IN ?1` finds what is in it, whatever its length, and uses an index on x. Where a value is
/// wanted, `array_each(?1)` gives its elements as rows. A text that holds a JSON array serves as well.
///
/// ```
/// use sedge::{Array, Database};
/// # fn main() -> sedge::Result<()> {
/// let conn = Database::open_in_memory()?.connect()?;
/// conn.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c')")?;
/// let wanted = vec![3, 1, 7];
/// let names: Vec<String> =
///     conn.query("SELECT name FROM t WHERE id IN ?1 ORDER BY id", [Array(&wanted)], |row| row.get(0))?;
/// assert_eq!(names, ["a", "c"]);
/// let rest = "SELECT count(*) FROM t WHERE name NOT IN ?1";
/// assert_eq!(conn.query_row(rest, [Array(&["a", "x"])], |row| row.get::<i64>(0))?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T>(pub &'a [T]);

impl<T: ToValue> ToValue for Array<'_, T> {
    fn to_value(&self) -> Result<Value> {
        let mut values = ValueList::default();
        for value in self.0 {
            value.bind_to(&mut values)?;
        }
        let list = encode_array((0..values.len()).map(|place| values.get(place)));
        Ok(Value::Blob(list.into_boxed_slice()))
    }
}

fn check_count(expected: usize, given: usize) -> Result<()> {
    if expected == given {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::Misuse,
        format!("the statement has {expected} parameters, {given} values were given"),
    ))
}

impl Params for Named<'_> {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        target.reset(names.len());
        let mut bound = vec![false; names.len()];
        for (name, value) in self.0 {
            let place = names.iter().position(|known| known.as_deref() == Some(name)).ok_or_else(|| {
                Error::new(ErrorCode::Misuse, format!("the statement has no parameter called {name}"))
            })?;
            target.set(place, value.to_value()?.as_ref());
            bound[place] = true;
        }
        match bound.iter().position(|bound| !bound) {
            None => Ok(()),
            Some(place) => {
                let name = names[place].clone().unwrap_or_else(|| format!("?{}", place + 1));
                Err(Error::new(ErrorCode::Misuse, format!("parameter {name} has no value")))
            }
        }
    }
}

/// Arrays, each length apart: the empty one has to be an impl of its own, since nothing tells its element type.
macro_rules! arrays {
    ($($length:literal)*) => {$(
        impl<T: ToValue> Params for [T; $length] {
            #[inline]
            fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
                self.as_slice().bind(names, target)
            }
        }
    )*};
}
arrays! { 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 }

impl<T: ToValue, const N: usize> Params for &[T; N] {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        self.as_slice().bind(names, target)
    }
}

impl<T: ToValue> Params for &[T] {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        check_count(names.len(), self.len())?;
        target.clear();
        for value in self {
            value.bind_to(target)?;
        }
        Ok(())
    }
}

/// No parameters may be written `[]`.
impl Params for [&dyn ToValue; 0] {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        target.clear();
        check_count(names.len(), 0)
    }
}

/// What [`params_from_iter`] gives.
pub struct FromIter<I>(I);

/// Parameters in order from an iterator.
pub fn params_from_iter<I>(values: I) -> FromIter<I::IntoIter>
where
    I: IntoIterator,
    I::Item: ToValue,
{
    FromIter(values.into_iter())
}

impl<I: Iterator<Item: ToValue>> Params for FromIter<I> {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        target.clear();
        for value in self.0 {
            value.bind_to(target)?;
        }
        check_count(names.len(), target.len())
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {$(
        impl<$($name: ToValue),*> Params for ($($name,)*) {
            #[inline]
            fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
                target.clear();
                $(self.$index.bind_to(target)?;)*
                check_count(names.len(), target.len())
            }
        }
    )*};
}
tuples! {
    (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6) (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// No parameters.
impl Params for () {
    fn bind(self, names: &[Option<String>], target: &mut ValueList) -> Result<()> {
        target.clear();
        check_count(names.len(), 0)
    }
}

/// Parameters of any types, in order: `params![1, "two", None::<i64>]`.
#[macro_export]
macro_rules! params {
    () => { () };
    ($($value:expr),+ $(,)?) => { &[$(&$value as &dyn $crate::ToValue),+][..] };
}
