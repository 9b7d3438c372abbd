//! `iptables-apply`: new rules are kept when they are confirmed, and gone without a trace when they are not (S20).
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::machine;
use crate::programs::{Home, feed};
use crate::terminal::terminal;

/// Cuts the operator off.
const CUT: &str = "*filter\n:INPUT DROP [7:8]\n-A INPUT -s 10.0.0.9 -j ACCEPT\nCOMMIT\n\
                   *mangle\n-A OUTPUT -j MARK --set-mark 1\nCOMMIT\n";
const QUESTION: &str = "Can you establish NEW connections to the machine? (y/N) ";

/// A home with rules and counters in both families, and a file `cut` that cuts off.
struct Desk {
    home: Home,
    before: Vec<u8>,
}

impl Desk {
    fn new() -> Desk {
        let home = Home::new();
        home.iptables("-A INPUT -p tcp --dport 22 -c 3 180 -j ACCEPT");
        home.iptables("-t nat -A POSTROUTING -c 5 300 -j MASQUERADE");
        let input = "*filter\n:FORWARD DROP [9:900]\n[1:2] -A INPUT -s ::1 -j ACCEPT\nCOMMIT\n";
        assert!(home.run_with("ip6tables-restore", &["-c"], input).status.success());
        // Every byte comes back, also what no command writes.
        let mut before = std::fs::read(home.ruleset()).unwrap();
        before.extend_from_slice(b"# by hand\n");
        std::fs::write(home.ruleset(), &before).unwrap();
        std::fs::write(home.path().join("cut"), CUT).unwrap();
        Desk { home, before }
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.home.bin().join("iptables-apply"));
        self.home.dress(command.args(words));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.home.bin().display()));
        command
    }

    fn apply(&self, words: &[&str], answer: &str) -> Output {
        feed(&mut self.command(words), answer)
    }

    /// Starts it, waits for the question, and gives the child with its input still open.
    fn ask(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        read_to_question(child.stdout.as_mut().unwrap());
        assert!(self.is_cut(), "in force while the question stands");
        child
    }

    fn is_cut(&self) -> bool {
        self.home.iptables("-S INPUT") == "-P INPUT DROP\n-A INPUT -s 10.0.0.9/32 -j ACCEPT\n"
    }

    /// The file is what it was to the byte, and nothing else is left in its folder.
    #[track_caller]
    fn is_as_before(&self) {
        assert_eq!(
            String::from_utf8(std::fs::read(self.home.ruleset()).unwrap()).unwrap(),
            String::from_utf8(self.before.clone()).unwrap()
        );
        assert!(self.home.iptables("-v -S INPUT").contains("-c 3 180"));
        self.is_tidy();
    }

    #[track_caller]
    fn is_tidy(&self) {
        let folder = std::fs::read_dir(self.home.ruleset().parent().unwrap()).unwrap();
        let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["ruleset", "ruleset.lock"]);
    }
}

fn read_to_question(from: &mut impl std::io::Read) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(QUESTION.as_bytes()) {
        let read = from.read(&mut byte).unwrap();
        assert!(read == 1, "it ended: {}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// Waits for its end, for a minute at most.
#[track_caller]
fn end_of(child: &mut Child) -> Option<i32> {
    let flags = rustix::process::PidfdFlags::empty();
    let descriptor = rustix::process::pidfd_open(Pid::from_child(child), flags).unwrap();
    let mut poller = sys::poll::Poller::new().unwrap();
    poller.add(&descriptor, 0).unwrap();
    let ended = poller.wait(Some(Duration::from_secs(60))).unwrap().count() > 0;
    if !ended {
        child.kill().unwrap();
    }
    let code = child.wait().unwrap().code();
    assert!(ended, "it does not end");
    code
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const APPLIED: &str = "Applying new iptables rules from 'cut'... done.\n";
const REVERTED: &str = "Reverting to old iptables rules... done.\n";

#[test]
fn confirmed_rules_stay() {
    for answer in ["y", "Y\n", "yes\n"] {
        let desk = Desk::new();
        let output = desk.apply(&["-t", "60", "cut"], answer);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let job = "... then my job is done. See you next time.\n";
        assert_eq!(text(&output.stdout), format!("{APPLIED}{QUESTION}\n{job}"));
        assert_eq!(text(&output.stderr), "");
        assert!(desk.is_cut());
        desk.is_tidy();
        // As by a restore without -c: the file's tables without counters, the others and IPv6 as they were.
        let saved = text(&desk.home.run("iptables-save", &["-c"]).stdout);
        assert!(saved.contains(":INPUT DROP [0:0]") && saved.contains("[5:300] -A POSTROUTING"), "{saved}");
        let saved = text(&desk.home.run("ip6tables-save", &["-c"]).stdout);
        assert!(saved.contains(":FORWARD DROP [9:900]"), "{saved}");
    }
}

#[test]
fn refused_rules_go() {
    for (answer, why) in [
        ("n", "No affirmative response!"),
        ("\n", "No affirmative response!"),
        (" y", "No affirmative response!"),
        ("\u{1a}", "No affirmative response!"),
        ("", "Timeout! Something happened (or did not)."),
    ] {
        let desk = Desk::new();
        let output = desk.apply(&["-t", "60", "cut"], answer);
        assert_eq!(output.status.code(), Some(255));
        assert_eq!(
            text(&output.stdout),
            format!("{APPLIED}{QUESTION}\n{why} Better play it safe...\n{REVERTED}")
        );
        assert_eq!(text(&output.stderr), "");
        desk.is_as_before();
    }
}

#[test]
fn without_an_answer_the_rules_go_in_time() {
    let desk = Desk::new();
    let start = Instant::now();
    let child = desk.ask(&["--timeout=1", "cut"]);
    let output = wait_with_open_input(child);
    assert!((1..30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(
        text(&output.stdout),
        format!("\nTimeout! Something happened (or did not). Better play it safe...\n{REVERTED}")
    );
    desk.is_as_before();
    // No time is no answer, though one is there.
    let output = desk.apply(&["-t", "0", "cut"], "y");
    assert_eq!(output.status.code(), Some(255));
    desk.is_as_before();
}

/// `wait_with_output` would close the input, which is an answer.
fn wait_with_open_input(mut child: Child) -> Output {
    let input = child.stdin.take();
    end_of(&mut child);
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

#[test]
fn a_signal_brings_the_old_rules_back() {
    // Ctrl-Z, too: before the terminal is set for single keys it comes as a signal.
    let signals = [Signal::HUP, Signal::INT, Signal::TERM, Signal::TSTP]
        .into_iter()
        .zip(["HUP", "INT", "TERM", "TSTP"]);
    for (number, name) in signals {
        let desk = Desk::new();
        let child = desk.ask(&["-t", "60", "cut"]);
        signal(&child, number);
        let output = wait_with_open_input(child);
        assert_eq!(output.status.code(), Some(255));
        assert_eq!(text(&output.stdout), format!("\nEnded by SIG{name}! Better play it safe...\n{REVERTED}"));
        desk.is_as_before();
    }
}

#[test]
fn who_kills_it_finds_the_old_rules_beside_the_new() {
    let desk = Desk::new();
    let mut child = desk.ask(&["-t", "60", "cut"]);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert!(desk.is_cut());
    let kept = desk.home.ruleset().with_file_name(format!("ruleset.before-apply-{}", child.id()));
    assert_eq!(std::fs::read(kept).unwrap(), desk.before);
}

/// Runs it as the leader of a session on a terminal.
fn on_terminal(desk: &Desk, theirs: File) -> Child {
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait"]).arg(desk.home.bin().join("iptables-apply")).args(["-t", "60", "cut"]);
    desk.home.dress(&mut command);
    let copy = || Stdio::from(theirs.try_clone().unwrap());
    command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap()
}

#[test]
fn on_a_terminal_one_key_is_the_answer() {
    // Ctrl-Z must not stop what has to bring the rules back.
    for (key, code) in [("y", 0), ("n", 255), ("\u{1a}", 255), ("\u{3}", 255)] {
        let desk = Desk::new();
        let (mut ours, theirs) = terminal();
        let modes = || rustix::termios::tcgetattr(&ours).unwrap().local_modes;
        let before = modes();
        let mut child = on_terminal(&desk, theirs.try_clone().unwrap());
        let mut reader = ours.try_clone().unwrap();
        let told = read_to_question(&mut reader);
        assert!(told.contains("... done.\r\n"), "{told:?}");
        ours.write_all(key.as_bytes()).unwrap();
        assert_eq!(end_of(&mut child), Some(code), "{key:?}");
        let modes = rustix::termios::tcgetattr(theirs.as_fd()).unwrap().local_modes;
        assert_eq!(modes, before);
        match code {
            0 => assert!(desk.is_cut()),
            _ => desk.is_as_before(),
        }
    }
}

/// The seconds that are left stand behind the question, and nowhere but on a terminal.
#[test]
fn on_a_terminal_the_seconds_are_counted() {
    let desk = Desk::new();
    let (ours, theirs) = terminal();
    let mut command = Command::new("setsid");
    let program = desk.home.bin().join("iptables-apply");
    command.args(["--ctty", "--wait"]).arg(program).args(["-t", "2", "cut"]);
    desk.home.dress(&mut command);
    let copy = || Stdio::from(theirs.try_clone().unwrap());
    let mut child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
    assert_eq!(end_of(&mut child), Some(255));
    drop((theirs, command));
    let mut told = Vec::new();
    // Linux: a terminal that everyone else has closed ends with EIO.
    let _ = (&ours).read_to_end(&mut told);
    let told = text(&told);
    // Why: a machine that stands still for a second leaves out a number; it does not count up.
    let shown = |seconds: u32| told.find(&format!("\r{QUESTION}{seconds} s\u{1b}[K"));
    assert!(shown(2).or(shown(1)).is_some(), "{told:?}");
    assert!(shown(2) < shown(1) || shown(1).is_none(), "{told:?}");
    assert!(shown(3).is_none(), "{told:?}");
    assert!(told.contains("Timeout!"), "{told:?}");
    desk.is_as_before();
}

#[test]
fn a_lost_terminal_brings_the_old_rules_back() {
    let desk = Desk::new();
    let (mut ours, theirs) = terminal();
    let mut child = on_terminal(&desk, theirs);
    read_to_question(&mut ours);
    assert!(desk.is_cut());
    drop(ours);
    end_of(&mut child);
    // `setsid --wait` may be ended by the hang-up before the program; the lock tells when that is done.
    let end = Instant::now() + Duration::from_secs(30);
    while desk.is_cut() || std::fs::read(desk.home.ruleset()).unwrap() != desk.before {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
}

#[test]
fn nobody_waits_for_a_reader_who_hangs() {
    let desk = Desk::new();
    let (reader, writer) = std::io::pipe().unwrap();
    // The pipe is full but for what is said before the question.
    let room = "Applying new iptables rules from 'cut'... ".len();
    let size = rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    (&writer).write_all(&vec![b'.'; size - room]).unwrap();
    let mut command = desk.command(&["-t", "1", "cut"]);
    let mut child = command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let input = child.stdin.take();
    assert_eq!(end_of(&mut child), Some(255));
    desk.is_as_before();
    drop((input, reader));
}

#[test]
fn what_another_wrote_meanwhile_is_told_and_undone() {
    let desk = Desk::new();
    let mut child = desk.ask(&["-t", "60", "cut"]);
    desk.home.iptables("-A INPUT -s 10.0.0.77 -j DROP");
    assert!(desk.home.run("ip6tables", &["-A", "INPUT", "-s", "::77", "-j", "DROP"]).status.success());
    child.stdin.take().unwrap().write_all(b"n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(
        text(&output.stderr),
        "Warning: another program changed the rules while the answer was waited for; \
         its changes are undone as well\n"
    );
    assert_eq!(
        desk.home.iptables("-v -S INPUT"),
        "-P INPUT ACCEPT -c 0 0\n-A INPUT -p tcp -m tcp --dport 22 -c 3 180 -j ACCEPT\n"
    );
    assert!(!desk.home.iptables("-S").contains("10.0.0.77"));
    // The other family was not on trial.
    assert!(text(&desk.home.run("ip6tables", &["-S"]).stdout).contains("::77"));
    desk.is_tidy();
}

/// Rules of both families and sets are one state: what a command did to any of them is kept or undone together.
#[test]
fn a_command_is_undone_in_rules_of_both_families_and_in_sets() {
    let desk = Desk::new();
    let ipset = |words: &[&str]| {
        let mut command = Command::new(crate::programs::BINARY);
        let output = desk.home.dress(command.arg("ipset").args(words)).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    ipset(&["create", "guests", "hash:ip", "counters"]);
    ipset(&["add", "guests", "10.0.0.7", "packets", "5", "bytes", "400"]);
    desk.home.iptables("-A INPUT -m set --match-set guests src -j ACCEPT");
    let before = std::fs::read(desk.home.ruleset()).unwrap();
    let saved = ipset(&["save"]);
    assert!(saved.contains("add guests 10.0.0.7 packets 5 bytes 400"), "{saved}");
    let script = format!(
        "#!/bin/sh\nset -e\nI='{} ipset'\niptables -F\nip6tables -P INPUT DROP\n$I flush guests\n$I add guests 10.0.0.8\n$I create new hash:net\n",
        crate::programs::BINARY
    );
    let path = desk.script("run", &script);
    let words = ["-t", "60", "-c", path.to_str().unwrap()];
    let output = desk.apply(&words, "n");
    assert_eq!(output.status.code(), Some(255), "{}", text(&output.stderr));
    assert_eq!(text(&std::fs::read(desk.home.ruleset()).unwrap()), text(&before));
    assert_eq!(ipset(&["save"]), saved);
    assert!(desk.home.iptables("-S INPUT").contains("--match-set guests src"));

    assert_eq!(desk.apply(&words, "y").status.code(), Some(0));
    let saved = ipset(&["save"]);
    assert!(
        saved.contains("10.0.0.8") && !saved.contains("10.0.0.7") && saved.contains("create new"),
        "{saved}"
    );
    assert!(text(&desk.home.run("ip6tables", &["-S"]).stdout).contains("-P INPUT DROP"));
}

/// A file of rules on trial that names a set, while the set is changed by others: the rules go, the set's change stays.
#[test]
fn sets_of_others_stay_when_a_file_is_undone() {
    let desk = Desk::new();
    let ipset = |words: &[&str]| {
        let mut command = Command::new(crate::programs::BINARY);
        text(&desk.home.dress(command.arg("ipset").args(words)).output().unwrap().stdout)
    };
    ipset(&["create", "guests", "hash:ip"]);
    let file = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set guests src -j ACCEPT\nCOMMIT\n";
    std::fs::write(desk.home.path().join("sets"), file).unwrap();
    let mut command = desk.command(&["-t", "60", "sets"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    read_to_question(child.stdout.as_mut().unwrap());
    assert!(desk.home.iptables("-S INPUT").contains("--match-set guests src"));
    ipset(&["add", "guests", "10.0.0.9"]);
    child.stdin.take().unwrap().write_all(b"n").unwrap();
    assert_eq!(end_of(&mut child), Some(255));
    assert!(!desk.home.iptables("-S INPUT").contains("match-set"));
    assert!(desk.home.iptables("-v -S INPUT").contains("-c 3 180"));
    assert!(ipset(&["save"]).contains("add guests 10.0.0.9"));
}

/// A restore that hangs within a table keeps the lock. The old rules come back all the same, and what the restore commits
/// afterwards is its table, not the rules on trial.
#[test]
fn a_lock_that_is_kept_does_not_keep_the_new_rules() {
    let desk = Desk::new();
    let mut child = desk.ask(&["-t", "60", "cut"]);
    let mut restore = Command::new(desk.home.bin().join("iptables-restore"));
    let mut restore =
        desk.home.dress(restore.arg("-v")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = restore.stdin.take().unwrap();
    lines.write_all(b"*raw\n# open\n").unwrap();
    // `-v` echoes remarks: the table is open, the lock taken.
    let mut echo = Vec::new();
    let mut byte = [0];
    while !echo.ends_with(b"# open\n") {
        assert_eq!(restore.stdout.as_mut().unwrap().read(&mut byte).unwrap(), 1);
        echo.push(byte[0]);
    }
    let start = Instant::now();
    child.stdin.take().unwrap().write_all(b"n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!((5..30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(255));
    let warning =
        "Warning: another program has kept the lock for 5 s; the old rules were put back without it\n";
    assert_eq!(text(&output.stderr), warning);
    assert_eq!(text(&std::fs::read(desk.home.ruleset()).unwrap()), text(&desk.before));
    lines.write_all(b"-A OUTPUT -j NOTRACK\nCOMMIT\n").unwrap();
    drop(lines);
    assert!(restore.wait().unwrap().success());
    assert!(!desk.is_cut());
    assert!(desk.home.iptables("-t raw -S").contains("-A OUTPUT -j NOTRACK"));
    assert!(desk.home.iptables("-v -S INPUT").contains("-c 3 180"));
}

/// The same when a command has ended: the lock is not waited for without end.
#[test]
fn a_lock_that_is_kept_after_a_command_undoes_it() {
    let desk = Desk::new();
    let path = desk.script(
        "run",
        "#!/bin/sh\niptables-restore < cut\n: > ready\nn=0\nwhile ! test -e go && test $n -lt 3000; do n=$((n+1)); sleep 0.01; done\n",
    );
    let mut command = desk.command(&["-t", "60", "-c", path.to_str().unwrap()]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !desk.home.path().join("ready").exists() {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
    let lock = File::options().write(true).open(desk.home.ruleset().with_file_name("ruleset.lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(desk.home.path().join("go"), "").unwrap();
    let output = wait_with_open_input(child);
    assert_eq!(output.status.code(), Some(7));
    let told = text(&output.stderr);
    assert!(told.contains("Stopped waiting after 5s") && told.contains("put back without it"), "{told}");
    assert_eq!(text(&std::fs::read(desk.home.ruleset()).unwrap()), text(&desk.before));
    drop(lock);
    desk.is_as_before();
}

/// S20, by the packets: the operator's next connection is cut off while the question stands, and gets through when the
/// rules are rolled back; other rules that let him in stay when he confirms.
#[test]
fn s20_the_operator_gets_back_in() {
    let desk = Desk::new();
    let passes = || {
        let saved = desk.home.run("iptables-save", &["-c"]).stdout;
        std::fs::write(desk.home.path().join("now"), saved).unwrap();
        let network = "device eth0\naddress 192.168.1.1/24 dev eth0\n";
        std::fs::write(desk.home.path().join("network"), network).unwrap();
        let mut trace = Command::new(crate::programs::BINARY);
        trace.args(["trace", "--quiet", "--rules", "now", "--rules6", "/dev/null", "--routes", "network"]);
        trace.arg("eth0 tcp 192.168.1.50:40000 > 192.168.1.1:22 S");
        let output = desk.home.dress(&mut trace).output().unwrap();
        let said = text(&output.stdout);
        assert!(said.contains("ACCEPTED") || said.contains("DROPPED"), "{said}{}", text(&output.stderr));
        said.contains("ACCEPTED")
    };
    assert!(passes());
    let child = desk.ask(&["-t", "1", "cut"]);
    assert!(!passes(), "cut off");
    assert_eq!(wait_with_open_input(child).status.code(), Some(255));
    assert!(passes(), "rolled back after the timeout");

    let good = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    std::fs::write(desk.home.path().join("good"), good).unwrap();
    assert_eq!(desk.apply(&["-t", "60", "good"], "y").status.code(), Some(0));
    assert!(passes(), "kept when confirmed");
    assert!(desk.home.iptables("-S INPUT").starts_with("-P INPUT DROP\n"));
}

#[test]
fn a_broken_file_changes_nothing_and_is_diagnosed() {
    let desk = Desk::new();
    std::fs::write(
        desk.home.path().join("bad"),
        "*filter\n-A INPUT -j DROP\nCOMMIT\n*nat\n-A PREROUTING -j ACCESPT\nCOMMIT\n*raw\n-A NONE\nCOMMIT\n",
    )
    .unwrap();
    let output = desk.apply(&["bad"], "y");
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(
        text(&output.stdout),
        format!("Applying new iptables rules from 'bad'... failed.\n{REVERTED}")
    );
    let told = text(&output.stderr);
    assert!(told.starts_with("iptables-restore v1.8.13 ("), "{told}");
    assert!(
        told.contains("bad:5:") && told.contains("^^^") && told.contains("did you mean `ACCEPT'"),
        "{told}"
    );
    assert!(told.contains("bad:8:"), "every bad line is told: {told}");
    assert!(told.ends_with("\nError: unknown error applying new iptables rules: bad\n"), "{told}");
    // The first table was good; it is not in force either.
    desk.is_as_before();
    // Without a last COMMIT, and a folder in place of a file.
    std::fs::write(desk.home.path().join("bad"), "*filter\n-A INPUT -j DROP\n").unwrap();
    assert_eq!(desk.apply(&["bad"], "y").status.code(), Some(5));
    assert_eq!(desk.apply(&["bin"], "y").status.code(), Some(5));
    desk.is_as_before();
}

#[test]
fn the_command_line_and_the_files_are_checked_first() {
    let desk = Desk::new();
    let no_command = desk.script("here", "#!/bin/sh\n");
    assert!(no_command.exists());
    let number = "Error: timeout must be a positive number\n";
    for (words, code, told) in [
        (&["-t", "ten", "cut"][..], 1, number),
        (&["-t", "-1", "cut"], 1, number),
        (&["-t", "", "cut"], 1, number),
        (&["-x"], 1, "iptables-apply: invalid option -- 'x'\n"),
        (&["no"], 2, "Error: rulesfile not readable: no\n"),
        (&["-c", "no"], 6, "Error: runcmd not executable: no\n"),
        (&["-c", "./cut"], 6, "Error: runcmd not executable: ./cut\n"),
        (&["-c", "here"], 127, "Error: needed command not found: here\n"),
        (&["-c", "/"], 127, "Error: needed command not found: /\n"),
    ] {
        let output = desk.apply(words, "y");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with(told), "{words:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
    desk.is_as_before();
    for (word, told) in [("-h", "Usage: iptables-apply [-hV]"), ("--version", "iptables-apply v1.8.13")] {
        let output = desk.apply(&[word], "");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

#[test]
fn the_defaults_are_those_of_the_family() {
    for (program, code, words, told) in [
        ("iptables-apply", 2, &[][..], "/etc/network/iptables.up.rules"),
        ("ip6tables-apply", 2, &[], "/etc/network/ip6tables.up.rules"),
        ("iptables-apply", 6, &["-c"], "/etc/network/iptables.up.run"),
        ("ip6tables-apply", 6, &["--command"], "/etc/network/ip6tables.up.run"),
    ] {
        if std::path::Path::new(told).exists() {
            eprintln!("skipped: {told} exists");
            continue;
        }
        let output = Desk::new().home.run(program, words);
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stderr).ends_with(&format!(": {told}\n")), "{}", text(&output.stderr));
    }
}

#[test]
fn what_cannot_be_kept_is_not_put_on_trial() {
    let desk = Desk::new();
    let output = feed(desk.command(&["cut"]).env("OXITABLES_TARGET", "engine:/x"), "y");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).ends_with("Error: iptables support lacking from the kernel\n"));
    desk.is_as_before();
    std::fs::write(desk.home.ruleset(), "*filter\n-4 -A INPUT -j NOWHERE\nCOMMIT\n").unwrap();
    let output = desk.apply(&["cut"], "y");
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("line 2: Couldn't load target `NOWHERE'"));
    assert!(text(&output.stderr).ends_with("Error: unknown error saving old iptables rules\n"));
    assert!(std::fs::read_to_string(desk.home.ruleset()).unwrap().contains("NOWHERE"));
    desk.is_tidy();
}

#[test]
fn a_command_is_confirmed_or_undone_in_both_families() {
    let desk = Desk::new();
    desk.script(
        "rules.sh",
        "#!/bin/sh\niptables -F INPUT && iptables -P INPUT DROP && \
         iptables -A INPUT -s 10.0.0.9 -j ACCEPT && ip6tables -F && echo changed\n",
    );
    let mut child = desk.ask(&["-t", "60", "-c", "./rules.sh"]);
    assert!(!text(&desk.home.run("ip6tables", &["-S"]).stdout).contains("::1"));
    child.stdin.take().unwrap().write_all(b"n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(255), String::new()));
    desk.is_as_before();
    let output = desk.apply(&["-c", "./rules.sh"], "y");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert!(text(&output.stdout).starts_with("Running command './rules.sh'... changed\ndone.\n"));
    assert!(desk.is_cut());
    // One that changes nothing of ours has perhaps called another iptables.
    let output = desk.apply(&["-c", "/bin/true"], "y");
    assert!(text(&output.stderr).starts_with("Warning: the command changed nothing in file:"));
}

#[test]
fn a_command_that_fails_is_undone() {
    let desk = Desk::new();
    desk.script("fails", "#!/bin/sh\niptables -F INPUT\nexit 3\n");
    let output = desk.apply(&["-c", "./fails"], "y");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), format!("Running command './fails'... failed.\n{REVERTED}"));
    assert_eq!(
        text(&output.stderr),
        "Error: unknown error running command: ./fails\n(it ended with exit code 3)\n"
    );
    desk.is_as_before();
    // One that destroys the ruleset itself.
    desk.script("destroys", "#!/bin/sh\necho rubbish > state/ruleset\n");
    assert_eq!(desk.apply(&["-c", "./destroys"], "y").status.code(), Some(7));
    desk.is_as_before();
    // One that does not end, with a child that would change the rules later.
    desk.script(
        "hangs",
        "#!/bin/sh\ntrap '' TERM\niptables -F INPUT\n(trap '' TERM; read x < fifo; iptables -P INPUT DROP) > log 2>&1 &\nwait\n",
    );
    let fifo = desk.home.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let output = desk.apply(&["-t", "1", "-c", "./hangs"], "y");
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stderr).ends_with("(it took longer than 1 s)\n"));
    desk.is_as_before();
    // Nobody reads from the pipe any more: its reader is gone.
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let writer = rustix::fs::open(&fifo, flags, rustix::fs::Mode::empty());
    assert_eq!(writer.err(), Some(rustix::io::Errno::NXIO));
}

#[test]
fn a_signal_while_the_command_runs_undoes_it() {
    let desk = Desk::new();
    desk.script("hangs", "#!/bin/sh\niptables -F INPUT\necho ready\nexec sleep 60\n");
    let mut command = desk.command(&["-t", "60", "-c", "./hangs"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = String::new();
    let output = child.stdout.as_mut().unwrap();
    while !told.ends_with("ready\n") {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        told.push(char::from(byte[0]));
    }
    signal(&child, Signal::HUP);
    assert_eq!(end_of(&mut child), Some(7));
    desk.is_as_before();
}

#[test]
fn confirmed_rules_are_written_as_save_prints_them() {
    let desk = Desk::new();
    let file = desk.home.path().join("good");
    let dates =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    for old in [None, Some("old")] {
        if let Some(old) = old {
            std::fs::write(&file, old).unwrap();
        }
        let output = desk.apply(&["-w", "good", "cut"], "n");
        assert_eq!(output.status.code(), Some(255));
        assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), old, "only after a `y'");
    }
    let output = desk.apply(&["-w", "good", "cut"], "y");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("\nWriting successfully applied rules to 'good'...\n... then"));
    let saved = text(&desk.home.run("iptables-save", &[]).stdout);
    assert!(saved.contains("-A INPUT -s 10.0.0.9/32 -j ACCEPT"));
    assert_eq!(dates(&std::fs::read_to_string(&file).unwrap()), dates(&saved));
    // What cannot be written does not undo what was confirmed.
    let output = desk.apply(&["--write", "no/such/folder", "cut"], "y");
    assert_eq!(output.status.code(), Some(9));
    assert!(
        text(&output.stderr)
            .ends_with("Error: unknown error writing successfully applied rules: no/such/folder\n")
    );
    assert!(desk.is_cut());
}

#[test]
fn full_and_read_only_disks() {
    let desk = Desk::new();
    let unshare = ["--mount", "--map-root-user"];
    let allowed = Command::new("unshare").args(unshare).arg("true").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        machine::skip("`unshare --mount --map-root-user` is not allowed here");
        return;
    }
    let script = "
mkdir fixed && mount -t tmpfs -o size=64k tmpfs fixed && echo old > fixed/good || exit 90
mount -o remount,ro fixed || exit 91
iptables-apply -w fixed/good cut
[ $? = 8 ] || exit 92
cp state/ruleset before && mount -t tmpfs -o size=64k tmpfs state && cp before state/ruleset || exit 93
# With the new rules in force the disk runs full.
printf '#!/bin/sh\\niptables -F INPUT\\ncat /dev/zero > state/fill\\nexit 0\\n' > fills && chmod +x fills || exit 98
iptables-apply -c ./fills
[ $? = 255 ] || exit 94
cmp before state/ruleset || exit 95
# Nothing can be kept on a full disk: nothing is tried.
cat /dev/zero >> state/fill
iptables-apply cut
[ $? = 4 ] || exit 96
cmp before state/ruleset || exit 97
ls -A state > left
";
    let mut command = Command::new("unshare");
    desk.home.dress(command.args(unshare).args(["sh", "-c", script]));
    command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", desk.home.bin().display()));
    let output = feed(&mut command, "");
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stderr).contains("Error: savefile not writable: fixed/good\n"));
    let left = std::fs::read_to_string(desk.home.path().join("left")).unwrap();
    assert_eq!(left, "fill\nruleset\nruleset.lock\n");
}
