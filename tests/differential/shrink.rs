//! Makes a failure small: statements before it are dropped, then parts of it give way to smaller ones, as long as the
//! engines still differ in the same manner. What is left is a script for both shells.

use crate::engines::{Difference, Pair};
use crate::family::Statement;

/// A failing statement after those that led to it.
pub struct Failing {
    /// What led there, the schema first.
    pub history: Vec<String>,
    pub statement: Statement,
    pub difference: Difference,
}

/// How many times a failure may be tried anew while it is made smaller.
const TRIES_MAX: usize = 1500;

/// Runs a history and then a statement; how they differ, if they do in the same manner as before.
fn difference(history: &[String], statement: &Statement, before: &Difference) -> Option<Difference> {
    let pair = Pair::empty();
    history.iter().for_each(|sql| pair.replay(sql));
    let found = pair.compare(statement).err()?;
    // Another message of ours is another failure.
    let same_error = match (&found.error, &before.error) {
        (Some(found), Some(before)) => first_words(found) == first_words(before),
        (None, None) => true,
        _ => false,
    };
    (found.what == before.what && same_error).then_some(found)
}

fn first_words(message: &str) -> String {
    message.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The smallest failure that is found in a bounded number of tries.
pub fn shrink(mut failing: Failing) -> Failing {
    let mut tries = 0;
    // First halves, then quarters, and so on down to single statements.
    let mut size = failing.history.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < failing.history.len() && tries < TRIES_MAX / 2 {
            let mut fewer = failing.history.clone();
            fewer.drain(at..(at + size).min(failing.history.len()));
            tries += 1;
            match difference(&fewer, &failing.statement, &failing.difference) {
                Some(found) => {
                    failing.history = fewer;
                    failing.difference = found;
                }
                None => at += size,
            }
        }
        if size == 1 || tries >= TRIES_MAX / 2 {
            break;
        }
        size = size.div_ceil(2);
    }
    let mut progress = true;
    while progress && tries < TRIES_MAX {
        progress = false;
        for smaller in smaller_texts(&failing.statement.sql) {
            if tries >= TRIES_MAX {
                break;
            }
            tries += 1;
            // Without its order a query may give its rows in any.
            if failing.statement.is_ordered && !smaller.contains("ORDER BY") {
                continue;
            }
            let statement = Statement { sql: smaller, ..failing.statement };
            if let Some(found) = difference(&failing.history, &statement, &failing.difference) {
                failing.statement = statement;
                failing.difference = found;
                progress = true;
                break;
            }
        }
    }
    failing
}

/// Pieces of a statement: words, literals, marks; no spaces.
fn pieces(sql: &str) -> Vec<&str> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b' ' | b'\n' => {
                at += 1;
                continue;
            }
            b'\'' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'\'' {
                    at += 1;
                }
                at += 1;
            }
            c if c.is_ascii_alphanumeric() || c == b'_' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || b"_.".contains(&bytes[at])) {
                    at += 1;
                }
                // A blob's text belongs to its x.
                if at < bytes.len() && bytes[at] == b'\'' && at - start == 1 && bytes[start] == b'x' {
                    at += 1;
                    while at < bytes.len() && bytes[at] != b'\'' {
                        at += 1;
                    }
                    at += 1;
                }
            }
            _ => {
                at += 1;
                let double = sql.get(start..start + 2).unwrap_or_default();
                if ["<=", ">=", "<>", "||", "<<", ">>"].contains(&double) {
                    at += 1;
                }
                while !sql.is_char_boundary(at) {
                    at += 1;
                }
            }
        }
        found.push(&sql[start..at.min(bytes.len())]);
    }
    found
}

/// Shorter statements, the shortest first: ranges of pieces with balanced parentheses left out, parentheses replaced
/// by a constant or by what they hold.
fn smaller_texts(sql: &str) -> Vec<String> {
    let pieces = pieces(sql);
    let mut closing = vec![None; pieces.len()];
    let mut open = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match *piece {
            "(" => open.push(at),
            ")" => {
                if let Some(start) = open.pop() {
                    closing[start] = Some(at);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut add = |parts: &[&[&str]]| {
        let text = parts.concat().join(" ");
        if text.len() < sql.len() {
            found.push(text);
        }
    };
    for (start, end) in closing.iter().enumerate().filter_map(|(start, end)| Some((start, (*end)?))) {
        for constant in ["NULL", "1", "'a'", "(1)"] {
            add(&[&pieces[..start], &[constant], &pieces[end + 1..]]);
        }
        let is_call = start > 0 && pieces[start - 1].bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if is_call {
            add(&[&pieces[..start - 1], &["1"], &pieces[end + 1..]]);
            add(&[&pieces[..start - 1], &pieces[start..]]);
        }
        add(&[&pieces[..start], &pieces[start + 1..end], &pieces[end + 1..]]);
        // One of the parentheses inside stands for the whole.
        for (inner, inner_end) in (start + 1..end).filter_map(|inner| Some((inner, closing[inner]?))) {
            add(&[&pieces[..start], &pieces[inner..=inner_end], &pieces[end + 1..]]);
        }
    }
    for start in 0..pieces.len() {
        let mut depth = 0_i32;
        for end in start..pieces.len().min(start + 40) {
            match pieces[end] {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                break;
            }
            if depth == 0 {
                add(&[&pieces[..start], &pieces[end + 1..]]);
            }
        }
    }
    found.sort_by_key(String::len);
    found.dedup();
    found
}

/// A failure as a script that runs in both shells, with what was seen in comments.
pub fn script(failing: &Failing) -> String {
    let mut text = String::new();
    for sql in &failing.history {
        text += &format!("{sql};\n");
    }
    text += &format!("{};\n", failing.statement.sql);
    let seen = format!("{} differ\n{}", failing.difference.what, failing.difference.detail);
    seen.lines().for_each(|line| text += &format!("-- {line}\n"));
    text
}
