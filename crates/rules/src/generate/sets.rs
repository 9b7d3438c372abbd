//! Random rules that name the sets of the fixtures.
use super::Place;
use super::values::Random;
use crate::fixture::SETS;
use crate::matches::set::{Comparison, SetMatch};
use crate::set::{Directions, SetName, SetReference};
use crate::targets::set::SetTarget;
use crate::{Hook, Table};

/// A set that may be named in a family.
fn reference(random: &mut Random<'_>) -> Option<SetReference> {
    let own: Vec<&str> = SETS
        .iter()
        .filter(|(_, _, family)| family.is_none_or(|family| family == random.family))
        .map(|(name, ..)| *name)
        .collect();
    let name = own.get(random.below(own.len()))?;
    let most = if random.chance(1, 8) { 6 } else { 3 };
    let count = 1 + random.below(most);
    let sources: Vec<bool> = (0..count).map(|_| random.chance(1, 2)).collect();
    Some(SetReference { name: SetName::new(name)?, directions: Directions::new(&sources)? })
}

/// `-m set`.
pub(super) fn set_match(random: &mut Random<'_>) -> Option<SetMatch> {
    let counter = |random: &mut Random<'_>| {
        let value = random.choose([0, 1, 5, 1_000, u64::MAX]);
        random.chance(1, 4).then(|| match random.below(4) {
            0 => Comparison::Equal(value),
            1 => Comparison::NotEqual(value),
            2 => Comparison::Less(value),
            _ => Comparison::Greater(value),
        })
    };
    Some(SetMatch {
        set: Some(reference(random)?),
        invert: random.chance(1, 4),
        return_nomatch: random.chance(1, 4),
        keep_counters: random.chance(1, 4),
        keep_subcounters: random.chance(1, 4),
        packets: counter(random),
        bytes: counter(random),
    })
}

/// `-j SET`.
pub(super) fn set_target(random: &mut Random<'_>, place: &Place<'_>) -> Option<SetTarget> {
    let mut own = SetTarget::default();
    if random.chance(2, 3) {
        own.add = Some(reference(random)?);
        own.exist = random.chance(1, 2);
        own.timeout = random.choose([None, Some(0), Some(10), Some(u32::MAX - 1)]);
    }
    if own.add.is_none() || random.chance(1, 4) {
        own.delete = Some(reference(random)?);
    }
    if place.table == Table::Mangle && random.chance(1, 2) {
        own.map = Some(reference(random)?);
        let leaves = place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]);
        own.map_priority = leaves && random.chance(1, 2);
        own.map_queue = leaves && random.chance(1, 2);
        own.map_mark = !(own.map_priority || own.map_queue) || random.chance(1, 2);
    }
    Some(own)
}
