//! The facts F63 to F65, as measured on Linux 6.18 with TUN devices.
use std::collections::VecDeque;
use std::time::Duration;

use packet::{checksum, layout};
use proptest::prelude::*;

use super::*;
use crate::env::Env;
use crate::network::{Address, Device, Network};
use crate::skb::{Emitted, Origin};
use crate::tables::Named;
use crate::time::{Now, Seeded};
use crate::trace::Trace;
use crate::{Conntrack, LogLine};

/// What an [`Env`] borrows.
struct World {
    now: Now,
    network: Network,
    conntrack: Conntrack,
    named: Named,
    random: Seeded,
    emitted: Vec<Emitted>,
    log: VecDeque<LogLine>,
    trace: Trace,
    next_packet: u64,
    next_ip_id: u16,
    defrag: Defrag,
}

impl World {
    fn new() -> Self {
        let address = |text: &str, length| Address::new(text.parse().unwrap(), length);
        let device = |name, addresses| Device {
            addresses,
            ..Device::new(packet::InterfaceName::new(name).unwrap(), 1500)
        };
        let network = Network {
            policies: Default::default(),
            devices: vec![
                device("lo", vec![address("127.0.0.1", 8)]),
                device("lan0", vec![address("10.0.1.1", 24), address("fd00:1::1", 64)]),
            ],
            exceptions: Vec::new(),
            tables: Default::default(),
            rules_v4: Vec::new(),
            rules_v6: Vec::new(),
            forwarding: Default::default(),
            neighbours: Default::default(),
            settings: crate::network::Settings { forward_v4: true, forward_v6: true, ..Default::default() },
        };
        Self {
            now: Now::default(),
            network,
            conntrack: Conntrack::default(),
            named: Named::default(),
            random: Seeded::new(1),
            emitted: Vec::new(),
            log: VecDeque::new(),
            trace: Trace::default(),
            next_packet: 1,
            next_ip_id: 1,
            defrag: Defrag::default(),
        }
    }

    fn env(&mut self) -> (Env<'_>, &mut Defrag) {
        let env = Env {
            now: self.now,
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: Box::leak(Box::default()),
            conntrack: &mut self.conntrack,
            named: &mut self.named,
            peers: Box::leak(Box::default()),
            random: &mut self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: Box::leak(Box::default()),
            trace: Some(&mut self.trace),
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        };
        (env, &mut self.defrag)
    }

    fn give(&mut self, bytes: &[u8]) -> (Verdict, Packet) {
        self.give_to(bytes, User::Prerouting)
    }

    fn give_to(&mut self, bytes: &[u8], user: User) -> (Verdict, Packet) {
        let mut packet = packet(bytes);
        if user == User::Output {
            packet.input = None;
        }
        let (mut env, defrag) = self.env();
        let verdict = handle(defrag, &mut packet, user, &mut env);
        (verdict, packet)
    }

    /// Gives all; the packet that came out, if one did.
    fn give_all<'a>(&mut self, all: impl IntoIterator<Item = &'a Vec<u8>>) -> Option<Packet> {
        let mut out = None;
        for bytes in all {
            let (verdict, packet) = self.give(bytes);
            if verdict == Verdict::Accept {
                assert!(out.is_none(), "two packets came out");
                out = Some(packet);
            }
        }
        out
    }

    fn expire(&mut self) -> Vec<Packet> {
        let (mut env, defrag) = self.env();
        defrag.expire(&mut env)
    }
}

fn packet(bytes: &[u8]) -> Packet {
    let layout = layout::parse(bytes).unwrap();
    Packet { input: Some(DeviceId(1)), ..Packet::new(1, bytes.to_vec(), layout) }
}

/// An IPv4 packet; `bits` is the fragment field.
fn v4(payload: &[u8], id: u16, bits: u16, tos: u8, options: &[u8]) -> Vec<u8> {
    v4_to([8, 8, 8, 8], payload, id, bits, tos, options)
}

fn v4_to(to: [u8; 4], payload: &[u8], id: u16, bits: u16, tos: u8, options: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let mut bytes = vec![0x40 | (header / 4) as u8, tos, 0, 0];
    bytes.extend(id.to_be_bytes());
    bytes.extend([0, 0, 64, 17, 0, 0, 10, 0, 1, 5]);
    bytes.extend(to);
    bytes.extend(options);
    bytes.extend(payload);
    let total = bytes.len() as u16;
    super::v4::finish_header(&mut bytes, header, tos, total, bits);
    bytes
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// Cuts a payload at the given lengths; what is left is the last piece.
fn places(total: usize, lengths: &[usize]) -> Vec<(usize, usize, bool)> {
    let mut at = 0;
    let mut all = Vec::new();
    for &length in lengths.iter().chain([&total]) {
        let length = length.min(total - at);
        if length > 0 {
            all.push((at, length, at + length < total));
            at += length;
        }
    }
    all
}

fn cut_v4(payload: &[u8], lengths: &[usize], dont_fragment: bool) -> Vec<Vec<u8>> {
    places(payload.len(), lengths)
        .into_iter()
        .map(|(at, length, more)| {
            let bits = (at / 8) as u16 | (u16::from(more) << 13) | (u16::from(dont_fragment) << 14);
            v4(&payload[at..at + length], 9, bits, 0, &[])
        })
        .collect()
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend("fd00:1::5".parse::<std::net::Ipv6Addr>().unwrap().octets());
    bytes.extend("fd00:9::9".parse::<std::net::Ipv6Addr>().unwrap().octets());
    bytes.extend(payload);
    bytes
}

fn v6_fragment(data: &[u8], at: usize, more: bool) -> Vec<u8> {
    let mut payload = vec![17, 0];
    payload.extend((at as u16 | u16::from(more)).to_be_bytes());
    payload.extend([0, 0, 0, 9]);
    payload.extend(data);
    v6(44, &payload)
}

fn cut_v6(payload: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    places(payload.len(), lengths)
        .into_iter()
        .map(|(at, length, more)| v6_fragment(&payload[at..at + length], at, more))
        .collect()
}

fn sizes(packet: &Packet, mtu: u32) -> Vec<usize> {
    split(packet, mtu, &mut 7).unwrap().iter().map(Vec::len).collect()
}

#[test]
fn f63_any_order_gathers_and_leaves_in_the_original_sizes_by_offset() {
    let whole = payload(1008);
    let cut = cut_v4(&whole, &[400, 200], false);
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
        let mut world = World::new();
        let out = world.give_all(order.map(|at| &cut[at])).expect("complete");
        assert_eq!(out.len(), 1028, "rules see the full length");
        assert_eq!(out.view().after_header(), whole);
        assert_eq!(checksum::of(&out.bytes[..20]), 0);
        assert_eq!(split(&out, 1500, &mut 1).unwrap(), cut);
        assert!(world.defrag.is_empty());
        assert_eq!(world.defrag.memory, [0, 0]);
        assert_eq!(world.defrag.poll_timeout(), None);
        let (last, before) = world.trace.steps.split_last().unwrap();
        assert_eq!(last.1, Step::Gathered { pieces: 3 });
        assert!(before.iter().all(|(_, step)| *step == Step::FragmentKept));
    }
}

#[test]
fn f63_dont_fragment_is_lost_in_pieces_that_leave_as_they_came() {
    let cut = cut_v4(&payload(1008), &[400, 200], true);
    let out = World::new().give_all(&cut).unwrap();
    assert!(out.view().dont_fragment(), "the rules see it");
    for (piece, came) in split(&out, 1500, &mut 1).unwrap().iter().zip(&cut) {
        assert_eq!(piece[6] & 0x40, 0);
        assert_eq!(piece[20..], came[20..]);
    }
    // Measured: at MTU 300 the sender is told.
    assert!(too_big_to_forward(&out, 300));
    assert_eq!(split(&out, 300, &mut 1), Err(Uncuttable));
    // A small DF fragment beside a larger one without does not count.
    let mut mixed = cut_v4(&payload(1008), &[400, 200], false);
    mixed[1] = cut[1].clone();
    let out = World::new().give_all(&mixed).unwrap();
    assert!(!out.view().dont_fragment());
    assert!(!too_big_to_forward(&out, 300));
}

#[test]
fn f63_a_smaller_mtu_cuts_anew() {
    let out = World::new().give_all(&cut_v4(&payload(1008), &[400, 200], false)).unwrap();
    assert_eq!(sizes(&out, 300), [300, 300, 300, 188]);
    // The largest fragment that came is the bound if the MTU is larger but a piece does not fit its place any more.
    let mut longer = out.clone();
    longer.bytes.extend([1; 8]);
    longer.bytes[3] += 8;
    let total = longer.bytes.len() as u16;
    super::v4::finish_header(&mut longer.bytes, 20, 0, total, 0);
    longer.layout = layout::parse(&longer.bytes).unwrap();
    assert_eq!(sizes(&longer, 1500), [428, 428, 220]);
    let plain = packet(&v4(&payload(1480), 1, 0, 0, &[]));
    assert_eq!(sizes(&plain, 1400), [1396, 124]);
    assert_eq!(sizes(&plain, 1500), [1500]);
}

#[test]
fn f65_dont_fragment_decides() {
    let with = packet(&v4(&payload(1000), 1, 0x4000, 0, &[]));
    assert!(too_big_to_forward(&with, 1019) && !too_big_to_forward(&with, 1020));
    assert_eq!(split(&with, 1019, &mut 1), Err(Uncuttable));
    let without = packet(&v4(&payload(1000), 1, 0, 0, &[]));
    assert!(!too_big_to_forward(&without, 1019));
    assert_eq!(sizes(&without, 1019), [1012, 28]);
    let six = packet(&v6(17, &payload(1400)));
    assert!(too_big_to_forward(&six, 1439) && !too_big_to_forward(&six, 1440));
    assert_eq!(split(&six, 1439, &mut 1), Err(Uncuttable));
    let local = Packet { origin: Some(Origin::default()), ..six };
    assert_eq!(sizes(&local, 1439), [1432, 64]);
}

#[test]
fn f63_duplicates_are_ignored_also_when_cut_otherwise() {
    let whole = payload(1008);
    let cut = cut_v4(&whole, &[400, 200, 200], false);
    let wide = cut_v4(&whole, &[600], false);
    let out =
        World::new().give_all([&cut[0], &cut[0], &cut[1], &cut[1], &wide[0], &cut[2], &cut[3]]).unwrap();
    assert_eq!(split(&out, 1500, &mut 1).unwrap(), cut);
}

#[test]
fn f63_overlap_discards_the_queue() {
    let whole = payload(1008);
    let cut = cut_v4(&whole, &[400, 200], false);
    let wide = cut_v4(&whole, &[600], false);
    let mut world = World::new();
    assert!(world.give_all([&cut[0], &wide[0]]).is_none());
    assert!(world.defrag.is_empty());
    // What follows begins a new queue, which lacks its first fragment.
    assert!(world.give_all([&cut[1], &cut[2]]).is_none());
    assert_eq!(world.defrag.len(), 1);
}

#[test]
fn f63_contradicting_ends_discard_the_queue() {
    let last = v4(&payload(16), 9, 50, 0, &[]);
    for second in [
        v4(&payload(16), 9, 40, 0, &[]), // another last fragment that ends earlier
        v4(&payload(16), 9, 60, 0, &[]), // … later
        v4(&payload(16), 9, 60 | 0x2000, 0, &[]), // more beyond the end
        v4(&[], 9, 20 | 0x2000, 0, &[]), // nothing
        v4(&payload(7), 9, 20 | 0x2000, 0, &[]), // nothing after cutting to a multiple of 8
    ] {
        let mut world = World::new();
        assert_eq!(world.give(&last).0, Verdict::Stolen);
        assert_eq!(world.give(&second).0, Verdict::Stolen);
        assert!(world.defrag.is_empty(), "{second:?}");
    }
}

#[test]
fn f63_a_middle_fragment_is_cut_to_a_multiple_of_8() {
    let whole = payload(500);
    let first = v4(&whole[..100], 9, 0x2000, 0, &[]);
    let second = v4(&whole[96..], 9, 12, 0, &[]);
    let out = World::new().give_all([&first, &second]).unwrap();
    assert_eq!(out.view().after_header(), whole);
    assert_eq!(sizes(&out, 1500), [116, 424]);
}

#[test]
fn f63_ecn_bits_are_joined() {
    let whole = payload(1008);
    let with = |tos: [u8; 3]| {
        let cut = cut_v4(&whole, &[400, 200], false);
        let cut: Vec<Vec<u8>> = cut
            .into_iter()
            .zip(tos)
            .map(|(mut piece, tos)| {
                let (total, bits) = (piece.len() as u16, u16::from_be_bytes([piece[6], piece[7]]));
                super::v4::finish_header(&mut piece, 20, tos, total, bits);
                piece
            })
            .collect();
        World::new().give_all(&cut).map(|out| out.view().tos())
    };
    assert_eq!(with([0x11, 0x23, 0x32]), Some(0x13), "measured: 11, 23, 32 leave as 13");
    assert_eq!(with([0x00, 0x03, 0x00]), None, "measured: CE beside not capable is dropped");
    assert_eq!(with([0x00, 0x01, 0x00]), None);
    assert_eq!(with([0x03, 0x03, 0x03]), Some(3));
    assert_eq!(with([0x01, 0x02, 0x01]), Some(1));
}

#[test]
fn f63_options_that_are_not_copied_become_no_operations() {
    let options = [7, 7, 4, 0, 0, 0, 0, 1, 0x94, 4, 0, 0];
    let plain = packet(&v4(&payload(1008), 1, 0, 0, &options));
    let pieces = split(&plain, 432, &mut 1).unwrap();
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [432, 432, 240]);
    assert_eq!(pieces[0][20..32], options);
    for piece in &pieces[1..] {
        assert_eq!(piece[20..32], [1, 1, 1, 1, 1, 1, 1, 1, 0x94, 4, 0, 0]);
        assert_eq!(checksum::of(&piece[..32]), 0);
    }
}

#[test]
fn f63_timeout_tells_the_sender_only_if_the_datagram_was_for_this_machine() {
    for (to, first_came, told) in
        [([8, 8, 8, 8], true, 0), ([10, 0, 1, 1], true, 1), ([10, 0, 1, 1], false, 0)]
    {
        let mut world = World::new();
        let bytes = v4_to(to, &payload(400), 9, if first_came { 0x2000 } else { 0x2010 }, 0, &[]);
        world.give(&bytes);
        assert_eq!(world.defrag.poll_timeout(), Some(Instant::default() + Duration::from_millis(30_720)));
        // The wheel is coarse for so long a time: 512 jiffies.
        world.now.mono = world.now.mono + Duration::from_millis(30_719);
        assert_eq!((world.expire().len(), world.defrag.len()), (0, 1));
        world.now.mono = world.now.mono + Duration::from_millis(1);
        let expired = world.expire();
        assert_eq!(expired.len(), told);
        if let Some(first) = expired.first() {
            assert_eq!(first.bytes, bytes, "the fragment itself is quoted");
        }
        assert!(world.defrag.is_empty());
        assert_eq!(world.defrag.memory, [0, 0]);
    }
}

#[test]
fn users_do_not_meet() {
    let cut = cut_v4(&payload(800), &[400], false);
    let mut world = World::new();
    assert_eq!(world.give_to(&cut[0], User::Prerouting).0, Verdict::Stolen);
    assert_eq!(world.give_to(&cut[1], User::Output).0, Verdict::Stolen);
    assert_eq!(world.defrag.len(), 2);
}

#[test]
fn the_store_is_bounded() {
    let mut world = World::new();
    for id in 0..20_000_u16 {
        world.give(&v4(&payload(1000), id, 0x2000, 0, &[]));
    }
    let memory = world.defrag.memory[0];
    assert!(memory > 4 << 20 && memory < (4 << 20) + 10_000, "{memory}");
    assert!(world.defrag.len() < 5_000);
    // IPv6 has its own share.
    assert!(world.give_all(&cut_v6(&payload(800), &[400])).is_some());
    world.now.mono = world.now.mono + Duration::from_millis(30_720);
    world.expire();
    assert!(world.give_all(&cut_v4(&payload(800), &[400], false)).is_some());
}

#[test]
fn identifications_that_came_round_begin_anew() {
    // Linux: ipfrag_max_dist 64: a fragment that comes 65 fragments of the same source later is of another datagram.
    let cut = cut_v4(&payload(800), &[400], false);
    for (between, complete) in [(63, true), (64, false)] {
        let mut world = World::new();
        world.give(&cut[0]);
        for id in 0..between {
            world.give(&v4(&payload(80), 1000 + id, 0x2000, 0, &[]));
        }
        assert_eq!(world.give_all([&cut[1]]).is_some(), complete, "{between}");
    }
}

#[test]
fn f64_ipv6_gathers_and_leaves_in_the_original_sizes() {
    let whole = payload(1008);
    let cut = cut_v6(&whole, &[400, 200]);
    for order in [[0, 1, 2], [2, 0, 1]] {
        let out = World::new().give_all(order.map(|at| &cut[at])).unwrap();
        assert_eq!(out.bytes, v6(17, &whole));
        assert!(!too_big_to_forward(&out, 1280));
        let mut next = 0x1234;
        let pieces = split(&out, 1500, &mut next).unwrap();
        assert_eq!(next, 0x1235);
        for (piece, came) in pieces.iter().zip(&cut) {
            assert_eq!(piece[..44], came[..44]);
            assert_eq!(piece[44..48], [0, 0, 0x12, 0x34], "a new identification");
            assert_eq!(piece[48..], came[48..]);
        }
        assert_eq!(pieces.len(), 3);
    }
    // Measured: fragments of 1352 bytes do not pass MTU 1280 but are answered.
    let large = World::new().give_all(&cut_v6(&payload(3008), &[1304, 200])).unwrap();
    assert!(too_big_to_forward(&large, 1280) && !too_big_to_forward(&large, 1500 + 52));
    assert_eq!(split(&large, 1280, &mut 1), Err(Uncuttable));
    let fits = World::new().give_all(&cut_v6(&payload(3008), &[1200, 1200])).unwrap();
    assert_eq!(sizes(&fits, 1280), [1248, 1248, 656]);
}

#[test]
fn f64_an_atomic_fragment_loses_its_header() {
    let (verdict, out) = World::new().give(&v6_fragment(&payload(108), 0, false));
    assert_eq!(verdict, Verdict::Accept);
    assert_eq!(out.bytes, v6(17, &payload(108)));
    assert_eq!(split(&out, 1500, &mut 1).unwrap(), [v6(17, &payload(108))]);
}

#[test]
fn f64_ipv6_refusals() {
    let whole = payload(1008);
    let cut = cut_v6(&whole, &[400, 200]);
    // A duplicate is taken; an overlap ends the queue; a second, different last fragment is dropped alone.
    let mut world = World::new();
    assert_eq!(world.give(&cut[0]).0, Verdict::Stolen);
    assert_eq!(world.give(&cut[0]).0, Verdict::Stolen);
    assert_eq!(world.give(&v6_fragment(&payload(600), 0, true)).0, Verdict::Drop(Drop::Fragment));
    assert!(world.defrag.is_empty());
    assert_eq!(world.give(&cut[0]).0, Verdict::Stolen);
    assert_eq!(world.give(&cut[2]).0, Verdict::Stolen);
    assert_eq!(world.give(&v6_fragment(&payload(16), 800, false)).0, Verdict::Drop(Drop::Fragment));
    assert_eq!(world.give(&cut[1]).0, Verdict::Accept);
    // Measured: one whose length is no multiple of 8 goes on alone, and its queue ends.
    assert_eq!(world.give(&cut[0]).0, Verdict::Stolen);
    let odd = v6_fragment(&payload(30), 400, true);
    let (verdict, alone) = world.give(&odd);
    assert_eq!((verdict, alone.bytes), (Verdict::Accept, odd));
    assert!(world.defrag.is_empty());
    // Nothing behind the fragment header: a fragment without data is dropped (one of UDP lacks its header: goes on).
    let empty = |next| v6(44, &[next, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!(world.give(&empty(59)).0, Verdict::Drop(Drop::Fragment));
    assert_eq!(world.give(&empty(17)).0, Verdict::Accept);
    // A fragment header that is cut short.
    assert_eq!(world.give(&v6(44, &[17, 0, 0, 1])).0, Verdict::Drop(Drop::Fragment));
}

#[test]
fn f64_timeout_always_tells_the_sender() {
    let mut world = World::new();
    let first = v6_fragment(&payload(400), 0, true);
    world.give(&first);
    world.now.mono = world.now.mono + Duration::from_millis(61_439);
    assert!(world.expire().is_empty());
    world.now.mono = world.now.mono + Duration::from_millis(1);
    let expired = world.expire();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].bytes, first);
}

#[test]
fn f64_extension_headers_before_the_fragment_header_stay() {
    // Hop-by-hop, then the fragment header, then destination options, which are part of the pieces.
    let hop = [44, 0, 1, 4, 0, 0, 0, 0];
    let mut inner = vec![17, 0, 1, 4, 0, 0, 0, 0];
    inner.extend(payload(808));
    let cut: Vec<Vec<u8>> = places(inner.len(), &[408])
        .into_iter()
        .map(|(at, length, more)| {
            let mut all = hop.to_vec();
            all.extend([60, 0]);
            all.extend((at as u16 | u16::from(more)).to_be_bytes());
            all.extend([0, 0, 0, 9]);
            all.extend(&inner[at..at + length]);
            v6(0, &all)
        })
        .collect();
    let out = World::new().give_all(&cut).unwrap();
    let mut expected = vec![60, 0, 1, 4, 0, 0, 0, 0];
    expected.extend(&inner);
    assert_eq!(out.bytes, v6(0, &expected));
    let pieces = split(&out, 500, &mut 1).unwrap();
    // Linux: the destination options go into each piece on the way out (`ip6_find_1stfragopt`).
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [464, 472]);
    let again = World::new().give_all(&pieces).unwrap();
    assert_eq!(again.bytes, out.bytes);
}

fn shuffled(mut all: Vec<Vec<u8>>, seed: u64) -> Vec<Vec<u8>> {
    let mut random = Seeded::new(seed);
    for at in (1..all.len()).rev() {
        all.swap(at, random.next_u64() as usize % (at + 1));
    }
    all
}

proptest! {
    /// split ∘ gather is the identity on fragments, gather ∘ split on datagrams (IPv6: but for the identification).
    #[test]
    fn gather_and_split_undo_each_other(
        length in 9_usize..5000,
        cuts in proptest::collection::vec(1_usize..100, 1..20),
        seed: u64,
        mtu in 68_u32..2000,
    ) {
        let whole = payload(length);
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut * 8).collect();
        let cut = cut_v4(&whole, &cuts, false);
        if cut.len() > 1 {
            let out = World::new().give_all(&shuffled(cut.clone(), seed)).unwrap();
            prop_assert_eq!(out.view().after_header(), &whole[..]);
            prop_assert_eq!(split(&out, 65_535, &mut 1).unwrap(), cut);
            let anew = split(&out, mtu, &mut 1).unwrap();
            prop_assert!(anew.iter().all(|piece| piece.len() <= mtu as usize));
            let again = World::new().give_all(&shuffled(anew.clone(), seed));
            prop_assert_eq!(again.map_or(anew[0].clone(), |again| again.bytes), out.bytes);
        }
        let cut = cut_v6(&whole, &cuts);
        let out = World::new().give_all(&shuffled(cut.clone(), seed)).unwrap();
        prop_assert_eq!(&out.bytes, &v6(17, &whole));
        if let Ok(anew) = split(&out, mtu, &mut 1) {
            let again = World::new().give_all(&shuffled(anew.clone(), seed)).unwrap();
            prop_assert_eq!(&again.bytes, &out.bytes);
        }
    }

    /// No bytes can make gathering or cutting panic, or the accounts wrong.
    #[test]
    fn any_fragments(
        all in proptest::collection::vec(
            (0_u16..64, 0_usize..80, any::<bool>(), any::<bool>(), any::<u8>(), 0_u16..3), 1..60),
        mtu in 0_u32..200,
    ) {
        let mut world = World::new();
        for (at, length, more, six, tos, id) in all {
            let data = payload(length);
            let bytes = if six {
                v6_fragment(&data, usize::from(at) * 8, more)
            } else {
                v4(&data, id, at | (u16::from(more) << 13), tos, &[])
            };
            let (verdict, out) = world.give(&bytes);
            if verdict == Verdict::Accept {
                let _ = split(&out, mtu, &mut 1);
                let _ = too_big_to_forward(&out, mtu);
            }
            let sum: usize = world.defrag.queues.values().map(|queue| queue.memory).sum();
            prop_assert_eq!(world.defrag.memory.iter().sum::<usize>(), sum);
            prop_assert_eq!(world.defrag.deadlines.len(), world.defrag.queues.len());
            for (key, queue) in &world.defrag.queues {
                prop_assert!(world.defrag.deadlines.contains(&(queue.deadline, *key)));
            }
            let queues: usize = world.defrag.sources.values().map(|source| source.queues).sum();
            prop_assert_eq!(queues, world.defrag.queues.len());
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 20..200), six: bool, next in 0_u8..61) {
        let mut bytes = bytes;
        if six {
            bytes.resize(bytes.len().max(41), 0);
            bytes[0] = 0x60;
            let length = (bytes.len() - 40) as u16;
            bytes[4..6].copy_from_slice(&length.to_be_bytes());
            bytes[6] = next;
        } else {
            bytes[0] = 0x45 + (bytes[0] % 4);
            let header = usize::from(bytes[0] & 15) * 4;
            bytes.resize(bytes.len().max(header), 0);
            let (total, bits, tos) = (bytes.len() as u16, u16::from_be_bytes([bytes[6], bytes[7]]), bytes[1]);
            super::v4::finish_header(&mut bytes, header, tos, total, bits);
        }
        if layout::parse(&bytes).is_ok() {
            let mut world = World::new();
            let (_, out) = world.give(&bytes);
            for mtu in [0, 28, 68, 1280] {
                let _ = split(&out, mtu, &mut 1);
                let local = Packet { origin: Some(Origin::default()), ..out.clone() };
                let _ = split(&local, mtu, &mut 1);
            }
        }
    }
}
