//! Generated command lines of every extension, given to the machine's iptables-legacy and to ours, line by line, and a
//! share of them to its iptables-nft.
//!
//! Skipped, with the reason printed, where iptables-legacy 1.8.9 cannot be asked; `OXITABLES_REQUIRE_KERNEL=1` makes that
//! a failure. `OXITABLES_COMPARE_LINES`, `OXITABLES_COMPARE_SEED` and `OXITABLES_COMPARE_NFT` say how many lines, from which seed,
//! and how many of each hundred rulesets for iptables-nft.
use judge::language::command::{Options, compare};
use judge::language::machine;
use judge::level::skip;
use packet::Family;

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn command_lines_do_what_they_do_in_iptables() {
    if let Some(missing) = machine::missing() {
        skip(&format!("iptables-legacy cannot be asked here: {missing}"));
        return;
    }
    let lines = number("OXITABLES_COMPARE_LINES", 4_000);
    let seed = number("OXITABLES_COMPARE_SEED", 20_261_121);
    println!("again by itself: cargo xtask compare --seed {seed} --lines {lines}");
    let nft = number("OXITABLES_COMPARE_NFT", Options::default().nft);
    let report = compare(&Options { lines, seed, nft, ..Options::default() }).unwrap();
    print!("{}", report.known());
    println!("{} lines, {} taken, {} also by iptables-nft", report.lines, report.taken, report.nft_lines);
    assert!(report.nft_lines > lines / 10, "{} lines of iptables-nft", report.nft_lines);
    assert!(report.differences.is_empty(), "{} differences, see above", report.differences.len());
    assert!(
        report.lines >= lines && report.taken > lines / 5,
        "{} lines, {} taken",
        report.lines,
        report.taken
    );
    // Every extension of the registry had its turns.
    let modelled = rules::matches::SPECS.iter().chain(rules::targets::SPECS);
    for spec in
        modelled.filter(|spec| [Family::V4, Family::V6].iter().any(|&family| spec.families.has(family)))
    {
        let turns = report.subjects.get(spec.name).copied().unwrap_or(0);
        assert!(turns >= lines / 500, "{}: {turns} lines", spec.name);
    }
}
