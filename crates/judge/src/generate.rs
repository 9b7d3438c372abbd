//! Random cases from a seed: a ruleset, then packets made while the kernel runs them, so that replies answer what
//! really came out. The case that results is concrete: it can be run again by anybody, without the generator.
use netfilter::time::Seeded;

use crate::case::{Case, Step};
use crate::{Judged, Outcome};

mod bridge;
mod conversations;
mod packets;
mod rules;
mod scene;
mod sets;
mod sockets;
mod state;
mod timing;
mod transports;

pub use scene::Scene;

/// A source of choices.
#[derive(Clone, Debug)]
pub struct Choice(Seeded);

impl Choice {
    /// The choices of one case of a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut mixed = Seeded::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        mixed.next_u64();
        Self(mixed)
    }

    /// A number below `end` (0 if `end` is 0).
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.0.next_u64() % end as u64) as usize }
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// How random cases are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Seed.
    pub seed: u64,
    /// Packets of a case.
    pub packets: usize,
    /// Only this family (4 or 6); `None`: every fourth case is IPv6.
    pub family: Option<u8>,
    /// Whether rules that have no translation for nft are left out.
    pub translatable: bool,
    /// Whether the rules are loaded with iptables-nft; those that it or the kernel does not take are left out.
    pub nft: bool,
}

/// Makes the case of a number and runs it on `first` (the kernel) at the same time, in a namespace of its scene
/// ([`Scene::of`]) alone.
pub fn random_case(plan: &Plan, number: u64, first: &mut dyn Judged) -> (Case, Outcome) {
    let mut choice = Choice::new(plan.seed, number);
    let v6 = match plan.family {
        Some(family) => family == 6,
        None => number % 4 == 3,
    };
    let scene = Scene::of(plan, number);
    let machine = number.is_multiple_of(5) && !plan.translatable;
    let sets = if !plan.translatable && choice.percent(35) {
        sets::Sets::new(&mut choice, v6, scene)
    } else {
        sets::Sets::none()
    };
    let mut save = rules::ruleset(&mut choice, v6, &sets, machine, scene);
    save = timing::rejecting(&mut choice, scene, save);
    if plan.translatable {
        save = crate::nft::translatable(v6, &save);
    }
    // Why: where a rule needs connections, fragments are gathered before rules see them.
    if plan.nft && number % 2 == 1 {
        save = crate::nft::without_tracking(&save);
    }
    let mut case = Case { name: format!("random.{}.{number}", plan.seed), ..Case::default() };
    case.sets = (!sets.is_empty()).then(|| sets.text.clone());
    if !plan.translatable {
        case.network = scene.network();
    }
    let mut session = None;
    if scene == Scene::Helpers
        && let Some((own, rules)) = conversations::session(&mut choice, v6, &save)
    {
        (session, save) = (Some(own), rules);
    }
    let more = if session.is_some() { 6 } else { timing::more_packets(scene) };
    let legacy = if v6 { &mut case.rules6 } else { &mut case.rules4 };
    if plan.nft {
        *legacy = Some(crate::kernel::EMPTY.to_owned());
        case.nft[usize::from(v6)] = Some(save);
    } else {
        *legacy = Some(save);
    }
    let mut loaded = first.load(&case);
    while let (Err(words), Some(save)) = (&loaded, &mut case.nft[usize::from(v6)])
        && let Some(smaller) = crate::nft::without_refused(save, words)
    {
        *save = smaller;
        loaded = first.load(&case);
    }
    if let Err(refused) = loaded {
        return (case, Outcome { refused: Some(refused), ..Outcome::default() });
    }
    // Why: fragments of earlier cases may still wait in the kernel.
    let fresh_id = 0x2000 + (number as u32).wrapping_mul(7) % 0xd000;
    let mut traffic = packets::Traffic::new(v6, fresh_id, scene, session);
    let mut steps = Vec::new();
    let mut planned: Vec<Step> = Vec::new();
    let mut left_out = 0;
    let opened = if machine { sockets::steps(&mut choice, v6) } else { Vec::new() };
    for step in timing::silence(scene).into_iter().chain(opened) {
        steps.push(first.step(&step));
        case.steps.push(step);
    }
    // Time goes by once or twice in the middle of a case.
    let waits = if scene.waits() { 1 + usize::from(choice.percent(25)) } else { 0 };
    let most = plan.packets + more + 3 * waits + steps.len();
    let begin = steps.len();
    let mut slept = 0;
    while steps.len() < most {
        // Datagrams stay together: what is incomplete is to run out in the first sleep.
        if slept < waits
            && planned.is_empty()
            && steps.len() - begin >= (most - begin) * (slept + 1) / (waits + 1)
        {
            planned = vec![timing::sleep(&mut choice, sets.text.contains("timeout"))];
            traffic.time_goes_by();
            slept += 1;
        }
        if planned.is_empty() {
            planned = traffic.next(&mut choice);
            planned.reverse();
        }
        let Some(step) = planned.pop() else { break };
        if plan.translatable && !crate::nft::whole_headers(&step) {
            // A packet that is left out counts, so that a plan of none but such ends.
            left_out += 1;
            if left_out > plan.packets { break } else { continue }
        }
        let outcome = first.step(&step);
        traffic.saw(&step, &outcome);
        case.steps.push(step);
        steps.push(outcome);
    }
    let counters = first.counters();
    let sets = first.sets();
    let (lead, making) = first.lead();
    (case, Outcome { refused: None, steps, counters, sets, lead, making, clock: first.clock() })
}

#[cfg(test)]
mod tests;
