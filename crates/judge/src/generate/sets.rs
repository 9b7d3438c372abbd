//! Random sets of ipset, of the types that test kernels have, and the rules that name them.
use super::{Choice, Scene};

/// Addresses that packets have, and others; the first are the likeliest.
const HOSTS4: &[&str] =
    &["10.0.1.5", "8.8.8.8", "10.0.2.5", "203.0.113.9", "10.0.1.1", "10.0.1.6", "198.51.100.7"];
const HOSTS6: &[&str] =
    &["fd00:1::5", "2001:db8:8::8", "fd00:2::5", "2001:db8::9", "fd00:1::1", "fd00:1::6", "fd00:2::77"];
const NETS4: &[&str] =
    &["10.0.0.0/8", "10.0.1.0/24", "8.8.0.0/16", "8.0.0.0/7", "203.0.113.0/24", "10.0.1.4/30"];
const NETS6: &[&str] =
    &["fd00::/16", "fd00:1::/64", "2001:db8::/32", "2000::/3", "2001:db8:8::/48", "fd00:1::4/126"];
const PORTS: &[&str] =
    &["tcp:80", "udp:53", "tcp:1000", "udp:1000", "tcp:443", "47:0", "tcp:70-80", "udp:1000-1010"];
const BARE: &[&str] = &["53", "80", "443", "1000", "50-60", "8080"];
const DEVICES: &[&str] = &["lan0", "dmz0", "wan0", "lo", "physdev:lan0"];

/// A type: its name, the parts of its elements, whether both families have it.
struct Kind {
    name: &'static str,
    parts: &'static [Part],
    v6: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Net,
    Port,
    Bare,
    Device,
}

const KINDS: &[Kind] = &[
    Kind { name: "hash:ip", parts: &[Part::Host], v6: true },
    Kind { name: "hash:net", parts: &[Part::Net], v6: true },
    Kind { name: "hash:ip,port", parts: &[Part::Host, Part::Port], v6: true },
    Kind { name: "hash:net,port", parts: &[Part::Net, Part::Port], v6: true },
    Kind { name: "hash:ip,port,ip", parts: &[Part::Host, Part::Port, Part::Host], v6: true },
    Kind { name: "hash:ip,port,net", parts: &[Part::Host, Part::Port, Part::Net], v6: true },
    Kind { name: "hash:net,iface", parts: &[Part::Net, Part::Device], v6: true },
    Kind { name: "bitmap:port range 0-2000", parts: &[Part::Bare], v6: true },
    Kind { name: "bitmap:ip range 10.0.0.0/20", parts: &[Part::Host], v6: false },
    Kind { name: "bitmap:ip range 10.0.0.0/16 netmask 24", parts: &[Part::Host], v6: false },
    Kind { name: "bitmap:ip,mac range 10.0.1.0/24", parts: &[Part::Host, Part::Host], v6: false },
];

/// The sets of a case.
pub(super) struct Sets {
    /// For `ipset restore`.
    pub(super) text: String,
    /// Names, and how many of `src` and `dst` each wants.
    all: Vec<(String, usize)>,
    /// Whether members live for two seconds, in which time goes by.
    short: bool,
}

impl Sets {
    pub(super) fn none() -> Self {
        Self { text: String::new(), all: Vec::new(), short: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// One to four sets, and sometimes a list of them.
    pub(super) fn new(choice: &mut Choice, v6: bool, scene: Scene) -> Self {
        let short = scene.waits();
        let mut sets = Self { short, ..Self::none() };
        for name in ["s1", "s2", "s3", "s4"].into_iter().take(1 + choice.below(4)) {
            let kind = loop {
                let kind = &KINDS[choice.below(KINDS.len())];
                if kind.v6 || !v6 {
                    break kind;
                }
            };
            sets.set(choice, name, kind, v6);
        }
        if choice.percent(30) {
            // Why: no rule may name a set of the other family, but a list may have one.
            let own = std::mem::take(&mut sets.all);
            let kind = &KINDS[choice.below(7)];
            sets.set(choice, "other", kind, !v6);
            sets.all = own;
            sets.text.push_str(&format!("create l list:set{}\n", extensions(choice, true, short).0));
            let names: Vec<String> = sets.all.iter().map(|(name, _)| name.clone()).collect();
            if choice.percent(50) {
                sets.text.push_str("add l other\n");
            }
            for name in names.iter().filter(|_| choice.percent(80)) {
                sets.text.push_str(&format!("add l {name}\n"));
            }
            let most = sets.all.iter().map(|(_, parts)| *parts).max().unwrap_or(1);
            sets.all.push(("l".to_owned(), most));
        }
        sets
    }

    fn set(&mut self, choice: &mut Choice, name: &str, kind: &Kind, v6: bool) {
        let hash = kind.name.starts_with("hash:");
        let family = if v6 && hash { " family inet6" } else { "" };
        let (options, skb) = extensions(choice, hash || kind.name.starts_with("bitmap:"), self.short);
        let mut most = "";
        if hash && choice.percent(25) {
            most = choice.of(&[" maxelem 1", " maxelem 2", " maxelem 4"]);
        }
        let mask = match kind.name {
            "hash:ip" | "hash:ip,port" | "hash:ip,port,ip" if choice.percent(20) => match (kind.name, v6) {
                ("hash:ip,port,ip", _) => "",
                (_, true) => choice.of(&[" netmask 64", " netmask 120"]),
                (_, false) => choice.of(&[" netmask 24", " netmask 30"]),
            },
            _ => "",
        };
        // Why: who shares a bucket with whom is the kernel's secret unless it is said.
        let seed = if hash { format!(" initval {}", choice.below(1 << 16)) } else { String::new() };
        self.text.push_str(&format!("create {name} {}{family}{options}{most}{mask}{seed}\n", kind.name));
        // Why: a member that is refused would refuse the case.
        for _ in 0..if most.is_empty() { choice.below(6) } else { 1 } {
            if let Some(element) = element(choice, kind, v6, !most.is_empty()) {
                let timeout =
                    if options.contains("timeout") && choice.percent(30) { " timeout 0" } else { "" };
                let info = if skb && choice.percent(70) {
                    choice.of(&[" skbmark 0x5", " skbmark 0x10/0xf0 skbprio 1:2", " skbprio 2:3 skbqueue 1"])
                } else {
                    ""
                };
                let nets = kind.parts.contains(&Part::Net);
                let nomatch = if nets && choice.percent(20) { " nomatch" } else { "" };
                self.text.push_str(&format!("-exist add {name} {element}{timeout}{info}{nomatch}\n"));
            }
        }
        self.all.push((name.to_owned(), kind.parts.len()));
    }

    /// A set with directions.
    fn reference(&self, choice: &mut Choice) -> String {
        let (name, parts) = &self.all[choice.below(self.all.len())];
        let count = if choice.percent(92) { *parts } else { 1 + choice.below(4) };
        let directions: Vec<&str> = (0..count).map(|_| choice.of(&["src", "dst"])).collect();
        format!("{name} {}", directions.join(","))
    }

    /// `-m set …` with a blank before it.
    pub(super) fn match_words(&self, choice: &mut Choice, not: &str) -> String {
        let mut out = format!(" -m set{not} --match-set {}", self.reference(choice));
        for (percent, option) in [
            (15, &[" --return-nomatch"][..]),
            (15, &[" ! --update-counters"]),
            (15, &[" ! --update-subcounters"]),
            (15, &[" --packets-gt 2", " --packets-lt 3", " --packets-eq 1", " ! --packets-eq 1"]),
            (10, &[" --bytes-gt 100", " --bytes-lt 200", " ! --bytes-eq 28"]),
        ] {
            if choice.percent(percent) {
                out.push_str(choice.of(option));
            }
        }
        out
    }

    /// `-j SET …` with a blank before it. `map`: whether marks may be mapped; `leaving`: and classes.
    pub(super) fn target_words(&self, choice: &mut Choice, map: bool, leaving: bool) -> String {
        let mut out = String::from(" -j SET");
        let which = choice.below(if map { 4 } else { 3 });
        if which < 2 {
            out.push_str(&format!(" --add-set {}", self.reference(choice)));
            if choice.percent(40) {
                out.push_str(" --exist");
            }
            if choice.percent(30) {
                out.push_str(choice.of(if self.short {
                    &[" --timeout 1", " --timeout 2"]
                } else {
                    &[" --timeout 500", " --timeout 0"]
                }));
            }
        }
        if which > 0 && which < 3 {
            out.push_str(&format!(" --del-set {}", self.reference(choice)));
        }
        if which == 3 {
            out.push_str(&format!(" --map-set {}", self.reference(choice)));
            out.push_str(if leaving {
                choice.of(&[" --map-mark", " --map-prio", " --map-mark --map-prio --map-queue"])
            } else {
                " --map-mark"
            });
        }
        out
    }
}

/// Extensions of a set, and whether `skbinfo` is one.
fn extensions(choice: &mut Choice, skb: bool, short: bool) -> (String, bool) {
    let mut out = String::new();
    let skb = skb && choice.percent(25);
    let timeout = if short { " timeout 2" } else { " timeout 300" };
    for (given, words) in [
        (choice.percent(40), " counters"),
        (choice.percent(if short { 70 } else { 25 }), timeout),
        (skb, " skbinfo"),
    ] {
        if given {
            out.push_str(words);
        }
    }
    (out, skb)
}

/// An element; `None`: what was chosen is outside the set's range. `single`: no ranges.
fn element(choice: &mut Choice, kind: &Kind, v6: bool, single: bool) -> Option<String> {
    let mut parts = Vec::new();
    for part in kind.parts {
        parts.push(match part {
            Part::Host => choice.of(if v6 { HOSTS6 } else { HOSTS4 }),
            Part::Net if choice.percent(25) => choice.of(if v6 { HOSTS6 } else { HOSTS4 }),
            Part::Net => choice.of(if v6 { NETS6 } else { NETS4 }),
            Part::Port if choice.percent(15) => {
                if v6 {
                    "icmpv6:128/0"
                } else {
                    "icmp:8/0"
                }
            }
            Part::Port => choice.of(if single { &PORTS[..6] } else { PORTS }),
            Part::Bare => choice.of(BARE),
            Part::Device => choice.of(DEVICES),
        });
    }
    let first = parts.first()?;
    if kind.name.starts_with("bitmap:ip,mac") {
        let mac = choice.of(&["", ",02:00:00:00:00:01"]);
        return first.starts_with("10.0.1.").then(|| format!("{first}{mac}"));
    }
    if kind.name.starts_with("bitmap:ip") && !first.starts_with("10.0.") || *first == "8080" {
        return None;
    }
    Some(parts.join(","))
}
