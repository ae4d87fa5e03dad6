//! What the engine did: all of it since the database was opened, or during one statement.

use crate::failure::Failure;
use crate::render::number::{count, nanos};
use crate::session::Session;
use sedge::Counters;
use std::io::Write;

/// `.stats`: sizes, then every counter, in groups.
pub(super) fn print(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let metrics = session.database.metrics();
    let sizes = [
        ("page_size", u64::from(metrics.page_size)),
        ("page_count", u64::from(metrics.page_count)),
        ("free_pages", u64::from(metrics.free_pages)),
        ("overlay_pages", metrics.overlay_pages),
        ("wal_size", metrics.wal_size),
    ];
    group("sizes", sizes, out)?;
    for (title, counts) in session.counters().groups() {
        group(title, counts, out)?;
    }
    match metrics.times {
        Some(times) => {
            writeln!(out, "times")?;
            times.iter().try_for_each(|(name, time)| counter(name, &nanos(time), out))?;
        }
        None => writeln!(out, "times\n  start the shell with SEDGE_PROFILE=1 to see them")?,
    }
    let [median, p90, p99] = metrics.commit_micros;
    Ok(writeln!(out, "commit times\n  p50 {median} us, p90 {p90} us, p99 {p99} us")?)
}

/// `.stats on`: what one statement did, a line for each group in which something was counted.
pub(crate) fn print_statement(counters: &Counters, out: &mut dyn Write) -> std::io::Result<()> {
    let mut nothing = true;
    for (title, counts) in counters.groups() {
        let counted = counts.iter().filter(|(_, number)| *number > 0);
        let texts: Vec<String> = counted.map(|(name, number)| format!("{name} {}", count(*number))).collect();
        if !texts.is_empty() {
            nothing = false;
            writeln!(out, "{:<16}{}", format!("{title}:"), texts.join(", "))?;
        }
    }
    if nothing {
        writeln!(out, "no page was read for the first time, none was changed")?;
    }
    Ok(())
}

fn group(
    title: &str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "{title}")?;
    counts.into_iter().try_for_each(|(name, number)| counter(name, &count(number), out))
}

fn counter(name: &str, number: &str, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "  {name:<20} {number:>15}")
}
