use super::*;

#[test]
fn what_is_reported_is_read_back() {
    for text in ["", "plain", "two\nlines", "\"quoted\" \\ back", "tab\tand ü"] {
        let line = format!("text {}\n", text.escape_default());
        assert_eq!(read_report(&line), Some(Outcome::Text(text.into())));
    }
    for outcome in [Outcome::Refused, Outcome::Timeout, Outcome::Unreachable] {
        assert_eq!(read_report(&format!("{outcome}\n")), Some(outcome));
    }
    assert_eq!(read_report("other No buffer space\n"), Some(Outcome::Other("No buffer space".into())));
    assert_eq!(read_report("text not yet whole"), None);
}

#[test]
fn errors_are_what_a_client_experienced() {
    let of = |code| outcome(&io::Error::from_raw_os_error(code));
    // ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPERM, EACCES, ENOPROTOOPT
    assert_eq!(of(111), Outcome::Refused);
    assert_eq!(of(110), Outcome::Timeout);
    assert_eq!(of(113), Outcome::Unreachable);
    assert_eq!(of(101), Outcome::Unreachable);
    assert_eq!(of(1), Outcome::Timeout);
    assert_eq!(of(13), Outcome::Unreachable);
    assert_eq!(of(92), Outcome::Unreachable);
    assert!(matches!(of(104), Outcome::Other(_)));
}

#[test]
fn a_server_fills_in_what_it_knows() {
    let peer = "[::ffff:10.0.0.9]:4000".parse().unwrap();
    let text = fill("{peer} {peer-address} {local} {original}", peer, "10.0.0.1:80", || "8.8.8.8:53".into());
    assert_eq!(text, "10.0.0.9:4000 10.0.0.9 10.0.0.1:80 8.8.8.8:53");
}

#[test]
fn a_client_and_a_server_speak_to_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (stream, peer) = listener.accept().unwrap();
        answer_tcp(stream, peer, "from {peer-address}");
    });
    let (stream, text) = connect(address, None, Duration::from_secs(5)).unwrap();
    assert_eq!(text, "from 127.0.0.1");
    drop(stream);
    server.join().unwrap();
    assert_eq!(
        connect(address, None, Duration::from_secs(5)).unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn other_arguments_are_not_ours() {
    for words in
        [vec![], vec!["serve"], vec!["connect", "sctp", "1.1.1.1:1", "-", "end", "1"], vec!["ping", "x", "1"]]
    {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        assert_eq!(run(&words), None, "{words:?}");
    }
}
