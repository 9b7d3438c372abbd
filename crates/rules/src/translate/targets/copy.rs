//! Targets that give the packet to somebody: `-j NFLOG`, `NFQUEUE`, `TEE`, `TPROXY`, `SYNPROXY`.
use packet::Family;

use super::mark::changed;
use crate::put;
use crate::syntax::text::push_address;
use crate::targets::nflog::{Copied, Nflog};
use crate::targets::nfqueue::Nfqueue;
use crate::targets::synproxy::Synproxy;
use crate::targets::tee::Tee;
use crate::targets::tproxy::Tproxy;
use crate::translate::{Expression, Untranslatable, header};

pub(super) fn translate_nflog(own: &Nflog, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let mut text = String::from("log");
    if !own.prefix.is_empty() {
        put!(text, " prefix {}", header::quoted("-j NFLOG --nflog-prefix", &own.prefix)?);
    }
    // `--nflog-range` has never had an effect.
    if let Some(Copied::Size(size)) = own.copy {
        put!(text, " snaplen {size}");
    }
    if own.threshold != 0 {
        put!(text, " queue-threshold {}", own.threshold);
    }
    put!(text, " group {}", own.group);
    expression.statement(text);
    Ok(())
}

pub(super) fn translate_nfqueue(
    own: &Nfqueue,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    let mut text = format!("queue num {}", own.first);
    if let Some(last) = own.last.filter(|last| *last != own.first) {
        put!(text, "-{last}");
    }
    match (own.bypass, own.cpu_fanout) {
        (true, true) => text.push_str(" bypass,fanout"),
        (true, false) => text.push_str(" bypass"),
        (false, true) => text.push_str(" fanout"),
        (false, false) => {}
    }
    expression.statement(text);
    Ok(())
}

pub(super) fn translate_tee(own: &Tee, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let mut text = String::from("dup to ");
    push_address(&mut text, own.gateway);
    if own.device.is_some() {
        let why = "nft wants the device to be there when the rule is loaded";
        return Err(Untranslatable::new("-j TEE --oif", why));
    }
    expression.statement(text);
    Ok(())
}

/// Linux: a packet without a socket is dropped by iptables, and goes on to the next rule in nft.
pub(super) fn translate_tproxy(own: &Tproxy, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let Some(protocol) = expression.header.positive_protocol() else {
        return Err(Untranslatable::new("-j TPROXY", "nft wants a protocol"));
    };
    let mut text = format!("meta l4proto {} tproxy to ", header::protocol_in_nft(protocol));
    let any = own.address.is_unspecified();
    if !any {
        let bracket = expression.site.family == Family::V6;
        text.push_str(if bracket { "[" } else { "" });
        push_address(&mut text, own.address);
        text.push_str(if bracket { "]" } else { "" });
    }
    match (any, own.port) {
        (true, 0) => return Err(Untranslatable::new("-j TPROXY", "nft wants an address or a port")),
        (false, 0) => {}
        (_, port) => put!(text, ":{port}"),
    }
    if (own.mark, own.mask) != (0, 0) {
        put!(text, " meta mark set {}", changed("mark", own.mark, own.mask));
    }
    text.push_str(" accept");
    expression.steps([text, "drop".to_owned()]);
    Ok(())
}

pub(super) fn translate_synproxy(
    own: &Synproxy,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    if own.ecn {
        return Err(Untranslatable::new("-j SYNPROXY --ecn", "nft has no such option"));
    }
    let mut text = String::from("synproxy");
    if own.sack_permitted {
        text.push_str(" sack-perm");
    }
    if own.timestamp {
        text.push_str(" timestamp");
    }
    if let Some(scale) = own.window_scale {
        put!(text, " wscale {scale}");
    }
    if let Some(size) = own.mss {
        put!(text, " mss {size}");
    }
    expression.statement(text);
    Ok(())
}
