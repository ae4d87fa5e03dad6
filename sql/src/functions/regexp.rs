//! Regular expressions: the operator REGEXP and the functions around it, by the crate `regex`, which matches in a time
//! that grows with the text alone.

use super::define::{Kinds, scalar};
use super::number::{text_of, to_integer};
use super::text::{arg, check_length, integer, null, text};
use super::{Datum, FunctionContext, ScalarDefinition};
use crate::error::{Error, Result};
use crate::value::ValueRef;
use regex::bytes::{Regex, RegexBuilder};
use std::cell::RefCell;

type Call<'a> = Result<Datum<'a>>;

pub(super) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("regexp", 2, 2, Kinds::INTEGER_OR_NULL, regexp),
    scalar("regexp_extract", 2, 3, Kinds::TEXT_OR_NULL, regexp_extract),
    scalar("regexp_replace", 3, 4, Kinds::TEXT_OR_NULL, regexp_replace),
];

/// Most bytes of a pattern and of what it compiles to.
const PATTERN_BYTES_MAX: usize = 50_000;
const COMPILED_BYTES_MAX: usize = 10 << 20;

/// How many compiled patterns a thread keeps: the calls of one statement hardly ever have more.
const KEPT: usize = 8;

/// A pattern, whether it ignores case, and what it compiled to.
type Known = (Box<[u8]>, bool, Regex);

thread_local! {
    static COMPILED: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// The compiled pattern, kept for the next row.
fn compiled(pattern: &[u8], ignore_case: bool) -> Result<Regex> {
    COMPILED.with_borrow_mut(|kept| {
        let same = |(known, case, _): &Known| **known == *pattern && *case == ignore_case;
        if let Some((_, _, regex)) = kept.iter().find(|known| same(known)) {
            return Ok(regex.clone());
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(Error::limit("regular expression too long"));
        }
        let regex = RegexBuilder::new(&String::from_utf8_lossy(pattern))
            .case_insensitive(ignore_case)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| Error::Evaluation(format!("bad regular expression: {error}")))?;
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((pattern.into(), ignore_case, regex.clone()));
        Ok(regex)
    })
}

/// `text REGEXP pattern`: true if the pattern matches anywhere; `None` is unknown.
///
/// # Errors
/// [`Error::Evaluation`] for a pattern that is none.
pub(crate) fn matches(pattern: ValueRef<'_>, value: ValueRef<'_>) -> Result<Option<bool>> {
    if pattern.is_null() || value.is_null() {
        return Ok(None);
    }
    let (mut pattern_text, mut value_text) = (Vec::new(), Vec::new());
    let regex = compiled(text_of(pattern, &mut pattern_text), false)?;
    Ok(Some(regex.is_match(text_of(value, &mut value_text))))
}

/// `regexp(pattern, text)` is `text REGEXP pattern`.
fn regexp<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(matches(arg(args, 0), arg(args, 1))?.map_or(null(), |found| integer(i64::from(found))))
}

/// `regexp_extract(text, pattern, group)`: what the first match has in a group, 0 is all of it; NULL without a match.
fn regexp_extract<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (mut value_text, mut pattern_text) = (Vec::new(), Vec::new());
    let value = text_of(arg(args, 0), &mut value_text);
    let regex = compiled(text_of(arg(args, 1), &mut pattern_text), false)?;
    let group = usize::try_from(to_integer(arg(args, 2))).unwrap_or(usize::MAX);
    let found = regex.captures(value);
    let part = found.as_ref().and_then(|found| found.get(group));
    Ok(part.map_or(null(), |part| text(part.as_bytes().to_vec())))
}

/// `regexp_replace(text, pattern, replacement, flags)`: the first match, or with `g` each, replaced; `$1` in the
/// replacement is what a group matched, `$$` a dollar. `i` ignores case.
fn regexp_replace<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    if args.iter().any(|arg| arg.is_null()) {
        return Ok(null());
    }
    let (mut a, mut b, mut c, mut d) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let value = text_of(arg(args, 0), &mut a);
    let flags = text_of(arg(args, 3), &mut d);
    if let Some(flag) = flags.iter().find(|flag| !matches!(flag, b'g' | b'i')) {
        let message = format!("regexp_replace() knows the flags g and i, not {}", char::from(*flag));
        return Err(Error::Evaluation(message));
    }
    let regex = compiled(text_of(arg(args, 1), &mut b), flags.contains(&b'i'))?;
    let limit = usize::from(!flags.contains(&b'g'));
    let replaced = regex.replacen(value, limit, text_of(arg(args, 2), &mut c)).into_owned();
    check_length(replaced.len())?;
    Ok(text(replaced))
}
