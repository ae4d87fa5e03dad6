//! `json_each` and `json_tree`: the parts of a document as rows, those of its outermost value or all of them.

use super::argument::{Form, json_of, malformed, path_text};
use super::node::{ARRAY, Node, OBJECT, byte, kind, node, type_name};
use super::path::{Miss, find};
use super::value::sql_value;
use crate::error::Result;
use crate::functions::number::{parse_integer, write_integer};
use crate::functions::{TableDefinition, TableFunction, TableSource};
use crate::value::{Value, ValueRef};
use std::sync::Arc;

const COLUMNS: [&str; 8] = ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];

/// The table function called `name`, in lower case.
pub(in crate::functions) fn lookup(name: &str) -> Option<TableFunction> {
    let (recursive, form) = match name {
        "json_each" => (false, Form::Text),
        "json_tree" => (true, Form::Text),
        "jsonb_each" => (false, Form::Binary),
        "jsonb_tree" => (true, Form::Binary),
        _ => return None,
    };
    Some(TableFunction(Arc::new(TableDefinition {
        name: name.to_owned(),
        min_args: 0,
        max_args: 2,
        columns: COLUMNS.iter().map(|column| (*column).to_owned()).collect(),
        rows: 20.0,
        source: Box::new(move || Box::new(Walk::new(recursive, form))),
    })))
}

/// A container that the walk is in.
struct Parent {
    /// Where it starts, with its label.
    head: usize,
    kind: u8,
    end: usize,
    /// The number of the element that the walk is at.
    key: i64,
    /// Bytes of the path to the container's own container.
    path_length: usize,
}

/// A walk over a document, at the part that is the next row.
struct Walk {
    recursive: bool,
    form: Form,
    json: Vec<u8>,
    /// The part, from its label if it has one.
    at: usize,
    end: usize,
    /// True if the part has a label before it.
    labelled: bool,
    parents: Vec<Parent>,
    /// Path to the container of the part.
    path: Vec<u8>,
    /// Bytes of the path that was asked for.
    root_length: usize,
    rows: usize,
}

impl Walk {
    fn new(recursive: bool, form: Form) -> Walk {
        Walk {
            recursive,
            form,
            json: Vec::new(),
            at: 0,
            end: 0,
            labelled: false,
            parents: Vec::new(),
            path: Vec::new(),
            root_length: 0,
            rows: 0,
        }
    }

    /// Where the part's value is.
    fn value_at(&self) -> usize {
        if !self.labelled {
            return self.at;
        }
        let end = node(&self.json, self.at).map_or(self.at, |label| label.end);
        if end >= self.json.len() { self.at } else { end }
    }

    /// Appends the step from the container to the part.
    fn push_step(&self, path: &mut Vec<u8>) {
        let Some(parent) = self.parents.last() else { return };
        if parent.kind == ARRAY {
            path.push(b'[');
            write_integer(parent.key, path);
            path.push(b']');
            return;
        }
        let label = node(&self.json, self.at).map_or(&[][..], |label| label.bytes(&self.json));
        let is_word =
            byte(label, 0).is_ascii_alphabetic() && label.iter().all(|byte| byte.is_ascii_alphanumeric());
        path.push(b'.');
        if is_word {
            path.extend_from_slice(label);
        } else {
            path.push(b'"');
            path.extend_from_slice(label);
            path.push(b'"');
        }
    }

    /// Bytes of the path to the part's container: for the first row of a tree within a document, less than its path.
    fn path_length(&self) -> usize {
        let mut length = self.path.len();
        if self.rows > 0 || !self.recursive || length < 2 {
            return length;
        }
        while length > 1 {
            length -= 1;
            if matches!(byte(&self.path, length), b'[' | b'.') {
                let shorter = self.path.get(1..length).unwrap_or_default();
                let container = find(&self.json, shorter).ok().and_then(|found| node(&self.json, found.at));
                if container.is_some_and(|container| container.payload == self.at) {
                    break;
                }
            }
        }
        length
    }

    fn key(&self) -> Result<Value> {
        if let Some(parent) = self.parents.last() {
            return match parent.kind {
                OBJECT => sql_value(&self.json, self.at, Form::Text),
                _ => Ok(Value::Integer(parent.key)),
            };
        }
        if self.root_length == 1 {
            return Ok(Value::Null);
        }
        let step = self.path.get(self.path_length()..self.root_length).unwrap_or_default();
        Ok(match step {
            [] => Value::Null,
            [b'[', digits @ ..] => Value::Integer(parse_integer(digits).0),
            [_, b'"', label @ .., _] => ValueRef::Text(label).to_owned(),
            [_, label @ ..] => ValueRef::Text(label).to_owned(),
        })
    }

    /// Goes on to the next part.
    fn advance(&mut self) -> Result<()> {
        let from = self.value_at();
        let value = node(&self.json, from).ok_or_else(malformed)?;
        if self.recursive {
            self.descend(value);
        } else {
            self.at = value.end;
        }
        if let Some(parent) = self.parents.last_mut() {
            parent.key += i64::from(parent.kind == ARRAY);
        }
        self.rows += 1;
        Ok(())
    }

    /// Into the part if it has parts, else behind it and out of what ends there.
    fn descend(&mut self, value: Node) {
        if matches!(value.kind, ARRAY | OBJECT) {
            let mut path = std::mem::take(&mut self.path);
            let path_length = path.len();
            self.push_step(&mut path);
            self.path = path;
            let parent = Parent { head: self.at, kind: value.kind, end: value.end, key: -1, path_length };
            self.parents.push(parent);
            self.at = value.payload;
        } else {
            self.at = value.end;
        }
        while let Some(parent) = self.parents.pop_if(|parent| self.at >= parent.end) {
            self.path.truncate(parent.path_length);
        }
        self.labelled = self.parents.last().is_some_and(|parent| parent.kind == OBJECT);
    }
}

impl TableSource for Walk {
    fn start(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        *self = Walk::new(self.recursive, self.form);
        let Some(json) = args.first() else { return Ok(()) };
        let Some(json) = json_of(*json)? else { return Ok(()) };
        let mut path = b"$".to_vec();
        if let Some(root) = args.get(1) {
            let mut scratch = Vec::new();
            match path_text(*root, &mut scratch) {
                Some(root) => path = root,
                None => return Ok(()),
            }
        }
        let found = match path.as_slice() {
            [b'$', rest @ ..] => find(&json, rest),
            _ => Err(Miss::BadPath),
        };
        let found = match found {
            Ok(found) => found,
            Err(Miss::Nothing) => return Ok(()),
            Err(_) => return Miss::BadPath.error(&path).map_or(Ok(()), Err),
        };
        let value = node(&json, found.at).ok_or_else(malformed)?;
        self.json = json.into_owned();
        self.root_length = path.len();
        self.path = path;
        self.end = value.end;
        self.at = found.label.unwrap_or(found.at);
        self.labelled = found.label.is_some();
        if !self.recursive && matches!(value.kind, ARRAY | OBJECT) {
            self.at = value.payload;
            self.labelled = value.kind == OBJECT;
            let parent =
                Parent { head: value.payload, kind: value.kind, end: value.end, key: 0, path_length: 0 };
            self.parents.push(parent);
        }
        Ok(())
    }

    fn next(&mut self, row: &mut Vec<Value>) -> Result<bool> {
        if self.at >= self.end {
            return Ok(false);
        }
        let at = self.value_at();
        let kind = kind(&self.json, at);
        let value = sql_value(&self.json, at, self.form)?;
        let atom = if kind < ARRAY { value.clone() } else { Value::Null };
        let parent = self.parents.last().filter(|_| self.recursive);
        let mut full = self.path.clone();
        self.push_step(&mut full);
        row.extend([
            self.key()?,
            value,
            Value::text(type_name(kind)),
            atom,
            Value::Integer(self.at as i64),
            parent.map_or(Value::Null, |parent| Value::Integer(parent.head as i64)),
            ValueRef::Text(&full).to_owned(),
            ValueRef::Text(self.path.get(..self.path_length()).unwrap_or_default()).to_owned(),
        ]);
        self.advance()?;
        Ok(true)
    }
}
