//! `oxitables trace`: the whole way of any packet through any ruleset, without root, with the reasons.
//!
//! Exit codes: 0 every packet passed, 1 a packet was dropped, 2 usage or a file that does not parse, 3 something cannot
//! be decided, 4 the system refused (a file that cannot be read).
mod advice;
mod host;
mod input;
mod json;
mod reason;
mod run;
mod text;
mod wording;
mod written;

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use netfilter::conntrack::format::Style;
use run::End;

/// Shows the way of packets through a ruleset, with the reason for each step.
///
/// Packets are given one by one as text (`eth0 tcp 10.0.0.5:40000 > 192.168.1.1:22 S`), as hexadecimal bytes
/// (`eth0 hex 45000028...`), or as sent by this machine (`local uid 1000 gid 1000 mark 0x1 tcp ...`). Several in a row
/// form a flow through one engine; `+2s`, `+500ms` between them lets time pass. docs/packet-line.md has all words.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  oxitables trace --rules rules.v4 --routes network 'eth0 tcp 10.10.10.10:40000 > 192.168.1.1:22 S'
  oxitables trace --rules rules.v4 --routes network 'local uid 0 udp 192.168.1.1:5353 > 8.8.8.8:53'
  oxitables trace --rules rules.v4 --routes network --pcap capture.pcapng --json
  oxitables trace --rules rules.v4 --routes network --conntrack connections 'eth0 tcp 8.8.8.8:443 > 192.168.1.5:40000 A'

Exit codes: 0 every packet passed, 1 a packet was dropped, 2 usage or parse error, 3 cannot decide, 4 system")]
pub(crate) struct Arguments {
    /// A host's whole state, as `oxitables snapshot` writes it; rules, routes and facts that are given besides count instead
    /// of its own
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Rules of IPv4 in iptables-save format
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Rules of IPv6 in ip6tables-save format
    #[arg(long, value_name = "FILE")]
    rules6: Option<PathBuf>,
    /// Sets of ipset in the form of `ipset save`; without it those that stand in the rules' file, as the ruleset's file has
    /// them. Timeouts count from the first packet
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,
    /// Rules of iptables-nft that stand beside the legacy ones of IPv4, as iptables-nft-save prints them
    #[arg(long, value_name = "FILE")]
    rules_nft: Option<PathBuf>,
    /// The same of IPv6
    #[arg(long, value_name = "FILE")]
    rules6_nft: Option<PathBuf>,
    /// Where both kinds of rules are: which was loaded first on the host, so that the other is asked first. Without it
    /// a packet whose way depends on that cannot be decided
    #[arg(long, value_name = "WHICH", value_parser = ["legacy", "nft"])]
    first: Option<String>,
    /// Devices, addresses, routes and settings of the machine (docs/network-file.md)
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// A line of the routes file, given here (may be repeated)
    #[arg(long = "route-line", value_name = "LINE")]
    route_lines: Vec<String>,
    /// Sockets and their owners, IPsec, processor, time zone: what rules ask that stands in no packet
    /// (docs/machine-file.md), instead of those of a snapshot; also /proc/net/tcp or the output of `ss -tuanOe` (may be repeated)
    #[arg(long, value_name = "FILE")]
    machine: Vec<PathBuf>,
    /// What other programs make and rules name: accounting objects (`nfacct list`), timeout policies (`nfct timeout list`,
    /// `nfct timeout add ...`), fingerprints (pf.os); docs/objects-file.md
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
    /// Packets of a pcap or pcapng file, before those given as words; those it calls outgoing are left out
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// The device of packets that do not name one
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Seed of random choices (statistic, NAT ports); the same seed gives the same trace
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The connections that there are before the first packet: `conntrack -L -o extended` or /proc/net/nf_conntrack of a
    /// host, with the lines of its expectations
    #[arg(long, value_name = "FILE")]
    conntrack: Option<PathBuf>,
    /// Write the connections after the last packet
    #[arg(long, value_name = "FILE")]
    conntrack_out: Option<PathBuf>,
    /// The form in which they are written: of `conntrack -L -o extended`, of /proc/net/nf_conntrack, or what `conntrack -R`
    /// loads
    #[arg(long, value_name = "FORM", default_value = "extended", requires = "conntrack_out")]
    conntrack_form: Form,
    /// Track connections even if no rule asks for it
    #[arg(long)]
    always_track: bool,
    /// One line of JSON for each packet (docs/trace-json.md)
    #[arg(long)]
    json: bool,
    /// Write every packet that came in or went out to a pcapng file, with its end as comment
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print the end of each packet only
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Packets and pauses
    #[arg(value_name = "PACKET")]
    packets: Vec<String>,
}

/// The form in which connections are written.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Form {
    /// `conntrack -L -o extended`
    Extended,
    /// /proc/net/nf_conntrack
    Proc,
    /// `conntrack -L -o save`
    Save,
}

impl Form {
    const fn style(self) -> Style {
        match self {
            Form::Extended => Style::Extended,
            Form::Proc => Style::Proc,
            Form::Save => Style::Save,
        }
    }
}

/// Runs the applet.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    let prepared = match input::read(arguments) {
        Ok(prepared) => prepared,
        Err(failure) => {
            eprintln!("oxitables trace: {}", failure.text);
            return ExitCode::from(failure.exit);
        }
    };
    let mut worst = 0_u8;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut said = Vec::new();
    let rulesets = prepared.rulesets.clone();
    let network = prepared.network.clone();
    let mut file = match arguments.write.as_deref().map(written::File::create).transpose() {
        Ok(file) => file,
        Err(problem) => return cannot_write(arguments.write.as_deref(), &problem),
    };
    let mut passages = match run::Passages::new(prepared) {
        Ok(passages) => passages,
        Err(failure) => {
            eprintln!("oxitables trace: {}", failure.text);
            return ExitCode::from(failure.exit);
        }
    };
    for passage in passages.by_ref() {
        if let Some(problem) = file.as_mut().and_then(|file| {
            file.passage(&passage, wording::of_world(&rulesets, passage.world), &network).err()
        }) {
            return cannot_write(arguments.write.as_deref(), &problem);
        }
        worst = worst.max(match passage.end {
            End::Delivered | End::Forwarded { .. } | End::Kept | End::Stolen => 0,
            End::Dropped(_) => 1,
            End::Undecided(_) | End::NotAsked(_) => 3,
        });
        let printed = if arguments.json {
            writeln!(out, "{}", json::render(&passage, &rulesets, &network))
        } else if arguments.quiet {
            writeln!(
                out,
                "{}: {}",
                passage.text,
                wording::result(&passage, wording::of_world(&rulesets, passage.world))
            )
        } else {
            let space = if passage.number == 1 { "" } else { "\n" };
            write!(out, "{space}{}", text::render(&passage, &rulesets, &mut said))
        };
        // Each packet is shown when it is done: the next one of a long capture may take its time.
        let printed = printed.and_then(|()| out.flush());
        if printed.is_err() {
            // Why: a closed pipe (`| head`) is the reader's wish, not an error.
            break;
        }
    }
    if let Some(Err(problem)) = file.map(written::File::finish) {
        return cannot_write(arguments.write.as_deref(), &problem);
    }
    if let Some(path) = arguments.conntrack_out.as_deref()
        && let Err(problem) =
            crate::whole::replace(path, passages.table(arguments.conntrack_form.style()).as_bytes(), 0o644)
    {
        return cannot_write(Some(path), &problem);
    }
    ExitCode::from(worst)
}

fn cannot_write(path: Option<&Path>, problem: &std::io::Error) -> ExitCode {
    let path = path.unwrap_or(Path::new(""));
    // The name of the file that is written first is nobody's business.
    let problem = problem.to_string();
    let problem = problem.split(" at path").next().unwrap_or_default();
    eprintln!("oxitables trace: cannot write {}: {problem}", path.display());
    ExitCode::from(4)
}
