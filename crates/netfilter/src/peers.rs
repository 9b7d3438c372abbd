//! What this machine remembers of others: how often it has told them something lately.
//!
//! Read first: Linux `net/ipv4/inetpeer.c`, `ip_rt_send_redirect`, `inet_peer_xrlim_allow`. An address that was never
//! told anything is as one that was told nothing for long. Times are jiffies, as the kernel counts them.
//!
//! Limits: [`MOST`] addresses; those that were told nothing for long are forgotten, at most once a second. An address
//! that has no room is not limited (as in Linux, where the kernel has no memory for it).
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Instant;
use crate::network::Redirects;
use crate::time::{HZ, jiffies};

/// How many addresses are remembered. Linux: `inet_peer_threshold`, 65,664.
pub(crate) const MOST: usize = 65_664;

/// Linux: `XRLIM_BURST_FACTOR`: how many of something may be sent at once.
const BURST: u64 = 6;

/// A minute in jiffies.
const MINUTE: u64 = 60 * HZ as u64;

/// The kernel's clock, which begins a minute before the first packet.
fn clock(now: Instant) -> u64 {
    jiffies(now).saturating_add(MINUTE)
}

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

/// The machines that were told something.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: BTreeMap<IpAddr, Peer>,
    /// When those of long ago were last forgotten.
    swept: u64,
}

impl Peers {
    /// Whether a machine is told now of a shorter way (IPv4).
    pub(crate) fn may_redirect(&mut self, to: IpAddr, rates: Redirects, now: Instant) -> bool {
        let now = clock(now);
        let Some(peer) = self.peer(to, now, rates) else { return true };
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
        peer.last = now;
        peer.redirects += 1;
        true
    }

    /// Whether something may be said to or about a machine now, of which one in `interval` jiffies may be said, and six
    /// at once (Linux: `inet_peer_xrlim_allow`).
    pub(crate) fn may_say(&mut self, about: IpAddr, interval: u32, now: Instant) -> bool {
        let (now, interval) = (clock(now), u64::from(interval));
        let Some(peer) = self.peer(about, now, Redirects::default()) else { return true };
        let since = now.saturating_sub(peer.last);
        if since != 0 {
            peer.last = now;
            peer.tokens = peer.tokens.saturating_add(since).min(BURST * interval);
        }
        let allowed = peer.tokens >= interval;
        if allowed {
            peer.tokens -= interval;
        }
        allowed
    }

    /// A machine; a new one has not been told anything for a minute. `None`: there is no room.
    fn peer(&mut self, address: IpAddr, now: u64, rates: Redirects) -> Option<&mut Peer> {
        if self.known.len() >= MOST && !self.known.contains_key(&address) {
            if now < self.swept.saturating_add(HZ.into()) {
                return None;
            }
            self.swept = now;
            let long = u64::from(rates.silence).max(BURST * u64::from(HZ) * 10);
            self.known.retain(|_, peer| now <= peer.last.saturating_add(long));
            if self.known.len() >= MOST {
                return None;
            }
        }
        // Linux: `inet_getpeer`: its last time is a minute ago, which fills what it may spend.
        let new = Peer { tokens: 0, last: now.saturating_sub(MINUTE), redirects: 0 };
        Some(self.known.entry(address).or_insert(new))
    }
}

#[cfg(test)]
mod tests;
