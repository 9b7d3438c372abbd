use rules::Match;

use super::*;

const V4: &str = "*filter
:INPUT DROP [12:3456]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
[3:180] -A INPUT -p tcp -m tcp --dport 22 -j ssh
[0:0] -A ssh -m comment --comment \"a \\\"b\\\" c\" -j ACCEPT
COMMIT
*nat
:PREROUTING DROP [1:2]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
";

fn stored() -> Stored {
    let v4 = rules::syntax::load(V4, Family::V4, None).unwrap();
    let v6 =
        rules::syntax::load("*raw\n-A OUTPUT -d ::1 -c 5 6 -j ACCEPT\nCOMMIT\n", Family::V6, None).unwrap();
    Stored { v4, v6, sets: "".into(), identity: None }
}

fn saved(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, true, None);
    out
}

#[test]
fn both_families_come_back_from_the_file_in_their_order() {
    let before = stored();
    let text = print_all([&before.v4, &before.v6]);
    let [v4, v6] = parse(&text).unwrap();
    assert_eq!(saved(&v4), saved(&before.v4));
    assert!(saved(&v4).starts_with("*nat"), "newest first");
    assert_eq!(saved(&v6), saved(&before.v6));
}

#[test]
fn the_file_has_numbers_where_another_machine_has_other_names() {
    let text =
        "*filter\n-4 -A INPUT -m realm --realm 5 -m devgroup --src-group 7 -m connlabel --label 3\nCOMMIT\n";
    let [mut ruleset, _] = parse(text).unwrap();
    let rules = ruleset.table_mut(Table::Filter);
    let input = rules.find("INPUT").unwrap();
    for own in &mut rules.chain_mut(input).unwrap().rules[0].matches {
        match own {
            Match::Realm(own) => own.realm.value.name = Some("upstream".into()),
            Match::Devgroup(own) => own.source.as_mut().unwrap().value.name = Some("inside".into()),
            Match::Connlabel(own) => own.name = Some("eth0-out".into()),
            _ => {}
        }
    }
    assert!(saved(&ruleset).contains("--realm upstream"));
    let text = print_all([&ruleset, &Ruleset::new(Family::V6)]);
    assert!(text.contains("--realm 0x5 -m devgroup --src-group 0x7 -m connlabel --label \"3\""), "{text}");
    assert!(parse(&text).is_ok());
}

#[test]
fn a_plain_save_file_is_read_as_well() {
    assert!(saved(&parse(V4).unwrap()[0]).contains("--dport 22 -j ssh"));
    assert_eq!(parse("*filter\n-A INPUT -j NO\nCOMMIT\n").map(|_| ()).unwrap_err().0, 2);
}

#[test]
fn writing_replaces_the_file_whole_and_clears_what_a_dead_writer_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ruleset");
    let left = folder.path().join(".ruleset.oxitables-dead");
    std::fs::write(&left, "half").unwrap();
    let place = Place { path: path.clone(), lock: folder.path().join("lock") };
    let locked = place.lock(Wait::No).unwrap();
    assert!(matches!(place.lock(Wait::No), Err(TargetError::LockBusy { seconds: None, .. })));
    locked.write(&stored()).unwrap();
    assert!(!left.exists());
    let mut back = locked.read().unwrap();
    assert!(locked.is_current(&back));
    assert_eq!(saved(back.family_mut(Family::V4)), saved(&stored().v4));
    locked.write(&back).unwrap();
    assert!(!locked.is_current(&back), "another file now");
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ruleset");
    std::fs::write(&path, "*filter\n-4 -A INPUT -j NOWHERE\nCOMMIT\n").unwrap();
    let place = Place { path, lock: folder.path().join("lock") };
    let error = place.lock(Wait::No).unwrap().read().unwrap_err();
    assert!(matches!(error, TargetError::Corrupt { line: 2, .. }), "{error}");
}
