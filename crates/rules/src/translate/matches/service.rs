//! `-m dscp`, `-m tos` and `-m ecn`: parts of the type of service, in IPv6 of the traffic class.
use packet::Family;

use crate::matches::dscp::Dscp;
use crate::matches::ecn::Ecn;
use crate::matches::tos::Tos;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate_dscp(own: &Dscp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let key = format!("{} dscp", expression.family());
    expression.compare(&key, own.invert, format_args!("0x{:02x}", own.codepoint));
    Ok(())
}

/// The field has no name in nft, but a place: the second byte, in IPv6 the middle of the first two.
pub(super) fn translate_tos(own: &Tos, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let sign = if own.invert { "!=" } else { "==" };
    expression.condition(match expression.site.family {
        Family::V4 => format!("@nh,8,8 & 0x{:x} {sign} 0x{:x}", own.mask, own.value),
        Family::V6 => {
            format!("@nh,0,16 & 0x{:x} {sign} 0x{:x}", u16::from(own.mask) << 4, u16::from(own.value) << 4)
        }
    });
    Ok(())
}

pub(super) fn translate_ecn(own: &Ecn, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    for (flag, wanted) in [("ecn", own.ece), ("cwr", own.cwr)] {
        if let Some(wanted) = wanted {
            let sign = if wanted { "==" } else { "!=" };
            expression.condition(format!("tcp flags & {flag} {sign} {flag}"));
        }
    }
    if let Some(codepoint) = own.codepoint {
        const NAMES: [&str; 4] = ["not-ect", "ect1", "ect0", "ce"];
        let name = NAMES.get(usize::from(codepoint.value)).copied().unwrap_or("not-ect");
        let key = format!("{} ecn", expression.family());
        expression.compare(&key, codepoint.invert, name);
    }
    Ok(())
}
