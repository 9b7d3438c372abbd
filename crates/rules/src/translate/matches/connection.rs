//! `-m connbytes` and `-m helper`: more of what is known of a connection.
use crate::matches::connbytes::{Amount, Connbytes, Counted};
use crate::matches::helper::Helper;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate_connbytes(
    own: &Connbytes,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    let direction = match own.direction {
        Counted::Original => "original ",
        Counted::Reply => "reply ",
        Counted::Both => "",
    };
    let what = match own.what {
        Amount::Packets => "packets",
        Amount::Bytes => "bytes",
        Amount::AveragePacket => "avgpkt",
    };
    let key = format!("ct {direction}{what}");
    match (own.from, own.to) {
        (from, u64::MAX) => {
            let sign = if own.invert { "lt" } else { "ge" };
            expression.condition(format!("{key} {sign} {from}"));
        }
        (from, to) if from == to => expression.compare(&key, own.invert, from),
        (from, to) => expression.compare(&key, own.invert, format_args!("{from}-{to}")),
    }
    Ok(())
}

/// Linux: the helper's own name must be the start of the one that is asked for, so that `ftp-2121` finds `ftp` as well.
/// Without a master connection with a helper only the inverted match holds.
pub(super) fn translate_helper(own: &Helper, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    const WHOLE: [&str; 12] = [
        "ftp",
        "irc",
        "pptp",
        "sane",
        "sip",
        "Q.931",
        "tftp",
        "amanda",
        "snmp",
        "snmp_trap",
        "netbios-ns",
        "RAS",
    ];
    if !WHOLE.contains(&&*own.name) {
        let why =
            "nft compares whole names, iptables starts of names: only the kernel's own names mean the same";
        return Err(Untranslatable::new("-m helper", why));
    }
    let text = format!("ct helper \"{}\"", own.name);
    if own.invert {
        expression.unless("-m helper !", text);
    } else {
        expression.condition(text);
    }
    Ok(())
}
