//! Random save files: all tables, user chains, the extensions that are modelled, values from the same small pools as
//! the packets, so that rules are hit, and narrowly missed.
use super::sets::Sets;
use super::{Choice, Scene, bridge, sockets, state, timing};

/// Addresses and nets that rules speak of.
const NETS4: &[&str] = &[
    "10.0.1.5",
    "10.0.1.0/24",
    "10.0.2.5",
    "10.0.2.0/24",
    "8.8.8.8",
    "8.8.0.0/16",
    "203.0.113.1",
    "203.0.113.9",
    "10.0.1.1",
    "10.0.1.4/30",
    "10.0.0.0/16",
    "10.0.0.5/255.255.0.255",
    "127.0.0.1",
    "198.51.100.7",
    "10.0.1.6",
];
const NETS6: &[&str] = &[
    "fd00:1::5",
    "fd00:1::/64",
    "fd00:2::5",
    "fd00:2::/64",
    "2001:db8:8::8",
    "2001:db8:8::/48",
    "2001:db8::1",
    "2001:db8::9",
    "fd00:1::1",
    "fd00:1::4/126",
    "fd00::/16",
    "::1",
    "fd00:1::6",
];
const PORTS: &[&str] =
    &["53", "80", "443", "1000", "1001", "1000:1001", "5000:5010", "0:1023", "1024:65535", "8080"];
const DEVICES: &[&str] = &["lan0", "dmz0", "wan0", "lo", "lan+", "w+"];
const STATES: &[&str] =
    &["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "RELATED,ESTABLISHED", "NEW,INVALID"];

/// Tests of `-m u32`: protocol, ports, address, a place that few packets have.
const TESTS4: &[&str] = &[
    "6&0xff=17",
    "6&0xff=6,1",
    "0>>22&0x3c@0&0xffff=53,80",
    "0>>22&0x3c@0>>16=1000:1010",
    "16=0x08080808",
    "40=0:4294967295",
    "6&0xff=17&&0>>22&0x3c@4>>16=8:20",
];
const TESTS6: &[&str] = &[
    "4>>8&0xff=17",
    "4>>8&0xff=6,58",
    "40&0xffff=53,80",
    "40>>16=1000:1010",
    "24=0xfd000002",
    "60=0:4294967295",
    "4>>16@40=0:4294967295",
];

/// Programs of `-m bpf`: a protocol, a length, a port behind options and not in a later fragment, the mark.
const PROGRAMS4: &[&str] = &[
    "4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0",
    "4,128 0 0 0,37 0 1 60,6 0 0 1,6 0 0 0",
    "7,40 0 0 6,69 4 0 8191,177 0 0 0,72 0 0 2,21 0 1 53,6 0 0 1,6 0 0 0",
    "3,32 0 0 4294963220,84 0 0 1,22 0 0 0",
];
const PROGRAMS6: &[&str] = &[
    "4,48 0 0 6,21 0 1 17,6 0 0 1,6 0 0 0",
    "4,128 0 0 0,37 0 1 80,6 0 0 1,6 0 0 0",
    "4,40 0 0 42,21 0 1 53,6 0 0 1,6 0 0 0",
    "3,32 0 0 4294963220,84 0 0 1,22 0 0 0",
];

/// Where a rule stands: what may be in it.
pub(super) struct Place<'a> {
    pub(super) table: &'a str,
    pub(super) chain: &'a str,
    /// Chains that the rule may jump to.
    below: &'a [&'a str],
    /// nat: which end may be translated here.
    destination: bool,
    source: bool,
    pub(super) v6: bool,
    sets: &'a Sets,
    /// Whether rules may ask for sockets and the like.
    machine: bool,
    /// A number of this case alone, for names of things that outlive rules.
    pub(super) salt: u32,
    pub(super) scene: Scene,
}

impl Place<'_> {
    fn builtin(&self) -> bool {
        self.chain.starts_with(|first: char| first.is_ascii_uppercase())
    }

    /// Addresses and nets.
    fn nets(&self, choice: &mut Choice) -> &'static [&'static str] {
        match (self.scene.is_bridge() && choice.percent(60), self.v6) {
            (true, true) => bridge::NETS6,
            (true, false) => bridge::NETS4,
            (false, true) => NETS6,
            (false, false) => NETS4,
        }
    }

    fn device(&self, choice: &mut Choice) -> &'static str {
        if self.scene.is_bridge() && choice.percent(50) {
            choice.of(&["br0", "br+", "p0"])
        } else {
            choice.of(DEVICES)
        }
    }
}

/// A save file.
pub(super) fn ruleset(choice: &mut Choice, v6: bool, sets: &Sets, machine: bool, scene: Scene) -> String {
    let mut out = String::new();
    let salt = choice.below(1 << 32) as u32;
    let tables: &[(&str, &[&str], &[&str])] = &[
        ("raw", &["PREROUTING", "OUTPUT"], &["r1"]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"], &["m1", "m2"]),
        ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"], &["d1", "s1"]),
        ("filter", &["INPUT", "FORWARD", "OUTPUT"], &["f1", "f2", "f3"]),
        ("security", &["INPUT", "FORWARD", "OUTPUT"], &["y1"]),
    ];
    for &(table, builtin, users) in tables {
        out.push_str(&format!("*{table}\n"));
        for chain in builtin {
            let drop = table != "nat" && choice.percent(if table == "filter" { 12 } else { 3 });
            out.push_str(&format!(":{chain} {} [0:0]\n", if drop { "DROP" } else { "ACCEPT" }));
        }
        for chain in users {
            out.push_str(&format!(":{chain} - [0:0]\n"));
        }
        if machine && table == "security" {
            out.push_str(sockets::NO_TCP);
        }
        // Some tables stay empty: an empty nat table is not visited at all (F2).
        let weight = match table {
            "filter" | "mangle" => 90,
            "nat" => 65,
            "raw" => 45,
            _ => 25,
        };
        if choice.percent(weight) {
            for chain in builtin {
                let destination = matches!(*chain, "PREROUTING" | "OUTPUT");
                let below: &[&str] = match (table, destination) {
                    ("nat", true) => &["d1"],
                    ("nat", false) => &["s1"],
                    _ => users,
                };
                let place = Place {
                    table,
                    chain,
                    below,
                    destination,
                    source: !destination,
                    v6,
                    sets,
                    machine,
                    salt,
                    scene,
                };
                chain_rules(choice, &place, &mut out);
            }
            for (at, chain) in users.iter().enumerate() {
                let below = if table == "nat" { &[] } else { &users[at + 1..] };
                let destination = *chain == "d1";
                let place = Place {
                    table,
                    chain,
                    below,
                    destination,
                    source: *chain == "s1",
                    v6,
                    sets,
                    machine,
                    salt,
                    scene,
                };
                chain_rules(choice, &place, &mut out);
            }
        }
        out.push_str("COMMIT\n");
    }
    out
}

fn chain_rules(choice: &mut Choice, place: &Place<'_>, out: &mut String) {
    for _ in 0..choice.below(4) {
        out.push_str(&format!("-A {}", place.chain));
        let protocol = header(choice, place, out);
        for _ in 0..choice.of(&[0, 0, 1, 1, 2]) {
            extension(choice, place, protocol, out);
        }
        target(choice, place, protocol, out);
        out.push('\n');
    }
}

pub(super) fn not(choice: &mut Choice) -> &'static str {
    if choice.percent(15) { " !" } else { "" }
}

/// Addresses, devices, protocol; gives the protocol's name if it is a positive one.
fn header(choice: &mut Choice, place: &Place<'_>, out: &mut String) -> &'static str {
    let nets = place.nets(choice);
    for option in ["-s", "-d"] {
        if choice.percent(18) {
            out.push_str(&format!("{} {option} {}", not(choice), choice.of(nets)));
        }
    }
    let hook = place.chain;
    if !matches!(hook, "OUTPUT" | "POSTROUTING") && choice.percent(15) {
        out.push_str(&format!("{} -i {}", not(choice), place.device(choice)));
    }
    if !matches!(hook, "INPUT" | "PREROUTING") && choice.percent(15) {
        out.push_str(&format!("{} -o {}", not(choice), place.device(choice)));
    }
    if !place.v6 && choice.percent(3) {
        out.push_str(&format!("{} -f", not(choice)));
    }
    match choice.below(10) {
        0..=2 => tcp(choice, out),
        3 | 4 => udp(choice, out),
        5 => icmp(choice, place.v6, out),
        7 if choice.percent(40) => {
            out.push_str(&state::transport(choice, place.v6));
            ""
        }
        6 if choice.percent(30) => {
            out.push_str(&format!("{} -p {}", not(choice), choice.of(&["tcp", "udp", "99"])));
            ""
        }
        _ => "",
    }
}

fn ports(choice: &mut Choice, out: &mut String) {
    for option in ["--sport", "--dport"] {
        if choice.percent(if option == "--dport" { 45 } else { 12 }) {
            out.push_str(&format!("{} {option} {}", not(choice), choice.of(PORTS)));
        }
    }
}

fn tcp(choice: &mut Choice, out: &mut String) -> &'static str {
    out.push_str(" -p tcp");
    if choice.percent(60) {
        out.push_str(" -m tcp");
        ports(choice, out);
        if choice.percent(20) {
            let flags = choice.of(&[
                "FIN,SYN,RST,ACK SYN",
                "SYN,ACK SYN,ACK",
                "RST RST",
                "FIN FIN",
                "ALL NONE",
                "SYN,RST SYN,RST",
                "ACK ACK",
                "FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG",
            ]);
            out.push_str(&format!("{} --tcp-flags {flags}", not(choice)));
        }
        if choice.percent(5) {
            out.push_str(&format!("{} --tcp-option {}", not(choice), choice.of(&["2", "3", "8"])));
        }
    } else if choice.percent(50) {
        multiport(choice, out);
    }
    "tcp"
}

fn udp(choice: &mut Choice, out: &mut String) -> &'static str {
    out.push_str(" -p udp");
    if choice.percent(60) {
        out.push_str(" -m udp");
        ports(choice, out);
    } else if choice.percent(40) {
        multiport(choice, out);
    }
    "udp"
}

fn multiport(choice: &mut Choice, out: &mut String) {
    let option = choice.of(&["--dports", "--sports", "--ports"]);
    let list = choice.of(&["53,80,443", "1000:1001,5000", "0:1023,8080", "53"]);
    out.push_str(&format!(" -m multiport{} {option} {list}", not(choice)));
}

fn icmp(choice: &mut Choice, v6: bool, out: &mut String) -> &'static str {
    if v6 {
        out.push_str(" -p ipv6-icmp");
        if choice.percent(60) {
            let kind = choice.of(&["128", "129", "1", "1/4", "3", "2"]);
            out.push_str(&format!(" -m icmp6{} --icmpv6-type {kind}", not(choice)));
        }
    } else {
        out.push_str(" -p icmp");
        if choice.percent(60) {
            let kind = choice.of(&["8", "0", "3", "3/3", "11", "any", "8/0"]);
            let not = if kind == "any" { "" } else { not(choice) };
            out.push_str(&format!(" -m icmp{not} --icmp-type {kind}"));
        }
    }
    "icmp"
}

fn extension(choice: &mut Choice, place: &Place<'_>, protocol: &str, out: &mut String) {
    let n = not(choice);
    let nets = place.nets(choice);
    if !place.sets.is_empty() && choice.percent(30) {
        out.push_str(&place.sets.match_words(choice, n));
        return;
    }
    let asks = place.machine && place.builtin() && choice.percent(40);
    let text = match choice.below(26) {
        // Why built-in chains alone: which hooks a user chain is called from decides what may stand in it.
        _ if place.scene.is_bridge() && place.builtin() && choice.percent(35) => {
            bridge::extension(choice, place)
        }
        _ if place.scene.waits() && choice.percent(40) => timing::extension(choice, place),
        _ if asks => sockets::extension(choice, place.chain, place.v6, n),
        21..=23 => state::stateful(choice, place),
        24 => state::circumstance(choice),
        0 => format!(" -m state{n} --state {}", choice.of(STATES)),
        1 => format!(" -m conntrack{n} --ctstate {}", choice.of(STATES)),
        2 => format!(" -m conntrack{n} --ctstate {}", choice.of(&["SNAT", "DNAT", "NEW,DNAT", "SNAT,DNAT"])),
        3 => conntrack(choice, nets, n, place.v6),
        4 => format!(
            " -m mark{n} --mark {}",
            choice.of(&["0x1", "0x0", "0x1/0x1", "0x2/0xf", "0x10/0xf0", "0x0/0xff"])
        ),
        5 => format!(" -m connmark{n} --mark {}", choice.of(&["0x1", "0x0", "0x1/0x1", "0x3/0xf"])),
        6 if choice.percent(70) => {
            format!(
                " -m connlabel{n} --label {}{}",
                choice.of(&["0", "5", "127"]),
                choice.of(&["", " --set"])
            )
        }
        6 => format!(" -m comment --comment \"{}\"", choice.of(&["a", "two words", "x=1"])),
        7 => format!(
            " -m statistic --mode nth{n} --every {} --packet {}",
            choice.of(&["2", "3"]),
            choice.of(&["0", "1"])
        ),
        8 if matches!(place.chain, "OUTPUT" | "POSTROUTING") => {
            let owner =
                choice.of(&["--uid-owner 0", "--uid-owner 1000", "--gid-owner 100", "--socket-exists"]);
            format!(" -m owner{n} {owner}")
        }
        9 => {
            let algo = choice.of(&["bm", "kmp"]);
            let (pattern, case) = choice.of(&[("abc", ""), ("XYZ", " --icase"), ("answer", ""), ("hij", "")]);
            let range = choice.of(&["", " --from 28", " --to 40", " --from 30 --to 60"]);
            format!(" -m string{n} --string \"{pattern}\" --algo {algo}{range}{case}")
        }
        10 => format!(" -m limit --limit 1/hour --limit-burst {}", choice.of(&["1", "2", "3"])),
        11 => {
            let kind = match place.v6 {
                true => choice.of(&["LOCAL", "UNICAST", "MULTICAST", "LOCAL,UNICAST", "ANYCAST", "UNSPEC"]),
                false => choice.of(&[
                    "LOCAL",
                    "UNICAST",
                    "BROADCAST",
                    "MULTICAST",
                    "LOCAL,BROADCAST",
                    "ANYCAST",
                    "UNSPEC",
                ]),
            };
            format!(" -m addrtype{n} {} {kind}", choice.of(&["--src-type", "--dst-type"]))
        }
        12 if matches!(place.chain, "PREROUTING" | "INPUT" | "FORWARD") => {
            format!(" -m mac{n} --mac-source 02:00:00:00:00:01")
        }
        13 => {
            let range = if place.v6 {
                choice.of(&["fd00:1::4-fd00:1::5", "fd00:1::5-fd00:2::ff", "2001:db8::-2001:db8:8::8"])
            } else {
                choice.of(&["10.0.1.4-10.0.1.5", "10.0.1.6-10.0.2.255", "8.8.8.8-203.0.113.9"])
            };
            format!(" -m iprange{n} {} {range}", choice.of(&["--src-range", "--dst-range"]))
        }
        14 if protocol == "tcp" || protocol == "udp" => {
            // `-m multiport` may stand beside `-m tcp`.
            format!(" -m multiport{n} --ports {}", choice.of(&["53,80", "1000:1001", "80"]))
        }
        15..=17 => header_field(choice, protocol, place.v6),
        18 => format!(" -m u32{n} --u32 \"{}\"", choice.of(if place.v6 { TESTS6 } else { TESTS4 })),
        19 => format!(" -m bpf --bytecode \"{}\"", choice.of(if place.v6 { PROGRAMS6 } else { PROGRAMS4 })),
        20 if place.chain == "PREROUTING" && matches!(place.table, "raw" | "mangle") => {
            let options =
                ["", " --loose", " --invert", " --validmark", " --accept-local", " --loose --invert"];
            format!(" -m rpfilter{}", choice.of(&options))
        }
        20 if place.v6 => extension_header(choice, n),
        _ => String::new(),
    };
    // One of each kind is enough; the printer of 1.8.9 keeps doubles, but they add nothing.
    let name = text.split_whitespace().nth(1).unwrap_or("").to_owned();
    if !name.is_empty() && !out.rsplit('\n').next().unwrap_or("").contains(&format!(" -m {name} ")) {
        out.push_str(&text);
    }
}

/// A match on a field of a header that most packets have.
fn header_field(choice: &mut Choice, protocol: &str, v6: bool) -> String {
    let n = not(choice);
    match choice.below(7) {
        0 | 1 => {
            let lengths = ["28", "40:60", "0:100", "48:", "128", "1400:1500"];
            format!(" -m length{n} --length {}", choice.of(&lengths))
        }
        2 => {
            let name = if v6 { "hl" } else { "ttl" };
            let (n, how) = choice.of(&[("", "eq"), (" !", "eq"), ("", "lt"), ("", "gt")]);
            format!(" -m {name}{n} --{name}-{how} {}", choice.of(&["64", "63", "1", "254", "255"]))
        }
        3 => format!(" -m tos{n} --tos {}", choice.of(&["0x10", "0x00/0x3f", "0xb8/0xfc", "0xff", "0/0xe0"])),
        4 => format!(" -m dscp{n} --dscp {}", choice.of(&["0x2e", "0x00", "0x04", "0x3f"])),
        5 if protocol == "tcp" => {
            format!(" -m tcpmss{n} --mss {}", choice.of(&["1460", "536:1460", "0:65535", "1461:"]))
        }
        6 if protocol == "tcp" => {
            format!(" -m ecn{n} {}", choice.of(&["--ecn-tcp-ece", "--ecn-tcp-cwr", "--ecn-ip-ect 3"]))
        }
        _ => format!(" -m ecn{n} --ecn-ip-ect {}", choice.of(&["0", "3", "1"])),
    }
}

/// A match of an IPv6 extension header; the packets have those of `craft`.
fn extension_header(choice: &mut Choice, n: &str) -> String {
    match choice.below(6) {
        0 => format!(" -m frag{n} --fragid {}", choice.of(&["0:100", "1:2000000000", "77"])),
        1 => format!(" -m frag {}", choice.of(&["--fragfirst", "--fragmore", "--fraglast", "--fragres"])),
        2 => format!(
            " -m ipv6header{n} --header {} --soft",
            choice.of(&["dst", "frag", "hop,dst", "route,prot"])
        ),
        3 => format!(
            " -m ipv6header{n} --header {}",
            choice.of(&["prot", "dst,prot", "hop,prot", "frag,prot"])
        ),
        4 => format!(" -m rt{n} {}", choice.of(&["--rt-type 253", "--rt-segsleft 0", "--rt-len 8"])),
        _ => {
            let name = choice.of(&["dst", "hbh"]);
            match choice.of(&["", "1:4", "1", "5:2"]) {
                "" => format!(" -m {name}{n} --{name}-len 8"),
                options => format!(" -m {name} --{name}-opts {options}"),
            }
        }
    }
}

fn conntrack(choice: &mut Choice, nets: &[&str], n: &str, v6: bool) -> String {
    match choice.below(9) {
        0 => format!(" -m conntrack{n} --ctproto {}", choice.of(&["6", "17", if v6 { "58" } else { "1" }])),
        1 => format!(" -m conntrack{n} --ctorigsrc {}", choice.of(nets)),
        2 => format!(" -m conntrack{n} --ctorigdst {}", choice.of(nets)),
        3 => format!(" -m conntrack{n} --ctreplsrc {}", choice.of(nets)),
        4 => format!(" -m conntrack{n} --ctrepldst {}", choice.of(nets)),
        5 => format!(" -m conntrack{n} --ctorigdstport {}", choice.of(&["53", "80", "1000:5000"])),
        6 => format!(
            " -m conntrack{n} --ctstatus {}",
            choice.of(&["SEEN_REPLY", "CONFIRMED", "ASSURED", "NONE", "EXPECTED", "SEEN_REPLY,ASSURED"])
        ),
        7 => format!(" -m conntrack --ctdir {}", choice.of(&["ORIGINAL", "REPLY"])),
        _ => format!(" -m conntrack{n} --ctexpire {}", choice.of(&["0", "1:60", "100:200", "0:30"])),
    }
}

fn target(choice: &mut Choice, place: &Place<'_>, protocol: &str, out: &mut String) {
    let user = |choice: &mut Choice| {
        let flag = if choice.percent(25) { "-g" } else { "-j" };
        format!(" {flag} {}", choice.of(place.below))
    };
    if !place.sets.is_empty() && choice.percent(20) {
        let map = place.table == "mangle";
        let leaving = matches!(place.chain, "FORWARD" | "OUTPUT" | "POSTROUTING");
        out.push_str(&place.sets.target_words(choice, map, leaving));
        return;
    }
    let proxied =
        place.machine && (place.table, place.chain) == ("mangle", "PREROUTING") && !protocol.is_empty();
    if proxied && protocol != "icmp" && choice.percent(60) {
        out.push_str(&sockets::tproxy(choice, protocol, place.v6));
        return;
    }
    if place.table == "raw" {
        let policy = timing::policy(choice, place, protocol);
        if !policy.is_empty() {
            out.push_str(&policy);
            return;
        }
    }
    let text = match (choice.below(20), place.table) {
        (0..=3, _) if !place.below.is_empty() => user(choice),
        (4, _) => String::new(),
        (5 | 6, "raw") => choice.of(&[" -j NOTRACK", " -j CT --notrack", " -j CT --zone 1"]).to_owned(),
        (5..=8, "mangle") => mark(choice),
        (9..=11, "mangle") => change(choice, place, protocol),
        (5, "filter" | "security") if choice.percent(50) => mark(choice),
        // CONNMARK in raw writes into the template of `CT --zone`.
        (7, "raw") => mark(choice),
        (6..=14, "nat") => nat(choice, place, protocol),
        (6..=8, "filter") => reject(choice, place.v6, protocol),
        (15, _) if !place.builtin() => " -j RETURN".to_owned(),
        (16, _) => choice
            .of(&[
                " -j LOG",
                " -j LOG --log-prefix \"x \"",
                " -j LOG --log-uid --log-tcp-options --log-ip-options",
                " -j NFLOG --nflog-group 7 --nflog-size 20",
                " -j AUDIT --type drop",
                " -j HMARK --hmark-tuple src,dst,sport,dport,proto --hmark-mod 4 --hmark-rnd 5",
                " -j HMARK --hmark-tuple ct,src,dst --hmark-mod 3 --hmark-rnd 0xfeedcafe --hmark-offset 1",
            ])
            .to_owned(),
        (17, "raw") => " -j TRACE".to_owned(),
        (19, _) if choice.percent(50) => state::rare_target(choice, place),
        (17, _) if choice.percent(20) => " -j RETURN".to_owned(),
        (18, _) if place.table != "nat" => {
            if choice.percent(30) {
                choice
                    .of(&[" -j QUEUE", " -j NFQUEUE --queue-num 3", " -j NFQUEUE --queue-bypass"])
                    .to_owned()
            } else {
                " -j DROP".to_owned()
            }
        }
        (12..=14, "filter") => " -j ACCEPT".to_owned(),
        _ if choice.percent(40) => " -j ACCEPT".to_owned(),
        _ => String::new(),
    };
    out.push_str(&text);
}

fn mark(choice: &mut Choice) -> String {
    choice
        .of(&[
            " -j MARK --set-xmark 0x1/0xffffffff",
            " -j MARK --set-xmark 0x3/0xf",
            " -j MARK --set-mark 0x2/0x3",
            " -j MARK --and-mark 0xf",
            " -j MARK --or-mark 0x10",
            " -j MARK --xor-mark 0x11",
            " -j CONNMARK --save-mark",
            " -j CONNMARK --restore-mark",
            " -j CONNMARK --set-xmark 0x1/0xff",
            " -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xf0",
            " -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf",
            " -j CONNMARK --or-mark 0x2",
            " -j CONNMARK --set-mark 0x3",
        ])
        .to_owned()
}

/// What only table mangle may do: changes of the header.
fn change(choice: &mut Choice, place: &Place<'_>, protocol: &str) -> String {
    if protocol == "tcp" && choice.percent(50) {
        // Why: not clamped, since the kernel remembers the MTUs of ways from case to case.
        let size = choice.of(&["500", "1000", "1460"]);
        return match choice.below(4) {
            0 => " -j TCPOPTSTRIP --strip-options mss,wscale,timestamp".to_owned(),
            1 if !place.v6 => " -j ECN --ecn-tcp-remove".to_owned(),
            _ => format!(" -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {size}"),
        };
    }
    // Why: where an IPv6 packet may come to a local process, a changed header spoils the sum that connection tracking has
    // kept for UDP (docs/deviations.md).
    if place.v6 && !matches!(place.chain, "FORWARD" | "OUTPUT" | "POSTROUTING" | "PREROUTING") {
        return String::new();
    }
    let hops = if place.v6 { ("HL", "hl") } else { ("TTL", "ttl") };
    let how = choice.of(&["set 64", "set 2", "dec 1", "dec 62", "inc 1", "inc 200"]);
    match (choice.below(6), place.chain) {
        (0..=3, "PREROUTING") if place.v6 => String::new(),
        (0 | 1, _) => format!(" -j {} --{}-{how}", hops.0, hops.1),
        (2, _) => choice
            .of(&[" -j TOS --set-tos 0x10", " -j TOS --xor-tos 0xff", " -j TOS --and-tos 0x3"])
            .to_owned(),
        (3, _) => choice.of(&[" -j DSCP --set-dscp 0x2e", " -j CHECKSUM --checksum-fill"]).to_owned(),
        // Why: only where the prefix is right. Otherwise the sum is wrong behind it, and the kernel has verified it before.
        (4, "POSTROUTING") if place.v6 => {
            " -m iprange --src-range fd00:1::-fd00:1::ffff:ffff:ffff:ffff -j SNPT --src-pfx fd00:1::/64 --dst-pfx 2001:db8:0:7::/64".to_owned()
        }
        (4, "PREROUTING" | "OUTPUT") if place.v6 => {
            " -m iprange --dst-range 2001:db8:7::-2001:db8:7::ffff:ffff:ffff:ffff -j DNPT --src-pfx 2001:db8:7::/64 --dst-pfx fd00:1::/64".to_owned()
        }
        (5, "FORWARD" | "OUTPUT" | "POSTROUTING") => " -j CLASSIFY --set-class 1:2".to_owned(),
        _ if !place.v6 => choice.of(&[" -j ECN --ecn-ip-ect 0", " -j ECN --ecn-ip-ect 3"]).to_owned(),
        _ => String::new(),
    }
}

fn reject(choice: &mut Choice, v6: bool, protocol: &str) -> String {
    if protocol == "tcp" && choice.percent(50) {
        return " -j REJECT --reject-with tcp-reset".to_owned();
    }
    let kind = if v6 {
        choice.of(&[
            "icmp6-no-route",
            "icmp6-adm-prohibited",
            "icmp6-addr-unreachable",
            "icmp6-port-unreachable",
            "icmp6-policy-fail",
            "icmp6-reject-route",
        ])
    } else {
        choice.of(&[
            "icmp-net-unreachable",
            "icmp-host-unreachable",
            "icmp-proto-unreachable",
            "icmp-port-unreachable",
            "icmp-net-prohibited",
            "icmp-host-prohibited",
            "icmp-admin-prohibited",
        ])
    };
    format!(" -j REJECT --reject-with {kind}")
}

/// Ranges of ports are wide: in a narrow one the kernel finds a free port only by chance (F50).
fn nat(choice: &mut Choice, place: &Place<'_>, protocol: &str) -> String {
    let ports = matches!(protocol, "tcp" | "udp");
    let with_port = |choice: &mut Choice, address: &str| {
        if !ports || choice.percent(50) {
            return address.to_owned();
        }
        let port = choice.of(&["80", "8080", "1000", "53", "80", "1000", "5000-5999"]);
        if place.v6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    };
    if place.destination {
        match choice.below(5) {
            0 => {
                let port = if ports { choice.of(&["", " --to-ports 8080", " --to-ports 53"]) } else { "" };
                format!(" -j REDIRECT{port}")
            }
            1 => {
                let net = if place.v6 { "fd00:2::/64" } else { "10.0.2.0/24" };
                format!(" -j NETMAP --to {net}")
            }
            _ => {
                let address = if place.scene.is_bridge() && choice.percent(60) {
                    choice.of(if place.v6 {
                        &["fd00:5::11", "fd00:5::12"]
                    } else {
                        &["10.0.5.11", "10.0.5.12"]
                    })
                } else if place.v6 {
                    choice.of(&["fd00:2::5", "fd00:1::5", "2001:db8:8::8", "fd00:2::5-fd00:2::9"])
                } else {
                    choice.of(&["10.0.2.5", "10.0.1.5", "8.8.8.8", "10.0.2.5-10.0.2.9"])
                };
                let persistent = if choice.percent(10) { " --persistent" } else { "" };
                format!(" -j DNAT --to-destination {}{persistent}", with_port(choice, address))
            }
        }
    } else if place.source {
        // MASQUERADE and NETMAP of sources may not be asked in INPUT.
        match choice.below(5) {
            0 | 1 if place.chain == "POSTROUTING" => {
                let odd = if ports { choice.of(&["", "", " --random", " --to-ports 6000-6999"]) } else { "" };
                format!(" -j MASQUERADE{odd}")
            }
            2 if place.chain == "POSTROUTING" => {
                let net = if place.v6 { "2001:db8::/64" } else { "203.0.113.0/24" };
                format!(" -j NETMAP --to {net}")
            }
            _ => {
                let address = if place.scene.is_bridge() && choice.percent(50) {
                    choice.of(if place.v6 {
                        &["fd00:5::1", "fd00:5::99"]
                    } else {
                        &["10.0.5.1", "10.0.5.99"]
                    })
                } else if place.v6 {
                    choice.of(&["2001:db8::1", "2001:db8::77", "fd00:2::1", "2001:db8::70-2001:db8::75"])
                } else {
                    choice.of(&["203.0.113.1", "203.0.113.77", "10.0.2.1", "203.0.113.70-203.0.113.75"])
                };
                format!(" -j SNAT --to-source {}", with_port(choice, address))
            }
        }
    } else {
        String::new()
    }
}
