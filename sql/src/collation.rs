//! Collations of the program's own: functions from a text to bytes that sort as the texts shall.
//!
//! A [`Collation`](crate::types::Collation) is copied into every key, plan and comparison, so one of the program's own
//! is a reference to a [`Slot`] that holds the function. Slots live as long as the process and are used again: a
//! database takes one for each name that its schema or its program knows, and gives them back when it goes.

use crate::error::{Error, Result};
use crate::types::Collation;
use arc_swap::ArcSwapOption;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering as AtomicOrdering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Appends the sort key of a text: texts with equal keys are equal, and others are ordered as their keys are.
pub type SortKeyFn = dyn Fn(&str, &mut Vec<u8>) + Send + Sync;

/// Where the function of one name in one database stands.
struct Slot {
    /// As it was first written.
    name: &'static str,
    /// `None` while the program has not registered it.
    sort_key: ArcSwapOption<Registered>,
}

/// A function, and the number of the last panic of those of its database.
struct Registered {
    sort_key: Box<SortKeyFn>,
    last_panic: Arc<AtomicU64>,
}

/// A collation of the program's own.
#[derive(Clone, Copy)]
pub struct UserCollation(&'static Slot);

impl PartialEq for UserCollation {
    fn eq(&self, other: &UserCollation) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for UserCollation {}

impl Hash for UserCollation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.0, state);
    }
}

impl fmt::Debug for UserCollation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

thread_local! {
    /// The keys of the two texts that are being compared, so that a comparison allocates nothing.
    static KEYS: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// How often sort key functions have panicked in this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// A moment, for [`Collations::check_since`].
pub(crate) fn panics_so_far() -> u64 {
    PANICS.load(AtomicOrdering::Relaxed)
}

impl UserCollation {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// True if the program has registered it.
    #[must_use]
    pub fn is_registered(self) -> bool {
        self.0.sort_key.load().is_some()
    }

    /// Appends the sort key of a text. Whoever asks has seen that the collation is registered; the bytes of the text
    /// stand in for the key of one that has gone since.
    pub(crate) fn sort_key_into(self, text: &[u8], out: &mut Vec<u8>) {
        match &*self.0.sort_key.load() {
            Some(registered) => {
                let start = out.len();
                let made = catch_unwind(AssertUnwindSafe(|| match std::str::from_utf8(text) {
                    Ok(text) => (registered.sort_key)(text, out),
                    Err(_) => (registered.sort_key)(&String::from_utf8_lossy(text), out),
                }));
                if made.is_err() {
                    // Nobody here can return an error. The statement asks at its end, and keeps nothing.
                    let number = PANICS.fetch_add(1, AtomicOrdering::Relaxed) + 1;
                    registered.last_panic.fetch_max(number, AtomicOrdering::Relaxed);
                    out.truncate(start);
                }
            }
            None => out.extend_from_slice(text),
        }
    }

    /// How two texts compare.
    pub(crate) fn compare(self, left: &[u8], right: &[u8]) -> Ordering {
        KEYS.with(|keys| {
            // A sort key that compares texts itself finds the buffers taken.
            let Ok(mut keys) = keys.try_borrow_mut() else {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                self.sort_key_into(left, &mut a);
                self.sort_key_into(right, &mut b);
                return a.cmp(&b);
            };
            let (a, b) = &mut *keys;
            a.clear();
            b.clear();
            self.sort_key_into(left, a);
            self.sort_key_into(right, b);
            a.cmp(&b)
        })
    }
}

/// Slots that no database has, by their folded name.
static FREE: Mutex<Option<FxHashMap<String, Vec<UserCollation>>>> = Mutex::new(None);

/// The collations of one database by their folded name: those of its schema, and those of its program.
#[derive(Default)]
pub struct Collations {
    known: Mutex<FxHashMap<String, UserCollation>>,
    /// The number among all panics of the last one of a function of ours.
    last_panic: Arc<AtomicU64>,
}

impl Collations {
    fn known(&self) -> MutexGuard<'_, FxHashMap<String, UserCollation>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, name: &str) -> UserCollation {
        let folded = name.to_ascii_lowercase();
        *self.known().entry(folded.clone()).or_insert_with(|| {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.get_or_insert_default().get_mut(&folded).and_then(Vec::pop).unwrap_or_else(|| {
                let name = Box::leak(name.to_owned().into_boxed_str());
                UserCollation(Box::leak(Box::new(Slot { name, sort_key: ArcSwapOption::empty() })))
            })
        })
    }

    /// The collation called `name`, in any case, if it can be used.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Collation> {
        Collation::built_in(name).or_else(|| {
            let known = self.known().get(&name.to_ascii_lowercase()).copied();
            known.filter(|collation| collation.is_registered()).map(Collation::User)
        })
    }

    /// The collation that a kept schema calls `name`, which may be registered later.
    #[must_use]
    pub fn named(&self, name: &str) -> Collation {
        Collation::built_in(name).unwrap_or_else(|| Collation::User(self.slot(name)))
    }

    /// Registers a collation, in place of one that has its name; `None` takes it away.
    pub fn register(&self, name: &str, sort_key: Option<Box<SortKeyFn>>) {
        let last_panic = Arc::clone(&self.last_panic);
        let registered = sort_key.map(|sort_key| Arc::new(Registered { sort_key, last_panic }));
        self.slot(name).0.sort_key.store(registered);
    }

    /// Fails if a function of ours has panicked since [`panics_so_far`] was asked: what was compared by it meanwhile
    /// means nothing, whichever statement of the database it was in.
    ///
    /// # Errors
    /// [`Error::Evaluation`].
    #[inline]
    pub(crate) fn check_since(&self, moment: u64) -> Result<()> {
        // Nothing of ours has to be looked at as long as nothing has panicked anywhere.
        if panics_so_far() == moment || self.last_panic.load(AtomicOrdering::Relaxed) <= moment {
            return Ok(());
        }
        Err(Error::Evaluation("a collation of the program panicked".to_owned()))
    }

    /// The names of those that can be used, the built-in ones first.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let mut own: Vec<&'static str> =
            self.known().values().filter(|own| own.is_registered()).map(|own| own.name()).collect();
        own.sort_unstable();
        Collation::BUILT_IN.map(Collation::name).into_iter().chain(own).collect()
    }

    /// True if the schema names one that the program has not registered.
    #[must_use]
    pub fn any_missing(&self) -> bool {
        self.known().values().any(|own| !own.is_registered())
    }
}

impl Drop for Collations {
    fn drop(&mut self) {
        let known = std::mem::take(&mut *self.known());
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        for (folded, collation) in known {
            collation.0.sort_key.store(None);
            free.get_or_insert_default().entry(folded).or_default().push(collation);
        }
    }
}

impl fmt::Debug for Collations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().values()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_before_it_can_be_used() {
        let collations = Collations::default();
        let kept = collations.named("Backwards");
        assert!(collations.find("backwards").is_none() && collations.any_missing());
        collations.register("BACKWARDS", Some(Box::new(|text, out| out.extend(text.bytes().rev()))));
        assert_eq!(collations.find("backwards"), Some(kept));
        let Collation::User(own) = kept else { panic!("{kept:?}") };
        assert_eq!(own.compare(b"ab", b"ba"), Ordering::Greater);
        assert_eq!(collations.names(), ["RTRIM", "NOCASE", "BINARY", "Backwards"]);
        collations.register("backwards", None);
        assert!(!own.is_registered());
    }

    #[test]
    fn slots_are_used_again() {
        let slot = |name: &str| {
            let collations = Collations::default();
            collations.register(name, Some(Box::new(|text, out| out.extend(text.bytes()))));
            match collations.find(name).unwrap() {
                Collation::User(own) => std::ptr::from_ref(own.0) as usize,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(slot("used again"), slot("used again"));
        assert!(!Collations::default().any_missing());
    }
}
