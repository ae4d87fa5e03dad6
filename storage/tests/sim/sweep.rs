//! A crash behind every call of random runs, and now and then another one in the life that follows.

use crate::life::{Floor, Life, live};
use crate::random::Random;
use crate::setting;
use crate::state::State;
use crate::steps::{Shape, Step, steps};
use sedge_storage::testing::{Crash, Fault, FaultKind, SimDisk};

/// Steps of a run.
const STEPS: u64 = 25;
/// One crash in so many is followed by a life that crashes, too.
const FOLLOWED: u64 = 6;
/// Lives behind each other at most.
const LIVES_MAX: u64 = 4;

/// A run, its crashes, and how many there were.
#[derive(Clone, Debug)]
pub struct Run {
    pub seed: u64,
    pub shape: Shape,
    pub steps: Vec<Step>,
    pub faults: Vec<Fault>,
}

impl Run {
    fn of(seed: u64) -> Run {
        let random = &mut Random::new(seed);
        let shape = Shape::of(random);
        let count = 3 + random.below(STEPS);
        let steps = steps(random, &shape, count);
        let mut run = Run { seed, shape, steps, faults: Vec::new() };
        if seed.is_multiple_of(3) {
            let kinds = [FaultKind::Error, FaultKind::Error, FaultKind::Full, FaultKind::Short];
            run.faults = (0..1 + random.below(3))
                .map(|_| Fault { call: random.below(400), kind: kinds[random.below(4) as usize] })
                .collect();
        }
        run
    }

    /// Runs, and crashes behind each call; gives the number of crashes.
    pub fn crash_everywhere(&self) -> Result<u64, String> {
        let disk = SimDisk::new();
        self.faults.iter().for_each(|fault| disk.fail(*fault));
        let before = (Crash::Kill, Floor::default());
        let faulty = !self.faults.is_empty();
        let life = live(&disk, &self.shape, &self.steps, &[State::default()], before, faulty)?;
        let random = &mut Random::new(self.seed ^ 0x5eed);
        let mut replay = life.recording.replay();
        let mut crashes = life.copies_crashed;
        loop {
            let at = replay.done();
            let next = || format!("crash behind call {at}, in front of {}", life.recording.describe(at));
            let crash = crash(random);
            crashes += 1;
            self.next_life(random, &life, at, crash, &replay.crash(crash), 1, &mut crashes)
                .map_err(|wrong| format!("{}, {crash:?}: {wrong}", next()))?;
            if !replay.step() {
                return Ok(crashes);
            }
        }
    }

    /// The life after a crash, and sometimes those after it.
    #[allow(clippy::too_many_arguments)]
    fn next_life(
        &self,
        random: &mut Random,
        before: &Life,
        at: usize,
        crashed: Crash,
        disk: &SimDisk,
        lives: u64,
        crashes: &mut u64,
    ) -> Result<(), String> {
        let is_followed = lives < LIVES_MAX && random.one_in(FOLLOWED);
        let count = if is_followed { 1 + random.below(4) } else { 0 };
        let steps = steps(random, &self.shape, count);
        let life = live(disk, &self.shape, &steps, &before.states(at), (crashed, before.floor(at)), false)
            .map_err(|wrong| format!("{wrong} (steps {steps:?})"))?;
        *crashes += life.copies_crashed;
        if !is_followed {
            return Ok(());
        }
        // Most often in the midst of the recovery.
        let (length, opening) = (life.recording.len() as u64, life.opening() as u64);
        let mut points: Vec<u64> = (0..4)
            .map(|_| if random.one_in(3) { random.below(length + 1) } else { random.below(opening + 1) })
            .collect();
        points.sort_unstable();
        let mut replay = life.recording.replay();
        for point in points {
            while (replay.done() as u64) < point && replay.step() {}
            let crash = crash(random);
            *crashes += 1;
            let disk = replay.crash(crash);
            self.next_life(random, &life, point as usize, crash, &disk, lives + 1, crashes).map_err(
                |wrong| {
                    let next = life.recording.describe(point as usize);
                    format!("then behind call {point}, in front of {next}, {crash:?}: {wrong}")
                },
            )?;
        }
        Ok(())
    }

    /// The same run with as few steps and faults as still fail, and how it fails.
    fn shrunk(mut self, mut wrong: String) -> (Run, String) {
        let mut part = self.steps.len().div_ceil(2);
        loop {
            let mut at = 0;
            while at < self.steps.len() {
                let mut fewer = self.clone();
                fewer.steps.drain(at..(at + part).min(fewer.steps.len()));
                match fewer.crash_everywhere() {
                    Err(still) => (self, wrong) = (fewer, still),
                    Ok(_) => at += part,
                }
            }
            if part == 1 {
                break;
            }
            part = part.div_ceil(2);
        }
        for at in (0..self.faults.len()).rev() {
            let mut fewer = self.clone();
            fewer.faults.remove(at);
            if let Err(still) = fewer.crash_everywhere() {
                (self, wrong) = (fewer, still);
            }
        }
        (self, wrong)
    }
}

pub fn crash(random: &mut Random) -> Crash {
    if random.one_in(5) { Crash::Kill } else { Crash::PowerFailure(random.next()) }
}

#[test]
fn a_crash_behind_any_call_loses_nothing() {
    let wanted = setting("SEDGE_CRASH_POINTS", 3000);
    let first = setting("SEDGE_SIM_SEED", 0);
    let (mut seed, mut crashes) = (first, 0);
    while crashes < wanted {
        let run = Run::of(seed);
        crashes += match run.crash_everywhere() {
            Ok(crashes) => crashes,
            Err(wrong) => {
                println!("seed {seed}: {wrong}");
                let (run, wrong) = run.shrunk(wrong);
                panic!("seed {seed} (SEDGE_SIM_SEED={seed}), fewest steps: {wrong}\n{run:#?}");
            }
        };
        seed += 1;
    }
    println!("{crashes} crashes of {} runs, seeds {first} to {}", seed - first, seed - 1);
}
