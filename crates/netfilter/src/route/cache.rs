//! Decisions that were made lately, so that a packet of a known flow looks nothing up.
//!
//! A decision depends on the network, the device and the [`Flow`] alone. Each flow has one place; another flow of the
//! same place takes it. Whoever changes the network calls [`Cache::forget`]. Limits: [`PLACES`] decisions, for ever.
use std::net::IpAddr;

use super::Flow;
use crate::network::{DeviceId, Route, Unroutable};

/// How many decisions are kept; a power of two.
const PLACES: usize = 256;

/// What a decision was made for, and the decision.
type Known = Option<(DeviceId, Flow, Result<Route, Unroutable>)>;

/// Decisions about packets that came in.
pub(crate) struct Cache {
    places: Box<[Known]>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { places: vec![None; PLACES].into() }
    }
}

impl Cache {
    /// The decision for a flow, made by `decide` if it is not known.
    #[inline]
    pub(crate) fn find(
        &mut self,
        device: DeviceId,
        flow: Flow,
        decide: impl FnOnce() -> Result<Route, Unroutable>,
    ) -> Result<Route, Unroutable> {
        let Some(place) = self.places.get_mut(place_of(device, &flow)) else { return decide() };
        if let Some((known_device, known, route)) = place
            && *known_device == device
            && *known == flow
        {
            return *route;
        }
        let route = decide();
        *place = Some((device, flow, route));
        route
    }

    /// The network has changed.
    pub(crate) fn forget(&mut self) {
        self.places.fill(None);
    }
}

// Why: no keyed hash: who finds flows of one place makes them look up their way, as all did without this.
#[inline]
fn place_of(device: DeviceId, flow: &Flow) -> usize {
    let fold = |address: IpAddr| match address {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    let other = u64::from(flow.mark) << 16 ^ u64::from(device.0) << 8 ^ u64::from(flow.tos);
    let mixed = (fold(flow.source).rotate_left(29) ^ fold(flow.destination) ^ other.rotate_left(17))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Way;

    fn flow(source: &str, destination: &str) -> Flow {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        Flow::between(source, destination)
    }

    #[test]
    fn a_decision_is_made_once_for_each_flow() {
        let mut cache = Cache::default();
        let mut made = 0;
        let route = Route::by(Way::Local, 1500);
        let one = flow("10.0.0.1", "10.0.0.2");
        let marked = Flow { mark: 1, ..one };
        let six = flow("fd00::1", "fd00::2");
        for (device, asked, expected) in [
            (1, one, 1),
            (1, one, 1),
            (2, one, 2),
            (1, marked, 3),
            (1, six, 4),
            (1, six, 4),
            (1, Flow { tos: 4, ..six }, 5),
        ] {
            let found = cache.find(DeviceId(device), asked, || {
                made += 1;
                Ok(route)
            });
            assert_eq!((found, made), (Ok(route), expected), "{asked:?}");
        }
        cache.forget();
        let refused = Err(Unroutable::Blackhole);
        assert_eq!(cache.find(DeviceId(1), one, || refused), refused);
        assert_eq!(cache.find(DeviceId(1), one, || Ok(route)), refused, "refusals are kept as well");
    }

    #[test]
    fn flows_spread_over_the_places() {
        let mut taken = vec![false; PLACES];
        for host in 0..=255_u8 {
            let flow = flow(&format!("10.0.1.{host}"), "8.8.8.8");
            taken[place_of(DeviceId(1), &flow)] = true;
        }
        let used = taken.iter().filter(|used| **used).count();
        assert!(used > 100, "{used} places for 256 flows");
    }
}
