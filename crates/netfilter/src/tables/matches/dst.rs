//! `-m dst` and `-m hbh` (Linux: `hbh_mt6`).
use packet::protocol;
use rules::matches::dst::HeaderOptions;

use super::extension_header::find;
use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

/// What the two are asked for, and what they call it.
struct Kind {
    protocol: u8,
    name: &'static str,
    header: &'static str,
    length: &'static str,
    options: &'static str,
}

const DST: Kind = Kind {
    protocol: protocol::DESTINATION_OPTIONS,
    name: "-m dst",
    header: "destination options header",
    length: "--dst-len",
    options: "--dst-opts",
};

const HBH: Kind = Kind {
    protocol: protocol::HOP_BY_HOP,
    name: "-m hbh",
    header: "hop-by-hop options header",
    length: "--hbh-len",
    options: "--hbh-opts",
};

/// `-m dst`.
pub(super) fn holds(rule: &HeaderOptions, asked: &Asked<'_>) -> Held {
    header_holds(rule, asked, &DST)
}

/// `-m hbh`.
pub(super) fn holds_hbh(rule: &HeaderOptions, asked: &Asked<'_>) -> Held {
    header_holds(rule, asked, &HBH)
}

fn header_holds(rule: &HeaderOptions, asked: &Asked<'_>, kind: &Kind) -> Held {
    let Some(header) = find(asked, kind.protocol, kind.name, kind.header)?.whole() else {
        return Err(Miss::Hotdrop(kind.name, Found::Nothing("whole header of options")));
    };
    if let Some(wanted) = rule.length {
        let fits = usize::try_from(wanted.value) == Ok(header.len());
        hold(fits != wanted.invert, kind.length, Found::Number(header.len() as u64))?;
    }
    options(rule, header.get(2..).unwrap_or(&[]), kind.options)
}

/// The wanted options one after the other from the start of the header, padding included.
fn options(rule: &HeaderOptions, mut rest: &[u8], option: &'static str) -> Held {
    let missing = || Err(Miss::Failed(option, Found::Nothing("further options")));
    for (at, wanted) in rule.options.iter().enumerate() {
        let Some(&kind) = rest.first() else { return missing() };
        if kind != wanted.kind {
            return Err(Miss::Failed(option, Found::Number(kind.into())));
        }
        let mut size = 1;
        if kind != 0 {
            let Some(&length) = rest.get(1) else { return missing() };
            if wanted.length.is_some_and(|wanted| wanted != length) {
                return Err(Miss::Failed(option, Found::Number(length.into())));
            }
            size = usize::from(length) + 2;
        }
        // Linux: the data of the last option may lie behind the header.
        match rest.get(size..) {
            Some(behind) => rest = behind,
            None if at + 1 == rule.options.len() => {}
            None => return missing(),
        }
    }
    Ok(())
}
