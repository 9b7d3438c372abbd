//! Lists of addresses behind `-s` and `-d`: numbers, networks, host names.
use std::net::IpAddr;

use packet::{AddrMask, Family};

use super::error::{Error, ErrorKind};
use super::lex::Word;
use super::{Names, value};

/// The longest item of a list in bytes.
const ITEM_MAX: usize = 255;

/// Every address of a family.
pub(crate) fn any(family: Family) -> AddrMask {
    AddrMask::prefix(family.unspecified(), 0).unwrap_or(AddrMask::V4 { address: 0, mask: 0 })
}

/// Whether the mask is null.
pub(crate) fn is_any(network: &AddrMask) -> bool {
    network.prefix_length() == Some(0)
}

/// `a,b/24,host`: one entry for each address, twice the same of one host once.
pub(crate) fn list(
    word: &Word<'_>,
    family: Family,
    names: &dyn Names,
    warnings: &mut Vec<String>,
) -> Result<Vec<AddrMask>, Error> {
    let mut all = Vec::new();
    let mut start = 0;
    for item in word.text.split(',') {
        let end = start + item.len();
        let blanks = item.len() - item.trim_start().len();
        let part = |from: usize, to: usize| word.part(start + from, start + to);
        let item_text = item.trim_start();
        if item_text.len() > ITEM_MAX {
            return Err(Error::new(ErrorKind::Host(item_text.into()), part(blanks, item.len())));
        }
        let (name, mask) = match item_text.rsplit_once('/') {
            Some((name, mask)) => (name, Some(mask)),
            None => (item_text, None),
        };
        let mask_address = match mask {
            None => value::prefix_mask(family.bits(), family),
            Some(text) => value::mask(text, family),
        };
        let Some(mask_address) = mask_address else {
            let text = mask.unwrap_or("");
            return Err(Error::new(ErrorKind::Mask(text.into()), part(item.len() - text.len(), item.len())));
        };
        // Why: iptables takes them without a word, and the rule matches nothing that anybody meant.
        let whole = |address| AddrMask::new(address, address).and_then(|mask| mask.prefix_length());
        let literal = value::literal_address(name, family);
        let looks_like_mask = literal.and_then(whole).is_some_and(|length| length > 0);
        if looks_like_mask && whole(mask_address).is_none() {
            let mask = mask.unwrap_or("");
            warnings.push(format!(
                "Warning: mask `{mask}' is no prefix, but `{name}' would be one: address and mask exchanged? `{mask}/{name}'"
            ));
        }
        if mask_address.is_unspecified() {
            // Linux: a null mask, the name before it does not count.
            all.push(any(family));
        } else if let Some(address) = literal {
            all.extend(AddrMask::new(address, mask_address));
        } else {
            let addresses = resolve(name, family, names);
            if addresses.is_empty() {
                let span = part(blanks, blanks + name.len());
                let mut error = Error::new(ErrorKind::Host(name.into()), span);
                if name.contains(|letter: char| letter.is_ascii_alphabetic()) {
                    error = error.because("the name is neither in the hosts file nor known to the resolver");
                }
                return Err(error);
            }
            let first = all.len();
            for &address in &addresses {
                let Some(network) = AddrMask::new(address, mask_address) else { continue };
                if !all.iter().skip(first).any(|own| *own == network) {
                    all.push(network);
                }
            }
            let list: Vec<_> = all.iter().skip(first).map(|own| own.address().to_string()).collect();
            warnings.push(format!(
                "Warning: host name `{name}' is resolved once, now; the rule holds {}.",
                list.join(", ")
            ));
        }
        start = end + 1;
    }
    Ok(all)
}

/// The addresses of a name that is no address in numbers.
fn resolve(name: &str, family: Family, names: &dyn Names) -> Vec<IpAddr> {
    if name.is_empty() {
        return Vec::new();
    }
    if family == Family::V4
        && let Some(network) = names.network(name)
    {
        return vec![IpAddr::V4(network)];
    }
    // Linux: the resolver reads numbers in other ways than iptables itself (`256` is 0.0.1.0, `1.2.256` is 1.2.1.0).
    if let Some(address) = value::resolver_address(name, family) {
        return vec![address];
    }
    names.host(name, family)
}
