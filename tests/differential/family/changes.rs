//! INSERT, UPDATE and DELETE in their many forms, with conflicts of every kind.

use super::Statement;
use crate::generator::Generator;

pub fn make(generator: &mut Generator) -> Statement {
    let (table, sql) = generator.change();
    Statement::change(table, sql)
}
