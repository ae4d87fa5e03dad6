//! Rewrites a script so that the record parser accepts it, keeping every line where it is.
//!
//! The parser rejects words behind `skipif NAME`, takes `#` lines inside a record for SQL, does not see a line of
//! spaces as blank, and knows no conditional `halt`.

/// The labels by which a script may address us.
const LABELS: [&str; 2] = ["sedge", "sqlite"];

/// True if a condition naming `label` is about us.
pub(crate) fn is_our_label(label: &str) -> bool {
    LABELS.iter().any(|ours| ours.eq_ignore_ascii_case(label))
}

/// The script as the parser wants it, with the same number of lines up to a `halt` that holds.
pub(crate) fn normalise(script: &str) -> String {
    let lines: Vec<&str> = script.lines().map(str::trim_end).collect();
    let mut normalised = String::with_capacity(script.len());
    // Comment lines vanish from inside a record, so the lines that are left move up and blank lines follow.
    let mut dropped = 0;
    let mut in_record = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.is_empty() {
            (0..=dropped).for_each(|_| normalised.push('\n'));
            (dropped, in_record) = (0, false);
        } else if line.starts_with('#') {
            if in_record { dropped += 1 } else { normalised.push('\n') }
        } else if in_record {
            normalised.push_str(line);
            normalised.push('\n');
        } else if let Some(block) = conditional_halt(&lines[at..]) {
            if block.holds {
                break;
            }
            (0..block.lines).for_each(|_| normalised.push('\n'));
            at += block.lines;
            continue;
        } else {
            let mut words = line.split_whitespace();
            match words.next() {
                Some(condition @ ("skipif" | "onlyif")) => {
                    normalised.push_str(condition);
                    normalised.push(' ');
                    normalised.push_str(words.next().unwrap_or_default());
                }
                first => {
                    in_record = matches!(first, Some("statement" | "query"));
                    normalised.push_str(line);
                }
            }
            normalised.push('\n');
        }
        at += 1;
    }
    normalised
}

/// A `halt` behind its conditions.
struct Halt {
    /// How many lines they take.
    lines: usize,
    /// True if the script ends here for us.
    holds: bool,
}

fn conditional_halt(lines: &[&str]) -> Option<Halt> {
    let mut holds = true;
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("skipif"), Some(label)) => holds &= !is_our_label(label),
            (Some("onlyif"), Some(label)) => holds &= is_our_label(label),
            (Some("halt"), _) => return Some(Halt { lines: at + 1, holds }),
            _ => return None,
        }
    }
    None
}
