//! The targets in nft, in files by kinship, and one arm for those that nft has no words for.
use super::{Destination, Expression, Untranslatable, name};
use crate::Target;

mod connmark;
mod copy;
mod ct;
mod log;
mod mark;
mod nat;
mod packet;
mod reject;

/// Adds what happens to packets that fit.
pub(super) fn translate(own: Destination<'_>, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let target = match own {
        Destination::None => return Ok(()),
        Destination::Chain { name, goto: false } => {
            expression.statement(format!("jump {}", name::chain(name)));
            return Ok(());
        }
        Destination::Chain { name, goto: true } => {
            expression.leave(format!("goto {}", name::chain(name)));
            return Ok(());
        }
        Destination::Target(target) => target,
    };
    match target {
        Target::Accept => expression.statement("accept"),
        Target::Drop => expression.statement("drop"),
        Target::Return => expression.leave("return"),
        Target::Queue => expression.statement("queue num 0"),
        Target::Trace => expression.statement("nftrace set 1"),
        Target::Notrack => expression.statement("notrack"),
        Target::Ct(own) => return ct::translate(own, expression),
        Target::Connmark(own) => return connmark::translate(own, expression),
        Target::Log(own) => return log::translate(own, expression),
        Target::Mark(own) => return mark::translate(own, expression),
        Target::Reject(own) => return reject::translate(own, expression),
        Target::Snat(own) => return nat::translate("-j SNAT", "snat", own, expression),
        Target::Dnat(own) => return nat::translate("-j DNAT", "dnat", own, expression),
        Target::Masquerade(own) => return nat::translate("-j MASQUERADE", "masquerade", own, expression),
        Target::Redirect(own) => return nat::translate("-j REDIRECT", "redirect", own, expression),
        Target::Netmap(own) => return nat::translate_netmap(own, expression),
        Target::Audit(_) => expression.statement("log level audit"),
        Target::Classify(own) => return packet::translate_classify(own, expression),
        Target::Dscp(own) => return packet::translate_dscp(own, expression),
        Target::Ecn(own) => return packet::translate_ecn(own, expression),
        Target::Hl(own) | Target::Ttl(own) => return packet::translate_hop(own, expression),
        Target::Nflog(own) => return copy::translate_nflog(own, expression),
        Target::Nfqueue(own) => return copy::translate_nfqueue(own, expression),
        Target::Synproxy(own) => return copy::translate_synproxy(own, expression),
        Target::Tcpmss(own) => return packet::translate_tcpmss(own, expression),
        Target::Tcpoptstrip(own) => return packet::translate_tcpoptstrip(own, expression),
        Target::Tee(own) => return copy::translate_tee(own, expression),
        Target::Tos(own) => return packet::translate_tos(own, expression),
        Target::Tproxy(own) => return copy::translate_tproxy(own, expression),
        // What nft has no words for.
        Target::Checksum
        | Target::Clusterip(_)
        | Target::Connsecmark(_)
        | Target::Dnpt(_)
        | Target::Hmark(_)
        | Target::Idletimer(_)
        | Target::Led(_)
        | Target::Rateest(_)
        | Target::Secmark(_)
        | Target::Set(_)
        | Target::Snpt(_)
        | Target::Ulog(_) => {
            let what = format!("-j {}", target.name().unwrap_or("?"));
            return Err(Untranslatable::new(what, "nft has nothing like it"));
        }
        // A jump stands as `Destination::Chain`; its name is not known here.
        Target::Jump(_) | Target::Goto(_) => {
            return Err(Untranslatable::new("-j", "the chain has no name"));
        }
    }
    Ok(())
}
