//! What random cases are made of; whether they are equal is asked of the kernel (`tests/kernel.rs`).
use std::collections::BTreeMap;

use super::*;

const PLAN: Plan = Plan { seed: 1, packets: 6, family: None, translatable: false, nft: false };

#[test]
fn every_scene_has_both_families() {
    let mut scenes: BTreeMap<(Scene, bool), u64> = BTreeMap::new();
    for number in 0..20_000 {
        *scenes.entry((Scene::of(&PLAN, number), number % 4 == 3)).or_default() += 1;
    }
    let kinds = 1 + 1 + bridge::KINDS + timing::KINDS;
    assert_eq!(scenes.len() as u64, 2 * kinds, "{scenes:?}");
    let of = |name: &str| {
        scenes.iter().filter(|((scene, _), _)| scene.name() == name).map(|own| own.1).sum::<u64>()
    };
    // What waits is waited for in many namespaces at a time, a dozen cases each.
    assert!((150..=250).contains(&of("time")), "{scenes:?}");
    assert!(of("bridge") > 600 && of("helpers") > 800 && of("plain") > 17_000, "{scenes:?}");
    for plan in [Plan { translatable: true, ..PLAN }, Plan { nft: true, ..PLAN }] {
        assert!((0..1000).all(|number| Scene::of(&plan, number) == Scene::Plain));
    }
}

#[test]
fn conversations_are_found_in_the_directed_cases() {
    let (mut seen, mut translated, mut begun) = (std::collections::BTreeSet::new(), 0, 0);
    for number in 0..400 {
        let v6 = number % 2 == 1;
        let mut choice = Choice::new(7, number);
        let sets = sets::Sets::none();
        let save = rules::ruleset(&mut choice, v6, &sets, false, Scene::Helpers);
        let (mut session, save) = conversations::session(&mut choice, v6, &save).expect("there are some");
        let words: Vec<&str> = save.split_whitespace().collect();
        let given = words.windows(2).filter(|pair| pair[0] == "--helper");
        seen.extend(given.map(|pair| (v6, pair[1].to_owned())));
        translated += usize::from(save.contains("NAT --to"));
        assert_eq!(save.matches("\nCOMMIT").count(), 5, "{save}");
        begun += usize::from(session.next(&mut choice).is_some());
    }
    let names =
        |v6: bool| seen.iter().filter(|own| own.0 == v6).map(|own| own.1.as_str()).collect::<Vec<_>>();
    for name in ["Q.931", "RAS", "amanda", "ftp", "irc", "pptp", "sane", "sip", "snmp", "tftp"] {
        assert!(names(false).contains(&name), "{name}: {seen:?}");
    }
    for name in ["Q.931", "RAS", "amanda", "sane", "sip", "tftp"] {
        assert!(names(true).contains(&name), "{name}: {seen:?}");
    }
    assert!(translated > 100 && begun > 350, "{translated} translated, {begun} begun");
}
