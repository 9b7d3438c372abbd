//! Whatever the bytes are: no rule panics.
use proptest::prelude::*;

use super::*;

/// A rule of each match, each asked first, and the log with everything.
fn all_matches(family: Family) -> Bench {
    let icmp = match family {
        Family::V4 => "-p icmp --icmp-type 8",
        Family::V6 => "-p icmpv6 --icmpv6-type 128",
    };
    let range = match family {
        Family::V4 => "10.0.0.0-11.0.0.0",
        Family::V6 => "fd00::-fd01::",
    };
    Bench::of(
        family,
        &format!(
            "*filter
            -A FORWARD -j LOG --log-ip-options --log-tcp-options --log-tcp-sequence
            -A FORWARD {icmp}
            -A FORWARD -p tcp --tcp-option 3 --syn --sport 1:5
            -A FORWARD -p udp --dport 53
            -A FORWARD -p tcp -m multiport --ports 1,2:3
            -A FORWARD -m iprange --src-range {range}
            -A FORWARD -m string --string ab --algo bm --icase
            -A FORWARD -m string --string ab --algo kmp --from 60000
            -A FORWARD -m state --state NEW
            -A FORWARD -m conntrack --ctstate NEW --ctexpire 1:2
            -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
            -A FORWARD -j REJECT
            COMMIT"
        ),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 20..200), six in any::<bool>(), known in any::<bool>()) {
        if six {
            bytes[0] = 0x60;
            bytes[4] = 0;
            bytes[5] = u8::try_from(bytes.len().saturating_sub(40)).unwrap();
            bytes[6] = [0, 6, 17, 43, 44, 50, 51, 58, 59, 60][usize::from(bytes[6]) % 10];
        } else {
            let words = 5 + (bytes[0] & 3);
            bytes[0] = 0x40 | words;
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            if known {
                bytes[9] = [1, 6, 17, 50, 51, 136][usize::from(bytes[9]) % 6];
            }
            bytes[10..12].fill(0);
            let header = usize::from(words) * 4;
            if header <= bytes.len() {
                let sum = packet::checksum::of(&bytes[..header]);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            }
        }
        if let Ok(layout) = layout::parse(&bytes) {
            let mut bench = all_matches(layout.family);
            let mut packet = packet_of(bytes);
            bench.forward(&mut packet);
            prop_assert!(!bench.log.is_empty());
        }
    }
}
