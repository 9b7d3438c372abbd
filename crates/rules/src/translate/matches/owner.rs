//! `-m owner`. A packet without a socket, or with a socket of the kernel, has no owner: for iptables it matches where all
//! options are inverted, for nft never.
use crate::Negatable;
use crate::matches::owner::Owner;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Owner, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.supplementary_groups && own.gid.is_some() {
        return Err(Untranslatable::new("-m owner --suppl-groups", "nft knows a socket's own group only"));
    }
    let positive = [own.uid, own.gid].into_iter().flatten().any(|id| !id.invert);
    match own.socket_exists {
        None => {}
        // What has an owner has a socket.
        Some(false) if positive => {}
        Some(true) if positive => {
            expression.never();
            return Ok(());
        }
        Some(_) => {
            return Err(Untranslatable::new(
                "-m owner --socket-exists",
                "nft cannot ask whether there is a socket",
            ));
        }
    }
    for (what, key, id) in
        [("-m owner ! --uid-owner", "skuid", own.uid), ("-m owner ! --gid-owner", "skgid", own.gid)]
    {
        let Some(Negatable { invert, value: (from, to) }) = id else { continue };
        let range = if from == to { from.to_string() } else { format!("{from}-{to}") };
        if invert && !positive {
            expression.unless(what, format!("{key} {range}"));
        } else {
            expression.compare(key, invert, range);
        }
    }
    Ok(())
}
