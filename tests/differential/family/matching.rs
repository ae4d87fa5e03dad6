//! LIKE with and without ESCAPE and GLOB with classes, over literals and columns.

use super::Statement;
use crate::generator::{Generator, TABLES};

const LETTERS: [&str; 12] = ["a", "b", "A", "%", "_", "*", "?", "[", "]", "^", "-", "é"];

pub fn make(generator: &mut Generator) -> Statement {
    let (subject, pattern, glob) = (word(generator), word(generator), word(generator));
    let escape = generator.0.pick(&["", "", " ESCAPE 'a'", " ESCAPE '\\'", " ESCAPE '_'", " ESCAPE '%'"]);
    if generator.0.one_in(2) {
        return Statement::query(format!(
            "SELECT '{subject}' LIKE '{pattern}'{escape}, '{subject}' GLOB '{glob}', '{subject}' NOT LIKE '%{pattern}%'{escape}, glob('*{glob}', '{subject}')"
        ));
    }
    let table = generator.0.pick(&TABLES);
    Statement::query(format!(
        "SELECT a, c LIKE '{pattern}'{escape}, c GLOB '{glob}*', e LIKE '{pattern}%' FROM {table} WHERE c LIKE '{}%' OR a > 1",
        generator.0.pick(&["a", "A", "x", "_"])
    ))
}

fn word(generator: &mut Generator) -> String {
    let mut word = String::new();
    for _ in 0..generator.0.below(7) {
        word += generator.0.pick(&LETTERS);
    }
    word
}
