//! Expressions over every mix of types, of constants and over rows.

use super::Statement;
use crate::generator::{Generator, SOURCES};

pub fn make(generator: &mut Generator) -> Statement {
    if generator.0.one_in(2) {
        let (x, y) = (generator.expr(&[], 3), generator.expr(&[], 2));
        return Statement::query(format!("SELECT {x}, typeof({x}), {y}"));
    }
    let (x, y) = (generator.expr(&["p"], 3), generator.expr(&["p"], 2));
    Statement::query(format!("SELECT {x}, {y}, typeof({y}) FROM {} p", generator.0.pick(&SOURCES)))
}
