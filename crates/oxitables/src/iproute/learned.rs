//! What a host has learned of the ways to single addresses: `ip -4 route show cache`, `ip -6 route show cache`. Not with
//! `-j`, which leaves out whether an MTU is locked.
use netfilter::network::Exception;
use packet::InterfaceName;

use super::{Problem, Read};

/// Words with a value that change nothing.
const HARMLESS: [&str; 14] = [
    "metric", "pref", "src", "uid", "table", "scope", "tos", "realms", "users", "used", "age", "advmss",
    "rtt", "hoplimit",
];

/// What stands before an entry that is no way to another machine. Of those nothing is learned.
const NO_WAYS: [&str; 9] =
    ["local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "unspec"];

/// Reads the entries: each begins at the start of a line and goes on in the lines that are moved in.
pub(super) fn read(read: &mut Read, (name, text): (&str, &str)) -> Result<(), Problem> {
    let mut entries: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        match entries.last_mut().filter(|_| line.starts_with(char::is_whitespace)) {
            Some(entry) => entry.extend(line.split_whitespace()),
            None if line.trim().is_empty() => {}
            None => entries.push(line.split_whitespace().collect()),
        }
    }
    for (at, words) in entries.iter().enumerate() {
        let about = words.first().copied().unwrap_or_default().to_owned();
        let problem = |what| Problem { output: name.to_owned(), entry: Some((at + 1, about.clone())), what };
        let found = entry(read, words).map_err(problem)?;
        read.network.exceptions.extend(found);
    }
    Ok(())
}

/// An entry; `None`: it is no way to another machine, or its device has gone.
fn entry(read: &Read, words: &[&str]) -> Result<Option<Exception>, String> {
    let wrong = |word: &str| format!("`{word}` is not known");
    let mut words = words.iter().copied().peekable();
    let destination = words.next().unwrap_or_default();
    if NO_WAYS.contains(&destination) {
        return Ok(None);
    }
    let destination = destination.parse().map_err(|_| wrong(destination))?;
    let (mut device, mut via, mut mtu, mut expires) = (None, None, None, None);
    let (mut locked, mut redirected) = (false, false);
    while let Some(word) = words.next() {
        if matches!(word, "cache" | "linkdown" | "onlink") {
            continue;
        }
        if word.starts_with('<') {
            redirected |= word.contains("redirected");
            continue;
        }
        if word == "mtu" {
            locked = words.next_if_eq(&"lock").is_some();
        }
        let value = words.next().ok_or_else(|| wrong(word))?;
        match word {
            "via" => via = Some(value.parse().map_err(|_| wrong(value))?),
            "dev" => device = Some(value),
            "proto" => redirected |= value == "redirect",
            "mtu" => mtu = Some(value.parse().map_err(|_| wrong(value))?),
            "expires" => {
                let seconds = value.strip_suffix("sec").unwrap_or(value);
                // What is over has a negative time.
                let seconds = seconds.parse::<i64>().map_err(|_| wrong(value))?;
                expires = Some(u64::try_from(seconds).unwrap_or(0));
            }
            _ if HARMLESS.contains(&word) => {}
            _ => return Err(wrong(word)),
        }
    }
    let device = device.and_then(InterfaceName::new).and_then(|name| read.network.device_named(name));
    Ok(device.map(|device| Exception { destination, device, via, redirected, mtu, locked, expires }))
}
