//! What iptables-nft 1.8.9 gives to nf_tables as expressions of its own (F20): ports and flags of `-m tcp` and `-m udp`,
//! and `-m limit`. All other matches run the code of legacy rules (Linux: `nft_compat`), and `-m mark` means the same.
//!
//! An expression whose bytes are not there ends its rule, and nothing is dropped. It asks for its own bytes alone: of a
//! header that is cut short the fields before the cut are compared. It does not ask whether there is a header: of later
//! fragments the bytes in its place are compared, in IPv6 those of the IPv6 header, because its walk leaves the place 0.
//!
//! Linux: `nft_payload_fast_eval`. It reads what lies in one piece, as packets of this engine do; of others, whose
//! payload a driver has put into pages, `nft_payload_eval` refuses later fragments.
use rules::Negatable;
use rules::matches::PortRange;
use rules::matches::limit::Limit;
use rules::matches::tcp::{Tcp, TcpFlags};
use rules::matches::udp::Udp;

use super::{Asked, Held, Miss, hold, ports};
use crate::Env;
use crate::time::Instant;
use crate::trace::Found;

#[cfg(test)]
mod tests;

/// Fields of the transport header that are compared, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tables) struct Fields {
    flags: Option<Negatable<TcpFlags>>,
    source: Option<Negatable<PortRange>>,
    destination: Option<Negatable<PortRange>>,
    /// Source and destination that a packet must not have both: what iptables-nft makes of `! --sport 1 ! --dport 2`, one
    /// comparison of four bytes. Measured: of single ports other than 0; in legacy it must have neither.
    not_both: Option<(u16, u16)>,
}

impl Fields {
    /// `None`: nothing is asked, or the header is searched for options, and the match stays that of legacy rules.
    pub(super) fn of_tcp(rule: &Tcp) -> Option<Self> {
        let asks = rule.source.is_some() || rule.destination.is_some() || rule.flags.is_some();
        // iptables-nft leaves out what looks at no flag, even where it can never hold.
        let flags = rule.flags.filter(|flags| flags.value.mask != 0);
        (asks && rule.option.is_none()).then(|| Self { flags, ..Self::ports(rule.source, rule.destination) })
    }

    /// As [`Fields::of_tcp`].
    pub(super) fn of_udp(rule: &Udp) -> Option<Self> {
        let asks = rule.source.is_some() || rule.destination.is_some();
        asks.then(|| Self::ports(rule.source, rule.destination))
    }

    fn ports(source: Option<Negatable<PortRange>>, destination: Option<Negatable<PortRange>>) -> Self {
        let not = |ports: Option<Negatable<PortRange>>| {
            let PortRange { first, last } = ports.filter(|ports| ports.invert)?.value;
            (first == last && first != 0).then_some(first)
        };
        match not(source).zip(not(destination)) {
            None => {
                Self { flags: None, source: told(source), destination: told(destination), not_both: None }
            }
            both => Self { flags: None, source: None, destination: None, not_both: both },
        }
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> Held {
        let header = asked.blind_transport().unwrap_or(&[]);
        let later = asked.packet.layout.later_fragment();
        let found = |own| if later { Found::Word("other bytes in its place") } else { own };
        if let Some(wanted) = self.flags {
            let missing = Miss::Failed("--tcp-flags", Found::Nothing("flags, the header is cut short"));
            let &flags = header.get(13).ok_or(missing)?;
            let fits = flags & wanted.value.mask == wanted.value.set;
            hold(fits != wanted.invert, "--tcp-flags", found(Found::Flags(flags)))?;
        }
        let missing = |option| Miss::Failed(option, Found::Nothing("such port, the header is cut short"));
        if let Some(refused) = self.not_both {
            let own = ports(header).ok_or(missing("--dport"))?;
            hold(own != refused, "--sport", found(Found::Ports(own.0, own.1)))?;
        }
        for (option, wanted, at) in [("--sport", self.source, 0), ("--dport", self.destination, 2)] {
            let Some(wanted) = wanted else { continue };
            let bytes = header.get(at..).and_then(<[u8]>::first_chunk).ok_or(missing(option))?;
            let port = u16::from_be_bytes(*bytes);
            hold(wanted.value.contains(port) != wanted.invert, option, found(Found::Port(port)))?;
        }
        Ok(())
    }
}

/// Ports of which iptables-nft makes an expression: every port is none, even inverted.
fn told(ports: Option<Negatable<PortRange>>) -> Option<Negatable<PortRange>> {
    ports.filter(|ports| ports.value != PortRange::ALL)
}

/// A bucket that fills in nanoseconds (Linux: `nft_limit_eval`); that of legacy rules fills in jiffies.
#[derive(Debug)]
pub(in crate::tables) struct Rate {
    /// Nanoseconds for a packet.
    cost: u64,
    most: u64,
    tokens: u64,
    last: Instant,
}

impl Rate {
    pub(super) fn new(rule: &Limit) -> Self {
        let (packets, seconds) = rule.packets_per();
        let cost = u64::from(seconds) * 1_000_000_000 / u64::from(packets.max(1));
        // Linux: `NFT_LIMIT_PKT_BURST_DEFAULT`.
        let burst = if rule.burst == 0 { 5 } else { rule.burst };
        let most = cost.saturating_mul(burst.into());
        Self { cost, most, tokens: most, last: Instant(0) }
    }

    pub(super) fn holds(&mut self, env: &Env<'_>) -> Held {
        hold(self.take(env.now.mono), "--limit", Found::Nothing("token left"))
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.0.saturating_sub(self.last.0);
        self.last = now;
        self.tokens = self.tokens.saturating_add(passed).min(self.most);
        let rest = self.tokens.checked_sub(self.cost);
        self.tokens = rest.unwrap_or(self.tokens);
        rest.is_some()
    }
}
