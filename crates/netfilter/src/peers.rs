//! What this machine remembers of others: how often it has told them something lately.
//!
//! Read first: Linux `net/ipv4/inetpeer.c`, `ip_rt_send_redirect`, `inet_peer_xrlim_allow`, `ip_error`. Redirects and errors
//! share what a machine may be told: one who was just told of a shorter way in IPv4 is told of no error for a second. An
//! address that was never told anything is as one that was told nothing for a minute. Times are jiffies, as the kernel
//! counts them.
//!
//! Limits: [`MOST`] addresses of a family; those that were told nothing for a minute are forgotten, at most once a second. An
//! address that has no room is not limited (as in Linux, where the kernel has no memory for it).
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Instant;
use crate::icmp_limits::{Credit, MINUTE, clock};
use crate::network::{IcmpLimits, Redirects};
use crate::time::HZ;

/// How many addresses of a family are remembered. Linux: `inet_peer_threshold`, 65,664.
pub(crate) const MOST: usize = 65_664;

/// Linux: `XRLIM_BURST_FACTOR`: how many of something may be sent at once.
const BURST: u64 = 6;

/// A machine.
#[derive(Clone, Copy, Debug)]
struct Peer {
    /// What may be spent, in jiffies.
    tokens: u64,
    /// When something was sent last.
    last: u64,
    /// Redirects that it has passed over.
    redirects: u32,
}

impl Peer {
    /// Adds what has come since the last time.
    fn fill(&mut self, now: u64, most: u64) {
        self.tokens = self.tokens.saturating_add(now.saturating_sub(self.last)).min(most);
        self.last = now;
    }

    /// Takes so much, if it is there.
    fn take(&mut self, cost: u64) -> bool {
        let left = self.tokens.checked_sub(cost);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

/// The machines of a family that were told something.
#[derive(Debug, Default)]
struct Known {
    peers: BTreeMap<IpAddr, Peer>,
    /// When those of long ago were last forgotten.
    swept: u64,
}

/// The machines that were told something, and how much all of them may be told.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    v4: Known,
    v6: Known,
    /// What all machines share.
    pub(crate) credit: Credit,
}

impl Peers {
    /// Whether a machine is told now of a shorter way (IPv4); [`Peers::redirected`] is called when it was.
    pub(crate) fn may_redirect(&mut self, to: IpAddr, rates: Redirects, now: Instant) -> bool {
        let now = clock(now);
        let Some(peer) = self.peer(to, now) else { return true };
        if now > peer.last.saturating_add(rates.silence.into()) {
            peer.tokens = 0;
            peer.redirects = 0;
        }
        if peer.redirects >= rates.most {
            peer.last = now;
            return false;
        }
        let wait = u64::from(rates.load).checked_shl(peer.redirects).unwrap_or(u64::MAX);
        if peer.redirects != 0 && now <= peer.last.saturating_add(wait) {
            return false;
        }
        true
    }

    /// A machine was told of a shorter way, or would have been if that were not limited itself.
    pub(crate) fn redirected(&mut self, to: IpAddr, now: Instant) {
        let now = clock(now);
        if let Some(peer) = self.peer(to, now) {
            peer.last = now;
            peer.redirects = peer.redirects.saturating_add(1);
        }
    }

    /// Whether something may be said to or about a machine now, of which one in `interval` jiffies may be said, and six
    /// at once (Linux: `inet_peer_xrlim_allow`).
    pub(crate) fn may_say(&mut self, about: IpAddr, interval: u32, now: Instant) -> bool {
        let (now, interval) = (clock(now), u64::from(interval));
        let Some(peer) = self.peer(about, now) else { return true };
        // Why: within a jiffy what may be spent stays even if it is more than so many intervals (those of redirects).
        if now != peer.last {
            peer.fill(now, BURST * interval);
        }
        peer.take(interval)
    }

    /// Whether a machine may be told now that there is no way (IPv4), as far as that has a limit of its own.
    pub(crate) fn may_say_no_way(&mut self, to: IpAddr, limits: &IcmpLimits, now: Instant) -> bool {
        let now = clock(now);
        let Some(peer) = self.peer(to, now) else { return true };
        peer.fill(now, limits.no_way_burst.into());
        peer.take(limits.no_way_cost.into())
    }

    /// A machine; a new one has not been told anything for a minute. `None`: there is no room.
    fn peer(&mut self, address: IpAddr, now: u64) -> Option<&mut Peer> {
        let Known { peers, swept } = if address.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if peers.len() >= MOST && !peers.contains_key(&address) {
            if now < swept.saturating_add(HZ.into()) {
                return None;
            }
            *swept = now;
            peers.retain(|_, peer| now <= peer.last.saturating_add(MINUTE));
            if peers.len() >= MOST {
                return None;
            }
        }
        // Linux: `inet_getpeer`: its last time is a minute ago, which fills what it may spend.
        let new = Peer { tokens: 0, last: now.saturating_sub(MINUTE), redirects: 0 };
        Some(peers.entry(address).or_insert(new))
    }
}

#[cfg(test)]
mod tests;
