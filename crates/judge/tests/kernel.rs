//! The kernel of this machine and our engine, given the same rules and packets.
//!
//! Skipped, with the reason printed, where the kernel cannot be asked (not root, no iptables-legacy, no nft, no TUN
//! device); `OXITABLES_REQUIRE_KERNEL=1` makes that a failure. `OXITABLES_JUDGE_CASES` says how many random cases are
//! run (CI: 20000), `OXITABLES_JUDGE_SEED` from which seed; every fourth of them is IPv6.
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use judge::case;
use judge::command::{self, Options};
use judge::level::skip;
use judge::replay::Replay;

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Held by who keeps both processors busy, and by who wants them for himself.
fn processors() -> MutexGuard<'static, ()> {
    static PROCESSORS: Mutex<()> = Mutex::new(());
    PROCESSORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails if cases differ, and says how each of them does.
fn assert_equal(replay: &Replay<'_>) {
    let different: Vec<_> = replay.different().map(|(name, how)| format!("{name}\n{how}")).collect();
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

/// Whether the kernel can be asked.
fn kernel_answers() -> bool {
    let Some(missing) = judge::kernel::missing() else { return true };
    skip(&format!("the kernel cannot be asked here: {missing}"));
    false
}

#[test]
fn every_case_file_is_equal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kernel");
    let cases = command::cases(&folder).unwrap();
    let mut names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "two cases of one name");
    if kernel_answers() {
        if let Some(missing) = judge::kernel::log_missing() {
            println!("lines of LOG are not compared here: {missing}");
            let required = std::env::var_os("OXITABLES_REQUIRE_KERNEL").is_some_and(|value| value == "1");
            assert!(!required, "OXITABLES_REQUIRE_KERNEL=1, but: {missing}");
        }
        println!("{} cases", cases.len());
        let options = Options::default();
        let mut replay = Replay::of(&options, &cases).unwrap();
        let _alone = processors();
        replay.alone(&options).unwrap();
        assert_equal(&replay);
    }
}

#[test]
fn random_cases_are_equal() {
    if !kernel_answers() {
        return;
    }
    let (cases, seed) = (number("OXITABLES_JUDGE_CASES", 60), number("OXITABLES_JUDGE_SEED", 20_261_121));
    println!("again by itself: cargo xtask judge --seed {seed} --cases {cases}");
    let words =
        [("--cases", cases), ("--seed", seed)].map(|(name, value)| [name.to_owned(), value.to_string()]);
    let _busy = processors();
    assert!(command::run(&words.concat()).unwrap(), "engine and kernel differ, see above");
}

/// Random rules in both implementations of iptables at once, each case in a namespace of its own.
#[test]
fn random_rules_beside_each_other_are_equal() {
    if !kernel_answers() {
        return;
    }
    let seed = number("OXITABLES_JUDGE_SEED", 20_261_121);
    // Why so few: each case is made and run in namespaces of its own, which takes seconds of waiting.
    let cases = (number("OXITABLES_JUDGE_CASES", 60) / 10).clamp(1, 15);
    let plan = judge::generate::Plan { seed, packets: 8, family: Some(4), translatable: true, nft: false };
    let mut different = Vec::new();
    let _busy = processors();
    for at in 0..cases {
        let (case, differences) = command::on_own_thread(|| {
            let mut kernel = judge::Kernel::new().unwrap();
            let [one, two] =
                [2 * at, 2 * at + 1].map(|at| judge::generate::random_case(&plan, at, &mut kernel).0);
            let order = if at % 2 == 0 { "worlds legacy nft" } else { "worlds nft legacy" };
            let both = judge::Case {
                name: format!("worlds-{seed}-{at}"),
                network: vec![order.to_owned()],
                nft: [two.rules4, None],
                steps: [one.steps, two.steps].concat(),
                rules4: one.rules4,
                ..judge::Case::default()
            };
            let differences = command::on_own_thread(|| judge::command::both(&both)).unwrap();
            (both, differences)
        })
        .unwrap();
        if let Some(words) = differences {
            different.push(format!("{case}\n{words}"));
        }
    }
    assert!(different.is_empty(), "{} of {cases} differ:\n{}", different.len(), different.join("\n"));
}

/// What the kernel does otherwise with rules in nf_tables than with the same rules in the legacy tables, whatever nft says:
/// docs/deviations.md, "iptables-translate". The names of cases begin so.
const OTHERWISE: [(&str, &str); 5] = [
    ("F15.forty-chains-deep", "jumps go 16 chains deep"),
    ("F75.tcp-flags-and-options", "a broken header does not drop the packet"),
    ("hdr.sctp.chunks", "a broken header does not drop the packet"),
    ("hdr.sctp.broken", "a broken header does not drop the packet"),
    ("found.answer-to-untracked", "notrack takes the machine's answers to packets that are not tracked"),
];

#[test]
fn translations_are_equal() {
    if !kernel_answers() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kernel");
    let mut cases = Vec::new();
    for name in [
        "translations",
        "F33-F38-marks-and-ct",
        "F63-F65-more",
        "F68-F75-more",
        "matches-on-headers",
        "../kernel-nft/extensions",
        "found",
    ] {
        let text = std::fs::read_to_string(folder.join(name).with_extension("case")).unwrap();
        cases.extend(case::parse(&text).unwrap());
    }
    cases.retain(|case| {
        // Why: rules that change within a case change in the legacy tables.
        let changes = case.steps.iter().any(|step| matches!(step, judge::Step::Reload { .. }));
        !changes && OTHERWISE.iter().all(|(name, _)| !case.name.starts_with(name))
    });
    println!("{} cases", cases.len());
    let words = ["--against", "nft"].map(str::to_owned);
    let options = command::options(&words).unwrap();
    assert_equal(&Replay::of(&options, &cases).unwrap());
    // Why: nft has its own level of cases; CI's time is for the engine first.
    let cases = (number("OXITABLES_JUDGE_CASES", 240) / 4).clamp(1, 500);
    let seed = number("OXITABLES_JUDGE_SEED", 20_261_121);
    println!("again by itself: cargo xtask judge --against nft --seed {seed} --cases {cases}");
    let _busy = processors();
    let more =
        [("--cases", cases), ("--seed", seed)].map(|(name, value)| [name.to_owned(), value.to_string()]);
    assert!(
        command::run(&[&words[..], &more.concat()].concat()).unwrap(),
        "the translation does something else, see above"
    );
}
