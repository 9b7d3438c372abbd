use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::{Settings, command, spawn};
use crate::poll::Poller;
use crate::seccomp::Asked;

fn exit_code(script: &str) -> i32 {
    let mut shell = command("/bin/sh");
    shell.arg("-c").arg(script);
    let mut child = spawn(shell, Settings::default()).unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(child.descriptor(), 1).unwrap();
    assert_eq!(poller.wait(Some(Duration::from_secs(10))).unwrap().collect::<Vec<_>>(), [1]);
    child.ended().unwrap().expect("the descriptor says that it has ended")
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    assert_eq!(exit_code("exit 0"), 0);
    assert_eq!(exit_code("exit 7"), 7);
    assert_eq!(exit_code("kill -TERM $$"), 128 + libc::SIGTERM);
    let absent = spawn(command("/nonexistent/program"), Settings::default());
    assert_eq!(absent.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_group_ends_with_what_it_started() {
    let mut sleeper = command("/bin/sh");
    sleeper.arg("-c").arg("sleep 100 & echo $!; wait").stdout(std::process::Stdio::piped());
    let mut child = spawn(sleeper, Settings { own_group: true, ..Settings::default() }).unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.take_output().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    child.kill_group().unwrap();
    // The pipe is at its end when nobody holds it any more: the grandchild is gone as well.
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut output, &mut rest).unwrap();
    assert!(line.trim().parse::<u32>().is_ok() && rest.is_empty());
}

#[test]
fn a_group_ends_though_its_leader_has_ended_before() {
    let mut sleeper = command("/bin/sh");
    sleeper.arg("-c").arg("sleep 100 & exit 3").stdout(std::process::Stdio::piped());
    let mut child = spawn(sleeper, Settings { own_group: true, ..Settings::default() }).unwrap();
    let mut output = child.take_output().unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(child.descriptor(), 1).unwrap();
    assert_eq!(poller.wait(Some(Duration::from_secs(10))).unwrap().collect::<Vec<_>>(), [1]);
    assert_eq!(child.ended().unwrap(), Some(3));
    assert_eq!(child.ended().unwrap(), Some(3));
    let start = std::time::Instant::now();
    drop(child);
    std::io::Read::read_to_end(&mut output, &mut Vec::new()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(50), "the sleeper held the pipe");
}

const ASK: &str = "OXITABLES_TEST_ASK";

fn original_destination(socket: i32, level: i32, room: usize) -> Result<Vec<u8>, i32> {
    let mut bytes = vec![0_u8; room];
    let mut length = room as libc::socklen_t;
    // SAFETY: `bytes` has room for `length` bytes, and both live through the call.
    let result = unsafe { libc::getsockopt(socket, level, 80, bytes.as_mut_ptr().cast(), &raw mut length) };
    if result < 0 {
        return Err(std::io::Error::last_os_error().raw_os_error().unwrap());
    }
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// Not a test by itself: the other side of the next one, in a process of its own and in a thread of that.
#[test]
fn asks() {
    if std::env::var_os(ASK).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let tcp = stream.as_raw_fd();
    assert_eq!(
        original_destination(tcp, libc::SOL_IP, 16).unwrap(),
        [2, 0, 0x15, 0xb3, 203, 0, 113, 9, 0, 0, 0, 0, 0, 0, 0, 0],
        "the answer, 203.0.113.9:5555"
    );
    assert_eq!(original_destination(tcp, libc::SOL_IP, 15), Err(libc::EINVAL));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(original_destination(udp.as_raw_fd(), libc::SOL_IP, 16), Err(libc::ENOPROTOOPT));
    assert_eq!(original_destination(tcp, libc::SOL_IPV6, 28), Err(libc::ENOENT));
    assert_eq!(original_destination(9999, libc::SOL_IP, 16), Err(libc::EBADF));
}

#[test]
fn questions_about_the_original_destination_come_to_us() {
    let mut program = command(std::env::current_exe().unwrap());
    program.args(["--exact", "child::tests::asks", "--nocapture"]).env(ASK, "1");
    let settings = Settings { intercept: true, ..Settings::default() };
    let mut child = spawn(program, settings).unwrap();
    let Some(listener) = child.listener.take() else {
        println!("skipped: a seccomp filter with a listener is there already");
        return;
    };
    let mut poller = Poller::new().unwrap();
    poller.add(&listener, 1).unwrap();
    poller.add(child.descriptor(), 2).unwrap();
    let mut asked = 0;
    let code = loop {
        let ready: Vec<u64> = poller.wait(Some(Duration::from_secs(20))).unwrap().collect();
        assert!(!ready.is_empty(), "the child neither asks nor ends");
        if let Some(code) = child.ended().unwrap() {
            break code;
        }
        if !ready.contains(&1) {
            continue;
        }
        let question = match listener.receive() {
            Ok(Some(question)) => question,
            Ok(None) => continue,
            // The last asker is gone, its end is just not told yet.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => continue,
            Err(error) => panic!("{error}"),
        };
        asked += 1;
        let answer = match listener.socket(&question) {
            Err(error) => Err(error.raw_os_error().unwrap()),
            Ok(socket) if socket.protocol != 6 => Err(libc::ENOPROTOOPT),
            Ok(_) if question.asked == Asked::V6 => Err(libc::ENOENT),
            Ok(socket) => {
                assert_eq!(socket.local.ip(), socket.remote.ip());
                Ok(SocketAddr::from(([203, 0, 113, 9], 5555)))
            }
        };
        listener.answer(&question, answer).unwrap();
    };
    assert_eq!((code, asked), (0, 5));
    // Nobody is left who could ask: the listener says so instead of being readable for ever.
    assert_eq!(listener.receive().unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}
