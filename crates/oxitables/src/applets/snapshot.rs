//! `oxitables snapshot`: a host's state in one file, for `oxitables trace --snapshot`. docs/snapshot.md describes it.
//!
//! Exit codes: 0 written, 4 the system refused. What could not be read is named on the error stream and in the file.
use std::path::PathBuf;
use std::process::ExitCode;

use super::print_all;
use crate::snapshot::{GROUPS, print, take};
use crate::whole;

/// Write the state of this host into one file: rules of both variants of iptables, sets, links, addresses, routes,
/// policy rules, connections, sockets and settings.
///
/// As root, or some of it cannot be read; each part that was not read is named, and `trace --snapshot` says what it
/// cannot decide without it. The file says what a host's addresses, rules and connections are: treat it as such.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  oxitables snapshot -o host.snapshot
  oxitables snapshot --without conntrack --without sockets > host.snapshot
  oxitables trace --snapshot host.snapshot 'eth0 tcp 10.0.0.5:40000 > 192.168.1.1:22 S'")]
pub(crate) struct Arguments {
    /// Where to write it (mode 0600); the standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave a group of parts out (may be repeated)
    #[arg(long, value_name = "GROUP", value_parser = clap::builder::PossibleValuesParser::new(GROUPS))]
    without: Vec<String>,
}

/// Runs the applet.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    let wall = sys::clock::Clock::start().read().wall;
    let sections = take(&arguments.without, u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX));
    for section in &sections {
        if let Err(reason) = &section.body {
            eprintln!("oxitables snapshot: `{}`: {reason}", section.name);
        }
    }
    let text = print(&sections);
    let Some(path) = &arguments.output else {
        return print_all(&text).err().unwrap_or(ExitCode::SUCCESS);
    };
    match whole::replace(path, text.as_bytes(), 0o600) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oxitables snapshot: cannot write {}: {}", path.display(), super::system_text(&error));
            ExitCode::from(4)
        }
    }
}
