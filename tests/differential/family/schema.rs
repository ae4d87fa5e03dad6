//! Indexes that come and go while the rows stay, so that the same queries meet other plans.

use super::{Effect, Statement};
use crate::generator::{COLUMNS, Generator, TABLES};

pub fn make(generator: &mut Generator) -> Statement {
    let name = format!("extra{}", generator.0.below(4));
    let sql = if generator.0.one_in(3) {
        format!("DROP INDEX IF EXISTS {name}")
    } else {
        let (table, x, y) =
            (generator.0.pick(&TABLES), generator.0.pick(&COLUMNS), generator.0.pick(&COLUMNS));
        let columns = match generator.0.below(4) {
            0 => x.to_owned(),
            1 if x != y => format!("{x}, {y} DESC"),
            2 => format!("length({x}), {y}"),
            _ => format!("{x} COLLATE NOCASE"),
        };
        let filter = match generator.0.below(4) {
            0 => format!(" WHERE {y} IS NOT NULL"),
            1 => format!(" WHERE {x} > 2"),
            _ => String::new(),
        };
        format!("CREATE INDEX IF NOT EXISTS {name} ON {table}({columns}){filter}")
    };
    Statement { sql, is_ordered: false, effect: Effect::None }
}
