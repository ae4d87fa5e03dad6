//! Functions and collations of the program's own.

use crate::convert::{FromValue, ToValue};
use crate::database::Database;
use crate::error::{Error, ErrorCode, Result};
use sedge_sql::functions::{AggregateState, UserBody, UserFunction};
use sedge_sql::{Value, ValueRef};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The most arguments that a function can be asked to take.
const ARGUMENTS_MAX: usize = 127;

/// What is known of a function beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FunctionFlags {
    is_deterministic: bool,
}

impl FunctionFlags {
    /// Nothing: it is called for every row, and may not stand in an index or a generated column.
    pub const NONE: FunctionFlags = FunctionFlags { is_deterministic: false };
    /// Equal arguments always give an equal result: it may stand in indexes and generated columns, be computed before
    /// the rows are looked at, and be called from several threads at once.
    pub const DETERMINISTIC: FunctionFlags = FunctionFlags { is_deterministic: true };
}

/// The arguments of one call.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(&'a [ValueRef<'a>]);

impl<'a> Arguments<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The argument at `place`, counted from 0.
    ///
    /// # Errors
    /// [`ErrorCode::Type`] if it is not of this type, [`ErrorCode::Misuse`] if there is none.
    pub fn get<T: FromValue>(&self, place: usize) -> Result<T> {
        match self.0.get(place) {
            Some(value) => T::from_value(*value)
                .map_err(|error| Error::new(error.code(), format!("argument {}: {error}", place + 1))),
            None => {
                let count = self.0.len();
                let message = format!("argument {} is asked for, {count} are given", place + 1);
                Err(Error::new(ErrorCode::Misuse, message))
            }
        }
    }

    /// The argument at `place` as it is; NULL where there is none.
    #[must_use]
    pub fn value(&self, place: usize) -> ValueRef<'a> {
        self.0.get(place).copied().unwrap_or_default()
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ValueRef<'a>> {
        self.0.iter().copied()
    }
}

/// A function of many rows, for [`Database::create_aggregate_function`].
pub trait Aggregate: Send + Sync + 'static {
    /// What is kept of the rows of a group.
    type State: Send + 'static;
    /// What the rows give.
    type Output: ToValue;

    /// The state of a group without rows.
    ///
    /// # Errors
    /// What the program wants to tell; [`Error::function`] makes an error of any other.
    fn start(&self) -> Result<Self::State>;

    /// Takes a row.
    ///
    /// # Errors
    /// As [`Aggregate::start`].
    fn step(&self, state: &mut Self::State, args: Arguments<'_>) -> Result<()>;

    /// The result of the rows taken so far. A window asks again and again while it moves on.
    ///
    /// # Errors
    /// As [`Aggregate::start`].
    fn finish(&self, state: &Self::State) -> Result<Self::Output>;

    /// Takes out the row that came first, where the frame of a window moves on. False, as it is unless you say
    /// otherwise, means that this cannot be done: the rows of each frame are then taken anew.
    fn leave(&self, _state: &mut Self::State, _args: Arguments<'_>) -> bool {
        false
    }
}

/// The error of a panic within `name`.
fn panicked(name: &str, panic: &(dyn Any + Send)) -> sedge_sql::Error {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    failed(
        name,
        Error::new(ErrorCode::Function, format!("panicked: {}", said.unwrap_or("for no stated reason"))),
    )
}

fn failed(name: &str, error: Error) -> sedge_sql::Error {
    sedge_sql::Error::Function { name: name.to_owned(), source: Box::new(error) }
}

/// Calls what the program gave us: what it returns and how it panics are errors of the statement.
fn guarded<T>(name: &str, call: impl FnOnce() -> Result<T>) -> sedge_sql::Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => done.map_err(|error| failed(name, error)),
        Err(panic) => Err(panicked(name, &*panic)),
    }
}

/// An aggregate of the program over one group.
struct GroupState<A: Aggregate> {
    name: Arc<str>,
    aggregate: Arc<A>,
    /// Made when it is first needed.
    state: Option<A::State>,
}

impl<A: Aggregate> GroupState<A> {
    fn with<T>(&mut self, run: impl FnOnce(&A, &mut A::State) -> Result<T>) -> sedge_sql::Result<T> {
        let (aggregate, state) = (&*self.aggregate, &mut self.state);
        guarded(&self.name, || match state {
            Some(state) => run(aggregate, state),
            None => run(aggregate, state.insert(aggregate.start()?)),
        })
    }
}

impl<A: Aggregate> AggregateState for GroupState<A> {
    fn step(&mut self, args: &[ValueRef<'_>]) -> sedge_sql::Result<()> {
        self.with(|aggregate, state| aggregate.step(state, Arguments(args)))
    }

    fn finish(&mut self) -> sedge_sql::Result<Value> {
        self.with(|aggregate, state| aggregate.finish(state)?.to_value())
    }

    fn leave(&mut self, args: &[ValueRef<'_>]) -> bool {
        // Where it fails the rows are taken anew, and the failure shows there.
        self.with(|aggregate, state| Ok(aggregate.leave(state, Arguments(args)))).unwrap_or(false)
    }
}

fn checked(name: &str, args: Option<usize>) -> Result<&str> {
    if name.is_empty() || name.len() > 255 {
        return Err(Error::new(ErrorCode::Misuse, "the name of a function has 1 to 255 bytes"));
    }
    if args.is_some_and(|args| args > ARGUMENTS_MAX) {
        let message = format!("a function takes {ARGUMENTS_MAX} arguments, or any number of them");
        return Err(Error::new(ErrorCode::Misuse, message));
    }
    Ok(name)
}

/// Functions and collations belong to the database, since its schema may use them: all its connections have them, and
/// what was prepared before is planned anew. Register them right after opening. They are no part of the file: an
/// expression of the schema whose function is not registered is an error when it is needed, and no sooner.
///
/// A function runs while its statement does and must not use the connection that runs it.
impl Database {
    /// Registers a function of one row: `name(..)` with `args` arguments, or with any number (`None`). Functions of one
    /// name that take different numbers of arguments stand beside each other; a built-in function that takes as many is
    /// replaced, and so is an operator that SQL defines by a function: LIKE, GLOB, REGEXP and MATCH.
    ///
    /// ```
    /// use sedge::{Database, FunctionFlags};
    ///
    /// # fn main() -> sedge::Result<()> {
    /// let db = Database::open_in_memory()?;
    /// db.create_scalar_function("half", Some(1), FunctionFlags::DETERMINISTIC, |args| {
    ///     Ok(args.get::<f64>(0)? / 2.0)
    /// })?;
    /// let conn = db.connect()?;
    /// conn.execute_batch("CREATE TABLE t(a REAL, b REAL AS (half(a))); INSERT INTO t VALUES (3.0)")?;
    /// assert_eq!(conn.query_row("SELECT b FROM t", [], |row| row.get::<f64>(0))?, 1.5);
    /// let error = conn.query_row("SELECT half('x')", [], |row| row.get::<f64>(0)).unwrap_err();
    /// assert_eq!(error.to_string(), "half(): argument 1: expected a real, the value is text");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] for a name without letters or more than 127 arguments. What the function returns as an
    /// error, and a panic of it, is the error of the statement that calls it.
    pub fn create_scalar_function<F, T>(
        &self,
        name: &str,
        args: Option<usize>,
        flags: FunctionFlags,
        function: F,
    ) -> Result<()>
    where
        F: Fn(Arguments<'_>) -> Result<T> + Send + Sync + 'static,
        T: ToValue,
    {
        let called = checked(name, args)?.to_owned();
        let body = move |args: &[ValueRef<'_>]| guarded(&called, || function(Arguments(args))?.to_value());
        self.add_function(name, args, flags, UserBody::Scalar(Arc::new(body)));
        Ok(())
    }

    /// Registers a function of many rows. It may be called with DISTINCT, FILTER and ORDER BY, and over a window.
    ///
    /// ```
    /// use sedge::{Aggregate, Arguments, Database, FunctionFlags, Result};
    ///
    /// /// The product of all numbers but NULLs.
    /// struct Product;
    ///
    /// impl Aggregate for Product {
    ///     type State = Option<f64>;
    ///     type Output = Option<f64>;
    ///
    ///     fn start(&self) -> Result<Option<f64>> {
    ///         Ok(None)
    ///     }
    ///     fn step(&self, product: &mut Option<f64>, args: Arguments<'_>) -> Result<()> {
    ///         if let Some(factor) = args.get::<Option<f64>>(0)? {
    ///             *product = Some(product.unwrap_or(1.0) * factor);
    ///         }
    ///         Ok(())
    ///     }
    ///     fn finish(&self, product: &Option<f64>) -> Result<Option<f64>> {
    ///         Ok(*product)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// let db = Database::open_in_memory()?;
    /// db.create_aggregate_function("product", Some(1), FunctionFlags::DETERMINISTIC, Product)?;
    /// let conn = db.connect()?;
    /// let product = "SELECT product(value) FROM generate_series(1, 5)";
    /// assert_eq!(conn.query_row(product, [], |row| row.get::<f64>(0))?, 120.0);
    /// let running = "SELECT product(value) OVER (ORDER BY value) FROM generate_series(1, 4)";
    /// assert_eq!(conn.query(running, [], |row| row.get::<f64>(0))?, [1.0, 2.0, 6.0, 24.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Database::create_scalar_function`].
    pub fn create_aggregate_function<A: Aggregate>(
        &self,
        name: &str,
        args: Option<usize>,
        flags: FunctionFlags,
        aggregate: A,
    ) -> Result<()> {
        let called: Arc<str> = checked(name, args)?.into();
        let aggregate = Arc::new(aggregate);
        let make = move || -> Box<dyn AggregateState> {
            let (name, aggregate) = (Arc::clone(&called), Arc::clone(&aggregate));
            Box::new(GroupState { name, aggregate, state: None })
        };
        self.add_function(name, args, flags, UserBody::Aggregate(Arc::new(make)));
        Ok(())
    }

    fn add_function(&self, name: &str, args: Option<usize>, flags: FunctionFlags, body: UserBody) {
        let function = UserFunction::new(name, args, flags.is_deterministic, body);
        self.engine().change_functions(|functions| functions.with(function));
    }

    /// Takes away a function that was registered with as many arguments; a built-in one that it replaced is there
    /// again. Nothing happens if there is none.
    pub fn remove_function(&self, name: &str, args: Option<usize>) {
        self.engine().change_functions(|functions| functions.without(name, args));
    }

    /// Registers a collation: `sort_key` appends to its second argument the bytes by which a text is sorted. Texts with
    /// equal keys are equal, and others are ordered as their keys are, byte by byte. An index is ordered by these keys,
    /// so they must not change from one program to the next; after a change, `REINDEX name` orders anew.
    ///
    /// Without the collation that a schema names, its tables can be read, but nothing can be compared by it, and tables
    /// with an index ordered by it cannot be changed.
    ///
    /// ```
    /// use sedge::Database;
    ///
    /// # fn main() -> sedge::Result<()> {
    /// let db = Database::open_in_memory()?;
    /// // Shorter texts first.
    /// db.create_collation("by_length", |text, key| {
    ///     key.extend((text.chars().count() as u32).to_be_bytes());
    ///     key.extend(text.as_bytes());
    /// })?;
    /// let conn = db.connect()?;
    /// conn.execute_batch(
    ///     "CREATE TABLE word(w TEXT COLLATE by_length UNIQUE);
    ///      INSERT INTO word VALUES ('zebra'), ('ox'), ('elephant')",
    /// )?;
    /// let words: Vec<String> = conn.query("SELECT w FROM word ORDER BY w", [], |row| row.get(0))?;
    /// assert_eq!(words, ["ox", "zebra", "elephant"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Misuse`] for BINARY, NOCASE and RTRIM, which every database orders by alike.
    pub fn create_collation<F>(&self, name: &str, sort_key: F) -> Result<()>
    where
        F: Fn(&str, &mut Vec<u8>) + Send + Sync + 'static,
    {
        self.set_collation(name, Some(Box::new(sort_key)))
    }

    /// Takes away a collation that was registered. Nothing happens if there is none.
    ///
    /// # Errors
    /// As [`Database::create_collation`].
    pub fn remove_collation(&self, name: &str) -> Result<()> {
        self.set_collation(name, None)
    }

    fn set_collation(&self, name: &str, sort_key: Option<Box<sedge_sql::SortKeyFn>>) -> Result<()> {
        if name.is_empty() || sedge_sql::Collation::built_in(name).is_some() {
            return Err(Error::new(ErrorCode::Misuse, format!("the collation {name} cannot be replaced")));
        }
        self.engine().change_functions(|functions| {
            functions.collations.register(name, sort_key);
            functions.clone()
        });
        Ok(())
    }
}
