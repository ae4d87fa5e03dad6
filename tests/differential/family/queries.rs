//! SELECT in its breadth: sources of every kind, conditions, groups, compounds, orders; and the same with other
//! literals, which a cached plan serves.

use super::Statement;
use crate::generator::{Generator, Select};

pub fn make(generator: &mut Generator) -> Statement {
    let mut select: Select = if generator.0.one_in(4) { generator.rare_select() } else { generator.select() };
    // Ordinals are no literals.
    let has_ordinals = ["GROUP BY", "ORDER BY 1", " COLLATE BINARY"].iter().any(|w| select.sql.contains(w));
    if generator.0.one_in(4) && !has_ordinals {
        select.sql = generator.with_other_literals(&select.sql);
    }
    Statement { sql: select.sql, is_ordered: select.is_ordered, effect: super::Effect::None }
}
