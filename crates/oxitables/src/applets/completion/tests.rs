use super::*;

fn asked(line: &str, shell: Shell, breaks: &str) -> Vec<String> {
    let words = match shell {
        Shell::Bash => vec![line.to_owned()],
        _ => line::words(line),
    };
    let arguments = AskArguments { shell, breaks: breaks.into(), words };
    let words = line::words(line);
    let (current, before) = words.split_last().unwrap();
    render(&answer::of(before, current), &arguments, current).lines().map(str::to_owned).collect()
}

fn bash(line: &str) -> Vec<String> {
    asked(line, Shell::Bash, " \t\n\"'@><=;|&(:")
}

#[test]
fn lines_are_cut_as_a_shell_cuts_them() {
    assert_eq!(line::words("iptables -A INPUT "), ["iptables", "-A", "INPUT", ""]);
    assert_eq!(line::words("a  'b c' \"d \\\" e\" f\\ g"), ["a", "b c", "d \" e", "f g"]);
    assert_eq!(line::words("a \"b c"), ["a", "b c"]);
    assert_eq!(line::words("a '' "), ["a", "", ""]);
    assert_eq!(line::words(""), [""]);
}

#[test]
fn what_stands_before_decides() {
    for (line, wanted) in [
        ("iptables --appen", &["--append"][..]),
        ("iptables -t na", &["nat"]),
        ("iptables -P FORWARD D", &["DROP"]),
        ("iptables -t nat -P OUTPUT ", &["ACCEPT"]),
        ("iptables -t nat -A PREROUTING -p tcp --dport 80 -j RED", &["REDIRECT"]),
        ("iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to", &["--to-ports"]),
        ("oxitables iptables -A INPUT -p tcp --tcp-f", &["--tcp-flags"]),
        ("/usr/sbin/ip6tables -A INPUT -p icmpv6 --icmpv6-type echo-req", &["echo-request"]),
        ("ip6tables -A INPUT -j REJECT --reject-with icmp6-no", &["icmp6-no-route"]),
        ("iptables -A INPUT -j REJECT --reject-with icmp6-no", &[]),
        ("iptables -A INPUT -m conntrack --ctstate ESTABLISHED,REL", &["ESTABLISHED,RELATED", "\tnospace"]),
        ("iptables -A INPUT --match=connt", &["conntrack"]),
        ("iptables-save --cou", &["--counters"]),
        ("iptables-restore -T mang", &["mangle"]),
        ("iptables-restore rules", &["\tfiles"]),
        ("oxitables iptables-sa", &["iptables-save"]),
        ("oxitables completions z", &["zsh"]),
        ("oxitables link --fo", &["--force", "\tfiles"]),
        ("oxitables exec --", &[]),
    ] {
        let got = bash(line);
        match wanted {
            [] if line.ends_with("--") => assert!(got.iter().any(|word| word.starts_with("--")), "{got:?}"),
            wanted => assert_eq!(got, wanted, "{line}"),
        }
    }
    assert_eq!(bash("ipset create hosts hash:ip maxe"), ["maxelem"]);
    assert_eq!(
        bash("ipset create hosts hash:i"),
        ["hash:ip", "hash:ip,mac", "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net", "hash:ip,mark"]
            .map(|name| name.trim_start_matches("hash:"))
    );
    assert!(!bash("iptables -L ").contains(&"--jump".to_owned()));
    assert!(bash("iptables -L ").contains(&"OUTPUT".to_owned()));
    assert!(bash("iptables -A INPUT -i l").contains(&"lo".to_owned()));
    assert!(bash("iptables -A OUTPUT -m owner --uid-owner ro").contains(&"root".to_owned()));
    assert_eq!(bash("oxitables complet"), ["completions"], "what is hidden is not offered");
}

/// bash parts words at `=` and `:`, others do not; they get what words mean.
#[test]
fn each_shell_gets_its_form() {
    let line = "iptables -A INPUT --match=connt";
    assert_eq!(asked(line, Shell::Bash, ""), ["--match=connt".to_owned() + "rack"]);
    let zsh = asked(line, Shell::Zsh, "");
    assert_eq!(zsh.len(), 1);
    assert!(zsh[0].starts_with("--match=conntrack\tWhat connection tracking knows"), "{zsh:?}");
    let fish = asked("iptables -A INPUT -m conntrack --ctproto-none", Shell::Fish, "");
    assert!(fish.is_empty());
}
