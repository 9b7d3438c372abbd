//! The share of one node of several that see the same packets (`-m cluster`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{Calls, Context, Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::{Kind, number, out_of_range};

/// `-m cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Whether the share of the other nodes is meant.
    pub invert: bool,
    /// `--cluster-total-nodes`: 1 to 32.
    pub total: u32,
    /// The nodes whose share this is: bit n-1 for node n, below 1 << `total`.
    pub nodes: u32,
    /// `--cluster-hash-seed`.
    pub seed: u32,
}

/// The most nodes (`XT_CLUSTER_NODES_MAX`).
const MOST: u64 = 32;

/// `-m cluster` in the language.
pub const EXTENSION: Extension<Cluster> = Extension {
    spec: Spec {
        name: "cluster",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("cluster-total-nodes", Kind::Number { min: 1, max: MOST }).mandatory(),
            OptionSpec::new("cluster-local-node", Kind::Number { min: 1, max: MOST })
                .invertible()
                .excludes(&["cluster-local-nodemask"]),
            // Why: iptables demands 1 to 32 here, too, so that it cannot read the masks of nodes 7 and up that it saves.
            OptionSpec::new("cluster-local-nodemask", Kind::Word)
                .invertible()
                .excludes(&["cluster-local-node"]),
            OptionSpec::new("cluster-hash-seed", Kind::U32).mandatory(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Cluster { invert: false, total: 0, nodes: 0, seed: 0 },
    parse: |own, call, _| {
        match call.name {
            "cluster-total-nodes" => own.total = call.value.number_u32(),
            "cluster-hash-seed" => own.seed = call.value.number_u32(),
            "cluster-local-node" => {
                own.nodes = 1 << (call.value.number_u32().clamp(1, 32) - 1);
                own.invert = call.invert;
            }
            _ => {
                own.nodes = number(call.text(), 1, u64::from(u32::MAX))
                    .and_then(|nodes| u32::try_from(nodes).ok())
                    .ok_or_else(|| out_of_range(call, 1, MOST))?;
                own.invert = call.invert;
            }
        }
        Ok(())
    },
    finish,
    save: |own, out| {
        let not = if own.invert { " !" } else { "" };
        put!(out, "{not} --cluster-local-nodemask 0x{:08x}", own.nodes);
        put!(out, " --cluster-total-nodes {} --cluster-hash-seed 0x{:08x}", own.total, own.seed);
    },
    list: |own, out, _| {
        let not = if own.invert { "!" } else { "" };
        put!(out, " cluster {not}node_mask=0x{:08x}", own.nodes);
        put!(out, " total_nodes={} hash_seed=0x{:08x}", own.total, own.seed);
    },
    check: check_nothing,
};

/// The nodes must be among all nodes; options may stand in any order.
fn finish(own: &mut Cluster, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    let has = |name| calls.has(&EXTENSION.spec, name);
    let (node, mask) = (has("cluster-local-node"), has("cluster-local-nodemask"));
    if !node && !mask {
        return Err(
            calls.error("cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing")
        );
    }
    if !has("cluster-total-nodes") || !has("cluster-hash-seed") || u64::from(own.nodes) < 1 << own.total {
        return Ok(());
    }
    if node {
        return Err(calls.error("cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'"));
    }
    Err(calls.error("cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'"))
}

const HELP: &str = "cluster match options:
  --cluster-total-nodes <num>\t\tSet number of total nodes in cluster
  [!] --cluster-local-node <num>\tSet the local node number
  [!] --cluster-local-nodemask <num>\tSet the local node mask
  --cluster-hash-seed <num>\t\tSet seed value of the Jenkins hash
";
