//! `-m tos` and `-m dscp` (Linux: `tos_mt`, `dscp_mt`, `dscp_mt6`): the same octet of both families.
use rules::matches::dscp::Dscp;
use rules::matches::tos::Tos;

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Tos, asked: &Asked<'_>) -> Held {
    let tos = asked.packet.view().tos();
    hold((tos & rule.mask == rule.value) != rule.invert, "--tos", Found::Hex(tos.into()))
}

pub(super) fn holds_dscp(rule: &Dscp, asked: &Asked<'_>) -> Held {
    let codepoint = asked.packet.view().tos() >> 2;
    hold((codepoint == rule.codepoint) != rule.invert, "--dscp", Found::Hex(codepoint.into()))
}
