//! The families of statements: one file each, listed with how often each comes.

mod any_values;
mod changes;
mod collations;
mod compounds;
mod ctes;
mod dates;
mod generated;
mod grouping;
mod joins;
mod matching;
mod numbers;
mod queries;
mod recursive;
mod returning;
mod scalars;
mod scans;
mod schema;
mod subqueries;
mod texts;
mod transactions;
mod update_from;
mod upserts;

use crate::generator::Generator;

/// What must be equal after a statement, besides its rows.
#[derive(Clone, Copy, PartialEq)]
pub enum Effect {
    /// Nothing changes.
    None,
    /// A table changes, and the counts of changed rows.
    Table(&'static str),
    /// Any table may.
    All,
}

/// A statement.
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// True if rows must come in the same order.
    pub is_ordered: bool,
    /// What it may change.
    pub effect: Effect,
}

impl Statement {
    /// A query that gives its rows in any order.
    pub fn query(sql: String) -> Statement {
        Statement { sql, is_ordered: false, effect: Effect::None }
    }

    /// A query of which the order of rows is total.
    pub fn ordered(sql: String) -> Statement {
        Statement { sql, is_ordered: true, effect: Effect::None }
    }

    /// A change of one table.
    pub fn change(table: &'static str, sql: String) -> Statement {
        Statement { sql, is_ordered: false, effect: Effect::Table(table) }
    }
}

/// A family of statements.
pub struct Family {
    /// Its name, as `docs/testing.md` and the report have it.
    pub name: &'static str,
    /// How many of its statements come among those of all.
    pub weight: u64,
    /// True if its statements are judged by how many give or change rows; those that begin and end transactions
    /// do neither.
    pub moves_rows: bool,
    make: fn(&mut Generator) -> Statement,
}

impl Family {
    /// A statement of the family.
    pub fn statement(&self, generator: &mut Generator) -> Statement {
        (self.make)(generator)
    }
}

const fn family(name: &'static str, weight: u64, make: fn(&mut Generator) -> Statement) -> Family {
    Family { name, weight, moves_rows: true, make }
}

const fn quiet(name: &'static str, weight: u64, make: fn(&mut Generator) -> Statement) -> Family {
    Family { name, weight, moves_rows: false, make }
}

/// All families.
pub const FAMILIES: &[Family] = &[
    family("queries", 12, queries::make),
    family("scans", 8, scans::make),
    family("joins", 7, joins::make),
    family("grouping", 7, grouping::make),
    family("compounds", 5, compounds::make),
    family("ctes", 5, ctes::make),
    family("recursive", 4, recursive::make),
    family("subqueries", 6, subqueries::make),
    family("scalars", 8, scalars::make),
    family("numbers", 7, numbers::make),
    family("texts", 6, texts::make),
    family("matching", 3, matching::make),
    family("dates", 6, dates::make),
    family("collations", 3, collations::make),
    family("any values", 4, any_values::make),
    family("changes", 12, changes::make),
    family("upserts", 6, upserts::make),
    family("returning", 5, returning::make),
    family("update from", 3, update_from::make),
    family("generated", 4, generated::make),
    quiet("transactions", 5, transactions::make),
    quiet("schema", 2, schema::make),
];

/// A statement of a family chosen by its weight, and the family's place in the list.
pub fn any(generator: &mut Generator) -> (usize, Statement) {
    let total: u64 = FAMILIES.iter().map(|family| family.weight).sum();
    let mut left = generator.0.below(total);
    for (at, family) in FAMILIES.iter().enumerate() {
        if left < family.weight {
            return (at, (family.make)(generator));
        }
        left -= family.weight;
    }
    unreachable!("the weights add up to {total}")
}
