//! A hierarchical timing wheel over numbered things.
//!
//! # Overview
//! A thing (a slot of the connection table) has one deadline. Six levels of 64 lists hold the things by the highest
//! bits in which their deadline differs from the present; when a list of a higher level is reached its things move
//! down. Arming, disarming and firing cost O(1) each, without allocation but for the first use of a number.
//!
//! # Lazy re-arming
//! A connection's deadline moves with every packet. The wheel is only told when the deadline comes *nearer*; when it
//! fires and the connection has a later deadline by then, it is armed anew.
//!
//! # Limits
//! Deadlines are rounded up to 2^26 ns (67 ms): a thing fires at most that late. It fires early only if its deadline is
//! more than four and a half years away; its owner arms it anew then. Nobody relies on the wheel for truth: an expired
//! connection is never found, whether it fired or not.
use super::chunks::Chunks;
use crate::time::Instant;

const NONE: u32 = u32::MAX;
const LEVELS: usize = 6;
const SLOTS: usize = 64;
/// Level number of a list of things that are due but not yet handed out.
const DUE: u8 = LEVELS as u8;
/// Level number of a thing that is not armed.
const IDLE: u8 = u8::MAX;
const TICK_BITS: u32 = 26;
/// The furthest deadline from the present, in ticks: four and a half years. One that is further fires early.
const REACH: u64 = (1 << 31) - 1;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The low bits of the tick: with the present they say which one, for it is never further than [`REACH`].
    tick: u32,
    previous: u32,
    next: u32,
    level: u8,
    slot: u8,
}

/// What a thing takes.
#[cfg(test)]
pub(super) const NODE_BYTES: usize = size_of::<Node>();

const IDLE_NODE: Node = Node { tick: 0, previous: NONE, next: NONE, level: IDLE, slot: 0 };

/// The wheel.
#[derive(Clone, Debug)]
pub(super) struct Wheel {
    /// The present in ticks: everything up to here was handed out.
    elapsed: u64,
    nodes: Chunks<Node>,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    due: u32,
    armed: usize,
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            elapsed: 0,
            nodes: Chunks::default(),
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            due: NONE,
            armed: 0,
        }
    }
}

impl Wheel {
    /// Room for so many things without further allocation.
    pub(super) fn reserve(&mut self, things: usize) {
        self.nodes.grow(things, || IDLE_NODE);
    }

    /// Sees to it that the thing fires at the deadline, whatever it was armed for before.
    pub(super) fn arm(&mut self, thing: u32, deadline: Instant) {
        self.disarm(thing);
        if self.nodes.get(thing).is_none() {
            self.reserve(thing as usize + 1);
        }
        let rounded = deadline.0.div_ceil(1 << TICK_BITS);
        self.insert(thing, rounded.max(self.elapsed + 1));
        self.armed += 1;
    }

    /// Sees to it that the thing fires no later than the deadline.
    #[inline]
    pub(super) fn arm_before(&mut self, thing: u32, deadline: Instant) {
        let armed = self.node(thing).filter(|node| node.level != IDLE).map(|node| self.tick(node));
        if armed.is_none_or(|tick| tick > deadline.0.div_ceil(1 << TICK_BITS)) {
            self.arm(thing, deadline);
        }
    }

    /// The thing does not fire.
    pub(super) fn disarm(&mut self, thing: u32) {
        let Some(node) = self.node(thing).filter(|node| node.level != IDLE) else { return };
        if node.previous == NONE {
            self.set_head(node.level, node.slot, node.next);
        } else if let Some(previous) = self.node_mut(node.previous) {
            previous.next = node.next;
        }
        if let Some(next) = self.node_mut(node.next) {
            next.previous = node.previous;
        }
        if let Some(node) = self.node_mut(thing) {
            *node = IDLE_NODE;
        }
        self.armed -= 1;
    }

    /// The next thing whose deadline has come; it is no longer armed.
    pub(super) fn fire(&mut self, now: Instant) -> Option<u32> {
        let now = now.0 >> TICK_BITS;
        loop {
            if self.due != NONE {
                let thing = self.due;
                self.disarm(thing);
                return Some(thing);
            }
            match self.next_list() {
                Some((level, slot, tick)) if tick <= now => {
                    self.elapsed = tick;
                    self.move_down(level, slot);
                }
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return None;
                }
            }
        }
    }

    /// When [`Wheel::fire`] should be called next.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.due != NONE {
            return Some(Instant(self.elapsed << TICK_BITS));
        }
        self.next_list().map(|(_, _, tick)| Instant(tick.saturating_mul(1 << TICK_BITS)))
    }

    /// How many things are armed.
    #[cfg(test)]
    pub(super) fn armed(&self) -> usize {
        self.armed
    }

    /// The list that comes next, with the tick at which it must be looked at.
    fn next_list(&self) -> Option<(u8, u8, u64)> {
        for (level, &occupied) in self.occupied.iter().enumerate() {
            if occupied == 0 {
                continue;
            }
            let shift = 6 * level as u32;
            let present = ((self.elapsed >> shift) & 63) as u32;
            let slot = (occupied.rotate_right(present).trailing_zeros() + present) & 63;
            let range = 64_u64 << shift;
            let mut tick = (self.elapsed & !(range - 1)) + (u64::from(slot) << shift);
            if tick <= self.elapsed && (slot != present || level == LEVELS - 1) {
                tick += range;
            }
            return Some((level as u8, slot as u8, tick.max(self.elapsed)));
        }
        None
    }

    /// Empties a list whose time has come: what is due goes to the list of due things, the rest to lower levels.
    fn move_down(&mut self, level: u8, slot: u8) {
        let mut thing = self.head(level, slot);
        self.set_head(level, slot, NONE);
        while let Some(node) = self.node(thing) {
            let (next, tick) = (node.next, self.tick(node));
            if tick <= self.elapsed {
                self.link(thing, tick, DUE, 0);
            } else {
                self.insert(thing, tick);
            }
            thing = next;
        }
    }

    fn insert(&mut self, thing: u32, tick: u64) {
        let reach = (1_u64 << (6 * LEVELS as u32)) - 1;
        let tick = tick.min(self.elapsed.saturating_add(REACH));
        let differing = ((self.elapsed ^ tick) | 63).min(reach);
        let level = (63 - differing.leading_zeros()) / 6;
        let slot = (tick >> (6 * level)) & 63;
        self.link(thing, tick, level as u8, slot as u8);
    }

    fn link(&mut self, thing: u32, tick: u64, level: u8, slot: u8) {
        let next = self.head(level, slot);
        if let Some(node) = self.node_mut(thing) {
            *node = Node { tick: tick as u32, previous: NONE, next, level, slot };
        }
        if let Some(next) = self.node_mut(next) {
            next.previous = thing;
        }
        self.set_head(level, slot, thing);
    }

    fn head(&self, level: u8, slot: u8) -> u32 {
        if level == DUE {
            return self.due;
        }
        self.heads
            .get(usize::from(level))
            .and_then(|heads| heads.get(usize::from(slot)))
            .copied()
            .unwrap_or(NONE)
    }

    fn set_head(&mut self, level: u8, slot: u8, thing: u32) {
        if level == DUE {
            self.due = thing;
            return;
        }
        let level = usize::from(level);
        if let Some(head) = self.heads.get_mut(level).and_then(|heads| heads.get_mut(usize::from(slot))) {
            *head = thing;
        }
        if let Some(occupied) = self.occupied.get_mut(level) {
            let bit = 1_u64 << (slot & 63);
            *occupied = if thing == NONE { *occupied & !bit } else { *occupied | bit };
        }
    }

    /// The whole tick of a node.
    fn tick(&self, node: Node) -> u64 {
        let ahead = node.tick.wrapping_sub(self.elapsed as u32).cast_signed();
        self.elapsed.saturating_add_signed(i64::from(ahead))
    }

    fn node(&self, thing: u32) -> Option<Node> {
        self.nodes.get(thing).copied()
    }

    fn node_mut(&mut self, thing: u32) -> Option<&mut Node> {
        self.nodes.get_mut(thing)
    }
}

#[cfg(test)]
mod tests;
