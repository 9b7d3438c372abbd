use super::{counters_of_listing, translatable, without_refused, without_tracking};

#[test]
fn counters_of_rules() {
    let listing = "table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		ip saddr 10.0.0.1 counter packets 3 bytes 120 accept
		jump {
			meta skuid 0 return
			counter packets 2 bytes 80 drop
		} comment \"x\"
		counter packets 1 bytes 40
	}

	chain mine {
		counter packets 0 bytes 0 jump mine
	}
}
";
    let found: Vec<_> = counters_of_listing(4, listing)
        .into_iter()
        .map(|counter| (counter.place, counter.packets, counter.bytes))
        .collect();
    let want = [
        ("filter:INPUT:1", 3, 120),
        ("filter:INPUT:2", 2, 80),
        ("filter:INPUT:3", 1, 40),
        ("filter:mine:1", 0, 0),
    ];
    assert_eq!(found, want.map(|(place, packets, bytes)| (place.to_owned(), packets, bytes)));
}

#[test]
fn lines_without_translation_go() {
    let save =
        "*filter\n-A INPUT -j ACCEPT\n-A INPUT -m string --algo bm --string x\n-A INPUT -j DROP\nCOMMIT\n";
    assert_eq!(translatable(false, save), "*filter\n-A INPUT -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n");
}

/// Both forms in which iptables-nft-restore names lines; lines that are no rules stay.
#[test]
fn refused_rules_are_left_out() {
    let save = "*filter\n:x - [0:0]\n-A INPUT -j QUEUE\n-A INPUT\nCOMMIT\n";
    let without = "*filter\n:x - [0:0]\n-A INPUT\nCOMMIT\n";
    let own = "iptables-nft-restore: Bad rule\nError occurred at line: 3\nTry `iptables-restore -h'";
    let kernels =
        "iptables-nft-restore: \nline 3: RULE_APPEND failed (Invalid argument): rule in chain INPUT";
    assert_eq!(without_refused(save, own).as_deref(), Some(without));
    assert_eq!(without_refused(save, kernels).as_deref(), Some(without));
    assert_eq!(without_refused(save, "line 2: CHAIN_ADD failed"), None);
    assert_eq!(without_refused(save, "no such table"), None);
}

#[test]
fn rules_that_track_are_left_out() {
    let save = "*raw\n-A OUTPUT -j CT --notrack\n-A OUTPUT -m state --state NEW\n-A OUTPUT -j f\nCOMMIT\n";
    assert_eq!(without_tracking(save), "*raw\n-A OUTPUT -j f\nCOMMIT\n");
}
