//! Checks that need no other engine, in the manner of SQLancer: what one query gives must follow from what others give.
//!
//! `SEDGE_METAMORPHIC` sets how many queries each check tries, `SEDGE_MODEL_SEED` the seed.

mod partition;
mod pivot;
#[cfg(feature = "testing")]
mod plans;

use crate::engines::{Answer, Class, Pair};
use crate::generator::{Generator, Random};
use crate::setting;

/// Tables with rows, and the statements to come.
struct Bench {
    pair: Pair,
    generator: Generator,
    found: Vec<String>,
    compared: u64,
    failed: u64,
}

impl Bench {
    fn new(seed: u64) -> Bench {
        let pair = Pair::new();
        let mut generator = Generator(Random(seed));
        for _ in 0..120 {
            pair.replay(&generator.change().1);
        }
        Bench { pair, generator, found: Vec::new(), compared: 0, failed: 0 }
    }

    /// The rows of a query; none where its author did something wrong, such as an overflow.
    fn rows(&mut self, sql: &str) -> Option<Answer> {
        match self.pair.ours(sql) {
            Ok(answer) => Some(answer),
            Err(failure) => {
                if failure.class == Class::Unexpected {
                    self.found.push(format!("{sql};\n-- {}", failure.message));
                }
                self.failed += 1;
                None
            }
        }
    }

    fn differs(&mut self, script: &str) {
        self.found.push(script.to_owned());
    }

    fn finish(self) {
        assert!(self.found.is_empty(), "{} differ:\n{}", self.found.len(), self.found.join("\n\n"));
        assert!(self.compared > 4 * self.failed, "{} compared, {} failed", self.compared, self.failed);
    }
}

/// Runs `check` over fresh tables again and again, until enough was compared.
fn over_seeds(check: impl Fn(&mut Bench)) {
    let wanted = setting("SEDGE_METAMORPHIC", 600);
    let first = setting("SEDGE_MODEL_SEED", 1);
    for seed in first..first + wanted.div_ceil(300) {
        let mut bench = Bench::new(seed);
        for _ in 0..300.min(wanted) {
            check(&mut bench);
            if bench.found.len() > 5 {
                break;
            }
        }
        bench.finish();
    }
}
