//! Targets that change the packet or what is kept beside it: `-j CLASSIFY`, `DSCP`, `TOS`, `ECN`, `TTL`, `HL`, `TCPMSS`,
//! `TCPOPTSTRIP`.
use packet::Family;

use crate::put;
use crate::targets::classify::Classify;
use crate::targets::dscp::Dscp;
use crate::targets::ecn::Ecn;
use crate::targets::tcpmss::Tcpmss;
use crate::targets::tcpoptstrip::Tcpoptstrip;
use crate::targets::tos::Tos;
use crate::targets::ttl::HopChange;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate_classify(
    own: &Classify,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    expression.statement(format!("meta priority set {:x}:{:x}", own.priority >> 16, own.priority & 0xffff));
    Ok(())
}

pub(super) fn translate_dscp(own: &Dscp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.statement(format!("{} dscp set 0x{:02x}", expression.family(), own.codepoint));
    Ok(())
}

/// The upper six bits and the lower two have names, each to be set as a whole.
pub(super) fn translate_tos(own: &Tos, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let Tos { value, mask } = *own;
    let family = expression.family();
    let part = |bits: u8| match (mask & bits, value & bits) {
        (0, 0) => Some(false),
        (mask, _) if mask == bits => Some(true),
        _ => None,
    };
    let (Some(class), Some(congestion)) = (part(0xfc), part(0x03)) else {
        let why = "nft sets the upper six bits or the lower two, not some of them";
        return Err(Untranslatable::new("-j TOS", why));
    };
    if class {
        expression.statement(format!("{family} dscp set 0x{:02x}", value >> 2));
    }
    if congestion {
        expression.statement(format!("{family} ecn set {}", value & 3));
    }
    Ok(())
}

pub(super) fn translate_ecn(own: &Ecn, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.ece.is_some() || own.cwr.is_some() {
        return Err(Untranslatable::new("-j ECN --ecn-tcp-remove", "nft sets the flags of TCP all together"));
    }
    if let Some(codepoint) = own.codepoint {
        expression.statement(format!("{} ecn set {codepoint}", expression.family()));
    }
    Ok(())
}

pub(super) fn translate_hop(own: &HopChange, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let (what, key) = match expression.site.family {
        Family::V4 => ("-j TTL", "ip ttl"),
        Family::V6 => ("-j HL", "ip6 hoplimit"),
    };
    match own {
        HopChange::Set(value) => {
            expression.statement(format!("{key} set {value}"));
            Ok(())
        }
        HopChange::Increment(_) | HopChange::Decrement(_) => {
            Err(Untranslatable::new(what, "nft has no addition and no subtraction"))
        }
    }
}

pub(super) fn translate_tcpmss(own: &Tcpmss, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.statement(match own {
        Tcpmss::Set(size) => format!("tcp option maxseg size set {size}"),
        Tcpmss::Clamp => "tcp option maxseg size set rt mtu".to_owned(),
    });
    Ok(())
}

pub(super) fn translate_tcpoptstrip(
    own: &Tcpoptstrip,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    let mut text = String::new();
    for kind in own.iter() {
        put!(text, "{}reset tcp option {kind}", if text.is_empty() { "" } else { " " });
    }
    if !text.is_empty() {
        expression.statement(text);
    }
    Ok(())
}
