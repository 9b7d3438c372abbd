//! The kernel as judge: the same rules and packets given to Linux in a namespace and to our engine.
//!
//! A [`Case`] is a save file and a list of steps. Whoever can run one is [`Judged`]: the kernel ([`Kernel`]) and the
//! engine. Each gives an [`Outcome`]; [`compare`] says what differs. Random cases come from a seed
//! ([`generate`]); a difference is made small ([`shrink`]) and written down as a case file that can be run again.
//!
//! Nothing here is on a packet path. Tests and tools may panic; this crate does not, except on a broken invariant of
//! its own material.
#![forbid(unsafe_code)]

pub mod case;
pub mod command;
pub mod compare;
pub mod conformance;
pub mod craft;
pub mod engine;
pub mod extensions;
pub mod generate;
pub mod golden;
pub mod host;
pub mod kernel;
pub mod language;
pub mod level;
pub mod nft;
pub mod outcome;
pub mod pair;
mod process;
pub mod random;
pub mod replay;
pub mod shrink;
pub mod told;

pub use case::{Case, Step};
pub use engine::EngineHalf;
pub use kernel::Kernel;
pub use outcome::{Outcome, StepOutcome};

/// Somebody who runs a case.
pub trait Judged {
    /// Makes everything fresh and loads the rules: empty connection table, zero counters. `Err`: the rules were
    /// refused, with the words of the one who refused.
    fn load(&mut self, case: &Case) -> Result<(), String>;

    /// Does one step.
    fn step(&mut self, step: &Step) -> StepOutcome;

    /// What stands in the counters now.
    fn counters(&mut self) -> Vec<outcome::Counter>;

    /// What is in the sets of ipset now.
    fn sets(&mut self) -> Vec<outcome::SetMember>;

    /// How many milliseconds before the rules somebody began to make the sets, and how many it took.
    fn lead(&self) -> (u64, u64) {
        (0, 0)
    }

    /// The kernel's clock, if what the rules have depends on it.
    fn clock(&self) -> Option<outcome::Clock> {
        None
    }

    /// Learns what the other one did with the case that comes next, to follow its random choices where they are
    /// legal. Whoever makes its own choices ignores it.
    fn adopt(&mut self, other: &Outcome) {
        let _ = other;
    }

    /// Runs a whole case.
    fn run(&mut self, case: &Case) -> Outcome {
        run_whole(self, case)
    }
}

/// Runs a whole case.
fn run_whole(who: &mut (impl Judged + ?Sized), case: &Case) -> Outcome {
    if let Err(refused) = who.load(case) {
        return Outcome { refused: Some(refused), ..Outcome::default() };
    }
    let steps = case.steps.iter().map(|step| who.step(step)).collect();
    let (lead, making) = who.lead();
    let (counters, sets, clock) = (who.counters(), who.sets(), who.clock());
    Outcome { refused: None, steps, counters, sets, lead, making, clock }
}
