//! Policies of IPsec: `ip xfrm policy` and `ip xfrm policy getdefault`, as far as they say whose packets they may stop or
//! protect. Read first: `man ip-xfrm`.
use packet::{AddrMask, Family};

/// Traffic that a policy forbids, or lets pass protected only, or protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Source and destination addresses; `None`: all, or they could not be read.
    ends: Option<(AddrMask, AddrMask)>,
}

impl Policy {
    /// Whether it may be about a packet.
    pub(crate) fn covers(&self, view: &packet::View<'_>) -> bool {
        self.ends.is_none_or(|(from, to)| from.contains(view.source()) && to.contains(view.destination()))
    }
}

/// The policies in a list that make a difference to somebody: others let pass what comes or goes in the clear.
pub(super) fn read(text: &str) -> Vec<Policy> {
    let mut found: Vec<(Policy, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(char::is_whitespace) {
            let Some((_, words)) = found.last_mut() else { continue };
            words.extend(line.split_whitespace());
        } else {
            found.push((Policy { ends: ends(line) }, Vec::new()));
        }
    }
    found.into_iter().filter(|(_, words)| matters(words)).map(|(policy, _)| policy).collect()
}

/// `src 10.0.1.0/24 dst 0.0.0.0/0 proto udp …`
fn ends(line: &str) -> Option<(AddrMask, AddrMask)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["src", from, "dst", to, ..] = words.as_slice() else { return None };
    Some((prefix(from)?, prefix(to)?))
}

fn prefix(word: &str) -> Option<AddrMask> {
    let (address, length) = word.split_once('/').map_or((word, None), |(own, length)| (own, Some(length)));
    let address = address.parse().ok()?;
    let length = length.map_or(Ok(Family::of(address).bits()), str::parse).ok()?;
    AddrMask::prefix(address, length)
}

/// Linux: `xfrm_policy_check` lets pass what came in the clear if every template is optional (`level use`), and on the way out
/// a state may be there.
fn matters(words: &[&str]) -> bool {
    let pairs = |first: &str, second: &str| words.windows(2).filter(|own| **own == [first, second]).count();
    let templates = words.iter().filter(|word| **word == "tmpl").count();
    pairs("action", "block") != 0
        || templates > pairs("level", "use")
        || (templates != 0 && pairs("dir", "out") != 0)
}

/// What is done with traffic that no policy is about: a policy for everything if not all of it is accepted.
pub(super) fn default(text: &str) -> Option<Policy> {
    let blocks = text.split_whitespace().any(|word| word == "block");
    blocks.then_some(Policy { ends: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_make_a_difference_are_found() {
        let text = "src 10.0.1.0/24 dst 0.0.0.0/0 \n\tdir fwd action block priority 0 ptype main \n\
            src 10.0.2.0/24 dst 10.9.0.0/16 \n\tdir out priority 0 ptype main \n\
            \ttmpl src 203.0.113.1 dst 198.51.100.1\n\t\tproto esp reqid 1 mode tunnel\n\
            src 10.0.3.0/24 dst 0.0.0.0/0 \n\tdir in priority 0 ptype main \n\
            \ttmpl src 0.0.0.0 dst 0.0.0.0\n\t\tproto esp reqid 1 mode transport\n\t\tlevel use \n\
            src fd00::/8 dst ::/0 proto udp sport 1 dport 2 \n\tdir fwd priority 10 ptype main \n\
            src 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0 ptype main \n";
        let found = read(text);
        assert_eq!(found.len(), 2);
        let covered = |from: &str, to: &str| {
            let bytes = packet::build::udp(format!("{from}:1").as_str(), format!("{to}:2").as_str()).build();
            let view = packet::View::parse(&bytes).unwrap();
            found.iter().map(|own| own.covers(&view)).collect::<Vec<_>>()
        };
        assert_eq!(covered("10.0.1.5", "8.8.8.8"), [true, false]);
        assert_eq!(covered("10.0.2.5", "10.9.1.1"), [false, true]);
        assert_eq!(covered("10.0.2.5", "8.8.8.8"), [false, false]);
        assert_eq!(read("whatever\n\tdir in action block\n"), [Policy { ends: None }]);
        assert!(read("").is_empty() && read("\tdir in action block\n").is_empty());
        assert_eq!(default("Default policies:\n in:  accept\n fwd: accept\n out: accept\n"), None);
        assert!(default("Default policies:\n in:  block\n fwd: accept\n out: accept\n").is_some());
    }
}
