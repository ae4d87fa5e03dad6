//! RFC 7396: a document changed by a patch, in place.

use super::argument::{malformed, too_deep};
use super::escape::same_label;
use super::node::{DEPTH_MAX, NULL, Node, OBJECT, kind, node, told_size};
use super::path::Editor;
use crate::error::Result;

/// Changes the value at `at` of `target` by the value at `from` of `patch`.
pub(super) fn merge(target: &mut Editor, at: usize, patch: &[u8], from: usize, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    let change = node(patch, from).ok_or_else(malformed)?;
    let old = node(&target.json, at).ok_or_else(malformed)?;
    if change.kind != OBJECT {
        target.splice(at, old.end - at, patch.get(from..change.end).unwrap_or_default());
        return Ok(());
    }
    if old.kind != OBJECT {
        target.splice(old.payload, old.end - old.payload, &[]);
        if let Some(first) = target.json.get_mut(at) {
            *first = *first & 0xf0 | OBJECT;
        }
    }
    // The header still tells the size from before the patch.
    let told_end = old.payload + told_size(&target.json, at);
    let mut next = change.payload;
    while next < change.end {
        let (label, value) = pair(patch, next, change.end)?;
        let end = told_end.saturating_add_signed(target.grown);
        let known = member(&target.json, old.payload, end, patch, label)?;
        let is_null = kind(patch, label.end) == NULL;
        match known {
            Some((start, place)) if is_null => {
                let gone = node(&target.json, place).ok_or_else(malformed)?.end - start;
                target.splice(start, gone, &[]);
            }
            Some((_, place)) => inner(target, place, patch, label.end, depth)?,
            None if is_null => {}
            None => {
                let label_bytes = patch.get(next..label.end).unwrap_or_default();
                if value.kind == OBJECT {
                    // The nulls of a patch within are nothing to be added.
                    target.splice(end, 0, &[label_bytes, &[NULL]].concat());
                    inner(target, end + label_bytes.len(), patch, label.end, depth)?;
                } else {
                    let value_bytes = patch.get(label.end..value.end).unwrap_or_default();
                    target.splice(end, 0, &[label_bytes, value_bytes].concat());
                }
            }
        }
        next = value.end;
    }
    target.fit(at);
    Ok(())
}

/// Merges a member, whose growth is its container's too.
fn inner(target: &mut Editor, at: usize, patch: &[u8], from: usize, depth: usize) -> Result<()> {
    let grown = std::mem::take(&mut target.grown);
    merge(target, at, patch, from, depth + 1)?;
    target.grown += grown;
    Ok(())
}

/// The label at `at` and the value behind it.
fn pair(json: &[u8], at: usize, end: usize) -> Result<(Node, Node)> {
    let label = node(json, at).filter(|label| label.is_text() && label.end < end).ok_or_else(malformed)?;
    let value = node(json, label.end).filter(|value| value.end <= end).ok_or_else(malformed)?;
    Ok((label, value))
}

/// Where the member under a label of the patch starts, and its value.
fn member(
    json: &[u8],
    start: usize,
    end: usize,
    patch: &[u8],
    wanted: Node,
) -> Result<Option<(usize, usize)>> {
    let mut at = start;
    while at < end {
        let (label, value) = pair(json, at, end)?;
        if same_label(wanted.bytes(patch), wanted.is_raw(), label.bytes(json), label.is_raw()) {
            return Ok(Some((at, label.end)));
        }
        at = value.end;
    }
    Ok(None)
}
