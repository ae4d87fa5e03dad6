//! The measurements as one JSON object.

use sedge::{DatabaseStat, LevelStat, ObjectStat};
use serde_json::{Value, json};
use std::io::{Result, Write};
use std::path::Path;

/// Prints the object and ends the line.
pub(super) fn write(file: &Path, stat: &DatabaseStat, out: &mut dyn Write) -> Result<()> {
    let value = json!({
        "file": file.to_string_lossy(),
        "page_size": stat.page_size,
        "page_count": stat.page_count,
        "free_pages": stat.free_pages,
        "trees": stat.objects.iter().map(object).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn object(object: &ObjectStat) -> Value {
    let tree = &object.tree;
    json!({
        "kind": object.kind.name(),
        "name": object.name,
        "table": object.table,
        "depth": tree.depth(),
        "pages": tree.pages(),
        "records": tree.records(),
        "record_bytes_average": tree.record_bytes_average(),
        "overflow_pages": tree.overflow_pages,
        "overflow_bytes": tree.overflow_bytes,
        "leaf_fill": tree.leaf_fill,
        "levels": (0u8..).zip(&tree.levels).map(level).collect::<Vec<_>>(),
    })
}

fn level((level, sums): (u8, &LevelStat)) -> Value {
    json!({
        "level": level,
        "pages": sums.pages,
        "records": sums.records,
        "capacity_bytes": sums.capacity_bytes,
        "slot_bytes": sums.slot_bytes,
        "record_bytes": sums.record_bytes,
        "fence_bytes": sums.fence_bytes,
        "dead_bytes": sums.dead_bytes,
        "holes": sums.holes,
        "gap_bytes": sums.gap_bytes,
        "fill": sums.fill(),
        "fragmentation": sums.fragmentation(),
    })
}
