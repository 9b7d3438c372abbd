//! `-j REJECT`.
use packet::Family;

use crate::targets::reject::Reject;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Reject, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let words = match (*own, expression.site.family) {
        (Reject::TcpReset, _) => "reject with tcp reset",
        (Reject::Icmp { code: 3 }, Family::V4) | (Reject::Icmp6 { code: 4 }, Family::V6) => "reject",
        (Reject::Icmp { code }, Family::V4) => match code {
            0 => "reject with icmp type net-unreachable",
            1 => "reject with icmp type host-unreachable",
            2 => "reject with icmp type prot-unreachable",
            9 => "reject with icmp type net-prohibited",
            10 => "reject with icmp type host-prohibited",
            13 => "reject with icmp type admin-prohibited",
            _ => return other(),
        },
        (Reject::Icmp6 { code }, Family::V6) => match code {
            0 => "reject with icmpv6 type no-route",
            1 => "reject with icmpv6 type admin-prohibited",
            3 => "reject with icmpv6 type addr-unreachable",
            5 => "reject with icmpv6 type policy-fail",
            6 => "reject with icmpv6 type reject-route",
            _ => return other(),
        },
        _ => return other(),
    };
    expression.statement(words);
    Ok(())
}

fn other() -> Result<(), Untranslatable> {
    Err(Untranslatable::new("-j REJECT --reject-with", "nft has no such answer"))
}
