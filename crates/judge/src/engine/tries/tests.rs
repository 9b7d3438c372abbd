use super::*;
use crate::case::parse;

/// A port that only a rule sees: the answer takes the connection away before anybody looks.
const HIDDEN: &str = "case hidden
rules4
*mangle
-A INPUT -p tcp -m tcp --sport 600:811 -j ACCEPT
COMMIT
*nat
-A OUTPUT -j REDIRECT
-A POSTROUTING -p tcp -j MASQUERADE --random
COMMIT
end
send uid=0 gid=0 tcp 203.0.113.1:1000 > 8.8.8.8:8080 S
";

#[test]
fn a_port_that_nobody_sees_may_be_any_legal_one() {
    let case = parse(HIDDEN).unwrap().remove(0);
    let of = |seed| EngineHalf { seed, ..EngineHalf::default() }.run(&case);
    let first = of(1);
    let other = (2..2 + LOTS).map(of).find(|other| !compare(&case, other, &first).is_empty());
    let mut other = other.expect("one of five ports is on the other side of the middle");
    let mut engine = EngineHalf::default();
    assert!(engine.differences(&case, &other).is_empty());
    // What no choice gives is a difference.
    for counter in &mut other.counters {
        counter.packets += 1;
    }
    assert!(!engine.differences(&case, &other).is_empty());
}
