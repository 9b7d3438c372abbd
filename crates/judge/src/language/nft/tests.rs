use packet::Family;

use super::super::differences::Trial;
use super::super::{Looks, Said, Side};
use super::{EXCUSES, any_device, same_form, turned, without_policy_counters};

fn side(error: &str, exit: u8, save: &str) -> Side {
    let said = Said { exit, error: error.into(), ..Said::default() };
    Side { said, looks: Looks { save: save.into(), rules: save.into(), list: String::new() } }
}

/// The entry that takes a pair of answers to a line.
fn entry(line: &str, legacy: &Side, nft: &Side) -> Option<&'static str> {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let trial = Trial {
        family: Family::V4,
        words: &words,
        ours: &legacy.said,
        theirs: &nft.said,
        our_looks: &legacy.looks,
        their_looks: &nft.looks,
    };
    EXCUSES.iter().find(|excuse| (excuse.holds)(&trial)).map(|excuse| excuse.deviation)
}

#[test]
fn both_are_put_into_one_form() {
    let legacy =
        side("iptables v1.8.9 (legacy): no command specified", 2, "*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
    let nft = side("iptables v1.8.9 (nf_tables): no command specified", 2, "");
    let (one, mut two, used) = same_form(&legacy, &nft);
    assert_eq!(used.len(), 2);
    two.looks.rules.clone_from(&one.looks.rules);
    assert_eq!(one, two);
}

#[test]
fn lines_are_rewritten_where_they_differ_only() {
    assert_eq!(
        turned("-A INPUT -m udp ! --dport 0:32767 -j DROP"),
        "-A INPUT -m udp --dport 32768:65535 -j DROP"
    );
    assert_eq!(turned("udp dpts:!1:65535"), "udp dpt:0");
    assert_eq!(turned("! --dport 5:32767"), "! --dport 5:32767");
    assert_eq!(
        any_device("1 0 0 ACCEPT 6    --  +      eth+   x\n"),
        "1 0 0 ACCEPT 6    --  *      eth+   x\n"
    );
    assert_eq!(without_policy_counters(":INPUT DROP [3:4]\n"), ":INPUT DROP [0:0]\n");
    assert_eq!(without_policy_counters("-A INPUT -c 3 4\n"), "-A INPUT -c 3 4\n");
}

#[test]
fn an_entry_takes_its_own_pair_and_no_other() {
    let refused = side("iptables: Invalid argument. Run `dmesg' for more information.\n", 1, "");
    let append = |reason: &str| {
        format!("iptables v1.8.9 (legacy):  RULE_APPEND failed ({reason}): rule in chain INPUT\n")
    };
    let line = "-A INPUT -j NETMAP";
    assert_eq!(
        entry(line, &refused, &side(&append("Invalid argument"), 4, "")),
        Some("a rule that the kernel refuses")
    );
    assert_eq!(entry(line, &refused, &side(&append("Invalid argument"), 1, "")), None, "another exit status");
    assert_eq!(entry(line, &refused, &side(&append("File exists"), 4, "")), None, "another reason");
    assert_eq!(entry(line, &refused, &side("", 0, "-A INPUT -j NETMAP\n")), None, "taken");
    let chain =
        |name: &str| side(&format!("iptables v1.8.9 (legacy): Chain '{name}' does not exist\nTry `x"), 2, "");
    let goto = side("iptables v1.8.9 (legacy): goto 'a' is not a chain\nTry `x", 2, "");
    assert_eq!(entry("-A INPUT -g a", &goto, &chain("a")), Some("a jump to a chain that is not there"));
    assert_eq!(entry("-A INPUT -g a", &goto, &chain("b")), None, "another name");
}
