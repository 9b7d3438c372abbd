//! What each helper expects, and how long, under virtual time: the cases of `fixtures/kernel` (whose lines of expectations,
//! seconds included, are compared with the kernel's) are run up to the step in which a helper first expects something of
//! a class; a millisecond before its timer fires it is there, then it is not. Without root.
use std::collections::BTreeMap;
use std::path::Path;

use judge::case::{self, Step};
use judge::outcome::{Clock, Connection};
use judge::{Case, EngineHalf, Judged, Outcome, StepOutcome};
use rules::wheel::{HZ, fires};

/// Every helper that expects connections, with its classes, and the seconds of its policy.
const EXPECTED: [(&str, u64); 15] = [
    ("H.245", 240),
    ("Q.931", 240),
    ("RAS", 240),
    ("amanda", 180),
    ("ftp", 300),
    ("irc", 300),
    ("netbios-ns", 3),
    ("pptp", 300),
    ("sane", 300),
    ("sip/audio", 180),
    ("sip/image", 180),
    ("sip/signalling", 180),
    ("sip/video", 180),
    ("snmp", 30),
    ("tftp", 300),
];

/// The helper and class, and the seconds, of each line of an expectation.
fn expectations(outcome: &StepOutcome) -> Vec<(String, u64)> {
    let lines = outcome.connections.iter().filter(|own| own.line.starts_with("expect "));
    let seconds = |own: &Connection| u64::try_from(own.timeout?.max(0)).ok();
    lines.filter_map(|own| Some((own.line.split(' ').next_back()?.to_owned(), seconds(own)?))).collect()
}

/// The count of jiffies at the start of each case; no round number of the kernel's wheel.
const JIFFIES: u64 = 4_312_230_001;

/// How many milliseconds after it is due the timer fires of what was made in a step, for so many seconds.
fn late(made: &StepOutcome, seconds: u64) -> u64 {
    let delay = seconds * u64::from(HZ);
    let due = JIFFIES + made.at / 4 + delay;
    (fires(due, delay) - due) * 4
}

/// The engine before the first step of a case.
fn start(case: &Case) -> Option<EngineHalf> {
    let mut engine = EngineHalf::default();
    engine.adopt(&Outcome {
        clock: Some(Clock { jiffies: JIFFIES, loading: Default::default() }),
        ..Outcome::default()
    });
    engine.load(case).ok()?;
    Some(engine)
}

/// Runs the first steps of a case.
fn run(case: &Case, steps: usize) -> Option<(EngineHalf, StepOutcome)> {
    let mut engine = start(case)?;
    let mut last = StepOutcome::default();
    for step in case.steps.iter().take(steps) {
        last = engine.step(step);
    }
    Some((engine, last))
}

fn after(engine: &mut EngineHalf, milliseconds: u64) -> StepOutcome {
    engine.step(&Step::Sleep { milliseconds })
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kernel");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "case") {
            all.extend(case::parse(&std::fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
    all.retain(|case| format!("{case:?}").contains("--helper"));
    all
}

/// The same with connections that outlive what they expect: without them it is forgotten.
fn with_long_masters(mut case: Case) -> Case {
    for name in ["udp_timeout", "udp_timeout_stream", "tcp_timeout_syn_sent", "tcp_timeout_syn_recv"] {
        case.network.push(format!("sysctl net.netfilter.nf_conntrack_{name} 100000"));
    }
    for name in ["tcp_timeout_unacknowledged", "tcp_timeout_max_retrans"] {
        case.network.push(format!("sysctl net.netfilter.nf_conntrack_{name} 100000"));
    }
    case
}

#[test]
fn what_each_helper_expects_runs_out_in_time() {
    let mut seen = BTreeMap::new();
    for case in cases() {
        if seen.len() == EXPECTED.len() {
            break;
        }
        let case = with_long_masters(case);
        let Some(mut through) = start(&case) else { continue };
        for (at, step) in case.steps.iter().enumerate() {
            let outcome = through.step(step);
            // Those that were made in this step: with all the seconds of their policy.
            let found = expectations(&outcome);
            let new = found.iter().filter(|(name, seconds)| {
                !seen.contains_key(name)
                    && EXPECTED.contains(&(name.as_str(), *seconds))
                    && found.iter().all(|(other, left)| other != name || left == seconds)
            });
            let Some((name, seconds)) = new.max_by_key(|(_, seconds)| *seconds) else { continue };
            let of =
                |outcome: &StepOutcome| expectations(outcome).iter().filter(|own| own.0 == *name).count();
            // These helpers let the question live just as long, and what expired connections expect is gone. Else a timer fires.
            let Some((mut engine, outcome)) = run(&case, at + 1) else { break };
            let late =
                if ["netbios-ns", "snmp"].contains(&name.as_str()) { 0 } else { late(&outcome, *seconds) };
            if of(&after(&mut engine, seconds * 1000 + late - 1)) == 0 {
                // The master was none that lives so long.
                continue;
            }
            assert_eq!(of(&after(&mut engine, 1)), 0, "{}", case.name);
            seen.insert(name.clone(), *seconds);
        }
    }
    let wanted: BTreeMap<String, u64> =
        EXPECTED.into_iter().map(|(name, seconds)| (name.to_owned(), seconds)).collect();
    assert_eq!(seen, wanted);
}

/// What a connection expects is forgotten with it: a question of TFTP that nobody answers lives 30 seconds.
#[test]
fn what_is_expected_ends_with_who_expects_it() {
    let case = cases().into_iter().find(|case| case.name == "by-name.CT-helper-tftp").unwrap();
    let (mut engine, outcome) = run(&case, 1).unwrap();
    assert_eq!(expectations(&outcome), [("tftp".to_owned(), 300)]);
    assert_eq!(expectations(&after(&mut engine, 29_999)).len(), 1);
    assert_eq!(expectations(&after(&mut engine, 1)), []);
}
