//! The file in which a ruleset lives: locked, written whole, never lost.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine;
use crate::programs::{Home, feed};

fn error(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_restore_of_the_file_gives_the_ruleset_of_each_family() {
    let home = Home::new();
    home.iptables("-A INPUT -p tcp --dport 22 -c 3 180 -j ACCEPT");
    assert!(
        home.run("ip6tables", &["-t", "raw", "-A", "OUTPUT", "-d", "::1", "-j", "ACCEPT"]).status.success()
    );
    let file = std::fs::read_to_string(home.ruleset()).unwrap();
    let other = Home::new();
    for (restore, save) in [("iptables-restore", "iptables-save"), ("ip6tables-restore", "ip6tables-save")] {
        assert!(other.run_with(restore, &["-c"], &file).status.success());
        let of = |home: &Home, table: &str| {
            String::from_utf8(home.run(save, &["-c", "-t", table]).stdout)
                .unwrap()
                .lines()
                .skip(1)
                .map(str::to_owned)
                .filter(|line| !line.starts_with('#'))
                .collect::<Vec<_>>()
        };
        for table in ["filter", "raw"] {
            assert_eq!(of(&home, table), of(&other, table));
        }
    }
}

#[test]
fn a_crash_in_the_middle_of_a_write_loses_nothing() {
    let home = Home::new();
    home.iptables("-A INPUT -s 10.0.0.1 -j DROP");
    let before = std::fs::read_to_string(home.ruleset()).unwrap();
    let many: String = (0..2000).map(|at| format!("-A INPUT -p udp --dport {at} -j ACCEPT\n")).collect();
    let input = format!("*filter\n{many}COMMIT\n");
    // A limit on file sizes kills the writer by a signal in the middle of the file.
    let mut command = Command::new("prlimit");
    command.arg("--fsize=20000").arg(home.bin().join("iptables-restore"));
    let output = feed(home.dress(&mut command), &input);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_to_string(home.ruleset()).unwrap(), before);
    assert!(home.iptables("-S INPUT").contains("10.0.0.1"));
    // The next writer removes what the dead one left.
    home.iptables("-A INPUT -j ACCEPT");
    let folder = home.ruleset().parent().unwrap().to_owned();
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["ruleset", "ruleset.lock"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    let home = Home::new();
    let unshare = ["--mount", "--map-root-user"];
    let allowed = Command::new("unshare").args(unshare).arg("true").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        machine::skip("`unshare --mount --map-root-user` is not allowed here");
        return;
    }
    let script = "mkdir -p state && mount -t tmpfs -o size=64k tmpfs state || exit 99
iptables -A INPUT -s 10.0.0.1 -j DROP || exit 98
cp state/ruleset before
{ echo '*filter'; seq 1 4000 | sed 's/.*/-A INPUT -p udp --dport & -j ACCEPT/'; echo COMMIT; } | iptables-restore
code=$?
cmp before state/ruleset || exit 97
iptables -S INPUT | grep -q 10.0.0.1 || exit 96
exit $code
";
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", script]);
    home.dress(&mut command).env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", home.bin().display()));
    let output = feed(&mut command, "");
    assert_eq!(output.status.code(), Some(4), "{}", error(&output));
    assert!(
        error(&output).contains("No space left on device; the old one is unchanged"),
        "{}",
        error(&output)
    );
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    let home = Home::new();
    home.iptables("-N a");
    std::fs::write(home.ruleset(), "*filter\n-4 -A INPUT -j NOWHERE\nCOMMIT\n").unwrap();
    let output = home.run("iptables", &["-A", "INPUT", "-j", "ACCEPT"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(error(&output).contains("line 2: Couldn't load target `NOWHERE'"), "{}", error(&output));
    assert!(std::fs::read_to_string(home.ruleset()).unwrap().contains("NOWHERE"));
}

#[test]
fn a_comment_with_a_line_break_survives() {
    let home = Home::new();
    let output =
        home.run("iptables", &["-A", "INPUT", "-m", "comment", "--comment", "a\n\"b\" c", "-j", "ACCEPT"]);
    assert!(output.status.success(), "{}", error(&output));
    assert!(home.iptables("-S").contains("--comment \"a\n\\\"b\\\" c\""));
    home.iptables("-A INPUT -j DROP");
    assert!(home.iptables("-S").contains("--comment \"a\n\\\"b\\\" c\""));
}

#[test]
fn the_lock_is_waited_for_as_asked() {
    let home = Home::new();
    home.iptables("-N a");
    let lock = home.ruleset().with_extension("lock");
    let held = std::fs::OpenOptions::new().write(true).open(&lock).unwrap();
    held.lock().unwrap();
    let output = home.run("iptables", &["-L"]);
    assert_eq!(output.status.code(), Some(4));
    let told = format!(
        "Can't lock {}: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. ",
        lock.display()
    );
    assert_eq!(error(&output), format!("{told}Perhaps you want to use the -w option?\n"));
    let start = Instant::now();
    let output = home.run("iptables", &["-w", "1", "-L"]);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        (output.status.code(), error(&output)),
        (Some(4), format!("{told}Stopped waiting after 1s.\n"))
    );
    let output = home.run_with("iptables-restore", &[], "*filter\nCOMMIT\n");
    assert_eq!(output.status.code(), Some(4));
    // With -w alone it waits until the lock is free.
    let mut command = Command::new(home.bin().join("iptables"));
    let waiting =
        home.dress(command.args(["-w", "-S"])).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(held);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut command = Command::new(home.bin().join("iptables"));
    let output = home.dress(command.arg("-L")).env("XTABLES_LOCKFILE", "/no/such/lock").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(error(&output), "Fatal: can't open lock file /no/such/lock: No such file or directory\n");
}

#[test]
fn many_writers_at_once_lose_no_rule() {
    let home = Home::new();
    let children: Vec<_> = (1..=16)
        .map(|at| {
            let mut command = Command::new(home.bin().join("iptables"));
            home.dress(command.args(["-w", "-A", "INPUT", "-s", &format!("10.0.0.{at}"), "-j", "DROP"]))
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(home.iptables("-S INPUT").lines().count(), 17);
}

#[test]
fn a_restore_answers_each_commit_of_a_stream() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = Home::new();
    let mut command = Command::new(home.bin().join("iptables-restore"));
    let mut child = home
        .dress(command.args(["--noflush", "-w", "-v"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for at in 1..=3 {
        write!(input, "*filter\n-A INPUT -s 10.0.0.{at} -j DROP\nCOMMIT\n# done {at}\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, format!("# done {at}\n"));
        assert_eq!(home.iptables("-S INPUT").lines().count(), 1 + at);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_environment_says_where_the_ruleset_lives() {
    let home = Home::new();
    assert_eq!(home.iptables("-V"), format!("iptables v1.8.13 (file:{})\n", home.ruleset().display()));
    for unknown in ["engine:/x", "file:", "file:ruleset", "file:/", "file:/tmp/.."] {
        let mut command = Command::new(home.bin().join("iptables"));
        let output = home.dress(command.arg("-L")).env("OXITABLES_TARGET", unknown).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{unknown}");
    }
    let help = Command::new(crate::programs::BINARY).arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("oxitables iptables-save"));
}

#[test]
fn only_a_regular_file_is_read_or_replaced() {
    let home = Home::new();
    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for place in [pipe.to_str().unwrap(), "/dev/zero", "/tmp"] {
        let mut command = Command::new(home.bin().join("iptables"));
        home.dress(command.args(["-A", "INPUT", "-j", "ACCEPT"]));
        command
            .env("OXITABLES_TARGET", format!("file:{place}"))
            .env("XTABLES_LOCKFILE", home.path().join("lock"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{place}");
        assert!(error(&output).contains("not a regular file"), "{place}: {}", error(&output));
    }
    assert!(
        !std::fs::metadata(&pipe).unwrap().is_file() && !std::fs::metadata("/dev/zero").unwrap().is_file()
    );
}

#[test]
fn two_names_of_a_ruleset_have_one_lock_and_one_file() {
    let home = Home::new();
    home.iptables("-N a");
    std::fs::create_dir(home.path().join("other")).unwrap();
    let link = home.path().join("other/link");
    std::os::unix::fs::symlink(home.ruleset(), &link).unwrap();
    let held = std::fs::OpenOptions::new().write(true).open(home.ruleset().with_extension("lock")).unwrap();
    held.lock().unwrap();
    let by_link = |words: &[&str]| {
        let mut command = Command::new(home.bin().join("iptables"));
        home.dress(command.args(words)).env("OXITABLES_TARGET", format!("file:{}", link.display()));
        command.output().unwrap()
    };
    assert_eq!(by_link(&["-N", "b"]).status.code(), Some(4));
    drop(held);
    assert!(by_link(&["-N", "b"]).status.success());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(home.iptables("-S").contains("-N b"));
}

#[test]
fn what_cannot_be_printed_is_an_error_and_changes_nothing() {
    let home = Home::new();
    home.iptables("-A INPUT -c 3 180 -j ACCEPT");
    for (program, words) in
        [("iptables-save", &["-c"][..]), ("iptables", &["-L", "-Z"]), ("iptables", &["-V"])]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(home.bin().join(program));
        let output = home.dress(command.args(words)).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{program}");
        assert_eq!(error(&output), "write error: No space left on device\n", "{program}");
    }
    assert!(home.iptables("-S -v").contains("-c 3 180"));
}

#[test]
fn save_writes_its_file_whole_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.iptables("-A INPUT -j ACCEPT");
    assert!(home.run("iptables-save", &["-f", "saved"]).status.success());
    let saved = home.path().join("saved");
    std::fs::set_permissions(&saved, std::fs::Permissions::from_mode(0o640)).unwrap();
    let before = std::fs::read_to_string(&saved).unwrap();
    assert!(before.contains("-A INPUT -j ACCEPT\nCOMMIT\n"));
    let many: String = (0..500).map(|at| format!("-A INPUT -p udp --dport {at} -j ACCEPT\n")).collect();
    assert!(home.run_with("iptables-restore", &[], &format!("*filter\n{many}COMMIT\n")).status.success());
    let mut command = Command::new("prlimit");
    command.arg("--fsize=10000").arg(home.bin().join("iptables-save")).args(["-f", "saved"]);
    assert!(!feed(home.dress(&mut command), "").status.success());
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), before);
    assert!(home.run("iptables-save", &["-f", "saved"]).status.success());
    assert_eq!(std::fs::read_to_string(&saved).unwrap().matches("-p udp").count(), 500);
    assert_eq!(std::fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o640);
    let output = home.run("iptables-save", &["-f", "/dev/stdout"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("-p udp").count(), 500);
}

#[test]
fn dump_is_as_no_option() {
    let home = Home::new();
    home.iptables("-N a");
    let output = home.run("iptables-save", &["-d"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(":a - [0:0]"));
}

#[test]
fn a_line_without_end_is_refused() {
    let home = Home::new();
    let mut command = Command::new(home.bin().join("iptables-restore"));
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let output = home.dress(&mut command).stdin(zero).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(error(&output), "iptables-restore: line 1 is longer than 1048576 bytes\n");
}

#[test]
fn an_error_that_cannot_be_told_is_still_its_exit_code() {
    let home = Home::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (program, words, code) in [
        ("iptables", &["-L", "NOPE"][..], 1),
        ("iptables", &["-p", "nope"], 2),
        ("iptables-restore", &["/nonexistent"], 1),
        ("iptables-save", &["-t", "nope"], 1),
    ] {
        let mut command = Command::new(home.bin().join(program));
        let status = home.dress(command.args(words)).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{program} {words:?}");
    }
    for (words, code) in
        [(&["exec", "--rules", "/nonexistent", "true"][..], 4), (&["lab", "/nonexistent"], 4)]
    {
        let status = Command::new(crate::programs::BINARY).args(words).stdout(full()).stderr(full()).status();
        assert_eq!(status.unwrap().code(), Some(code), "{words:?}");
    }
}
