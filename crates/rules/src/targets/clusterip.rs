//! Several machines with one address (`-j CLUSTERIP`). The kernel has it no more; `-m cluster` is its successor.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::value::{Kind, Value};

/// `-j CLUSTERIP`: `None` names a cluster that another rule has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clusterip {
    /// `--new` and what belongs to it.
    pub new: Option<Cluster>,
}

/// A new cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// `--hashmode`.
    pub mode: HashMode,
    /// `--clustermac`: a multicast address.
    pub mac: [u8; 6],
    /// `--total-nodes`: at most 16.
    pub total_nodes: u8,
    /// `--local-node`: at most 16.
    pub local_node: u8,
    /// `--hash-init`.
    pub hash_init: u32,
}

/// What decides which node answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashMode {
    /// `sourceip`.
    #[default]
    Source,
    /// `sourceip-sourceport`.
    SourcePort,
    /// `sourceip-sourceport-destport`.
    SourcePortDestinationPort,
}

const MODES: [(&str, HashMode); 3] = [
    ("sourceip", HashMode::Source),
    ("sourceip-sourceport", HashMode::SourcePort),
    ("sourceip-sourceport-destport", HashMode::SourcePortDestinationPort),
];

/// `-j CLUSTERIP` in the language.
pub const EXTENSION: Extension<Clusterip> = Extension {
    spec: Spec {
        name: "CLUSTERIP",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("new", Kind::Flag),
            OptionSpec::new("hashmode", Kind::Word).needs(&["new"]),
            OptionSpec::new("clustermac", Kind::Mac).needs(&["new"]),
            OptionSpec::new("total-nodes", Kind::Number { min: 0, max: 16 }).needs(&["new"]),
            OptionSpec::new("local-node", Kind::Number { min: 0, max: 16 }).needs(&["new"]),
            OptionSpec::new("hash-init", Kind::U32).needs(&["new"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Clusterip::default(),
    parse: parse_option,
    finish,
    save: |own, out| {
        let Some(new) = own.new else { return };
        put!(out, " --new --hashmode {} --clustermac ", new.mode.name());
        push_mac(out, new.mac);
        put!(
            out,
            " --total-nodes {} --local-node {} --hash-init {}",
            new.total_nodes,
            new.local_node,
            new.hash_init
        );
    },
    list: |own, out, _| {
        out.push_str(" CLUSTERIP");
        let Some(new) = own.new else { return };
        put!(out, " hashmode={} clustermac=", new.mode.name());
        push_mac(out, new.mac);
        put!(
            out,
            " total_nodes={} local_node={} hash_init={}",
            new.total_nodes,
            new.local_node,
            new.hash_init
        );
    },
    check: check_nothing,
};

fn parse_option(own: &mut Clusterip, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let new = own.new.get_or_insert_default();
    match (call.name, &call.value) {
        ("hashmode", _) => {
            let text = call.text();
            let mode = MODES.iter().find(|(name, _)| *name == text);
            new.mode = mode
                .ok_or_else(|| {
                    call.error(format!("Unknown hashmode \"{text}\""))
                        .suggest(text, MODES.map(|(name, _)| name))
                })?
                .1;
        }
        ("clustermac", &Value::Mac(mac)) => {
            if mac.first().is_none_or(|first| first & 1 == 0) {
                return Err(call.error("MAC has to be a multicast ethernet address"));
            }
            new.mac = mac;
        }
        ("total-nodes", value) => new.total_nodes = value.number_u8(),
        ("local-node", value) => new.local_node = value.number_u8(),
        ("hash-init", value) => new.hash_init = value.number_u32(),
        _ => {}
    }
    Ok(())
}

fn finish(_: &mut Clusterip, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    let all = ["new", "hashmode", "clustermac", "total-nodes", "local-node"];
    if calls.is_empty() || all.iter().all(|name| calls.has(&EXTENSION.spec, name)) {
        return Ok(());
    }
    Err(calls.error("CLUSTERIP target: Invalid parameter combination"))
}

impl HashMode {
    fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("sourceip", |&(name, _)| name)
    }
}

/// Upper case, unlike `-m mac`.
fn push_mac(out: &mut String, mac: [u8; 6]) {
    for (at, byte) in mac.into_iter().enumerate() {
        put!(out, "{}{byte:02X}", if at == 0 { "" } else { ":" });
    }
}

const HELP: &str = "CLUSTERIP target options:
  --new\t\t\t Create a new ClusterIP
  --hashmode <mode>\t\t Specify hashing mode
\t\t\t\t\tsourceip
\t\t\t\t\tsourceip-sourceport
\t\t\t\t\tsourceip-sourceport-destport
  --clustermac <mac>\t\t Set clusterIP MAC address
  --total-nodes <num>\t\t Set number of total nodes in cluster
  --local-node <num>\t\t Set the local node number
  --hash-init <num>\t\t Set init value of the Jenkins hash
";
