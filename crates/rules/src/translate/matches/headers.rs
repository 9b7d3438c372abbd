//! Extension headers of IPv6: `-m frag`, `-m hbh`, `-m dst`, `-m rt`, `-m mh`. A packet without the header does not match,
//! whatever is inverted.
use crate::Negatable;
use crate::matches::dst::HeaderOptions;
use crate::matches::frag::Frag;
use crate::matches::mh::Mh;
use crate::matches::rt::Rt;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate_frag(own: &Frag, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.reserved {
        let why = "nft has the two reserved fields one by one, and no `or' between fields";
        return Err(Untranslatable::new("-m frag --fragres", why));
    }
    let mut said = false;
    if let Some(ids) = own.ids {
        expression.compare("frag id", ids.invert, super::numbers(ids.value));
        said = true;
    }
    for (set, words) in [
        (own.first, "frag frag-off 0"),
        (own.more, "frag more-fragments 1"),
        (own.last, "frag more-fragments 0"),
    ] {
        if set {
            expression.condition(words);
            said = true;
        }
    }
    if !said {
        expression.condition("exthdr frag exists");
    }
    Ok(())
}

/// `hbh` or `dst`.
pub(super) fn translate_options(
    name: &'static str,
    own: &HeaderOptions,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    if !own.options.is_empty() {
        return Err(Untranslatable::new(
            format!("-m {name} --{name}-opts"),
            "nft does not look at the options",
        ));
    }
    match own.length {
        None => expression.condition(format!("exthdr {name} exists")),
        Some(length) => self::length(name, length, expression),
    }
    Ok(())
}

pub(super) fn translate_rt(own: &Rt, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.reserved || !own.addresses.is_empty() {
        return Err(Untranslatable::new(
            "-m rt --rt-0-res, --rt-0-addrs",
            "nft does not look at the fields of type 0",
        ));
    }
    if own.kind.is_none_or(|kind| kind.value > 255)
        && own.segments_left.is_none_or(|left| left.value.first > 255)
        && own.length.is_none()
    {
        expression.condition("exthdr rt exists");
    }
    if let Some(Negatable { invert, value }) = own.kind {
        match (value > 255, invert) {
            (true, false) => expression.never(),
            (true, true) => {}
            (false, _) => expression.compare("rt type", invert, value),
        }
    }
    if let Some(Negatable { invert, value }) = own.segments_left {
        match (value.first > 255, invert) {
            (true, false) => expression.never(),
            (true, true) => {}
            (false, _) if value.first == value.last => expression.compare("rt seg-left", invert, value.first),
            (false, _) => expression.compare(
                "rt seg-left",
                invert,
                format_args!("{}-{}", value.first, value.last.min(255)),
            ),
        }
    }
    if let Some(length) = own.length {
        self::length("rt", length, expression);
    }
    Ok(())
}

/// The length of a header in bytes, which the packet has in units of 8 behind the first 8.
fn length(name: &str, own: Negatable<u32>, expression: &mut Expression<'_>) {
    let units = (own.value / 8).checked_sub(1).filter(|units| own.value.is_multiple_of(8) && *units < 256);
    match (units, own.invert) {
        (Some(units), invert) => expression.compare(&format!("{name} hdrlength"), invert, units),
        (None, true) => expression.condition(format!("exthdr {name} exists")),
        (None, false) => expression.never(),
    }
}

pub(super) fn translate_mh(own: &Mh, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    match own.types {
        None => expression.condition("mh type >= 0"),
        Some(Negatable { invert, value: (from, to) }) if from == to => {
            expression.compare("mh type", invert, from)
        }
        Some(Negatable { invert, value: (from, to) }) => {
            expression.compare("mh type", invert, format_args!("{from}-{to}"));
        }
    }
    Ok(())
}
