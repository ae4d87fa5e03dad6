//! One table in a total order under conditions: what an index, its order or the row id can make short work of.

use super::Statement;
use crate::generator::Generator;

pub fn make(generator: &mut Generator) -> Statement {
    let select = generator.ordered_scan();
    Statement { sql: select.sql, is_ordered: select.is_ordered, effect: super::Effect::None }
}
