//! Paths into a document: `$`, `.label`, `."any label"`, `[3]`, `[#-1]`. Found for reading, or edited in place.

use super::escape::same_label;
use super::node::{
    ARRAY, DEPTH_MAX, FALSE, Node, OBJECT, TEXT5, TEXTRAW, byte, count, kind, node, push, resize, told_size,
};
use crate::error::Error;

/// What an edit does where its path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Remove,
    /// Changes what is there.
    Replace,
    /// Adds what is not there.
    Insert,
    /// Does both.
    Set,
    /// Puts an element before another.
    ArrayInsert,
}

impl Edit {
    fn adds(self) -> bool {
        matches!(self, Edit::Insert | Edit::Set | Edit::ArrayInsert)
    }
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// There is nothing.
    Nothing,
    /// The path is none.
    BadPath,
    /// The document is none.
    Malformed,
    TooDeep,
    /// An element was to be put where no array is.
    NotAnElement,
}

impl Miss {
    /// The error that it is; `None` where nothing was found, which is none.
    pub(super) fn error(self, path: &[u8]) -> Option<Error> {
        let quoted = || format!("'{}'", String::from_utf8_lossy(path).replace('\'', "''"));
        Some(Error::Evaluation(match self {
            Miss::Nothing => return None,
            Miss::BadPath => format!("bad JSON path: {}", quoted()),
            Miss::Malformed => "malformed JSON".into(),
            Miss::TooDeep => "JSON path too deep".into(),
            Miss::NotAnElement => format!("not an array element: {}", quoted()),
        }))
    }
}

/// A value that a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub at: usize,
    /// Where its label is, if it stands in an object.
    pub label: Option<usize>,
}

/// One step from a container: where it leads, or what would have to be added for that.
enum Step<'p> {
    To(Found),
    /// Behind the last member of an object, under this label.
    NewMember {
        at: usize,
        key: &'p [u8],
        raw: bool,
    },
    /// Behind the last element of an array.
    NewElement {
        at: usize,
    },
}

/// What `path`, without its `$`, leads to.
pub(super) fn find(json: &[u8], path: &[u8]) -> Result<Found, Miss> {
    let mut found = Found { at: 0, label: None };
    let mut from = 0;
    let mut depth = 0;
    while from < path.len() {
        let (step, next) = step(json, found.at, path, from)?;
        let Step::To(there) = step else { return Err(Miss::Nothing) };
        depth += 1;
        if depth >= DEPTH_MAX {
            return Err(Miss::TooDeep);
        }
        (found, from) = (there, next);
    }
    Ok(found)
}

/// Takes the step at `from` of `path` from the value at `at`; answers where the path goes on.
fn step<'p>(json: &[u8], at: usize, path: &'p [u8], from: usize) -> Result<(Step<'p>, usize), Miss> {
    match byte(path, from) {
        b'.' => member(json, at, path, from + 1),
        b'[' => element(json, at, path, from),
        _ => Err(Miss::BadPath),
    }
}

fn member<'p>(json: &[u8], at: usize, path: &'p [u8], from: usize) -> Result<(Step<'p>, usize), Miss> {
    let (key, raw, next) = label(path, from)?;
    if kind(json, at) != OBJECT {
        return Err(Miss::Nothing);
    }
    let object = node(json, at).ok_or(Miss::Malformed)?;
    let mut place = object.payload;
    while place < object.end {
        let label = node(json, place).filter(|label| label.is_text()).ok_or(Miss::Malformed)?;
        let value = node(json, label.end).filter(|value| value.end <= object.end && value.kind <= OBJECT);
        let value = value.ok_or(Miss::Malformed)?;
        if same_label(key, raw, label.bytes(json), label.is_raw()) {
            return Ok((Step::To(Found { at: label.end, label: Some(place) }), next));
        }
        place = value.end;
    }
    Ok((Step::NewMember { at: place, key, raw }, next))
}

/// The label at `from`, whether it is without escapes, and where the path goes on.
fn label(path: &[u8], from: usize) -> Result<(&[u8], bool, usize), Miss> {
    let rest = path.get(from..).unwrap_or_default();
    if byte(rest, 0) != b'"' {
        let end = rest.iter().position(|byte| matches!(byte, b'.' | b'[')).unwrap_or(rest.len());
        let key = rest.get(..end).filter(|key| !key.is_empty()).ok_or(Miss::BadPath)?;
        return Ok((key, true, from + end));
    }
    let mut end = 1;
    while !matches!(byte(rest, end), 0 | b'"') {
        end += 1 + usize::from(byte(rest, end) == b'\\' && byte(rest, end + 1) != 0);
    }
    if byte(rest, end) != b'"' {
        return Err(Miss::BadPath);
    }
    let key = rest.get(1..end).unwrap_or_default();
    Ok((key, !key.contains(&b'\\'), from + end + 1))
}

fn element<'p>(json: &[u8], at: usize, path: &[u8], from: usize) -> Result<(Step<'p>, usize), Miss> {
    if kind(json, at) != ARRAY {
        return Err(Miss::Nothing);
    }
    let array = node(json, at).ok_or(Miss::Malformed)?;
    let (mut wanted, mut next) = number(path, from + 1);
    if next == from + 1 || byte(path, next) != b']' {
        if byte(path, from + 1) != b'#' {
            return Err(Miss::BadPath);
        }
        wanted = count(json, array).ok_or(Miss::Malformed)? as u64;
        next = from + 2;
        if byte(path, next) == b'-' && byte(path, next + 1).is_ascii_digit() {
            let (back, behind) = number(path, next + 1);
            next = behind;
            wanted = wanted.checked_sub(back).ok_or(Miss::Nothing)?;
        }
        if byte(path, next) != b']' {
            return Err(Miss::BadPath);
        }
    }
    let mut place = array.payload;
    while place < array.end {
        if wanted == 0 {
            return Ok((Step::To(Found { at: place, label: None }), next + 1));
        }
        wanted -= 1;
        place = node(json, place).ok_or(Miss::Malformed)?.end;
    }
    match wanted {
        _ if place > array.end => Err(Miss::Malformed),
        0 => Ok((Step::NewElement { at: place }, next + 1)),
        _ => Err(Miss::Nothing),
    }
}

/// The digits at `from` and where they end; a number too large for any array stays so.
fn number(path: &[u8], from: usize) -> (u64, usize) {
    let (mut value, mut at) = (0_u64, from);
    while byte(path, at).is_ascii_digit() {
        if value < 0xffff_ffff {
            value = value * 10 + u64::from(byte(path, at) - b'0');
        }
        at += 1;
    }
    (value, at)
}

/// A document being edited.
pub(super) struct Editor {
    pub json: Vec<u8>,
    /// By how many bytes the edit has grown the document so far.
    pub grown: isize,
}

impl Editor {
    /// Edits what `path`, without its `$`, leads to.
    pub(super) fn edit(&mut self, path: &[u8], edit: Edit, new: &[u8]) -> Result<(), Miss> {
        self.grown = 0;
        self.follow(Found { at: 0, label: None }, path, 0, edit, new, 0)
    }

    fn follow(
        &mut self,
        found: Found,
        path: &[u8],
        from: usize,
        edit: Edit,
        new: &[u8],
        depth: usize,
    ) -> Result<(), Miss> {
        if from >= path.len() {
            return self.change(found, path, edit, new);
        }
        let (step, next) = step(&self.json, found.at, path, from)?;
        if depth + 1 >= DEPTH_MAX {
            return Err(Miss::TooDeep);
        }
        match step {
            Step::To(there) => self.follow(there, path, next, edit, new, depth + 1)?,
            _ if !edit.adds() => return Err(Miss::Nothing),
            Step::NewMember { at, key, raw } => {
                if edit == Edit::ArrayInsert && path.last() != Some(&b']') {
                    return Err(Miss::NotAnElement);
                }
                let mut added = Vec::with_capacity(key.len() + new.len() + 8);
                push(if raw { TEXTRAW } else { TEXT5 }, key, &mut added);
                added.extend(substructure(path, next, edit, new, depth + 1)?);
                self.splice(at, 0, &added);
            }
            Step::NewElement { at } => {
                let added = substructure(path, next, edit, new, depth + 1)?;
                self.splice(at, 0, &added);
            }
        }
        self.fit(found.at);
        Ok(())
    }

    /// The edit itself, where the path ends.
    fn change(&mut self, found: Found, path: &[u8], edit: Edit, new: &[u8]) -> Result<(), Miss> {
        let value = node(&self.json, found.at).ok_or(Miss::Malformed)?;
        match edit {
            Edit::Insert => {}
            Edit::Remove => {
                let from = found.label.unwrap_or(found.at);
                self.splice(from, value.end - from, &[]);
            }
            Edit::ArrayInsert if path.last() != Some(&b']') => return Err(Miss::NotAnElement),
            Edit::ArrayInsert => self.splice(found.at, 0, new),
            Edit::Replace | Edit::Set => self.splice(found.at, value.end - found.at, new),
        }
        Ok(())
    }

    /// Puts `new` in the place of `removed` bytes. Where a value is a little shorter than the one before it, its header
    /// becomes longer instead, as in SQLite, and nothing behind it moves.
    pub(super) fn splice(&mut self, at: usize, removed: usize, new: &[u8]) {
        if let Some(padded) = removed.checked_sub(new.len()).and_then(|short| padded(new, short)) {
            self.json.splice(at..at + removed, padded);
            return;
        }
        self.json.splice(at..at + removed, new.iter().copied());
        self.grown += new.len() as isize - removed as isize;
    }

    /// Tells the container at `at` what the edit inside it has done to its size.
    pub(super) fn fit(&mut self, at: usize) {
        if self.grown != 0 {
            let size = told_size(&self.json, at).saturating_add_signed(self.grown);
            self.grown += resize(&mut self.json, at, size);
        }
    }
}

/// What stands behind a label or element that is added: the new value, within the containers that `path` goes on
/// through.
fn substructure(path: &[u8], from: usize, edit: Edit, new: &[u8], depth: usize) -> Result<Vec<u8>, Miss> {
    if from >= path.len() {
        return Ok(new.to_vec());
    }
    let container = if byte(path, from) == b'.' { OBJECT } else { ARRAY };
    let mut inner = Editor { json: vec![container], grown: 0 };
    inner.follow(Found { at: 0, label: None }, path, from, edit, new, depth)?;
    Ok(inner.json)
}

/// `new` with a header that is `short` bytes longer, if headers come in that length.
fn padded(new: &[u8], short: usize) -> Option<Vec<u8>> {
    let (Some(value), 1..=8) = (node(new, 0), short) else { return None };
    let Node { payload, .. } = value;
    let (code, wide) = match payload - 1 + short {
        1 => (12, 1_usize),
        2 => (13, 2),
        4 => (14, 4),
        8 => (15, 8),
        _ => return None,
    };
    if value.kind <= FALSE {
        return None;
    }
    let mut padded = vec![code << 4 | value.kind];
    let size = (value.end - payload).to_be_bytes();
    padded.extend((0..wide.saturating_sub(size.len())).map(|_| 0));
    padded.extend_from_slice(size.get(size.len().saturating_sub(wide)..).unwrap_or_default());
    padded.extend_from_slice(value.bytes(new));
    Some(padded)
}
