//! Adding to, removing from and collecting a hash: its members stand in buckets ([`Buckets`]).
use super::{Adder, Hash, JIFFY, MOST_MEMBERS, Refusal, Search, Set, Shape};
use crate::set::buckets::{Buckets, MOST_BITS, MOST_PLACES, Memory};
use crate::set::element::{Device, Element};
use crate::set::member::{Expiry, Member};
use crate::wheel;

/// Where a new member goes.
enum Place {
    /// It is there already, under this number.
    Known(usize),
    /// In a place of its bucket that is empty or becomes so.
    In(usize),
    /// Behind the others of its bucket.
    Behind,
    /// Nowhere, unless the table grows.
    Larger,
}

fn end(member: &Member) -> u64 {
    match member.expiry {
        Expiry::At(end) => end,
        Expiry::Never | Expiry::Waiting(_) => u64::MAX,
    }
}

/// Whether a member stands for an element of the same bucket.
fn stands_for(own: &Element, member: &Member, element: &Element) -> bool {
    match (own, element) {
        (Element::NetInterface(net, physical, name), Element::NetInterface(other, port, asked)) => {
            let (Device(name), Device(asked)) = (name, asked);
            // Linux: a wildcard member is equal to every name that begins with its own.
            let named =
                if member.wildcard { asked.as_str().starts_with(name.as_str()) } else { name == asked };
            net == other && physical == port && named
        }
        _ => own == element,
    }
}

/// Whether two elements have the same network, whatever their devices (Linux: `multi`).
fn same_network(one: &Element, other: &Element) -> bool {
    matches!((one, other), (Element::NetInterface(one, ..), Element::NetInterface(other, ..)) if one == other)
}

impl Set {
    /// Of a hash: how many parts its table has that are locked apart, and what its arrays take.
    pub(in crate::set) fn arrays(&self) -> (usize, Memory) {
        let regions = self.buckets.as_ref().map_or(1, Buckets::regions);
        let memory = self.buckets.as_ref().map(Buckets::memory).unwrap_or_default();
        (usize::try_from(regions).unwrap_or(usize::MAX), memory)
    }

    /// The member of hash:net,iface that stands for an element, by its number and place: the first from a place on. `several`:
    /// another of the same network was passed.
    fn first_device(&self, element: &Element, from: usize, several: &mut bool) -> Option<(usize, usize)> {
        let buckets = self.buckets.as_ref()?;
        let places = buckets.places(buckets.of(element))?;
        for (place, number) in places.enumerate().skip(from) {
            let Some((own, member)) = number.and_then(|number| self.members.at(number)) else { continue };
            if stands_for(own, member, element) {
                return number.map(|number| (number, place));
            }
            *several |= same_network(own, element);
        }
        None
    }

    /// The number of the member that stands for an element: itself, or with hash:net,iface the first of its bucket whose name is
    /// the beginning of its.
    #[inline]
    pub(super) fn standing_for(&self, element: &Element) -> Option<usize> {
        match element {
            Element::NetInterface(..) if self.wildcards > 0 => {
                self.first_device(element, 0, &mut false).map(|(number, _)| number)
            }
            _ => self.members.find(element),
        }
    }

    /// [`Set::next_fitting`] of hash:net,iface. Linux: `mtype_test_cidrs`: where the network is there with another device behind
    /// the last member that stands for the element, larger networks are not looked at.
    pub(super) fn next_device(&self, element: &Element, search: &mut Search) -> Option<usize> {
        let whole = element.networks().iter().flatten().all(|network| network.is_host());
        loop {
            let length = if whole { self.lengths[0].get(search.first) } else { Some(0) };
            let Some(length) = length else { break };
            let candidate = if whole { element.with_lengths(length, 0) } else { *element };
            let mut several = false;
            if let Some((number, place)) = self.first_device(&candidate, search.place, &mut several) {
                search.place = place + 1;
                return Some(number);
            }
            if several || !whole {
                break;
            }
            (search.first, search.place) = (search.first + 1, 0);
        }
        search.over = true;
        None
    }

    /// Adds to a hash. Linux: `mtype_add`.
    pub(super) fn add_hashed(
        &mut self,
        hash: Hash,
        element: Element,
        member: Member,
        exist: bool,
        by: Adder,
        now: u64,
    ) -> Result<(), Refusal> {
        loop {
            let number = self.buckets.as_ref().map_or(0, |own| own.of(&element));
            match self.place_for(&hash, &element, number, exist, by, now)? {
                Place::Known(at) => {
                    self.renew(at, number, member);
                    return Ok(());
                }
                Place::In(place) => {
                    if let Some(victim) = self.member_in(number, place) {
                        if let Some(buckets) = &mut self.buckets {
                            buckets.empty(number, place);
                        }
                        self.take(victim);
                    }
                    let (at, expires) = (self.members.len(), end(&member));
                    self.insert(element, member);
                    if let Some(buckets) = &mut self.buckets {
                        buckets.fill(number, place, at, expires);
                    }
                    return Ok(());
                }
                Place::Behind => {
                    let (at, expires) = (self.members.len(), end(&member));
                    self.insert(element, member);
                    if let Some(buckets) = &mut self.buckets {
                        buckets.push(number, at, expires);
                    }
                    return Ok(());
                }
                // Linux: only a command makes the table larger.
                Place::Larger if by == Adder::Packet => return Err(Refusal::Full),
                Place::Larger => self.grow(now)?,
            }
        }
    }

    fn member_in(&self, number: u32, place: usize) -> Option<usize> {
        self.buckets.as_ref()?.places(number)?.nth(place)?
    }

    /// Gives a member that is there other extensions.
    fn renew(&mut self, at: usize, number: u32, member: Member) {
        let expires = end(&member);
        if let Some((_, own)) = self.members.at_mut(at) {
            *own = Member { wildcard: own.wildcard, ..member };
        }
        if let Some(buckets) = &mut self.buckets {
            buckets.expires(number, expires);
        }
    }

    fn place_for(
        &mut self,
        hash: &Hash,
        element: &Element,
        number: u32,
        exist: bool,
        by: Adder,
        now: u64,
    ) -> Result<Place, Refusal> {
        let most = usize::try_from(hash.most).unwrap_or(usize::MAX).min(MOST_MEMBERS);
        let regions = self.buckets.as_ref().map_or(1, Buckets::regions);
        let share = most / usize::try_from(regions).unwrap_or(usize::MAX);
        // Linux: a set is full where the part of the table that the member falls into has its share, and all have `maxelem`.
        let around = self.buckets.as_ref().map_or(0, |own| own.members_around(number));
        let most_of_all = self.members.len() >= MOST_MEMBERS;
        let mut full = false;
        if around >= share {
            if self.extensions.timeout.is_some() {
                self.collect_around(number, now);
            }
            full = self.members.len() >= most;
        }
        // Why: what was saved is what there was, whatever the order in which it came.
        full &= by != Adder::Saved;
        full |= most_of_all;
        let force = full && self.extensions.force_add;
        let Some(buckets) = &mut self.buckets else { return Err(Refusal::Full) };
        let Some(places) = buckets.places(number) else {
            return if full { Err(Refusal::Full) } else { Ok(Place::Behind) };
        };
        let (mut free, mut hole, mut devices) = (None, false, 0_usize);
        for (place, at) in places.enumerate() {
            let Some((own, member)) = at.and_then(|at| self.members.at(at)) else {
                hole |= free.is_none();
                free = free.or(Some(place));
                continue;
            };
            devices += usize::from(same_network(own, element));
            let over = member.expiry.is_over(now);
            if stands_for(own, member, element) {
                return match at {
                    Some(at) if exist || over => Ok(Place::Known(at)),
                    _ => Err(Refusal::Exists),
                };
            }
            if over {
                free = free.or(Some(place));
            }
        }
        match free.or(force.then_some(0)) {
            // Why: a place of nobody would make one more than the most.
            Some(place) if !most_of_all || !hole => return Ok(Place::In(place)),
            Some(_) => return Err(Refusal::Full),
            None if full => return Err(Refusal::Full),
            None => {}
        }
        if !buckets.is_full(number) {
            return Ok(Place::Behind);
        }
        let mut most_places = hash.bucket;
        if matches!(element, Element::NetInterface(..)) {
            if most_places >= MOST_PLACES {
                return Err(Refusal::Full);
            }
            if usize::from(most_places) <= devices {
                most_places += 2;
                if let Shape::Hash(own) = &mut self.shape {
                    own.bucket = most_places;
                }
            }
        }
        Ok(if buckets.size(number) >= most_places { Place::Larger } else { Place::Behind })
    }

    /// Doubles the table, as often as a bucket is too small. Linux: `mtype_resize`: what is expired is left behind; the lengths of its
    /// networks count on.
    fn grow(&mut self, now: u64) -> Result<(), Refusal> {
        let (Shape::Hash(hash), Some(old)) = (self.shape, self.buckets.take()) else {
            return Err(Refusal::Full);
        };
        let mut numbers: Vec<u32> = old.numbers().collect();
        numbers.sort_unstable();
        let mut left = Vec::new();
        let larger = (old.bits() + 1..=MOST_BITS).find_map(|bits| {
            let mut new = old.larger(bits);
            left.clear();
            for at in numbers.iter().filter_map(|&number| old.places(number)).flatten().flatten() {
                let Some((element, member)) = self.members.at(at) else { continue };
                if member.expiry.is_over(now) {
                    left.push(*element);
                    continue;
                }
                let number = new.of(element);
                if new.is_full(number) && new.size(number) >= hash.bucket {
                    return None;
                }
                new.push(number, at, end(member));
            }
            Some(new)
        });
        let grown = larger.is_some();
        let new = larger.unwrap_or(old);
        if let Shape::Hash(own) = &mut self.shape {
            own.size = 1_u32.checked_shl(new.bits()).unwrap_or(own.size);
        }
        self.buckets = Some(new);
        if !grown {
            return Err(Refusal::Full);
        }
        for element in left {
            if let Some(at) = self.members.find(&element) {
                self.forget(at);
            }
        }
        Ok(())
    }

    /// Removes from a hash. Linux: `mtype_del`: what is expired is not there, and stays.
    pub(super) fn delete_hashed(&mut self, element: &Element, now: u64) -> Result<(), Refusal> {
        let at = self.standing_for(element).ok_or(Refusal::Missing)?;
        let over = self.members.at(at).is_none_or(|(_, member)| member.expiry.is_over(now));
        if over {
            return Err(Refusal::Missing);
        }
        if let Some(buckets) = &mut self.buckets {
            let number = buckets.of(element);
            let place = buckets.places(number).and_then(|mut own| own.position(|own| own == Some(at)));
            if let Some(place) = place {
                buckets.delete(number, place);
            }
        }
        self.take(at);
        Ok(())
    }

    /// Removes what is expired in the region of a bucket. Linux: `mtype_gc_do`.
    fn collect_around(&mut self, number: u32, now: u64) {
        let Some(buckets) = &mut self.buckets else { return };
        if now < buckets.soonest_around(number) {
            return;
        }
        let mut soonest = u64::MAX;
        for number in buckets.around(number) {
            let mut place = 0;
            while let Some(buckets) = &mut self.buckets
                && let Some(at) = buckets.places(number).and_then(|mut own| own.nth(place))
            {
                if let Some(at) = at
                    && let Some((_, member)) = self.members.at(at)
                {
                    if member.expiry.is_over(now) {
                        buckets.empty(number, place);
                        self.take(at);
                    } else {
                        soonest = soonest.min(end(member));
                    }
                }
                place += 1;
            }
            if place > 0
                && let Some(buckets) = &mut self.buckets
            {
                buckets.tidy(number);
            }
        }
        if let Some(buckets) = &mut self.buckets {
            buckets.set_soonest(number, soonest);
        }
    }

    /// Removes what is expired, in all regions.
    pub(super) fn clean_hashed(&mut self, now: u64) {
        let regions = self.buckets.as_ref().map_or(0, Buckets::regions);
        for region in 0..regions {
            if self.buckets.as_ref().is_none_or(|own| now < own.soonest()) {
                return;
            }
            self.collect_around(region << 10, now);
        }
    }

    /// Lets the collector come as often as it would have until a jiffy, from jiffy `next` on, at which it comes first; when it comes
    /// next. `seconds`: in which it comes to all regions, one after the other, each time to one of them (Linux: `mtype_gc`).
    pub(super) fn collect_hashed(&mut self, seconds: u64, next: u64, now: u64) -> u64 {
        let (mut next, hz) = (next, u64::from(wheel::HZ));
        let Some(buckets) = &self.buckets else { return u64::MAX };
        let period = (seconds * hz / u64::from(buckets.regions())).max(hz / 10);
        let mut soonest = buckets.soonest();
        while next <= now
            && let Some(buckets) = &mut self.buckets
        {
            let then = wheel::fires(next + period, period);
            if next.saturating_mul(JIFFY) >= soonest {
                let first = buckets.take_turn();
                if next * JIFFY >= buckets.soonest_around(first) {
                    self.collect_around(first, next * JIFFY);
                    soonest = self.buckets.as_ref().map_or(u64::MAX, Buckets::soonest);
                }
                next = then;
                continue;
            }
            // Nothing is expired for a while. Why from the second time on: the first second of a hash ends in a finer part of the wheel
            // than a longer period does, which keeps its rhythm.
            let rhythm = wheel::fires(then + period, period) - then;
            let until = soonest.div_ceil(JIFFY).min(now + 1);
            let idle = until.saturating_sub(then).div_ceil(rhythm);
            buckets.skip_turns(1 + idle);
            next = then + idle * rhythm;
        }
        next
    }
}
