use super::account::Quota;
use super::*;

const LISTED: &str = "\
{ pkts = 00000000000000000000, bytes = 00000000000000000000 } = a1;
{ pkts = 00000000000000000003, bytes = 00000000000000000120, quota = 00000000000000000100, mode = byte, overquota = yes } = q1;
{ pkts = 00000000000000000000, bytes = 00000000000000000000, quota = 00000000000000000003, mode = packet, overquota = no } = q2;
";

/// What nfacct 1.0.2 prints is read, and printed again.
#[test]
fn accounts_as_nfacct_lists_them() {
    let own = Objects::parse(LISTED).unwrap();
    let printed: String = own.accounts.iter().map(|account| format!("{account}\n")).collect();
    assert_eq!(printed, LISTED);
    let made =
        Objects::parse("# made\n\nnfacct add a1\nnfacct add q1 byte 100\nnfacct add q2 packet 3").unwrap();
    assert_eq!((&made.accounts[0], &made.accounts[2]), (&own.accounts[0], &own.accounts[2]));
    assert_eq!(made.accounts[1].quota, Some(Quota { limit: 100, packets: false, told: false }));
    assert_eq!(own.given().accounts.len(), 3);
}

#[test]
fn lines_that_are_refused() {
    let wrong = |text: &str| Objects::parse(text).unwrap_err();
    assert_eq!(wrong("\nnfacct add a\nnfacct add a").line, 3);
    assert_eq!(wrong("nfacct add a byte").what, "wanted is `nfacct add NAME [byte|packet QUOTA]`");
    assert_eq!(wrong("nfacct add a bits 3").what, "a quota is of `byte` or `packet`");
    assert_eq!(wrong("nfacct add a byte -3").what, "not a number");
    assert_eq!(wrong("nfacct add 01234567890123456789012345678901").what, "a name has 1 to 31 bytes");
    for line in [
        "{ pkts = 1 }",
        "{ pkts } = a;",
        "{ pkts = x } = a;",
        "{ quota = 3 } = a;",
        "{ odd = 3 } = a;",
        "foo",
    ] {
        assert_eq!(wrong(line).line, 1, "{line}");
    }
    assert_eq!(wrong("{ pkts = 1, bytes = 2 } = ;").what, "a name has 1 to 31 bytes");
}

/// At the limit one more is refused.
#[test]
fn most_objects() {
    let mut text: String = (0..MOST).map(|number| format!("nfacct add a{number}\n")).collect();
    assert_eq!(Objects::parse(&text).unwrap().accounts.len(), MOST);
    text.push_str("nfacct add more\n");
    assert_eq!(Objects::parse(&text).unwrap_err().line, MOST + 1);
}
