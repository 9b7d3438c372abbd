//! The kernel and who is compared with it.
use crate::case::Case;
use crate::command::Against;
use crate::compare::{Difference, compare_refreshed};
use crate::nft::comparable;
use crate::outcome::Outcome;
use crate::{EngineHalf, Judged, Kernel};

/// The kernel and its second, in a namespace of their own; the thread that makes it is moved there.
pub struct Pair {
    /// The kernel.
    pub kernel: Kernel,
    engine: EngineHalf,
    against: Against,
    runs: u32,
}

impl Pair {
    /// A pair in a fresh namespace.
    pub fn new(against: Against) -> Result<Self, String> {
        let kernel = Kernel::new().map_err(|error| error.to_string())?;
        Ok(Self { kernel, engine: EngineHalf::default(), against, runs: 0 })
    }

    /// Whether the last case sends packets round without end, of which the engine and the kernel do not do equally many.
    pub fn is_endless(&self) -> bool {
        matches!(self.against, Against::Engine) && self.engine.is_endless()
    }

    /// Runs a case on both sides.
    pub fn differences(&mut self, case: &Case) -> Vec<Difference> {
        let left = self.kernel.run(case);
        self.differences_from(case, left)
    }

    /// Runs a case on the second side, and compares with what the kernel did.
    pub fn differences_from(&mut self, case: &Case, left: Outcome) -> Vec<Difference> {
        match self.against {
            Against::Engine => self.engine.differences(case, &left),
            // Why: incomplete datagrams of the first run still wait in the kernel under their identifications.
            Against::Kernel => {
                let again = self.refreshed(case);
                compare_refreshed(&left, &self.kernel.run(&again))
            }
            Against::Nft => self.against_nft(case, left),
        }
    }

    /// What the kernel does otherwise with the translation than it did with the rules.
    fn against_nft(&mut self, case: &Case, left: Outcome) -> Vec<Difference> {
        if left.refused.is_some() {
            return Vec::new();
        }
        let again = self.refreshed(case);
        let right = self.kernel.run_translated(&again);
        if let Some(words) = right.refused {
            return vec![Difference { step: None, what: "refused", left: String::new(), right: words }];
        }
        let differences = compare_refreshed(&comparable(left.clone()), &comparable(right));
        if differences.is_empty() {
            return differences;
        }
        // Why: ports of NAT are the kernel's own choice; what differs between two runs of the same rules is left to chance.
        let again = self.refreshed(case);
        let chance = !compare_refreshed(&left, &self.kernel.run(&again)).is_empty();
        if chance { Vec::new() } else { differences }
    }

    /// The case with other identifications in its fragments than any that the kernel has seen of it.
    pub fn refreshed(&mut self, case: &Case) -> Case {
        self.runs = self.runs.wrapping_add(1);
        case.refreshed(2 + (self.runs.wrapping_mul(3) % 0xfff0) as u16)
    }
}

/// A case without the rules that have no translation for nft and the packets that cannot be compared.
pub fn translatable(case: &Case) -> Case {
    let mut case = case.clone();
    for (v6, rules) in [(false, &mut case.rules4), (true, &mut case.rules6)] {
        *rules = rules.take().map(|save| crate::nft::translatable(v6, &save));
    }
    case.steps.retain(crate::nft::whole_headers);
    case
}
