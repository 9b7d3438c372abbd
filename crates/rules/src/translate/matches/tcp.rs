//! `-m tcp`.
use crate::Negatable;
use crate::matches::PortRange;
use crate::matches::tcp::{Tcp, TcpFlags};
use crate::translate::{Expression, Untranslatable};

/// The flags by their bits.
const FLAGS: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];

pub(super) fn translate(own: &Tcp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    let source = ports("tcp sport", own.source, expression);
    let destination = ports("tcp dport", own.destination, expression);
    // Why: the options of TCP are `missing' for nft in later fragments and in other protocols as well.
    if !source && !destination && own.flags.is_none() {
        header_is_there("tcp", expression);
    }
    if let Some(option) = own.option {
        if option.value < 2 {
            let why = "nft does not look at an option without length in the last byte of the header";
            return Err(Untranslatable::new("-m tcp --tcp-option", why));
        }
        let there = if option.invert { "missing" } else { "exists" };
        expression.condition(format!("tcp option {} {there}", option.value));
    }
    if let Some(flags) = own.flags {
        self::flags(flags, expression);
    }
    Ok(())
}

/// Ports of a protocol; whether there was something to say.
pub(super) fn ports(key: &str, own: Option<Negatable<PortRange>>, expression: &mut Expression<'_>) -> bool {
    let Some(own) = own.filter(|own| own.invert || own.value != PortRange::ALL) else { return false };
    port(key, own.invert, own.value, expression);
    true
}

/// `tcp dport 80`, `tcp dport != 80-90`.
pub(super) fn port(key: &str, invert: bool, own: PortRange, expression: &mut Expression<'_>) {
    if own.first == own.last {
        expression.field(key, "0xffff", invert, own.first);
    } else {
        expression.compare(key, invert, range(own));
    }
}

/// `80`, `80-90`.
pub(super) fn range(own: PortRange) -> String {
    match (own.first, own.last) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    }
}

/// The match without options: holds where the header can be read, so not in later fragments.
pub(super) fn header_is_there(protocol: &str, expression: &mut Expression<'_>) {
    expression.condition(format!("{protocol} dport >= 0"));
}

fn flags(own: Negatable<TcpFlags>, expression: &mut Expression<'_>) {
    let TcpFlags { mask, set } = own.value;
    let sign = if own.invert { "!=" } else { "==" };
    if mask == 0 || set & !mask != 0 || mask >= 0x40 {
        expression.condition(format!("tcp flags & 0x{mask:x} {sign} 0x{set:x}"));
    } else if mask.count_ones() == 1 {
        // Why: nft 1.0.6 does not read `syn / syn'.
        expression.condition(format!("tcp flags & {} {sign} {}", names(mask), names(set)));
    } else {
        expression.compare("tcp flags", own.invert, format_args!("{} / {}", names(set), names(mask)));
    }
}

fn names(bits: u8) -> String {
    if bits == 0 {
        return "0x0".to_owned();
    }
    let set = FLAGS.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}
