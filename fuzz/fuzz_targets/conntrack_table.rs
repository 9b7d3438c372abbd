#![no_main]
//! Any text as a connection table: each line is taken or has an error with its place; what is in the table then is dumped,
//! loaded and dumped the same, is found by both tuples, and ends.
use libfuzzer_sys::fuzz_target;
use netfilter::conntrack::format::{Entry, Style};
use netfilter::conntrack::{Config, Conntrack, Direction};
use netfilter::{Instant, Now};

const NOW: Now = Now { mono: Instant(5_000_000_000), wall: 0 };
/// Later than the longest timeout.
const END: Now = Now { mono: Instant(u64::MAX), wall: 0 };

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for line in text.lines().take(16) {
        match Entry::parse(line) {
            Ok(mut entry) => {
                // Only /proc has them.
                (entry.gre_timeouts, entry.zero_zone) = (None, None);
                let mut printed = String::new();
                entry.print(Style::Extended, &mut printed);
                let mut read = Entry::parse(&printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
                // Of an offloaded connection [ASSURED] is not said.
                read.assured |= entry.offload.is_some() && entry.assured;
                assert_eq!(read, entry, "{printed}");
            }
            Err(error) => assert!(error.column <= line.chars().count() + 1, "{error}"),
        }
    }
    let mut table = Conntrack::new(Config { max: 64, ..Config::default() }, [1, 2]);
    if let Err(error) = table.load(&text, &|name| name.parse().ok(), NOW) {
        drop(error.to_string());
    }
    let dump = |table: &Conntrack| {
        let mut out = String::new();
        table.dump(Style::Extended, NOW, &mut out);
        out
    };
    let dumped = dump(&table);
    let mut copy = Conntrack::new(Config { max: 64, ..Config::default() }, [3, 4]);
    if let Err(error) = copy.load(&dumped, &|_| None, NOW) {
        panic!("{dumped}\n{error}");
    }
    assert_eq!(dump(&copy), dumped);
    for (id, connection) in table.iter().filter(|(_, connection)| !connection.is_expired(NOW.mono)) {
        let tuple = connection.tuple(Direction::Original);
        assert_eq!(table.find(&tuple, connection.zone, NOW.mono).map(|(found, _)| found), Some(id));
    }
    copy.expire(END);
    assert!(copy.is_empty() && copy.expectations().next().is_none());
});
