use super::*;

#[test]
fn a_timeout_is_whole_seconds_from_0_on() {
    for (text, seconds) in [("0", 0), (" 60 ", 60), ("+5", 5), ("010", 10), ("9999999999", u32::MAX)] {
        assert_eq!(timeout(text), Some(Duration::from_secs(u64::from(seconds))), "{text}");
    }
    for text in ["", "-1", "1.5", "ten", "5s", "0x10", "+", "99999999999999999999"] {
        assert_eq!(timeout(text), None, "{text}");
    }
}
