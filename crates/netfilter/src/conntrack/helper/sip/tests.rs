use packet::Family;
use proptest::prelude::*;

use super::address::{address, bare_address, number, port};
use super::sdp::{Line, Media, connection, line};
use super::text::{
    Header, Sought, Span, Walk, address_parameter, header, number_parameter, request_uri, transport, uri,
};
use super::whole;

const V4: Family = Family::V4;
const V6: Family = Family::V6;

const INVITE: &[u8] = b"INVITE sip:b@8.8.8.8 SIP/2.0\r\n\
Via: SIP/2.0/UDP 10.0.1.5:5062;branch=z9hG4bK1;rport=5062;received=10.0.1.6\r\n\
f: \"a\" <sip:a@10.0.1.5>;tag=1\r\n\
To:\r\n <sip:b@8.8.8.8:5070>\r\n\
CSeq : 17 INVITE\r\n\
Contact: <sip:a@10.0.1.5:5062;transport=udp>;expires=100, <sip:a@10.0.1.9>;expires=7\r\n\
Content-Length: 100\r\n\r\n\
v=0\r\no=a 1 1 IN IP4 10.0.1.5\r\ns=-\r\nc=IN IP4 10.0.1.7\r\nt=0 0\r\n\
m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.1.8\r\nm=video 4002 RTP/AVP 31\r\n";

fn shown(text: &[u8], span: Span) -> &str {
    std::str::from_utf8(&text[span.at..span.end()]).unwrap()
}

fn uri_text(text: &'static str, which: Header) -> Option<&'static str> {
    uri(text.as_bytes(), which, V4).map(|found| shown(text.as_bytes(), found.span))
}

#[test]
fn addresses_end_where_a_byte_stands_that_is_no_part() {
    let v4 = |text: &str| address(text.as_bytes(), 0, V4, true).map(|(a, end)| (a.to_string(), end));
    let at = |a: &str, end| Some((a.to_owned(), end));
    assert_eq!(v4("10.0.1.5"), at("10.0.1.5", 8));
    assert_eq!(v4("10.0.1.5:5060"), at("10.0.1.5", 8));
    assert_eq!(v4("10.0.1.5z"), at("10.0.1.5", 8));
    assert_eq!(v4("010.00.001.05>"), at("10.0.1.5", 13));
    for bad in ["10.0.1.5a", "10.0.1.5.", "10.0.1", "10.0.1.256", "10..1.5", "a", "", "10.0.1.5.6"] {
        assert_eq!(v4(bad), None, "{bad}");
    }
    let v6 =
        |text: &str, brackets| address(text.as_bytes(), 0, V6, brackets).map(|(a, end)| (a.to_string(), end));
    assert_eq!(v6("[fd00::5]:5060", true), at("fd00::5", 9));
    assert_eq!(v6("fd00::5 ", false), at("fd00::5", 7));
    assert_eq!(v6("[fd00::5", false), at("fd00::5", 8));
    assert_eq!(v6("::ffff:10.0.1.5;", false), at("::ffff:10.0.1.5", 15));
    assert_eq!(v6("00001:2:3:4:5:6:7:8", false), at("1:2:3:4:5:6:7:8", 19));
    for bad in ["fd00::5", "[fd00::5", "[fd00:::5]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[]", "[:1::]"]
    {
        assert_eq!(v6(bad, true), None, "{bad}");
    }
    assert_eq!(bare_address(b"[fd00::5]", 0, V6), None);
}

#[test]
fn ports_and_numbers() {
    assert_eq!(port(b"x", 0), Some((5060, 0)));
    assert_eq!(port(b":5062>", 0), Some((5062, 5)));
    assert_eq!(port(b":01024>", 0), Some((1024, 6)));
    for bad in [&b""[..], b":", b":>", b":1023>", b":65536>", b":005060>", b":5060"] {
        assert_eq!(port(bad, 0), None, "{bad:?}");
    }
    assert_eq!(number(b"4294967295", 0), Some((u32::MAX, 10)));
    assert_eq!(number(b"00000000001", 0), Some((1, 11)));
    for bad in [&b""[..], b"x", b"4294967296", b"000000000001"] {
        assert_eq!(number(bad, 0), None, "{bad:?}");
    }
}

#[test]
fn headers_of_a_message() {
    let found = |which| uri(INVITE, which, V4).map(|found| (shown(INVITE, found.span), found.port));
    assert_eq!(request_uri(INVITE, V4).map(|found| shown(INVITE, found.span)), Some("8.8.8.8"));
    assert_eq!(found(Header::ViaUdp), Some(("10.0.1.5:5062", 5062)));
    assert_eq!(found(Header::ViaTcp), None);
    assert_eq!(found(Header::From), Some(("10.0.1.5", 5060)));
    assert_eq!(found(Header::To), Some(("8.8.8.8:5070", 5070)));
    assert_eq!(found(Header::Contact), Some(("10.0.1.5:5062", 5062)));
    let sequence = header(INVITE, 0, Header::CSeq, V4).found().unwrap();
    assert_eq!(shown(INVITE, sequence), "17");
    assert_eq!(header(INVITE, 0, Header::Expires, V4), Sought::Missing);
    assert_eq!(
        whole(INVITE, V4).unwrap() - 100,
        INVITE.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4
    );
}

#[test]
fn all_addresses_of_a_list_and_of_later_headers() {
    let text = b"X\r\nm: <sip:10.0.1.5>, <sip:1.2.3.4:5061>\r\nContact: <sip:bad>,<sip:a@5.6.7.8>;q=1\r\n";
    let mut walk = Walk::new(Header::Contact);
    let mut all = Vec::new();
    while let Some(found) = walk.next(text, V4) {
        all.push(shown(text, found.span));
    }
    // What stands before the first `@` of the line is taken for a user's name.
    assert_eq!(all, ["10.0.1.5", "1.2.3.4:5061", "5.6.7.8"]);
}

#[test]
fn parameters_of_an_address() {
    let via = uri(INVITE, Header::ViaUdp, V4).unwrap();
    let behind = via.span.end();
    assert_eq!(
        address_parameter(INVITE, behind, b"received=", V4, false).map(|(span, _)| shown(INVITE, span)),
        Some("10.0.1.6")
    );
    assert_eq!(number_parameter(INVITE, behind, b"rport=").unwrap().unwrap().1, 5062);
    assert_eq!(number_parameter(INVITE, behind, b"ttl="), None);
    let contact = uri(INVITE, Header::Contact, V4).unwrap();
    assert_eq!(number_parameter(INVITE, contact.span.end(), b"expires=").unwrap().unwrap().1, 100);
    assert_eq!(transport(INVITE, contact.span.end()), Some(Some(packet::protocol::UDP)));
    assert_eq!(transport(b";transport=sctp\r\n", 0), None);
    assert_eq!(transport(b"\r\n", 0), Some(None));
    assert_eq!(number_parameter(b";expires=x\r\n", 0, b"expires="), Some(None));
}

#[test]
fn headers_that_are_not_what_they_seem() {
    // A short name before a letter is another header; a longer name that begins the same ends the search.
    assert_eq!(uri_text("X\r\nfoo: 1\r\nf: <sip:1.2.3.4>\r\n", Header::From), Some("1.2.3.4"));
    assert_eq!(uri_text("X\r\nFromage: 1\r\nFrom: <sip:1.2.3.4>\r\n", Header::From), None);
    // The first line has no headers; upper and lower case are the same.
    assert_eq!(uri_text("From: <sip:1.2.3.4>\r\n", Header::From), None);
    assert_eq!(uri_text("X\nFROM:<SIP:1.2.3.4>\r\n", Header::From), Some("1.2.3.4"));
    // An address at the very end has no port.
    assert_eq!(uri_text("X\r\nFrom: <sip:1.2.3.4", Header::From), None);
    assert_eq!(uri_text("X\r\nFrom: sip:1.2.3.4:80\r\n", Header::From), None);
}

#[test]
fn session_descriptions() {
    let start = line(INVITE, 0, Line::Version, false, V4).found().unwrap();
    let from = start.at;
    assert_eq!(shown(INVITE, line(INVITE, from, Line::Owner, true, V4).found().unwrap()), "10.0.1.5");
    assert_eq!(connection(INVITE, from, V4), Some("10.0.1.7".parse().unwrap()));
    let audio = line(INVITE, from, Line::Media, false, V4).found().unwrap();
    assert_eq!(shown(INVITE, audio), "audio 4000");
    assert_eq!(Media::of(&INVITE[audio.at..audio.end()]), Some((Media::Audio, 6)));
    assert_eq!(connection(INVITE, audio.end(), V4), Some("10.0.1.8".parse().unwrap()));
    let video = line(INVITE, audio.end(), Line::Media, false, V4).found().unwrap();
    assert_eq!(Media::of(&INVITE[video.at..video.end()]), Some((Media::Video, 6)));
    assert_eq!(connection(INVITE, video.end(), V4), None);
    assert_eq!(Media::of(b"text 1"), None);
    let v6 = b"\r\nv=0\r\nc=IN IP6 fd00::5\r\nm=image 9 udptl\r\n";
    assert_eq!(connection(v6, 0, V6), Some("fd00::5".parse().unwrap()));
    assert_eq!(connection(v6, 0, V4), None);
    // A line is missed behind two newlines of one byte each.
    assert_eq!(line(b"a\n\nv=0\n", 0, Line::Version, false, V4), Sought::Missing);
}

/// Texts that look like SIP.
fn sip() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "INVITE ",
        "REGISTER ",
        "SIP/2.0 ",
        "200 OK",
        "sip:",
        "a@",
        "10.0.1.5",
        "8.8.8.8",
        "[fd00::5]",
        "fd00::5",
        ":5060",
        ":",
        ";",
        ",",
        "<",
        ">",
        " ",
        "\t",
        "\r\n",
        "\n",
        "\r",
        "Via: SIP/2.0/UDP ",
        "v: SIP/2.0/TCP ",
        "Contact: ",
        "m:",
        "From:",
        "f :",
        "To",
        "CSeq: 1 INVITE",
        "Expires: 10",
        "expires=",
        "rport=",
        "maddr=",
        "received=",
        "transport=udp",
        "Content-Length: 10",
        "l:5",
        "\r\n\r\n",
        "v=0",
        "o=- 1 1 IN IP4 10.0.1.5",
        "c=IN IP4 10.0.1.5",
        "c=IN IP6 fd00::5",
        "m=audio 4000",
        "m=video 4001 RTP",
        "m=image 1",
        "99999999999",
        "\u{e9}",
        "\0",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes())
}

/// Everything that can be asked of a text.
fn read_all(text: &[u8], from: usize) {
    for family in [V4, V6] {
        for which in [
            Header::CSeq,
            Header::From,
            Header::To,
            Header::Contact,
            Header::ViaUdp,
            Header::ViaTcp,
            Header::Expires,
            Header::ContentLength,
        ] {
            match header(text, from, which, family) {
                Sought::Found(span) => assert!(span.length > 0 && span.end() <= text.len() && span.at > from),
                Sought::Bad(at) => assert!(at > from),
                Sought::Missing => {}
            }
            if !matches!(which, Header::CSeq | Header::Expires | Header::ContentLength) {
                let mut walk = Walk::new(which);
                let mut last = 0;
                while let Some(found) = walk.next(text, family) {
                    assert!(found.span.at >= last && found.span.end() <= text.len() && found.port >= 1024);
                    last = found.span.end();
                }
            }
        }
        for which in [Line::Version, Line::Owner, Line::Connection, Line::Media] {
            for before_media in [false, true] {
                if let Sought::Found(span) = line(text, from, which, before_media, family) {
                    assert!(span.length > 0 && span.end() <= text.len() && span.at > from);
                }
            }
        }
        if let Some(found) = request_uri(text, family) {
            assert!(found.span.end() <= text.len());
        }
        connection(text, from, family);
        address_parameter(text, from, b"maddr=", family, true);
        whole(text, family);
    }
    number_parameter(text, from, b"rport=");
    transport(text, from);
}

proptest! {
    #[test]
    fn nothing_panics_and_spans_lie_in_the_text(text in sip(), from in 0_usize..200) {
        read_all(&text, from);
    }

    #[test]
    fn nothing_panics_on_any_bytes(text in prop::collection::vec(any::<u8>(), 0..200), from in 0_usize..220) {
        read_all(&text, from);
    }

    #[test]
    fn addresses_are_read_back(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>(), at in 0_usize..3) {
        let v4 = std::net::Ipv4Addr::from(v4);
        let text = format!("{}{v4};", "x".repeat(at));
        prop_assert_eq!(bare_address(text.as_bytes(), at, V4), Some((v4.into(), text.len() - 1)));
        let v6 = std::net::Ipv6Addr::from(v6);
        let text = format!("{}[{v6}]", "x".repeat(at));
        prop_assert_eq!(address(text.as_bytes(), at, V6, true), Some((v6.into(), text.len())));
    }
}
