//! `oxitables exec --rules FILE [--rules6 FILE] -- COMMAND …`: COMMAND in a network namespace of its own in which every
//! packet, loopback included, passes our engine.
//!
//! The namespace is a host with `eth0` = 10.0.2.15/24 and fd00:6f78::15/64 and a default route into a network that has
//! nobody in it: a router there answers everything with "host unreachable". What COMMAND and its children say to each
//! other by any address passes OUTPUT, POSTROUTING, PREROUTING and INPUT of the rules.
//!
//! The exit code is COMMAND's (128 and the number of the signal that ended it); 2, 3 and 4 are ours if the rules cannot be
//! read, cannot be decided, or the system refuses; 127 and 126 as in a shell if COMMAND is not there or cannot be run.
use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use packet::Family;
use sys::child::{Running, Settings, spawn};
use sys::namespace::{Appearance, NetworkNamespace, become_administrator};
use sys::poll::Poller;
use sys::signal::Signals;

use crate::forward::{Machine, Outgoing};

/// The device of the namespace, and what the engine is told of it.
const DEVICE: &str = "eth0";
const NETWORK: &str = "device eth0
address 10.0.2.15/24 dev eth0
address fd00:6f78::15/64 dev eth0
route 0.0.0.0/0 via 10.0.2.2 dev eth0
route ::/0 via fd00:6f78::2 dev eth0
";

/// `oxitables exec`
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = "\
Examples:
  oxitables exec --rules rules.v4 -- curl -s http://10.0.2.15:8080/
  oxitables exec --rules rules.v4 -v -- sh -c 'python3 -m http.server 80 & sleep 1; curl http://127.0.0.1:8080'

The exit code is the command's; 2, 3, 4: the rules cannot be read, cannot be decided, the system refuses.")]
pub struct Arguments {
    /// Rules of IPv4, in iptables-save format
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Rules of IPv6, in ip6tables-save format
    #[arg(long, value_name = "FILE")]
    pub rules6: Option<PathBuf>,
    /// Sets of ipset, in the form of `ipset save`; without it those of the rules' file
    #[arg(long, value_name = "FILE")]
    pub sets: Option<PathBuf>,
    /// Without root: appear to the command as root instead of as yourself
    #[arg(long)]
    pub root: bool,
    /// Print what went through and the rules' counters at the end
    #[arg(short, long)]
    pub verbose: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What a system error means to the user, where that is known.
pub fn explain(error: &io::Error) -> String {
    let device = std::path::Path::new(sys::tun::CLONE_DEVICE);
    if error.kind() == io::ErrorKind::PermissionDenied
        && std::fs::OpenOptions::new().read(true).write(true).open(device).is_err()
    {
        return format!(
            "{error}: {} may not be opened by this user (chmod 666 {0}, as most distributions have it, lets everybody \
             make TUN devices inside their own namespaces)",
            device.display()
        );
    }
    if error.kind() == io::ErrorKind::NotFound && !device.exists() {
        return format!("{error}: there is no {}; load the module tun", device.display());
    }
    error.to_string()
}

/// Runs the command. Gives the exit code.
pub fn run(arguments: &Arguments) -> u8 {
    match execute(arguments) {
        Ok(code) => code,
        Err((text, exit)) => {
            eprintln!("oxitables exec: {text}");
            exit
        }
    }
}

fn execute(arguments: &Arguments) -> Result<u8, (String, u8)> {
    let problem = |problem: crate::rulesfile::Problem| (problem.text, problem.exit);
    let read = |path: &PathBuf| {
        let shown = path.display().to_string();
        let text = crate::whole::read_text(path)
            .map_err(|error| (format!("{shown}: {}", super::system_text(&error)), 4))?;
        Ok((shown, text))
    };
    let mut files = Vec::new();
    for (family, path) in [(Family::V4, &arguments.rules), (Family::V6, &arguments.rules6)] {
        if let Some(path) = path {
            files.push((family, read(path)?));
        }
    }
    let given = arguments.sets.as_ref().map(read).transpose()?;
    let given = given.as_ref().map(|(name, text)| (&**name, &**text));
    let texts: Vec<(&str, &str)> = files.iter().map(|(_, (name, text))| (&**name, &**text)).collect();
    let sets = crate::rulesfile::sets(given, &texts, crate::forward::set_time, &mut crate::forward::set_seed)
        .map_err(problem)?;
    let mut rulesets = Vec::new();
    for (family, (name, text)) in &files {
        rulesets.push(crate::rulesfile::read(*family, name, text, Some(&sets)).map_err(problem)?);
    }
    let appearance = if arguments.root { Appearance::Root } else { Appearance::Same };
    become_administrator(appearance).map_err(|error| (error.to_string(), 4))?;
    NetworkNamespace::create().map_err(|error| (error.to_string(), 4))?;
    let network = netfilter::route::text::parse(NETWORK).map_err(|error| (error.to_string(), 4))?;
    let mut machine = Machine::open(DEVICE, network)
        .map_err(|error| (format!("the network cannot be made: {}", explain(&error)), 4))?;
    machine.set_sets(sets);
    for ruleset in &rulesets {
        machine.load(ruleset);
    }
    let system = |error: io::Error| (error.to_string(), 4);
    let mut signals = Signals::collect().map_err(system)?;
    let (program, words) =
        arguments.command.split_first().ok_or_else(|| ("no command was given".to_owned(), 2))?;
    let mut command = std::process::Command::new(program);
    command.args(words);
    let settings = Settings { intercept: true, ..Settings::default() };
    let mut child = spawn(command, settings).map_err(|error| {
        let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
        (format!("{}: {error}", program.display()), code)
    })?;
    let code = serve(&mut machine, &mut child, &mut signals).map_err(system)?;
    if arguments.verbose {
        report(&mut machine);
    }
    if let Some(undecided) = machine.undecided {
        return Err((undecided, 3));
    }
    Ok(u8::try_from(code).unwrap_or(1))
}

/// The loop: packets, questions, signals, until the child has ended.
fn serve(machine: &mut Machine, child: &mut Running, signals: &mut Signals) -> io::Result<i32> {
    const HOST: u64 = 1;
    const QUESTION: u64 = 2;
    const SIGNAL: u64 = 3;
    const CHILD: u64 = 4;
    let mut poller = Poller::new()?;
    if let Some(descriptor) = machine.descriptor() {
        poller.add(descriptor, HOST)?;
    }
    if let Some(listener) = &child.listener {
        poller.add(listener, QUESTION)?;
    }
    poller.add(&*signals, SIGNAL)?;
    poller.add(child.descriptor(), CHILD)?;
    loop {
        // Why: a bound, so that a clock that jumps does not let a timer wait for ever.
        let timeout =
            machine.timeout().map_or(Duration::from_secs(60), |left| left.min(Duration::from_secs(60)));
        let ready: Vec<u64> = poller.wait(Some(timeout))?.collect();
        for token in ready {
            match token {
                HOST => machine.handle_host()?,
                QUESTION => {
                    if let Some(listener) = &child.listener
                        && machine.answer(listener).is_err()
                    {
                        poller.remove(listener)?;
                    }
                }
                SIGNAL => {
                    while let Some((signal, from_terminal)) = signals.receive()? {
                        // Why: a key in the terminal goes to the child as well, which is of the same group.
                        if !from_terminal {
                            child.signal(signal)?;
                        }
                    }
                }
                _ => {}
            }
        }
        if machine.timeout().is_some_and(|left| left.is_zero()) {
            machine.expire()?;
        }
        while let Some(outgoing) = machine.poll_wire() {
            if let Some(answer) = unreachable(&outgoing) {
                machine.handle_wire(outgoing.device, answer)?;
            }
        }
        for line in machine.log() {
            eprintln!("{line}");
        }
        if let Some(code) = child.ended()? {
            return Ok(code);
        }
    }
}

/// The answer of the router that knows nobody: ICMP host unreachable (IPv6: address unreachable), quoting the packet.
/// None to ICMP errors, to groups and to fragments behind the first (RFC 1122 3.2.2, RFC 4443 2.4).
fn unreachable(outgoing: &Outgoing) -> Option<Vec<u8>> {
    let view = packet::View::parse(&outgoing.bytes).ok()?;
    let error = view.icmp().is_some_and(|icmp| match view.family() {
        Family::V4 => !matches!(icmp.kind, 0 | 8),
        Family::V6 => icmp.kind < 128,
    });
    if error || view.destination().is_multicast() || view.layout().fragment.is_some_and(|one| one.offset > 0)
    {
        return None;
    }
    match (view.source(), view.destination()) {
        (IpAddr::V4(source), IpAddr::V4(_)) => {
            Some(unreachable_v4(Ipv4Addr::new(10, 0, 2, 2), source, &outgoing.bytes))
        }
        (IpAddr::V6(source), IpAddr::V6(_)) => {
            let router = Ipv6Addr::new(0xfd00, 0x6f78, 0, 0, 0, 0, 0, 2);
            Some(unreachable_v6(router, source, &outgoing.bytes))
        }
        _ => None,
    }
}

fn internet_sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            let high = u32::from(pair.first().copied().unwrap_or(0)) << 8;
            sum += high | u32::from(pair.get(1).copied().unwrap_or(0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn unreachable_v4(router: Ipv4Addr, to: Ipv4Addr, offender: &[u8]) -> Vec<u8> {
    // RFC 1812 4.3.2.3: as much as fits into 576 bytes.
    let quoted = offender.get(..offender.len().min(576 - 28)).unwrap_or_default();
    let length = u16::try_from(28 + quoted.len()).unwrap_or(u16::MAX);
    let mut icmp = vec![3, 1, 0, 0, 0, 0, 0, 0];
    icmp.extend_from_slice(quoted);
    let sum = internet_sum(&[&icmp]).to_be_bytes();
    icmp.splice(2..4, sum);
    let mut packet = vec![0x45, 0xc0];
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 64, 1, 0, 0]);
    packet.extend_from_slice(&router.octets());
    packet.extend_from_slice(&to.octets());
    let sum = internet_sum(&[&packet]).to_be_bytes();
    packet.splice(10..12, sum);
    packet.extend_from_slice(&icmp);
    packet
}

fn unreachable_v6(router: Ipv6Addr, to: Ipv6Addr, offender: &[u8]) -> Vec<u8> {
    // RFC 4443 2.4: as much as fits into 1280 bytes.
    let quoted = offender.get(..offender.len().min(1280 - 48)).unwrap_or_default();
    let length = u16::try_from(8 + quoted.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut icmp = vec![1, 3, 0, 0, 0, 0, 0, 0];
    icmp.extend_from_slice(quoted);
    let sum = internet_sum(&[&router.octets(), &to.octets(), &length, &[0, 58], &icmp]).to_be_bytes();
    icmp.splice(2..4, sum);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&length);
    packet.extend_from_slice(&[58, 64]);
    packet.extend_from_slice(&router.octets());
    packet.extend_from_slice(&to.octets());
    packet.extend_from_slice(&icmp);
    packet
}

/// Prints what went through and the counters of the rules.
fn report(machine: &mut Machine) {
    let traffic = machine.traffic;
    eprintln!(
        "oxitables exec: {} packets from programs, {} to programs, {} to the network, {} from it",
        traffic.from_programs, traffic.to_programs, traffic.to_wires, traffic.from_wires
    );
    for ruleset in machine.rulesets() {
        eprintln!("# {}", if ruleset.family() == Family::V4 { "IPv4" } else { "IPv6" });
        eprint!("{}", crate::rulesfile::print_with_counters(ruleset));
    }
    let sets = machine.print_sets();
    if !sets.is_empty() {
        eprint!("# sets\n{sets}");
    }
}

#[cfg(test)]
mod tests;
