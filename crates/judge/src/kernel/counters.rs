//! The counters of the legacy tables, asked of the kernel without a process: `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`.
//!
//! Read first: Linux `include/uapi/linux/netfilter_ipv4/ip_tables.h` (`ipt_getinfo`, `ipt_get_entries`, `ipt_entry`) and its
//! IPv6 twin. Entries stand one behind the other; a built-in chain begins at the offset that the table has for its hook, a
//! user chain with an entry whose target is `ERROR` and carries the name, and ends with a RETURN that nobody typed.
use std::io;
use std::os::fd::OwnedFd;

use crate::outcome::Counter;

#[cfg(test)]
mod tests;

const TABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];
/// Hooks in the order of their numbers.
const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
const GET_INFO: i32 = 64;
const GET_ENTRIES: i32 = 65;
/// `ipt_getinfo`: name, valid hooks, five offsets of first entries, five of policies, number and size of the entries.
const INFO: usize = 32 + 4 + 20 + 20 + 4 + 4;
/// Where the entries begin in `ipt_get_entries`.
const HEAD: usize = 40;

/// Where the fields of an entry stand.
struct Layout {
    level: i32,
    target_offset: usize,
    next_offset: usize,
    counters: usize,
}

const V4: Layout = Layout { level: 0, target_offset: 88, next_offset: 90, counters: 96 };
const V6: Layout = Layout { level: 41, target_offset: 140, next_offset: 142, counters: 152 };

/// The counters of all tables of a family, in the order of their places.
pub(super) fn counters(socket: &OwnedFd, v6: bool) -> io::Result<Vec<Counter>> {
    let layout = if v6 { V6 } else { V4 };
    let mut out = Vec::new();
    for table in TABLES {
        let mut info = [0_u8; INFO];
        info[..table.len()].copy_from_slice(table.as_bytes());
        match sys::judge::option(socket, layout.level, GET_INFO, &mut info) {
            Ok(_) => {}
            // Nobody has used the table.
            Err(error) if error.raw_os_error() == Some(2) => continue,
            Err(error) => return Err(error),
        }
        let size = number(&info, INFO - 4);
        let mut blob = vec![0_u8; HEAD + size];
        blob[..table.len()].copy_from_slice(table.as_bytes());
        blob[32..36].copy_from_slice(&info[INFO - 4..]);
        sys::judge::option(socket, layout.level, GET_ENTRIES, &mut blob)?;
        let family = if v6 { 6 } else { 4 };
        read(family, table, &info, blob.get(HEAD..).unwrap_or(&[]), &layout, &mut out)
            .ok_or_else(|| io::Error::other("entries that cannot be read"))?;
    }
    out.sort();
    Ok(out)
}

fn number(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes) as usize
}

fn read(
    family: u8,
    table: &str,
    info: &[u8],
    entries: &[u8],
    layout: &Layout,
    out: &mut Vec<Counter>,
) -> Option<()> {
    let valid = number(info, 32);
    let hook_at = |at: usize, first: usize| {
        (0..HOOKS.len()).find(|hook| valid >> hook & 1 == 1 && number(info, first + hook * 4) == at)
    };
    let (mut chain, mut rule, mut user) = (String::new(), 0, false);
    let mut at = 0;
    while at < entries.len() {
        let entry = entries.get(at..)?;
        let short = |place: usize| {
            Some(usize::from(u16::from_ne_bytes(entry.get(place..place + 2)?.try_into().ok()?)))
        };
        let long = |place: usize| Some(u64::from_ne_bytes(entry.get(place..place + 8)?.try_into().ok()?));
        let target = entry.get(short(layout.target_offset)?..)?;
        let is_head = target.get(2..8)? == b"ERROR\0";
        let hook = hook_at(at, 36);
        if is_head || hook.is_some() {
            if user {
                // The end of the chain before.
                out.pop();
            }
            rule = 0;
            user = is_head;
            chain = match hook {
                Some(hook) => HOOKS[hook].to_owned(),
                None => {
                    String::from_utf8_lossy(target.get(32..)?.split(|&byte| byte == 0).next()?).into_owned()
                }
            };
        }
        if !is_head {
            rule += 1;
            let policy = hook_at(at, 56).is_some();
            let place =
                if policy { format!("{table}:{chain}:policy") } else { format!("{table}:{chain}:{rule}") };
            let (packets, bytes) = (long(layout.counters)?, long(layout.counters + 8)?);
            out.push(Counter { family, place, packets, bytes });
        }
        at += short(layout.next_offset)?.max(1);
    }
    Some(())
}
