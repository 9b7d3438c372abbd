//! `-m ipvs` (Linux: `ipvs_mt`): whether IPVS has made or taken the packet. There is no IPVS here, so that no packet is of
//! it: `! --ipvs` holds, and nothing else does, inverted or not.
use rules::matches::ipvs::Ipvs;

use super::{Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Ipvs) -> Held {
    hold(rule.belongs == Some(true), "-m ipvs", Found::Nothing("connection of IPVS"))
}

#[cfg(test)]
mod tests {
    use rules::Negatable;

    use super::*;

    /// Where the kernel has no IPVS its rules are refused; a ruleset may still come from elsewhere.
    #[test]
    fn no_packet_is_of_ipvs() {
        let of = |belongs| Ipvs { belongs, ..Ipvs::default() };
        assert!(holds(&of(Some(false))).is_err(), "--ipvs");
        assert!(holds(&of(Some(true))).is_ok(), "! --ipvs");
        for invert in [false, true] {
            let rule = Ipvs { protocol: Some(Negatable { invert, value: 6 }), ..Ipvs::default() };
            assert!(holds(&rule).is_err(), "--vproto");
        }
    }
}
