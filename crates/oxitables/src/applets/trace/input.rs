//! What a trace is given: rulesets, the machine, packets. Everything is read and checked before the first packet runs.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netfilter::machine::Secured;
use netfilter::objects::Objects;
use netfilter::skb::{Link, LinkKind, Origin, Owner};
use netfilter::{DeviceId, Machine, Network};
use packet::{Family, InterfaceName};
use rules::Ruleset;
use rules::set::Sets;
use rules::syntax::Names as _;

use super::Arguments;
use netfilter::hook::World;

use super::host::{self, State};
use super::run::{From, Given, Prepared};
use crate::capture;
use crate::names::SystemNames;
use crate::snapshot::{Host, START_MILLISECONDS};
use crate::{rulesfile, whole};

/// Why a trace cannot begin.
#[derive(Debug)]
pub(super) struct Failure {
    /// What is wrong, where, and what to give instead.
    pub(super) text: String,
    /// Exit code.
    pub(super) exit: u8,
}

impl Failure {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: 2 }
    }
}

/// Reads everything.
pub(super) fn read(arguments: &Arguments) -> Result<Prepared, Failure> {
    let rules = [&arguments.rules, &arguments.rules6, &arguments.rules_nft, &arguments.rules6_nft];
    if rules.iter().all(|path| path.is_none()) && arguments.snapshot.is_none() {
        return Err(Failure::usage(
            "no rules: give --rules FILE (iptables-save format), --rules6 FILE or --snapshot FILE",
        ));
    }
    let host = arguments.snapshot.as_deref().map(host::read).transpose()?;
    let objects = objects(arguments)?;
    let (rulesets, families, sets) = rulesets(arguments, host.as_ref(), &objects.given())?;
    let mut network = match &host {
        Some(host) if arguments.routes.is_none() && arguments.route_lines.is_empty() => host.network.clone(),
        _ => network(arguments)?,
    };
    let mut machine = machine(arguments, host.as_ref())?;
    let mut packets = Vec::new();
    if let Some(path) = &arguments.pcap {
        packets.extend(captured(path, arguments, &network)?);
    }
    let start = packets.last().map_or(Duration::ZERO, |given: &Given| given.at);
    packets.extend(typed(arguments, &network, &mut machine, start)?);
    if packets.is_empty() {
        return Err(Failure::usage(
            "no packet: give one, such as 'eth0 tcp 10.0.0.5:40000 > 192.168.1.1:22 S', or --pcap FILE",
        ));
    }
    let tracks = host.as_ref().is_some_and(|host| host.tracks);
    let state = host.map(State::from).unwrap_or_default();
    // What a machine file says of IPsec counts instead.
    if !arguments.machine.is_empty() && machine.ipsec.is_some() {
        network.policies = Default::default();
    }
    Ok(Prepared {
        rulesets,
        first: arguments
            .first
            .as_deref()
            .map(|first| if first == "nft" { World::Nft } else { World::Legacy }),
        sets,
        network,
        machine,
        objects,
        packets,
        seed: arguments.seed,
        always_track: arguments.always_track || tracks,
        connections: arguments
            .conntrack
            .as_deref()
            .map(|path| Ok((path.display().to_string(), text_of(path)?)))
            .transpose()?,
        families,
        state,
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error| Failure { text: format!("Can't open {}: {error}", path.display()), exit: 4 };
    let file = fs::File::open(path).map_err(cannot)?;
    whole::read(file, whole::MOST_BYTES).map_err(cannot)
}

pub(super) fn text_of(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes_of(path)?).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Failure::usage(format!("{}:{line}: not text (UTF-8)", path.display()))
    })
}

/// What other programs have made.
fn objects(arguments: &Arguments) -> Result<Objects, Failure> {
    let Some(path) = &arguments.objects else { return Ok(Objects::default()) };
    let problem = |problem| Failure::usage(format!("{}:{problem}", path.display()));
    Objects::parse(&text_of(path)?).map_err(problem)
}

/// The rulesets of both families, first the legacy ones, then those of iptables-nft; the families that something is known
/// of; and the sets that rules may name.
fn rulesets(
    arguments: &Arguments,
    host: Option<&Host>,
    made: &rules::syntax::objects::Given,
) -> Result<(Vec<Ruleset>, Vec<Family>, Sets), Failure> {
    let failure = |problem: rulesfile::Problem| Failure { text: problem.text, exit: problem.exit };
    let read = |path: &PathBuf| Ok((path.display().to_string(), text_of(path)?));
    let [v4, v6] = [&arguments.rules, &arguments.rules6].map(|path| path.as_ref().map(read).transpose());
    let files = [v4?, v6?];
    let given = arguments.sets.as_ref().map(read).transpose()?;
    let texts: Vec<(&str, &str)> = files.iter().flatten().map(|(name, text)| (&**name, &**text)).collect();
    let given = given.as_ref().map(|(name, text)| (&**name, &**text));
    // Timeouts count from the first packet.
    let mut sets = rulesfile::sets(given, &texts, |_| START_MILLISECONDS, &mut || 0).map_err(failure)?;
    let mut known = true;
    if given.is_none()
        && sets.is_empty()
        && let Some(host) = host
    {
        known = host.sets.is_some();
        sets = host.sets.clone().unwrap_or_default();
    }
    let mut rulesets = Vec::new();
    let mut families = Vec::new();
    let mut beside = Vec::new();
    let nft = [&arguments.rules_nft, &arguments.rules6_nft].map(|path| path.as_ref().map(read).transpose());
    for ((family, file), nft) in [Family::V4, Family::V6].into_iter().zip(&files).zip(nft) {
        let nft = nft?;
        let loaded = |file: Option<&(String, String)>| match file {
            None => Ok(Ruleset::new(family)),
            Some((name, text)) => {
                rulesfile::read_given(family, name, text, known.then_some(&sets), made).map_err(failure)
            }
        };
        let host = host.filter(|host| file.is_none() && nft.is_none() && host.families.contains(&family));
        let [own, other] = match host {
            Some(host) => World::ALL.map(|world| host.rules(world, family)),
            None => [loaded(file.as_ref())?, loaded(nft.as_ref())?],
        };
        if host.is_some() || file.is_some() || nft.is_some() {
            families.push(family);
        }
        rulesets.push(own);
        beside.push(other);
    }
    rulesets.append(&mut beside);
    Ok((rulesets, families, sets))
}

fn network(arguments: &Arguments) -> Result<Network, Failure> {
    let mut text = match &arguments.routes {
        Some(path) => text_of(path)?,
        None => String::new(),
    };
    let in_file = text.lines().count();
    for line in &arguments.route_lines {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    if text.trim().is_empty() {
        return Err(Failure {
            text: "cannot decide where packets go: give --routes FILE or --route-line, for example\n  \
                   --route-line 'device eth0' --route-line 'address 192.168.1.1/24 dev eth0'\n\
                   (docs/network-file.md says what may stand there)"
                .to_owned(),
            exit: 3,
        });
    }
    netfilter::route::text::parse(&text).map_err(|mut problem| {
        let file = arguments.routes.as_ref().filter(|_| problem.line <= in_file);
        let name = file.map_or_else(|| "--route-line ".to_owned(), |path| format!("{}:", path.display()));
        if file.is_none() {
            problem.line -= in_file.min(problem.line);
        }
        Failure::usage(format!("{name}{problem}"))
    })
}

fn machine(arguments: &Arguments, host: Option<&Host>) -> Result<Machine, Failure> {
    if let Some(host) = host.filter(|_| arguments.machine.is_empty()) {
        return Ok(host.machine.clone());
    }
    let mut reader = netfilter::machine::text::Reader::default();
    for path in &arguments.machine {
        let text = text_of(path)?;
        reader.read(&text).map_err(|problem| Failure::usage(format!("{}:{problem}", path.display())))?;
    }
    Ok(reader.finish())
}

fn device_of(network: &Network, name: InterfaceName) -> Result<DeviceId, Failure> {
    network.device_named(name).ok_or_else(|| {
        let known: Vec<&str> = network.devices.iter().map(|device| device.name.as_str()).collect();
        Failure::usage(format!("device `{name}` is not in the routes file; it has: {}", known.join(" ")))
    })
}

fn default_device(arguments: &Arguments) -> Result<Option<InterfaceName>, Failure> {
    let Some(name) = &arguments.device else { return Ok(None) };
    match InterfaceName::new(name) {
        Some(name) => Ok(Some(name)),
        None => Err(Failure::usage(format!("--device {name}: a device name has 1 to 15 bytes"))),
    }
}

fn captured(path: &Path, arguments: &Arguments, network: &Network) -> Result<Vec<Given>, Failure> {
    let frames = capture::read(&bytes_of(path)?)
        .map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))?;
    let default = default_device(arguments)?;
    let first = frames.first().map_or(Duration::ZERO, |frame| frame.time);
    let mut given = Vec::new();
    let mut outgoing = 0_usize;
    for (at, frame) in frames.into_iter().enumerate() {
        // What this machine has sent is the outcome of a way, not its beginning.
        if frame.direction == Some(capture::Direction::Out) {
            outgoing += 1;
            continue;
        }
        let Some(name) = frame.interface.or(default) else {
            return Err(Failure::usage(format!(
                "{}: packet {} names no interface; say where it comes from with --device NAME",
                path.display(),
                at + 1
            )));
        };
        let device = device_of(network, name)?;
        let link = Link { ethernet: frame.ethernet, kind: frame.kind, ..Link::default() };
        given.push(Given {
            at: frame.time.saturating_sub(first),
            from: From::Device(device, link),
            text: packet::show::print(Some(name), &frame.bytes),
            bytes: frame.bytes,
            marked: false,
            captured: true,
            cut: frame.cut,
        });
    }
    if outgoing > 0 {
        eprintln!("oxitables trace: {}: {outgoing} outgoing packets are left out", path.display());
    }
    Ok(given)
}

fn typed(
    arguments: &Arguments,
    network: &Network,
    machine: &mut Machine,
    start: Duration,
) -> Result<Vec<Given>, Failure> {
    let mut at = start;
    let mut given = Vec::new();
    for text in &arguments.packets {
        if let Some(pause) = text.trim().strip_prefix('+') {
            let pause = duration(pause).ok_or_else(|| {
                Failure::usage(format!("`{text}` is not a pause; write +2s, +500ms, +3m, +1h or +5d"))
            })?;
            at = at.saturating_add(pause);
            continue;
        }
        given.push(one(arguments, network, machine, at, text)?);
    }
    Ok(given)
}

/// A length of time: a number (a fraction is allowed) and one of us, ms, s, m, h, d; seconds if none.
fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * factor).ok()
}

/// One packet: `DEVICE [cpu N] [ipsec none|(STATES)] PACKET` or `local [uid N] [gid N] [groups N,N] [cgroup PATH]
/// [class N] [nosocket] [mark N] [cpu N] PACKET`, in the one-line form of `packet::show`.
fn one(
    arguments: &Arguments,
    network: &Network,
    machine: &mut Machine,
    at: Duration,
    text: &str,
) -> Result<Given, Failure> {
    let trimmed = text.trim();
    let local = trimmed.strip_prefix("local").filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let (origin, rest) = match local {
        Some(rest) => {
            let (origin, rest) = origin(machine, rest.trim_start())?;
            (Some(origin), rest)
        }
        None => (None, trimmed),
    };
    let (arrival, rest) = match origin {
        Some(_) => (None, rest),
        None => match arrival(machine, rest)? {
            Some((arrival, rest)) => (Some(arrival), rest),
            None => (None, rest),
        },
    };
    let offset = text.len() - text.trim_start().len() + (trimmed.len() - rest.len());
    let shown = packet::show::parse(rest).map_err(|problem| {
        let caret = " ".repeat(offset + problem.span.start);
        Failure::usage(format!("this is not a packet: {}\n  {text}\n  {caret}^", problem.kind))
    })?;
    let from = match (origin, shown.device) {
        (Some(_), Some(name)) => {
            return Err(Failure::usage(format!(
                "`local` or `{name}`? A packet that this machine sends comes from no device: `local {}`",
                rest.split_once(' ').map_or("", |(_, packet)| packet.trim_start())
            )));
        }
        (Some(origin), None) => From::Local(origin),
        (None, name) => {
            let arrival = arrival.unwrap_or_default();
            let Some(name) = arrival.device.or(name).or(default_device(arguments)?) else {
                return Err(Failure::usage(format!(
                    "where does this packet come from? Put a device before it (`eth0 {trimmed}`), or `local`"
                )));
            };
            let device = device_of(network, name)?;
            let Arrival { cpu, secured, frame, .. } = arrival;
            let ethernet = frame.map(|ends| frame_header(ends, &shown.bytes));
            let kind = match frame {
                Some((destination, _)) => framed_kind(network, device, destination),
                None => link_kind(network, device, &shown.bytes),
            };
            From::Device(device, Link { ethernet, kind, cpu, secured, ..Link::default() })
        }
    };
    let said = trimmed.get(..trimmed.len() - rest.len()).unwrap_or_default();
    let marked = said.split_whitespace().any(|word| word == "mark");
    let text = trimmed.to_owned();
    Ok(Given { at, from, bytes: shown.bytes, text, marked, captured: false, cut: false })
}

/// To whom the frame of a packet that is given as text was sent: Ethernet carries groups and broadcasts of IP in frames
/// to groups and to everybody.
fn link_kind(network: &Network, device: DeviceId, bytes: &[u8]) -> LinkKind {
    let Ok(view) = packet::View::parse(bytes) else { return LinkKind::Host };
    let destination = view.destination();
    if destination.is_multicast() {
        LinkKind::Multicast
    } else if destination.is_ipv4()
        && !destination.is_unspecified()
        && network.address_matches(destination, Some(device), BROADCAST)
    {
        LinkKind::Broadcast
    } else {
        LinkKind::Host
    }
}

/// To whom a frame was sent; of a device whose own address is not known all that are for one are for it.
fn framed_kind(network: &Network, device: DeviceId, destination: [u8; 6]) -> LinkKind {
    let own = network.device(device).and_then(|device| device.mac);
    match destination {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => LinkKind::Broadcast,
        [first, ..] if first & 1 != 0 => LinkKind::Multicast,
        _ if own.is_none_or(|own| own == destination) => LinkKind::Host,
        _ => LinkKind::OtherHost,
    }
}

/// The set of types of addresses that has broadcast alone (Linux: `RTN_BROADCAST`).
const BROADCAST: u16 = 1 << 3;

/// What stands between a device and its packet: `cpu N`, `ipsec none`, `ipsec (STATES)`, `frame SOURCE > DESTINATION`.
#[derive(Clone, Copy, Debug, Default)]
struct Arrival {
    device: Option<InterfaceName>,
    cpu: Option<u32>,
    secured: Secured,
    /// Destination and source of the frame.
    frame: Option<([u8; 6], [u8; 6])>,
}

/// Reads it, if it is there.
fn arrival<'t>(machine: &mut Machine, text: &'t str) -> Result<Option<(Arrival, &'t str)>, Failure> {
    let (name, mut rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut arrival = Arrival { device: InterfaceName::new(name), ..Arrival::default() };
    let mut found = false;
    loop {
        rest = rest.trim_start();
        if let Some(value) = rest.strip_prefix("cpu ") {
            let (value, after) = value.trim_start().split_once(' ').unwrap_or((value, ""));
            let wanted = || Failure::usage(format!("`cpu {value}`: wanted is a number (0 to 4294967295)"));
            arrival.cpu = Some(number(value).ok_or_else(wanted)?);
            (rest, found) = (after, true);
        } else if let Some(value) = rest.strip_prefix("ipsec ") {
            let value = value.trim_start();
            if let Some(after) = value.strip_prefix("none ") {
                arrival.secured = Secured::Clear;
                (rest, found) = (after, true);
                continue;
            }
            let states = value.strip_prefix('(').and_then(|value| value.split_once(')'));
            let wanted = |why: String| {
                Failure::usage(format!(
                    "`ipsec`: wanted is `ipsec none` or `ipsec (esp tunnel FROM TO spi N reqid N)`{why}"
                ))
            };
            let Some((states, after)) = states else { return Err(wanted(String::new())) };
            let row = netfilter::machine::text::parse_transforms(states)
                .map_err(|problem| wanted(format!("; {}: `{}`", problem.kind, problem.word)))?;
            arrival.secured = Secured::By(machine.transforms(&row));
            (rest, found) = (after, true);
        } else if let Some(value) = rest.strip_prefix("frame ") {
            let mut words = value.trim_start().splitn(4, ' ');
            let ends = (words.next().and_then(mac), words.next(), words.next().and_then(mac));
            let (Some(source), Some(">"), Some(destination)) = ends else {
                return Err(Failure::usage(
                    "`frame`: wanted are two Ethernet addresses, `frame SOURCE > DESTINATION`",
                ));
            };
            arrival.frame = Some((destination, source));
            (rest, found) = (words.next().unwrap_or(""), true);
        } else {
            return Ok(found.then_some((arrival, rest)));
        }
    }
}

/// An Ethernet address.
fn mac(text: &str) -> Option<[u8; 6]> {
    let part = |part: &str| u8::from_str_radix(part, 16).ok().filter(|_| part.len() <= 2);
    let bytes: Vec<u8> = text.split(':').map(part).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// The header of a frame with an IP packet: destination, source, type.
fn frame_header(ends: ([u8; 6], [u8; 6]), packet: &[u8]) -> [u8; 14] {
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = ends;
    let [high, low] =
        if packet.first().is_some_and(|first| first >> 4 == 6) { [0x86, 0xdd] } else { [0x08, 0x00] };
    [a, b, c, d, e, f, g, h, i, j, k, l, high, low]
}

/// A number, decimal or `0x…`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The words between `local` and the packet.
fn origin<'t>(machine: &mut Machine, mut rest: &'t str) -> Result<(Origin, &'t str), Failure> {
    let mut origin = Origin::default();
    let mut owner = Owner { uid: 0, gid: 0, has_file: true };
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if word == "nosocket" {
            origin.known = true;
            rest = after.trim_start();
            continue;
        }
        if !matches!(word, "uid" | "gid" | "mark" | "groups" | "cgroup" | "class" | "cpu") {
            return Ok((origin, rest));
        }
        let (value, after) = after.trim_start().split_once(' ').unwrap_or((after.trim_start(), ""));
        rest = after.trim_start();
        if word == "cgroup" && value.starts_with('/') {
            origin.cgroup = Some(machine.cgroup(value));
            continue;
        }
        if word == "groups"
            && let Some(groups) = netfilter::machine::text::groups(value)
        {
            origin.groups = Some(machine.groups(&groups));
            continue;
        }
        let named = || match word {
            "uid" => SystemNames::new().user(value),
            "gid" => SystemNames::new().group(value),
            _ => None,
        };
        let number = number(value).or_else(named).ok_or_else(|| {
            let wanted = match word {
                "uid" | "gid" => "a number (0 to 4294967295), or a name of this system",
                "cgroup" => "a path from the root of the control groups, `/…`",
                "groups" => "numbers parted by commas, or `-` for none",
                _ => "a number (0 to 4294967295)",
            };
            Failure::usage(format!("`{word} {value}`: wanted is {wanted}"))
        })?;
        match word {
            "uid" => owner.uid = number,
            "gid" => owner.gid = number,
            "class" => origin.class = Some(number),
            "cpu" => origin.cpu = Some(number),
            "mark" => origin.mark = number,
            _ => return Err(Failure::usage(format!("`{word} {value}`: not so"))),
        }
        if matches!(word, "uid" | "gid") {
            origin.known = true;
            origin.socket = Some(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read() {
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("5d"), Some(Duration::from_secs(432_000)));
        assert_eq!(duration("x"), None);
        assert_eq!(duration("-1s"), None);
    }

    #[test]
    fn an_origin_is_read_up_to_the_packet() {
        let (origin, rest) =
            origin(&mut Machine::default(), "uid 1000 gid 7 mark 0x10 tcp 1.2.3.4:1 > 5.6.7.8:2 S")
                .ok()
                .unwrap();
        assert_eq!(origin.socket, Some(Owner { uid: 1000, gid: 7, has_file: true }));
        assert_eq!((origin.mark, origin.known), (16, true));
        assert!(rest.starts_with("tcp"));
    }
}
