//! Every line of fixtures/set/scenarios.txt by `oxitables ipset` and by the machine's ipset in a network namespace of its
//! own: exit code, output and error text, and after each line `ipset save` and `ipset list`.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::machine;
use crate::programs::{BINARY, Home};

const SCENARIOS: &str = include_str!("../../../../fixtures/set/scenarios.txt");

/// Why the machine's ipset cannot be asked; `None`: it can.
fn missing() -> Option<String> {
    let ask = |words: &[&str]| Command::new(words[0]).args(&words[1..]).output();
    match ask(&["unshare", "-n", "ipset", "-n", "list"]) {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return Some(error.to_string()),
    }
    let version =
        ask(&["ipset", "version"]).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    version.is_ok_and(|version| !version.contains("v7.17,")).then(|| "ipset is not 7.17".into())
}

/// The sessions: lines between blank lines.
fn blocks(text: &str) -> Vec<Vec<&str>> {
    let mut blocks = vec![Vec::new()];
    for line in text.lines() {
        if line.is_empty() {
            blocks.push(Vec::new());
        } else if !line.starts_with('#')
            && let Some(block) = blocks.last_mut()
        {
            block.push(line);
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// How a line went.
#[derive(Clone, Debug, Default, PartialEq)]
struct Line {
    code: String,
    out: String,
    error: String,
    save: String,
    list: String,
}

/// Runs a session; `machine`: with the machine's ipset, in a network namespace.
fn session(block: &[&str], machine: bool) -> Vec<Line> {
    let home = Home::new();
    let folder = home.path();
    let bin = folder.join("sets");
    std::fs::create_dir(&bin).unwrap();
    for name in ["ipset", "iptables", "ip6tables", "iptables-save", "iptables-restore"] {
        let own = name.replace("tables", "tables-legacy");
        let program = if machine { Path::new("/usr/sbin").join(own) } else { BINARY.into() };
        std::os::unix::fs::symlink(program, bin.join(name)).unwrap();
    }
    let mut script =
        format!("export PATH={}:$PATH XTABLES_LOCKFILE={}/lock\n", bin.display(), folder.display());
    for (at, line) in block.iter().enumerate() {
        writeln!(script, "(\n{line}\n) >out.{at} 2>error.{at} </dev/null; echo $? >code.{at}").unwrap();
        writeln!(script, "ipset save >save.{at} 2>&1 </dev/null; ipset list >list.{at} 2>&1 </dev/null")
            .unwrap();
    }
    std::fs::write(folder.join("script"), script).unwrap();
    let mut command = Command::new("timeout");
    home.dress(command.arg("300"));
    if machine {
        command.args(["unshare", "-n"]);
    }
    let output = command.args(["bash", "script"]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    results(folder, block.len())
}

fn results(folder: &Path, lines: usize) -> Vec<Line> {
    let read = |name: &str, at: usize| {
        String::from_utf8_lossy(&std::fs::read(folder.join(format!("{name}.{at}"))).unwrap()).into_owned()
    };
    let line = |at| Line {
        code: read("code", at).trim().to_owned(),
        out: comparable(&read("out", at)),
        error: comparable(&read("error", at)),
        save: comparable(&read("save", at)),
        list: comparable(&read("list", at)),
    };
    (0..lines).map(line).collect()
}

/// What may differ: the seed and what hangs on it (the order of members, the size of the table, of the memory), and time.
fn comparable(text: &str) -> String {
    let mut out = String::new();
    let mut members: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = without(line);
        let head = [
            "Name:",
            "Type:",
            "Revision:",
            "Header:",
            "Size",
            "References",
            "Number",
            "Members",
            "create",
            "<",
            "ipset",
        ];
        if line.is_empty()
            || (head.iter().any(|head| line.starts_with(head)) && !line.starts_with("<member>"))
        {
            members.sort();
            out.extend(members.drain(..));
            writeln!(out, "{line}").unwrap();
        } else {
            members.push(format!("{line}\n"));
        }
    }
    members.sort();
    out.extend(members);
    out
}

/// A line without its random numbers, its times rounded up to tens.
fn without(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut before = "";
    for word in line.split(' ') {
        words.push(match before {
            "initval" | "hashsize" | "memory:" => "-".into(),
            "timeout" => {
                word.parse::<u64>().map_or(word.into(), |time| time.next_multiple_of(10).to_string())
            }
            _ => word.into(),
        });
        before = word;
    }
    let mut line = words.join(" ");
    for (name, time) in [("initval", false), ("hashsize", false), ("memsize", false), ("timeout", true)] {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        if let Some(from) = line.find(&start)
            && let Some(to) = line.find(&end)
        {
            let range = from + start.len()..to;
            let number = line[range.clone()].parse::<u64>();
            let text = match number {
                Ok(number) if time => number.next_multiple_of(10).to_string(),
                _ => "-".into(),
            };
            line.replace_range(range, &text);
        }
    }
    line
}

/// Runs all sessions with both and tells every difference.
fn compare(blocks: &[Vec<&str>]) -> String {
    let mut report = String::new();
    for block in blocks {
        let (ours, machine) = std::thread::scope(|scope| {
            let machine = scope.spawn(|| session(block, true));
            (session(block, false), machine.join().unwrap())
        });
        let mut known: BTreeMap<&str, String> = BTreeMap::new();
        for ((line, ours), machine) in block.iter().zip(&ours).zip(&machine) {
            let mut differ = |what: &'static str, ours: &str, machine: &str| {
                let one: Vec<_> =
                    ours.lines().filter(|line| !machine.lines().any(|other| other == *line)).collect();
                let other: Vec<_> =
                    machine.lines().filter(|line| !ours.lines().any(|own| own == *line)).collect();
                let told = format!("{one:?}{other:?}");
                // Why: a state that differs stays different; it is told once.
                if ours != machine && known.get(what) != Some(&told) {
                    writeln!(report, "== {line}\n-- {what}\nours    {one:?}\nmachine {other:?}").unwrap();
                }
                known.insert(what, told);
            };
            differ("exit code", &ours.code, &machine.code);
            differ("output", &ours.out, &machine.out);
            differ("error", &ours.error, &machine.error);
            differ("save", &ours.save, &machine.save);
            differ("list", &ours.list, &machine.list);
            // A fault of one line is no fault of the next.
            for what in ["exit code", "output", "error"] {
                known.remove(what);
            }
        }
    }
    report
}

#[test]
fn the_machines_ipset_does_the_same() {
    if let Some(why) = missing() {
        machine::skip(&format!("ipset against the machine's: {why}"));
        return;
    }
    let report = compare(&blocks(SCENARIOS));
    assert!(report.is_empty(), "{report}");
}

/// The types that the machine's kernel has, with the parts of their elements.
const TYPES: [(&str, &str); 11] = [
    ("bitmap:ip range 10.0.0.0/24", "i"),
    ("bitmap:ip range 10.0.0.0/16 netmask 24", "i"),
    ("bitmap:ip,mac range 10.0.0.0/24", "im"),
    ("bitmap:port range 10-100", "q"),
    ("hash:ip", "i"),
    ("hash:net", "n"),
    ("hash:ip,port", "ip"),
    ("hash:net,port", "np"),
    ("hash:ip,port,ip", "ipi"),
    ("hash:ip,port,net", "ipn"),
    ("hash:net,iface", "nf"),
];

struct Chance<'a>(&'a mut dyn FnMut() -> u64);

impl Chance<'_> {
    fn of(&mut self, words: &[&str]) -> String {
        words[usize::try_from((self.0)() % words.len() as u64).unwrap()].to_owned()
    }

    fn one_in(&mut self, of: u64) -> bool {
        (self.0)().is_multiple_of(of)
    }
}

/// A part of an element, now and then a wrong one.
fn part(chance: &mut Chance<'_>, part: char, v6: bool) -> String {
    if chance.one_in(25) {
        return chance.of(&[
            "",
            "x",
            "-",
            "1.2.3.4.5",
            "::g",
            "10.0.0.1/",
            "/8",
            "[",
            "[10.0.0.1]",
            "tcp:",
            "0",
            "256",
        ]);
    }
    match part {
        'i' | 'n' if v6 => {
            let address = chance.of(&["fd00::1", "fd00::2", "fd00:0:0:1::", "::", "::1", "FD00::A"]);
            match chance.of(&["", "", "", "/64", "/128", "/126", "/129", "-fd00::3"]) {
                suffix if part == 'n' || chance.one_in(4) => address + &suffix,
                _ => address,
            }
        }
        'i' | 'n' => {
            let address = chance.of(&[
                "10.0.0.1",
                "10.0.0.2",
                "10.0.0.7",
                "10.0.0.200",
                "10.0.1.1",
                "10.1",
                "0.0.0.0",
                "192.168.1.1",
            ]);
            let end =
                chance.of(&["", "", "", "", "/32", "/31", "/30", "/24", "/33", "-10.0.0.9", "-10.0.0.4"]);
            // Why: the machine takes minutes for ranges of millions.
            if end.starts_with('-') && !address.starts_with("10.0.0.") { address } else { address + &end }
        }
        'p' => chance.of(&[
            "80",
            "22",
            "tcp:80",
            "udp:53",
            "ssh",
            "udp:domain",
            "20-22",
            "tcp:30-28",
            "icmp:ping",
            "icmp:3/1",
            "icmpv6:ping",
            "gre:0",
            "gre:1",
            "sctp:9",
            "0",
            "65535",
            "65536",
            "17:53",
            "0:0",
            "foo",
            "tcp:foo",
            "esp:0",
            "1:0",
        ]),
        // Why: the machine's ipset dies of `icmp:` there.
        'q' => chance.of(&[
            "80", "22", "tcp:80", "udp:53", "ssh", "20-22", "30-28", "0", "101", "foo", "sctp:9", "9-12",
        ]),
        'm' => chance.of(&[
            "00:11:22:33:44:55",
            "0:1:2:3:4:5",
            "aa:bb:cc:dd:ee:ff",
            "00:00:00:00:00:00",
            "00:11:22:33:44",
        ]),
        _ => chance.of(&["eth0", "eth1", "physdev:eth0", "wlan0", "lo", "averyverylongname"]),
    }
}

/// Commands for one set of each of some types.
fn generated(seed: u64) -> Vec<String> {
    let mut next = rules::generate::from_seed(seed);
    let mut chance = Chance(&mut next);
    let mut lines = Vec::new();
    let mut kinds = Vec::new();
    for name in ["a", "b", "c"] {
        let at = usize::try_from((chance.0)() % TYPES.len() as u64).unwrap();
        let (kind, parts) = TYPES[at];
        let v6 = kind.starts_with("hash") && chance.one_in(4);
        let mut line = format!("ipset create {name} {kind}");
        if v6 {
            line.push_str(" family inet6");
        }
        for option in [
            " timeout 1000",
            " counters",
            " comment",
            " skbinfo",
            " maxelem 7",
            " hashsize 64",
            " netmask 24",
            " foo",
        ] {
            if chance.one_in(if option == " foo" { 30 } else { 5 }) {
                line.push_str(option);
            }
        }
        lines.push(line);
        kinds.push((name, parts, v6));
    }
    for _ in 0..45 {
        let (name, parts, v6) = kinds[usize::try_from((chance.0)() % kinds.len() as u64).unwrap()];
        let verb = chance.of(&["add", "add", "add", "-! add", "del", "-! del", "test"]);
        let mut elements: Vec<String> = parts.chars().map(|own| part(&mut chance, own, v6)).collect();
        if chance.one_in(20) {
            elements.push("1".into());
        }
        if chance.one_in(20) || (parts == "im" && chance.one_in(3)) {
            elements.pop();
        }
        let mut line = format!("ipset {verb} {name} '{}'", elements.join(","));
        for option in [
            " timeout 500",
            " timeout 0",
            " packets 5",
            " bytes 7",
            " comment x",
            " skbmark 0x1/0xf",
            " skbprio 1:2",
            " skbqueue 3",
            " nomatch",
            " wildcard",
            " timeout x",
            " foo",
        ] {
            if chance.one_in(if option.ends_with(['x', 'o']) { 60 } else { 14 }) {
                line.push_str(option);
            }
        }
        lines.push(line);
    }
    lines
}

#[test]
fn generated_commands_do_the_same() {
    if let Some(why) = missing() {
        machine::skip(&format!("generated commands against the machine's ipset: {why}"));
        return;
    }
    let made: Vec<Vec<String>> = (0..12).map(generated).collect();
    let blocks: Vec<Vec<&str>> =
        made.iter().map(|block| block.iter().map(String::as_str).collect()).collect();
    let report = compare(&blocks);
    assert!(report.is_empty(), "{report}");
}
