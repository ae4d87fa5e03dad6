//! Calls of a scalar function here and in SQLite, with the same arguments: what differs is found by seeded random
//! calls. `SEDGE_FUNCTION_CALLS` sets how many each test makes, `SEDGE_FUNCTION_SEED` where they start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use rusqlite::types::Value as Theirs;

/// Splitmix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// The context of calls in tests: everything is zero.
pub(super) struct Plain;

impl FunctionContext for Plain {
    fn collation(&self) -> Collation {
        Collation::Binary
    }
    fn changes(&self) -> i64 {
        0
    }
    fn total_changes(&self) -> i64 {
        0
    }
    fn last_insert_rowid(&self) -> i64 {
        0
    }
    fn random(&self) -> u64 {
        0
    }
    fn now_millis(&self) -> i64 {
        0
    }
}

pub(super) fn to_theirs(value: &Value) -> Theirs {
    match value {
        Value::Null => Theirs::Null,
        Value::Integer(i) => Theirs::Integer(*i),
        Value::Real(r) => Theirs::Real(*r),
        Value::Decimal(d) => panic!("SQLite has no decimal {d}"),
        Value::Text(t) => Theirs::Text(t.to_string()),
        Value::Blob(b) => Theirs::Blob(b.to_vec()),
    }
}

/// SQLite's answer; `None` is an error.
pub(super) fn sqlite(connection: &rusqlite::Connection, name: &str, args: &[Value]) -> Option<Value> {
    let places: Vec<String> = (1..=args.len()).map(|place| format!("?{place}")).collect();
    let mut statement = connection.prepare_cached(&format!("SELECT {name}({})", places.join(", "))).ok()?;
    let value = statement
        .query_row(rusqlite::params_from_iter(args.iter().map(to_theirs)), |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Text(text) => ValueRef::Text(text).to_owned(),
                _ => match row.get(0)? {
                    Theirs::Null => Value::Null,
                    Theirs::Integer(i) => Value::Integer(i),
                    Theirs::Real(r) => Value::Real(r),
                    Theirs::Text(t) => Value::text(t),
                    Theirs::Blob(b) => Value::Blob(b.into()),
                },
            })
        })
        .ok()?;
    Some(value)
}

/// Our answer; `None` is an error.
pub(super) fn sedge(name: &str, args: &[Value]) -> Option<Value> {
    let function = lookup_scalar(name, args.len())?;
    let args: Vec<ValueRef<'_>> = args.iter().map(Value::as_ref).collect();
    function.call(&Plain, &args).ok().map(Datum::into_value)
}

/// A setting of the run.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Makes random calls; none may differ, and in a third of them at least something but NULL must come out.
pub(super) fn agree(calls: u64, mut call: impl FnMut(&mut Random) -> (&'static str, Vec<Value>)) {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.set_prepared_statement_cache_capacity(256);
    let mut random = Random(setting("SEDGE_FUNCTION_SEED", 1));
    let calls = setting("SEDGE_FUNCTION_CALLS", calls);
    let (mut found, mut answered) = (Vec::new(), 0);
    for _ in 0..calls {
        let (name, args) = call(&mut random);
        let (ours, theirs) = (sedge(name, &args), sqlite(&connection, name, &args));
        answered += u64::from(theirs.as_ref().is_some_and(|value| !value.is_null()));
        if ours != theirs {
            let short = |text: String| text.chars().take(200).collect::<String>();
            let (ours, theirs) = (short(format!("{ours:?}")), short(format!("{theirs:?}")));
            found.push(format!("{name}{args:?}\n  sedge:  {ours}\n  sqlite: {theirs}"));
            if found.len() > 20 {
                break;
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(answered * 3 >= calls, "only {answered} of {calls} calls gave something");
}
