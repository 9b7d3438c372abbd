use super::name::{chain, quoted, shell};

#[test]
fn names_of_chains() {
    for name in ["INPUT", "f2b-sshd", "KUBE-SVC-X7Q3", "a.b/c", "_a", ".a", "logs"] {
        assert_eq!(chain(name), name);
    }
    for (name, nft) in [
        ("0", "ipt_0"),
        ("log", "ipt_log"),
        ("th", "ipt_th"),
        ("-a", "ipt_-a"),
        ("cali-fw%wan0", "ipt_cali-fw_25wan0"),
        ("ipt_0", "ipt_ipt_5f0"),
        ("ä", "ipt__c3_a4"),
        ("/a", "ipt__2fa"),
    ] {
        assert_eq!(chain(name), nft);
    }
}

#[test]
fn texts() {
    assert_eq!(quoted("it's"), Some("\"it's\"".to_owned()));
    assert_eq!(quoted("a\"b"), None);
    assert_eq!(quoted("$a"), None);
    assert_eq!(shell("comment \"it's\""), "'comment \"it'\\''s\"'");
}
