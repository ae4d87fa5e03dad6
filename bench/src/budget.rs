//! Budgets of counters: one file of them, a table a workload, a line a counter.
//!
//! ```toml
//! [ascending]
//! splits = 133                                                # this and nothing else
//! memcopy_bytes = { measured = 1020665, most = 1041079 }      # no more than that
//! failures = { equals = ["splits", "borrows"] }               # as many as these together, in the same run
//! ```

use crate::Outcome;
use std::collections::BTreeMap;
use std::fmt;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

/// A budget may be exceeded by one in this many before anybody has to look: 2%.
const HEADROOM: u64 = 50;

/// A measured number this much below the last measured one (in tenths) deserves a tighter budget.
const LOOSE_TENTHS: u64 = 9;

/// The counters of one workload, by name.
pub type Counts = BTreeMap<String, u64>;

/// What one counter may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Budget {
    /// At most `most`; `measured` is what it was when that was set.
    Most { measured: u64, most: u64 },
    /// This.
    Exact(u64),
    /// What these counters of the same run are together.
    Equals(Vec<String>),
}

/// How a counter stands to its budget, where that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// True if the budget is broken; else it is only much wider than what was measured.
    pub broken: bool,
    workload: String,
    counter: String,
    before: u64,
    now: u64,
    allowed: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { workload, counter, before, now, allowed, broken } = self;
        let change = i128::from(*now) - i128::from(*before);
        write!(f, "{workload}: {counter} moved from {before} to {now} ({change:+}")?;
        if *before > 0 {
            write!(f, ", {:+.1}%", change as f64 * 100.0 / *before as f64)?;
        }
        write!(f, "); {} {allowed}", if *broken { "budget:" } else { "its budget is still" })
    }
}

/// The file of budgets. Writing it keeps its comments and the kind of each budget.
pub struct Budgets {
    text: DocumentMut,
}

impl Budgets {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Where it is not TOML.
    pub fn parse(text: &str) -> Outcome<Budgets> {
        Ok(Budgets { text: text.parse()? })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.text.to_string()
    }

    /// Holds the counts of a workload against its budgets. Each budget must have a count and each count a budget, so that
    /// neither a renamed counter nor a new one slips through.
    ///
    /// # Errors
    /// A workload, counter or budget that is missing or cannot be read.
    pub fn check(&self, workload: &str, counts: &Counts) -> Outcome<Vec<Finding>> {
        let table = self.text.get(workload).and_then(Item::as_table);
        let table =
            table.ok_or_else(|| format!("no budgets for {workload}; `guardrails --write` makes them"))?;
        if let Some(unknown) = table.iter().map(|(name, _)| name).find(|name| !counts.contains_key(*name)) {
            return Err(format!("{workload}: {unknown} has a budget, but is no counter").into());
        }
        let mut findings = Vec::new();
        for (counter, now) in counts {
            let budget = read(workload, counter, table.get(counter))?;
            let (before, allowed, broken) = match &budget {
                Budget::Most { measured, most } => (*measured, format!("at most {most}"), now > most),
                Budget::Exact(exact) => (*exact, "exactly that".to_owned(), now != exact),
                Budget::Equals(names) => {
                    let sum = sum(workload, names, counts)?;
                    (sum, format!("as much as {} in the same run", names.join(" + ")), *now != sum)
                }
            };
            if broken || now * 10 < before * LOOSE_TENTHS {
                let (workload, counter) = (workload.to_owned(), counter.clone());
                findings.push(Finding { broken, workload, counter, before, now: *now, allowed });
            }
        }
        Ok(findings)
    }

    /// Sets a workload's budgets by what was counted: exact ones to just that, upper ones to it and a fiftieth of it, equal
    /// ones not at all. Zero is always exact, and what is no longer zero gets an upper budget, as do counts that had none.
    /// Budgets without a count go.
    ///
    /// # Errors
    /// A budget that cannot be read.
    pub fn write(&mut self, workload: &str, counts: &Counts) -> Outcome<()> {
        let entry = self.text.entry(workload).or_insert_with(|| Item::Table(Table::new()));
        let table = entry.as_table_mut().ok_or_else(|| format!("{workload} is no table of budgets"))?;
        table.retain(|name, _| counts.contains_key(name));
        for (counter, now) in counts {
            let before = match table.get(counter) {
                None => None,
                item => Some(read(workload, counter, item)?),
            };
            let budget = match before {
                Some(Budget::Equals(names)) => Budget::Equals(names),
                Some(Budget::Exact(1..)) => Budget::Exact(*now),
                _ if *now == 0 => Budget::Exact(0),
                _ => Budget::Most { measured: *now, most: now + now.div_ceil(HEADROOM) },
            };
            set(table, counter, &budget);
        }
        Ok(())
    }
}

fn sum(workload: &str, names: &[String], counts: &Counts) -> Outcome<u64> {
    names.iter().try_fold(0, |sum, name| match counts.get(name) {
        Some(count) => Ok(sum + count),
        None => Err(format!("{workload}: {name} is no counter").into()),
    })
}

fn read(workload: &str, counter: &str, item: Option<&Item>) -> Outcome<Budget> {
    let wrong =
        || format!("{workload}: {counter} has no budget that can be read; `guardrails --write` makes one");
    let number = |value: Option<&Value>| u64::try_from(value?.as_integer()?).ok();
    if let Some(exact) = number(item.and_then(Item::as_value)) {
        return Ok(Budget::Exact(exact));
    }
    let table = item.and_then(Item::as_inline_table).ok_or_else(wrong)?;
    let budget = if let Some(names) = table.get("equals").and_then(Value::as_array) {
        let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
        names.map(Budget::Equals)
    } else {
        let (measured, most) = (number(table.get("measured")), number(table.get("most")));
        measured.zip(most).map(|(measured, most)| Budget::Most { measured, most })
    };
    Ok(budget.ok_or_else(wrong)?)
}

/// Puts a budget into its line, whose comments stay.
fn set(table: &mut Table, counter: &str, budget: &Budget) {
    let integer = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let mut value = match budget {
        Budget::Most { measured, most } => {
            let both = [("measured", integer(*measured)), ("most", integer(*most))];
            Value::from(InlineTable::from_iter(both))
        }
        Budget::Exact(exact) => integer(*exact),
        Budget::Equals(_) => return, // stays as its author wrote it
    };
    if let Some(before) = table.get(counter).and_then(Item::as_value) {
        *value.decor_mut() = before.decor().clone();
    }
    match table.get_mut(counter) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(counter, Item::Value(value))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "# why\n[load]\n# a reason\nsplits = 3 # and one behind\n\
                        failures = { equals = [\"splits\", \"borrows\"] }\n\
                        borrows = { measured = 1, most = 2 }\nbytes = { measured = 1000, most = 1020 }\n";

    fn counts(splits: u64, failures: u64, borrows: u64, bytes: u64) -> Counts {
        [("splits", splits), ("failures", failures), ("borrows", borrows), ("bytes", bytes)]
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    }

    fn lines(counts: &Counts) -> Vec<String> {
        let findings = Budgets::parse(TEXT).unwrap().check("load", counts).unwrap();
        findings.iter().map(|finding| format!("{} {finding}", finding.broken)).collect()
    }

    #[test]
    fn what_is_within_its_budget_is_not_worth_a_line() {
        assert!(lines(&counts(3, 4, 1, 1020)).is_empty());
    }

    #[test]
    fn a_broken_budget_says_which_counter_moved_and_how_far() {
        assert_eq!(
            lines(&counts(3, 4, 1, 1021)),
            ["true load: bytes moved from 1000 to 1021 (+21, +2.1%); budget: at most 1020"]
        );
        assert_eq!(
            lines(&counts(4, 4, 0, 1000)),
            [
                "false load: borrows moved from 1 to 0 (-1, -100.0%); its budget is still at most 2",
                "true load: splits moved from 3 to 4 (+1, +33.3%); budget: exactly that",
            ]
        );
        assert_eq!(
            lines(&counts(3, 5, 1, 1000)),
            [
                "true load: failures moved from 4 to 5 (+1, +25.0%); budget: as much as splits + borrows in the same run"
            ]
        );
    }

    #[test]
    fn counters_and_budgets_must_know_each_other() {
        let budgets = Budgets::parse(TEXT).unwrap();
        let mut more = counts(3, 4, 1, 1000);
        more.insert("merges".to_owned(), 0);
        assert!(budgets.check("load", &more).unwrap_err().to_string().contains("merges has no budget"));
        let mut less = counts(3, 4, 1, 1000);
        less.remove("bytes");
        assert!(budgets.check("load", &less).unwrap_err().to_string().contains("bytes has a budget"));
        assert!(budgets.check("other", &less).unwrap_err().to_string().contains("no budgets for other"));
    }

    #[test]
    fn writing_keeps_comments_and_kinds() {
        let mut budgets = Budgets::parse(TEXT).unwrap();
        let mut now = counts(5, 9, 0, 2001);
        budgets.write("load", &now).unwrap();
        assert_eq!(
            budgets.text(),
            "# why\n[load]\n# a reason\nsplits = 5 # and one behind\n\
             failures = { equals = [\"splits\", \"borrows\"] }\n\
             borrows = 0\nbytes = { measured = 2001, most = 2042 }\n"
        );
        // What does not add up stays broken, whatever is written.
        assert_eq!(budgets.check("load", &now).unwrap().len(), 1);
        now.remove("bytes");
        now.insert("merges".to_owned(), 7);
        budgets.write("load", &now).unwrap();
        assert!(budgets.text().ends_with("merges = { measured = 7, most = 8 }\n"), "{}", budgets.text());
        assert!(!budgets.text().contains("bytes"));
        budgets.write("fresh", &now).unwrap();
        assert!(budgets.text().contains("[fresh]"));
    }
}
