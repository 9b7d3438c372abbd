//! The one binary: what did the user ask for?
//!
//! The name by which it is called decides ([`applets::Applet`]), or the first word (`oxitables iptables -L`), or a
//! subcommand. The exit codes of the process are given here and in the applets' `main` functions, nowhere else.
#![forbid(unsafe_code)]

// Why: first, so that all modules behind it have its macros.
#[macro_use]
mod say;

mod applets;
mod capture;
mod diagnosis;
mod forward;
mod host;
mod iproute;
mod manual;
mod names;
mod owners;
mod rulesfile;
mod rulesjson;
mod snapshot;
mod target;
mod whole;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use applets::Applet;
use clap::Parser as _;

/// netfilter and iptables in Rust.
#[derive(clap::Parser, Debug)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "\
The commands of iptables are here as well, by their own names as first word or by a link of that name:
  oxitables iptables -A INPUT -p tcp --dport 22 -j ACCEPT
  oxitables iptables-save > rules.v4        oxitables iptables-restore < rules.v4
  oxitables ip6tables -L -n -v              oxitables ip6tables-save
  oxitables ipset create bad hash:ip        oxitables ipset save

Where the ruleset lives: OXITABLES_TARGET=file:PATH (`oxitables iptables -V` tells which)."
)]
struct Arguments {
    #[command(subcommand)]
    command: applets::Subcommand,
}

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let name = words.first().map(|word| Path::new(word).file_name().unwrap_or_default().to_owned());
    if let Some(applet) = name.as_deref().and_then(|name| Applet::named(name.to_str()?)) {
        words.remove(0);
        return applet.run(words);
    }
    if let Some(applet) = words.get(1).and_then(|word| Applet::named(word.to_str()?)) {
        words.drain(..2);
        return applet.run(words);
    }
    match Arguments::try_parse() {
        Ok(arguments) => arguments.command.run(),
        Err(error) => {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}
