#![no_main]
//! Any bytes: parse, view, rewrite, print and read back. Nothing panics, and what is rewritten parses again.
use libfuzzer_sys::fuzz_target;
use packet::{View, layout, rewrite, rewrite::End};

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = layout::parse(bytes) else { return };
    let view = View::new(bytes, parsed);
    let _ = (
        view.source(),
        view.destination(),
        view.ports(),
        view.tcp().map(|tcp| tcp.options().map(<[u8]>::len)),
    );
    let text = packet::show::print(None, view.bytes());
    let shown = packet::show::parse(&text).expect("what is printed reads back");
    assert_eq!(shown.bytes, view.bytes(), "{text}");
    let mut copy = view.bytes().to_vec();
    rewrite::set_ttl(&mut copy, parsed, 1);
    rewrite::set_address(&mut copy, parsed, End::Source, parsed.family.unspecified());
    rewrite::set_port(&mut copy, parsed, End::Destination, 1);
    layout::parse(&copy).expect("a rewritten packet is a packet");
});
