//! `-m cluster` (Linux: `xt_cluster_mt`): the node of a connection is a hash of the source of its first packet, or of
//! the connection that expected it. Nothing fits without a connection, inverted or not.
//!
//! What was sent to one machine in a frame to a group counts as sent to this one from then on, whatever the match says: the
//! nodes of a cluster share an Ethernet address of a group.
use std::net::IpAddr;

use rules::matches::cluster::Cluster;

use super::conntrack::{Belongs, belongs};
use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::nat::hash_words;
use crate::skb::LinkKind;
use crate::trace::Found;

pub(super) fn holds(rule: &Cluster, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let packet = asked.packet;
    if packet.link.kind == LinkKind::Multicast && !packet.view().destination().is_multicast() {
        return Err(Miss::Claims);
    }
    let source = match belongs(asked, env) {
        Belongs::To(connection, _) => {
            connection.rare().parent.map_or(connection.original().source, |parent| parent.source)
        }
        // Linux: the template of `-j CT` fits no node (measured).
        Belongs::Template | Belongs::Untracked | Belongs::Nowhere => {
            return Err(Miss::Failed("--cluster-local-nodemask", Found::Nothing("connection")));
        }
    };
    let node = node(source, rule);
    let fits = rule.nodes & (1_u32 << node.min(31)) != 0;
    hold(fits != rule.invert, "--cluster-local-nodemask", Found::Number(u64::from(node) + 1))
}

/// The node, from 0, below the number of nodes.
fn node(source: IpAddr, rule: &Cluster) -> u32 {
    // Linux: words stand in memory as on the wire and are read by a little-endian machine. Of an address of IPv6 only the
    // first one is hashed (`xt_cluster_hash_ipv6` takes NF_CT_TUPLE_L3SIZE, 4 words, for bytes; measured).
    let word = match source {
        IpAddr::V4(source) => u32::from_le_bytes(source.octets()),
        IpAddr::V6(source) => {
            let [a, b, c, d, ..] = source.octets();
            u32::from_le_bytes([a, b, c, d])
        }
    };
    let hash = hash_words(&[word], rule.seed);
    ((u64::from(hash) * u64::from(rule.total)) >> 32) as u32
}
