//! Suggestions: the known name that an unknown one was probably meant to be. Pure functions over strings, for all who
//! resolve names.

/// The candidate nearest to `name`, if it is near enough to be meant: at most a third of its letters are wrong.
pub(crate) fn nearest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let allowed = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let found: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            if found.len().abs_diff(wanted.len()) > allowed {
                return None;
            }
            let distance = distance(&wanted, &found);
            (distance <= allowed && distance < wanted.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A message with the suggestion, where there is one, behind it.
pub(crate) fn suggest(message: String, suggestion: Option<&str>) -> String {
    match suggestion {
        Some(name) => format!("{message}; did you mean {name}?"),
        None => message,
    }
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one into the other: optimal string alignment.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            // Both rows have b.len() + 1 entries, and this one has j + 1 by now.
            let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_names_are_near() {
        assert_eq!(nearest("nmae", ["name", "id"]), Some("name"));
        assert_eq!(nearest("x", ["abc", "yz"]), None);
        assert_eq!(nearest("CUSTOMER", ["customers", "orders"]), Some("customers"));
    }
}
