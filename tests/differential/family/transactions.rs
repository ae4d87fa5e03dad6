//! Transactions and savepoints: begun, ended, gone back to.

use super::{Effect, Statement};
use crate::generator::Generator;

pub fn make(generator: &mut Generator) -> Statement {
    let sql = generator.transaction().to_owned();
    let effect = if sql.starts_with("ROLLBACK") { Effect::All } else { Effect::None };
    Statement { sql, is_ordered: false, effect }
}
