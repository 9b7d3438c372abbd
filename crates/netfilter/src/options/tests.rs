//! Options on their own; the kernel's word is in `fixtures/kernel/options.case`.
use std::net::Ipv4Addr;

use super::*;

const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

fn header(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[0] = 0x45 + u8::try_from(options.len() / 4).unwrap();
    bytes[12..16].copy_from_slice(&[10, 0, 1, 5]);
    bytes[16..20].copy_from_slice(&[8, 8, 8, 8]);
    bytes.extend_from_slice(options);
    renew_sum(&mut bytes);
    bytes
}

fn compiled(bytes: &mut [u8]) -> (IpOptions, Result<(), Fault>) {
    compile(bytes, &Writer { own: OWN, time: 0x01020304, is_foreign: &|own| own != OWN })
}

#[test]
fn a_recorded_route_is_wrongly_summed_until_the_packet_leaves() {
    let mut bytes = header(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (mut found, fault) = compiled(&mut bytes);
    assert_eq!(fault, Ok(()));
    assert_eq!(bytes[20..32], [7, 11, 8, 10, 0, 1, 1, 0, 0, 0, 0, 0]);
    assert_ne!(checksum::of(&bytes), 0);
    leave(&mut bytes, &mut found, &|_| Ipv4Addr::new(203, 0, 113, 1));
    assert_eq!(bytes[20..32], [7, 11, 8, 203, 0, 113, 1, 0, 0, 0, 0, 0]);
    assert_eq!(checksum::of(&bytes), 0);
}

#[test]
fn faults_say_where_they_stand() {
    for (options, at) in [
        (&[7, 2, 0, 0][..], 21),
        (&[1, 1, 1, 7], 23),
        (&[7, 7, 3, 0, 0, 0, 0, 0], 22),
        (&[68, 4, 5, 0], 0),
        (&[68, 8, 9, 0xf0, 0, 0, 0, 0], 23),
        (&[131, 3, 4, 131, 3, 4, 0, 0], 23),
        (&[134, 6, 0, 0, 0, 1, 0, 0], 21),
    ] {
        let expected = if at == 0 { Ok(()) } else { Err(Fault(at)) };
        assert_eq!(compiled(&mut header(options)).1, expected, "{options:?}");
    }
}

#[test]
fn a_source_route_is_gone_back() {
    // Two places were passed; the second is where the packet is now.
    let options = [131, 11, 12, 1, 1, 1, 1, 2, 2, 2, 2, 0];
    let mut bytes = header(&options);
    let (found, _) = compiled(&mut bytes);
    assert_eq!(follow(&bytes, &found, 0), Followed::Arrived);
    let echo = echo(&bytes, &found, &|_| true).unwrap();
    assert_eq!(echo.first, Some(Ipv4Addr::new(2, 2, 2, 2)));
    let mut answer = header(&[]);
    build(&mut answer, &echo, Ipv4Addr::new(10, 0, 1, 5), 0).unwrap();
    assert_eq!(answer[20..32], [131, 11, 4, 1, 1, 1, 1, 10, 0, 1, 5, 0]);
    assert_eq!(checksum::of(&answer[..32]), 0);
}

#[test]
fn no_bytes_are_read_beyond_the_options() {
    // Every option with every length and pointer.
    for kind in [7, 68, 131, 134, 137, 148, 200] {
        for (length, pointer) in (0..=41).flat_map(|length| (0..=44).map(move |pointer| (length, pointer))) {
            for flags in 0..4 {
                let mut options = [1; 40];
                options[..4].copy_from_slice(&[kind, length, pointer, flags]);
                let mut bytes = header(&options);
                let (mut found, fault) = compiled(&mut bytes);
                if fault.is_ok() {
                    leave(&mut bytes, &mut found, &|_| OWN);
                    let _ = follow(&bytes, &found, 0);
                }
                if let Some(echo) = echo(&bytes, &found, &|_| false) {
                    let _ = build(&mut header(&[]), &echo, OWN, 0);
                }
            }
        }
    }
}
