//! What a machine has learned and joined: `cache`, `maddr`.
use std::net::IpAddr;

use packet::Family;

use super::{Error, ErrorKind, Words, number, set};
use crate::network::{Exception, Group, Network, Sources};

/// What was learned of the way to an address.
pub(super) fn learned(network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
    let destination = words.address()?;
    let (mut device, mut via) = (None, None);
    let (mut mtu, mut expires, mut locked, mut redirected) = (None, None, false, false);
    while let Some(word) = words.next() {
        match word {
            "dev" => device = Some(words.device(network)?),
            "via" => {
                let gateway = words.address()?;
                if Family::of(gateway) != Family::of(destination) {
                    return Err(words.error(ErrorKind::Families));
                }
                via = Some(gateway);
            }
            "mtu" => {
                locked = words.peek() == Some("lock");
                if locked {
                    words.next();
                }
                mtu = Some(words.number()?);
            }
            "expires" => {
                let word = words.value()?;
                let seconds = number(word.strip_suffix("sec").unwrap_or(word));
                expires = Some(u64::from(seconds.ok_or_else(|| words.error(ErrorKind::Number))?));
            }
            "redirected" => redirected = true,
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let device = device.ok_or_else(|| words.error(ErrorKind::Missing))?;
    if redirected && via.is_none() {
        return Err(words.error(ErrorKind::Gateway));
    }
    network.exceptions.push(Exception { destination, device, via, redirected, mtu, locked, expires });
    Ok(())
}

/// A group that a device has joined.
pub(super) fn joined(network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
    let address = words.address()?;
    if !address.is_multicast() {
        return Err(words.error(ErrorKind::Address));
    }
    let (mut device, mut sources) = (None, Sources::All);
    while let Some(word) = words.next() {
        match word {
            "dev" => device = Some(words.device(network)?),
            "mixed" => sources = Sources::Mixed,
            "include" | "exclude" => {
                let list: Option<Vec<IpAddr>> =
                    words.value()?.split(',').map(|source| source.parse().ok()).collect();
                let list = list.filter(|list| list.iter().all(|own| Family::of(*own) == Family::of(address)));
                let list = list.ok_or_else(|| words.error(ErrorKind::Address))?;
                sources = if word == "include" { Sources::Only(list) } else { Sources::But(list) };
            }
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let device = device.ok_or_else(|| words.error(ErrorKind::Missing))?;
    set(network, device, |device| device.groups.push(Group { address, sources }));
    Ok(())
}
