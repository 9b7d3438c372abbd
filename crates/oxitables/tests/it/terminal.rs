//! A terminal for programs that want one.
use std::fs::File;

/// A terminal of its own for the program: the side of the operator, and the program's side.
pub(crate) fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(
        &*name,
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    );
    (File::from(ours), File::from(theirs.unwrap()))
}

/// A long restore tells on a terminal how far it has come, and takes that away; elsewhere it says nothing.
#[test]
fn a_long_restore_shows_its_progress() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let home = crate::programs::Home::new();
    let (ours, theirs) = terminal();
    let mut command = Command::new(home.bin().join("iptables-restore"));
    home.dress(&mut command).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut input = child.stdin.take().unwrap();
    let rule = "-A INPUT -s 10.0.0.1 -j DROP\n";
    input.write_all(format!("*filter\n{}", rule.repeat(1500)).as_bytes()).unwrap();
    // What takes long is the writer.
    let mut poller = sys::poll::Poller::new().unwrap();
    poller.wait(Some(Duration::from_millis(1300))).unwrap().for_each(drop);
    input.write_all(format!("{}COMMIT\n", rule.repeat(500)).as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    let mut told = Vec::new();
    // Linux: a terminal that everyone else has closed ends with EIO.
    let _ = (&ours).read_to_end(&mut told);
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("\riptables-restore: 1,") && told.contains(" lines\u{1b}[K"), "{told:?}");
    assert!(told.contains("2,001 lines, putting them in force\u{1b}[K"), "{told:?}");
    assert!(told.ends_with("\r\u{1b}[K"), "{told:?}");

    let file = format!("*filter\n{}COMMIT\n", rule.repeat(3000));
    assert_eq!(home.run_with("iptables-restore", &[], &file).stderr, b"");
}
