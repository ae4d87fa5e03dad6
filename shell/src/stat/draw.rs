//! The measurements as bars.
//!
//! ```text
//! table city: 5,000 records of 45.0 bytes, 41 pages (328 KiB), depth 2
//!   level 1         1 page    4% |##.....................................|
//!   leaves         40 pages  78% |##############################oo.......|
//!     60- 70%       3             |####
//!     70- 80%      37             |#######################################
//! ```

use crate::render::number::{bytes, count, counted};
use sedge::{DatabaseStat, LevelStat, ObjectStat, StatKind};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the parts of a bar are drawn with, in the order used, holes, gap; and what goes around each.
#[derive(Clone, Copy)]
pub(super) struct Glyphs {
    parts: [&'static str; 3],
    colors: [&'static str; 3],
    /// Ends a color.
    plain: &'static str,
}

impl Glyphs {
    /// For files and pipes.
    pub(super) const PLAIN: Glyphs = Glyphs { parts: ["#", "o", "."], colors: [""; 3], plain: "" };
    /// For terminals that are asked not to be colored.
    pub(super) const BLOCKS: Glyphs = Glyphs { parts: ["█", "▒", "·"], colors: [""; 3], plain: "" };
    /// For terminals: what is used green, what is lost yellow, what is free faint.
    pub(super) const COLORED: Glyphs = Glyphs {
        parts: ["█", "▒", "·"],
        colors: ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[2m"],
        plain: "\u{1b}[0m",
    };

    fn part(&self, which: usize, cells: usize) -> String {
        if cells == 0 {
            return String::new();
        }
        format!("{}{}{}", self.colors[which], self.parts[which].repeat(cells), self.plain) // 0, 1 or 2
    }
}

/// Columns before a bar.
const LABELS_WIDTH: usize = 36;
/// A bar shorter than this says nothing: narrower terminals break the lines.
const BAR_WIDTH_MIN: usize = 10;
/// A bar longer than this says nothing more.
const BAR_WIDTH_MAX: usize = 100;

/// What is drawn on.
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) glyphs: Glyphs,
}

impl Page {
    /// A whole database.
    pub(super) fn database(&self, file: &str, stat: &DatabaseStat) -> String {
        let size = u64::from(stat.page_count) * u64::from(stat.page_size);
        let mut text = self.line(&format!(
            "{}: {} of {} ({}), {} free",
            printable(file),
            counted(stat.page_count.into(), "page", "pages"),
            bytes(stat.page_size.into()),
            bytes(size),
            count(stat.free_pages.into()),
        ));
        let [used, holes, gap] = [0, 1, 2].map(|which| self.glyphs.part(which, 1));
        text += &format!("bars: {used} used  {holes} holes  {gap} free in one piece\n");
        for object in &stat.objects {
            text.push('\n');
            text += &self.object(object, stat.page_size);
        }
        text
    }

    fn object(&self, object: &ObjectStat, page_size: u32) -> String {
        let tree = &object.tree;
        let of = if object.kind == StatKind::Index {
            format!(" on {}", printable(&object.table))
        } else {
            String::new()
        };
        let mut text = self.line(&format!(
            "{} {}{of}: {} of {:.1} bytes, {} ({}), depth {}",
            object.kind.name(),
            printable(&object.name),
            counted(tree.records(), "record", "records"),
            tree.record_bytes_average(),
            counted(tree.pages(), "page", "pages"),
            bytes(tree.pages() * u64::from(page_size)),
            tree.depth(),
        ));
        for (level, sums) in tree.levels.iter().enumerate().rev() {
            let label = if level == 0 { "leaves".to_owned() } else { format!("level {level}") };
            text += &self.level(&label, sums);
        }
        let leaves = tree.leaves();
        if leaves.pages > 1 {
            text += &self.histogram(&tree.leaf_fill);
        }
        if leaves.holes > 0 {
            text += &self.line(&format!(
                "  holes    {} in {}, {:.0}% of the free bytes of leaves",
                bytes(leaves.dead_bytes),
                counted(leaves.holes, "hole", "holes"),
                100.0 * leaves.fragmentation(),
            ));
        }
        if tree.overflow_pages > 0 {
            text += &self.line(&format!(
                "  overflow {} in {}",
                bytes(tree.overflow_bytes),
                counted(tree.overflow_pages, "page", "pages"),
            ));
        }
        text
    }

    /// The pages of a level, and a bar of what their bytes are used for.
    fn level(&self, label: &str, sums: &LevelStat) -> String {
        let used = sums.slot_bytes + sums.record_bytes + sums.fence_bytes;
        let cells = shares([used, sums.dead_bytes, sums.gap_bytes], self.bar_width());
        let bar: String =
            cells.into_iter().enumerate().map(|(which, cells)| self.glyphs.part(which, cells)).collect();
        let pages = counted(sums.pages, "page ", "pages");
        format!("  {label:<10} {pages:>16} {:>4.0}% |{bar}|\n", 100.0 * sums.fill())
    }

    /// Leaves by their fill, from the emptiest to the fullest that there are.
    fn histogram(&self, leaf_fill: &[u64]) -> String {
        let filled = |leaves: &u64| *leaves > 0;
        let (Some(first), Some(last)) =
            (leaf_fill.iter().position(filled), leaf_fill.iter().rposition(filled))
        else {
            return String::new();
        };
        let most = leaf_fill.iter().copied().max().unwrap_or(1);
        let mut text = String::new();
        for (step, leaves) in leaf_fill.iter().enumerate().take(last + 1).skip(first) {
            let [cells, ..] = shares([*leaves, 0, most - leaves], self.bar_width());
            let range = format!("{}-{}%", step * 100 / leaf_fill.len(), (step + 1) * 100 / leaf_fill.len());
            let bar = self.glyphs.part(0, cells);
            text += &format!("    {range:>7} {:>17}       |{bar}\n", count(*leaves));
        }
        text
    }

    fn bar_width(&self) -> usize {
        // The bar's two ends take a column each.
        self.width.saturating_sub(LABELS_WIDTH + 2).clamp(BAR_WIDTH_MIN, BAR_WIDTH_MAX)
    }

    /// A line, cut where the page ends.
    fn line(&self, text: &str) -> String {
        if text.width() <= self.width {
            return format!("{text}\n");
        }
        let mut line = String::new();
        let mut width = 0;
        for c in text.chars() {
            width += c.width().unwrap_or(0);
            if width >= self.width {
                break;
            }
            line.push(c);
        }
        line + "…\n"
    }
}

/// Divides `width` cells by the parts' sizes. A part that is not empty gets at least one.
fn shares(parts: [u64; 3], width: usize) -> [usize; 3] {
    let whole: u64 = parts.iter().sum();
    if whole == 0 {
        return [0, 0, width];
    }
    let mut cells = parts.map(|part| match part {
        0 => 0,
        _ => ((part as f64 / whole as f64 * width as f64).round() as usize).max(1),
    });
    // What rounding gave or took is settled with the largest part.
    let largest = (0..3).max_by_key(|&which| cells[which]).unwrap_or(0); // places of the array
    let others = cells.iter().sum::<usize>() - cells[largest]; // as above
    cells[largest] = width.saturating_sub(others); // as above
    cells
}

/// A name without what would move the cursor.
fn printable(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_is_there_shows_and_the_bar_is_whole() {
        assert_eq!(shares([0, 0, 0], 10), [0, 0, 10]);
        assert_eq!(shares([50, 25, 25], 20), [10, 5, 5]);
        assert_eq!(shares([1_000_000, 1, 1], 30), [28, 1, 1]);
        for parts in [[3, 7, 11], [1, 1, 1_000], [u64::MAX / 4, 1, u64::MAX / 4]] {
            assert_eq!(shares(parts, 37).iter().sum::<usize>(), 37);
        }
    }

    #[test]
    fn no_line_is_longer_than_the_page() {
        let database = sedge::Database::open_in_memory().unwrap();
        let connection = database.connect().unwrap();
        let name = "a".repeat(90) + "\u{1b}[31m";
        connection.execute(&format!("CREATE TABLE \"{name}\"(a TEXT)"), ()).unwrap();
        let mut insert = connection.prepare(&format!("INSERT INTO \"{name}\" VALUES (?)")).unwrap();
        for n in 0..400 {
            insert.execute(["x".repeat(n)]).unwrap();
        }
        let stat = database.stat().unwrap();
        for width in [60, 80, 200] {
            for glyphs in [Glyphs::PLAIN, Glyphs::BLOCKS] {
                let text = Page { width, glyphs }.database("memory", &stat);
                assert!(text.lines().all(|line| line.width() <= width), "{width}\n{text}");
                assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[31m") == (width == 200), "{text}");
            }
        }
    }
}
