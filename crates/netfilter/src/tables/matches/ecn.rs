//! `-m ecn` (Linux: `ecn_mt4`, `ecn_mt6`): the IP header first, then ECE, then CWR.
use rules::matches::ecn::Ecn;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

/// Flags of the TCP header's byte 13.
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

pub(super) fn holds(rule: &Ecn, asked: &Asked<'_>) -> Held {
    if let Some(wanted) = rule.codepoint {
        let codepoint = asked.packet.view().tos() & 3;
        hold((codepoint == wanted.value) != wanted.invert, "--ecn-ip-ect", Found::Number(codepoint.into()))?;
    }
    for (wanted, bit, option, found) in [
        (rule.ece, ECE, "--ecn-tcp-ece", [Found::Nothing("ECE flag"), Found::Word("the ECE flag")]),
        (rule.cwr, CWR, "--ecn-tcp-cwr", [Found::Nothing("CWR flag"), Found::Word("the CWR flag")]),
    ] {
        let Some(wanted) = wanted else { continue };
        // Linux: `match_tcp` does not ask for fragments, so that it reads the payload of a later one as a header.
        let Some(&flags) = asked.blind_transport().and_then(|header| header.get(..20)?.get(13)) else {
            return Err(Miss::Failed(option, Found::Nothing("whole TCP header")));
        };
        let set = flags & bit != 0;
        hold(set == wanted, option, if set { found[1] } else { found[0] })?;
    }
    Ok(())
}
