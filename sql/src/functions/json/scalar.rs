//! The functions of one row: what they take and hand out. Each `jsonb_x` does what `json_x` does and gives the binary
//! form.

use super::argument::{Form, give_json, give_text, inserted, json_of, malformed, path_text};
use super::escape::write_quoted;
use super::node::{ARRAY, byte, count, kind, node, type_name};
use super::parse::parse;
use super::patch::merge;
use super::path::{Edit, Editor, Found, Miss, find};
use super::render::{write, write_pretty, write_sql};
use super::validate::{fault, is_json};
use super::value::sql_value;
use crate::error::{Error, Result};
use crate::functions::define::{Kinds, ResultKinds, scalar};
use crate::functions::number::{text_of, to_integer};
use crate::functions::text::{arg, check_length, count_chars, integer, null, text};
use crate::functions::{Datum, FunctionContext, ScalarDefinition};
use crate::types::TypeSet;
use crate::value::ValueRef;
use std::borrow::Cow;

type Call<'a> = Result<Datum<'a>>;

/// How many arguments a function of any number takes.
const ANY: usize = usize::MAX;

const EXTRACTED: ResultKinds = |_| TypeSet::NULL | TypeSet::INTEGER | TypeSet::REAL | TypeSet::TEXT;
const EXTRACTED_BINARY: ResultKinds =
    |_| TypeSet::NULL | TypeSet::INTEGER | TypeSet::REAL | TypeSet::TEXT | TypeSet::BLOB;

pub(in crate::functions) const FUNCTIONS: &[ScalarDefinition] = &[
    scalar("->", 2, 2, Kinds::TEXT_OR_NULL, arrow),
    scalar("->>", 2, 2, EXTRACTED, long_arrow),
    scalar("json", 1, 1, Kinds::TEXT_OR_NULL, |_, args| remove(args, Form::Text)),
    scalar("jsonb", 1, 1, Kinds::BLOB_OR_NULL, |_, args| remove(args, Form::Binary)),
    scalar("json_array", 0, ANY, Kinds::TEXT, |_, args| array(args, Form::Text)),
    scalar("jsonb_array", 0, ANY, Kinds::BLOB, |_, args| array(args, Form::Binary)),
    scalar("json_array_insert", 0, ANY, Kinds::TEXT_OR_NULL, |_, args| {
        change(args, Edit::ArrayInsert, Form::Text)
    }),
    scalar("jsonb_array_insert", 0, ANY, Kinds::BLOB_OR_NULL, |_, args| {
        change(args, Edit::ArrayInsert, Form::Binary)
    }),
    scalar("json_array_length", 1, 2, Kinds::INTEGER_OR_NULL, array_length),
    scalar("json_error_position", 1, 1, Kinds::INTEGER_OR_NULL, error_position),
    scalar("json_extract", 0, ANY, EXTRACTED, |_, args| extract(args, Form::Text)),
    scalar("jsonb_extract", 0, ANY, EXTRACTED_BINARY, |_, args| extract(args, Form::Binary)),
    scalar("json_insert", 0, ANY, Kinds::TEXT_OR_NULL, |_, args| change(args, Edit::Insert, Form::Text)),
    scalar("jsonb_insert", 0, ANY, Kinds::BLOB_OR_NULL, |_, args| change(args, Edit::Insert, Form::Binary)),
    scalar("json_object", 0, ANY, Kinds::TEXT, |_, args| object(args, Form::Text)),
    scalar("jsonb_object", 0, ANY, Kinds::BLOB, |_, args| object(args, Form::Binary)),
    scalar("json_patch", 2, 2, Kinds::TEXT_OR_NULL, |_, args| patch(args, Form::Text)),
    scalar("jsonb_patch", 2, 2, Kinds::BLOB_OR_NULL, |_, args| patch(args, Form::Binary)),
    scalar("json_pretty", 1, 2, Kinds::TEXT_OR_NULL, pretty),
    scalar("json_quote", 1, 1, Kinds::TEXT, quote),
    scalar("json_remove", 0, ANY, Kinds::TEXT_OR_NULL, |_, args| remove(args, Form::Text)),
    scalar("jsonb_remove", 0, ANY, Kinds::BLOB_OR_NULL, |_, args| remove(args, Form::Binary)),
    scalar("json_replace", 0, ANY, Kinds::TEXT_OR_NULL, |_, args| change(args, Edit::Replace, Form::Text)),
    scalar("jsonb_replace", 0, ANY, Kinds::BLOB_OR_NULL, |_, args| change(args, Edit::Replace, Form::Binary)),
    scalar("json_set", 0, ANY, Kinds::TEXT_OR_NULL, |_, args| change(args, Edit::Set, Form::Text)),
    scalar("jsonb_set", 0, ANY, Kinds::BLOB_OR_NULL, |_, args| change(args, Edit::Set, Form::Binary)),
    scalar("json_type", 1, 2, Kinds::TEXT_OR_NULL, type_),
    scalar("json_valid", 1, 2, Kinds::INTEGER_OR_NULL, valid),
];

/// What a path, with its `$`, leads to; `None` where there is nothing.
fn place(json: &[u8], path: &[u8]) -> Result<Option<usize>> {
    let found = match path {
        [b'$', rest @ ..] => find(json, rest),
        _ => Err(Miss::BadPath),
    };
    found_or_error(found, path)
}

fn found_or_error(found: Result<Found, Miss>, path: &[u8]) -> Result<Option<usize>> {
    match found {
        Ok(found) => Ok(Some(found.at)),
        Err(miss) => miss.error(path).map_or(Ok(None), Err),
    }
}

fn array<'a>(args: &[ValueRef<'a>], form: Form) -> Call<'a> {
    let mut out = vec![b'['];
    for (place, value) in args.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_sql(*value, &mut out)?;
    }
    out.push(b']');
    give_text(out, form)
}

fn object<'a>(args: &[ValueRef<'a>], form: Form) -> Call<'a> {
    let (pairs, []) = args.as_chunks::<2>() else {
        let message = "json_object() requires an even number of arguments";
        return Err(Error::Evaluation(message.into()));
    };
    let mut out = vec![b'{'];
    for (place, [label, value]) in pairs.iter().enumerate() {
        let ValueRef::Text(label) = label else {
            return Err(Error::Evaluation("json_object() labels must be TEXT".into()));
        };
        if place > 0 {
            out.push(b',');
        }
        write_quoted(label, &mut out);
        out.push(b':');
        write_sql(*value, &mut out)?;
    }
    out.push(b'}');
    give_text(out, form)
}

fn quote<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let mut out = Vec::new();
    write_sql(arg(args, 0), &mut out)?;
    give_text(out, Form::Text)
}

fn array_length<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some(json) = json_of(arg(args, 0))? else { return Ok(null()) };
    let mut at = 0;
    if let Some(path) = args.get(1) {
        let mut scratch = Vec::new();
        let Some(path) = path_text(*path, &mut scratch) else { return Ok(null()) };
        match place(&json, &path)? {
            Some(found) => at = found,
            None => return Ok(null()),
        }
    }
    let value = node(&json, at).ok_or_else(malformed)?;
    let length = if value.kind == ARRAY { count(&json, value).ok_or_else(malformed)? } else { 0 };
    Ok(integer(length as i64))
}

fn type_<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some(json) = json_of(arg(args, 0))? else { return Ok(null()) };
    let mut at = Some(0);
    if let Some(path) = args.get(1) {
        let mut scratch = Vec::new();
        let Some(path) = path_text(*path, &mut scratch) else { return Ok(null()) };
        at = place(&json, &path)?;
    }
    let name = |at| Datum::Borrowed(ValueRef::Text(type_name(kind(&json, at)).as_bytes()));
    Ok(at.map_or(null(), name))
}

fn extract<'a>(args: &[ValueRef<'a>], form: Form) -> Call<'a> {
    let [json, paths @ ..] = args else { return Ok(null()) };
    if paths.is_empty() {
        return Ok(null());
    }
    let Some(json) = json_of(*json)? else { return Ok(null()) };
    let mut scratch = Vec::new();
    if let [path] = paths {
        let Some(path) = path_text(*path, &mut scratch) else { return Ok(null()) };
        return Ok(match place(&json, &path)? {
            Some(at) => Datum::Owned(sql_value(&json, at, form)?),
            None => null(),
        });
    }
    let mut out = vec![b'['];
    for (number, path) in paths.iter().enumerate() {
        let Some(path) = path_text(*path, &mut scratch) else { return Ok(null()) };
        if number > 0 {
            out.push(b',');
        }
        match place(&json, &path)? {
            Some(at) => write(&json, at, 0, &mut out).map(|_| ())?,
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
    give_text(out, form)
}

/// The right side of an arrow: a path, a label as it is, or the number of an element.
fn arrow_place(json: &[u8], side: ValueRef<'_>) -> Result<Option<Option<usize>>> {
    let mut scratch = Vec::new();
    let Some(written) = path_text(side, &mut scratch) else { return Ok(None) };
    if written.starts_with(b"$") {
        return place(json, &written).map(Some);
    }
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let path = if matches!(side, ValueRef::Integer(_)) {
        let from_end: &[u8] = if byte(&written, 0) == b'-' { b"#" } else { b"" };
        [b"[", from_end, &written, b"]"].concat()
    } else if written.iter().all(is_word) {
        [b".", written.as_slice()].concat()
    } else if written.len() >= 3 && written.starts_with(b"[") && written.ends_with(b"]") {
        written.clone()
    } else {
        [b".\"", written.as_slice(), b"\""].concat()
    };
    found_or_error(find(json, &path), &written).map(Some)
}

fn arrow<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some(json) = json_of(arg(args, 0))? else { return Ok(null()) };
    let Some(Some(at)) = arrow_place(&json, arg(args, 1))? else { return Ok(null()) };
    let mut out = Vec::new();
    write(&json, at, 0, &mut out)?;
    give_text(out, Form::Text)
}

fn long_arrow<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some(json) = json_of(arg(args, 0))? else { return Ok(null()) };
    let Some(Some(at)) = arrow_place(&json, arg(args, 1))? else { return Ok(null()) };
    Ok(Datum::Owned(sql_value(&json, at, Form::Text)?))
}

/// The document without what the paths lead to; without paths, the document.
fn remove<'a>(args: &[ValueRef<'a>], form: Form) -> Call<'a> {
    let [json, paths @ ..] = args else { return Ok(null()) };
    let Some(json) = json_of(*json)? else { return Ok(null()) };
    if paths.is_empty() {
        return give_json(json, form);
    }
    let mut editor = Editor { json: json.into_owned(), grown: 0 };
    let mut scratch = Vec::new();
    for path in paths {
        let Some(path) = path_text(*path, &mut scratch) else { return Ok(null()) };
        let done = match path.as_slice() {
            [b'$'] => return Ok(null()),
            [b'$', rest @ ..] => editor.edit(rest, Edit::Remove, &[]),
            _ => Err(Miss::BadPath),
        };
        if let Some(error) = done.err().and_then(|miss| miss.error(&path)) {
            return Err(error);
        }
    }
    give_json(Cow::Owned(editor.json), form)
}

/// The document with the values put where the paths before them lead.
fn change<'a>(args: &[ValueRef<'a>], edit: Edit, form: Form) -> Call<'a> {
    let [json, changes @ ..] = args else { return Ok(null()) };
    let (changes, []) = changes.as_chunks::<2>() else {
        let name = match edit {
            Edit::Insert => "insert",
            Edit::Set => "set",
            Edit::ArrayInsert => "array_insert",
            Edit::Replace | Edit::Remove => "replace",
        };
        return Err(Error::Evaluation(format!("json_{name}() needs an odd number of arguments")));
    };
    let Some(json) = json_of(*json)? else { return Ok(null()) };
    if changes.is_empty() {
        return give_json(json, form);
    }
    let mut editor = Editor { json: json.into_owned(), grown: 0 };
    let mut scratch = Vec::new();
    for [path, value] in changes {
        let Some(path) = path_text(*path, &mut scratch) else { continue };
        let done = match path.as_slice() {
            [b'$', rest @ ..] => {
                let new = inserted(*value)?;
                match rest {
                    [] if matches!(edit, Edit::Replace | Edit::Set) => {
                        let all = editor.json.len();
                        editor.splice(0, all, &new);
                        Ok(())
                    }
                    [] => Ok(()),
                    rest => editor.edit(rest, edit, &new),
                }
            }
            _ => Err(Miss::BadPath),
        };
        if let Some(error) = done.err().and_then(|miss| miss.error(&path)) {
            return Err(error);
        }
    }
    give_json(Cow::Owned(editor.json), form)
}

fn patch<'a>(args: &[ValueRef<'a>], form: Form) -> Call<'a> {
    let Some(target) = json_of(arg(args, 0))? else { return Ok(null()) };
    let Some(patch) = json_of(arg(args, 1))? else { return Ok(null()) };
    let mut target = Editor { json: target.into_owned(), grown: 0 };
    merge(&mut target, 0, &patch, 0, 0)?;
    give_json(Cow::Owned(target.json), form)
}

fn pretty<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let Some(json) = json_of(arg(args, 0))? else { return Ok(null()) };
    let mut scratch = Vec::new();
    let indent = path_text(arg(args, 1), &mut scratch).unwrap_or_else(|| b"    ".to_vec());
    let mut out = Vec::new();
    write_pretty(&json, 0, &indent, 0, &mut out)?;
    check_length(out.len())?;
    Ok(text(out))
}

/// `json_valid(x, flags)`: 1 asks for plain JSON, 2 for JSON5, 4 for what looks like binary JSON and 8 for what is.
fn valid<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    let flags = args.get(1).map_or(1, |flags| to_integer(*flags));
    if !(1..=15).contains(&flags) {
        let message = "FLAGS parameter to json_valid() must be between 1 and 15";
        return Err(Error::Evaluation(message.into()));
    }
    let is_valid = match arg(args, 0) {
        ValueRef::Null => return Ok(null()),
        ValueRef::Blob(bytes) if is_json(bytes) => flags & 4 != 0 || flags & 8 != 0 && fault(bytes).is_none(),
        _ if flags & 3 == 0 => false,
        other => {
            let mut scratch = Vec::new();
            let parsed = parse(text_of(other, &mut scratch));
            parsed.is_ok_and(|parsed| flags & 2 != 0 || !parsed.is_five)
        }
    };
    Ok(integer(i64::from(is_valid)))
}

/// Where the JSON is wrong: the character of a text, the byte of a blob, counted from 1; 0 where it is not.
fn error_position<'a>(_: &dyn FunctionContext, args: &[ValueRef<'a>]) -> Call<'a> {
    Ok(match arg(args, 0) {
        ValueRef::Null => null(),
        ValueRef::Blob(bytes) if is_json(bytes) => integer(fault(bytes).map_or(0, |at| at as i64)),
        other => {
            let mut scratch = Vec::new();
            let written = text_of(other, &mut scratch);
            match parse(written) {
                Ok(_) => integer(0),
                Err(at) => integer(count_chars(written.get(..at).unwrap_or_default()) + 1),
            }
        }
    })
}
