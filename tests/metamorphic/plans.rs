//! The same query under other plans: each join method wherever it can serve, without indexes, without passes of the
//! rewriter, without lifted literals. The rows must be the same.

use super::{Bench, over_seeds};
use crate::engines::agree;
use crate::family::{self, Effect, FAMILIES};
use sedge::{Choices, JoinMethod};

const PLANS: [(&str, Choices); 10] = {
    let none = Choices {
        join: None,
        without_indexes: false,
        without_decorrelation: false,
        without_flattening: false,
        without_push_down: false,
        without_lifting: false,
    };
    [
        ("loops", Choices { join: Some(JoinMethod::Loop), ..none }),
        ("lookups", Choices { join: Some(JoinMethod::Lookup), ..none }),
        ("hashes", Choices { join: Some(JoinMethod::Hash), ..none }),
        ("swapped hashes", Choices { join: Some(JoinMethod::HashSwapped), ..none }),
        ("no indexes", Choices { without_indexes: true, ..none }),
        ("no decorrelation", Choices { without_decorrelation: true, ..none }),
        ("no flattening", Choices { without_flattening: true, ..none }),
        ("no push-down", Choices { without_push_down: true, ..none }),
        ("no lifting", Choices { without_lifting: true, ..none }),
        (
            "nothing",
            Choices {
                join: Some(JoinMethod::Loop),
                without_indexes: true,
                without_decorrelation: true,
                without_flattening: true,
                without_push_down: true,
                without_lifting: true,
            },
        ),
    ]
};

#[test]
fn every_plan_gives_the_same_rows() {
    over_seeds(query);
}

fn query(bench: &mut Bench) {
    let (at, statement) = family::any(&mut bench.generator);
    if statement.effect != Effect::None || !FAMILIES[at].moves_rows {
        return;
    }
    bench.pair.choose_plans(Choices::default());
    let Some(usual) = bench.rows(&statement.sql) else { return };
    for (name, choices) in PLANS {
        bench.pair.choose_plans(choices);
        // An error of evaluation hides in rows that another plan never looks at.
        let Some(other) = bench.rows(&statement.sql) else { continue };
        bench.compared += 1;
        if !agree(&usual.rows, &other.rows, &statement) {
            let plan = bench.pair.plan(&statement.sql);
            bench.differs(&format!(
                "{};\n-- {name}: {:?}\n-- instead of {:?}\n{plan}",
                statement.sql, other.rows, usual.rows
            ));
        }
    }
    bench.pair.choose_plans(Choices::default());
}
