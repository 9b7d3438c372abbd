use super::*;

#[test]
fn counters_in_short_form() {
    let short = |number| {
        let mut out = String::new();
        push_short(&mut out, number, 5);
        out
    };
    assert_eq!(short(0), "    0");
    assert_eq!(short(99_999), "99999");
    assert_eq!(short(123_456), " 123K");
    assert_eq!(short(9_999_499), "9999K");
    assert_eq!(short(9_999_500), "  10M");
    assert_eq!(short(12_345_678_901), "  12G");
    assert_eq!(short(12_345_678_901_234), "  12T");
}
