//! Restore files as they are written in the wild (`fixtures/restore`, our own samples in the manner of those programs),
//! from a pipe and from a file, against the machine's iptables-legacy-restore; files with many bad lines; a restore that
//! stays open for hours.
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::commands::{of_machine, plain, translated};
use crate::machine;
use crate::programs::{Home, feed};

/// What is run one after the other on one ruleset: program and options, file.
const SESSIONS: &[&[(&str, &str)]] = &[
    // The second time its chains are there already.
    &[("iptables-restore -n", "istio"), ("iptables-restore -n", "istio")],
    &[
        ("iptables-restore --noflush --verbose --wait 5 --wait-interval 1000", "calico-first"),
        ("iptables-restore --noflush --verbose", "calico-second"),
        ("iptables-restore --noflush", "calico-first"),
        ("iptables-restore --verbose", "calico-first"),
    ],
    &[("iptables-restore -w -n", "firewalld"), ("iptables-restore -w -n", "firewalld")],
    &[
        ("iptables-restore -w 5 -W 100000 --noflush --counters", "kube-proxy-first"),
        ("iptables-restore -w 5 -W 100000 --noflush --counters", "kube-proxy-first"),
        ("iptables-restore -w 5 -W 100000 --noflush --counters", "kube-proxy-second"),
    ],
    &[
        ("iptables-restore --wait", "shorewall"),
        ("iptables-restore", "firewalld"),
        ("iptables-restore", "shorewall"),
    ],
    &[("iptables-restore -n", "ufw"), ("iptables-restore -n", "ufw")],
    &[("ip6tables-restore -n", "ufw6"), ("ip6tables-restore -c", "both")],
    &[
        ("iptables-restore --noflush -w -v", "netd"),
        ("iptables-restore -n", "netd"),
        ("iptables-restore", "both"),
    ],
    &[("iptables-restore -t", "firewalld")],
    &[("iptables-restore -T nat", "kube-proxy-first"), ("iptables-restore -n -v -T filter", "netd")],
    // What is not right for this family or at this time.
    &[
        ("iptables-restore -n", "calico-second"),
        ("ip6tables-restore", "firewalld"),
        ("iptables-restore", "ufw6"),
    ],
];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/restore").join(format!("{name}.rules"))
}

/// What is left of a session: exit status, output and error text of each step, and what is saved after it.
#[derive(Debug, PartialEq)]
struct Step {
    exit: Option<i32>,
    out: String,
    error: String,
    saved: String,
}

fn words(line: &str) -> (String, Vec<&str>) {
    let mut words = line.split(' ');
    (words.next().unwrap().to_owned(), words.collect())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Our side. `file`: the input is a regular file, else a pipe.
fn ours(session: &[(&str, &str)], file: bool) -> Vec<Step> {
    let home = Home::new();
    let step = |&(line, name): &(&str, &str)| {
        let (program, words) = words(line);
        let mut command = Command::new(home.bin().join(&program));
        home.dress(command.args(&words));
        let output = if file {
            command.stdin(std::fs::File::open(sample(name)).unwrap()).output().unwrap()
        } else {
            feed(&mut command, &std::fs::read_to_string(sample(name)).unwrap())
        };
        let save = if program.starts_with("ip6") { "ip6tables-save" } else { "iptables-save" };
        let saved = plain(&text(&home.run(save, &["-c"]).stdout));
        Step {
            exit: output.status.code(),
            out: text(&output.stdout),
            error: plain(&text(&output.stderr)),
            saved,
        }
    };
    session.iter().map(step).collect()
}

/// The machine's side, in a namespace.
fn theirs(session: &[(&str, &str)]) -> Vec<Step> {
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from("export LC_ALL=C\n");
    for (at, (line, name)) in session.iter().enumerate() {
        let (program, words) = words(line);
        let save = if program.starts_with("ip6") { "ip6tables-legacy-save" } else { "iptables-legacy-save" };
        script += &format!(
            "cat {} | {} {} > out.{at} 2> error.{at}; echo $? > exit.{at}; {save} -c > saved.{at}\n",
            sample(name).display(),
            of_machine(&program),
            words.join(" ")
        );
    }
    let status = Command::new("unshare")
        .args(["-n", "sh", "-c", &script])
        .current_dir(folder.path())
        .env("XTABLES_LOCKFILE", folder.path().join("lock"))
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    let read = |name: String| std::fs::read_to_string(folder.path().join(name)).unwrap();
    (0..session.len())
        .map(|at| Step {
            exit: read(format!("exit.{at}")).trim().parse().ok(),
            out: translated("list", &translated("save", &read(format!("out.{at}")))),
            error: translated("error", &read(format!("error.{at}"))),
            saved: translated("save", &read(format!("saved.{at}"))),
        })
        .collect()
}

/// The tables of a save file in which there is something. On the machine a table also comes into being when a restore
/// that fails or only tests has opened it.
fn used(saved: &str) -> Vec<&str> {
    let tables = saved.split_inclusive("COMMIT\n");
    let something = |line: &str| {
        line.starts_with(['-', '[']) || (line.starts_with(':') && !line.ends_with("ACCEPT [0:0]"))
    };
    tables.filter(|table| table.lines().any(something)).collect()
}

#[test]
fn files_of_the_wild_are_taken_from_a_pipe_and_from_a_file() {
    for session in SESSIONS {
        let (pipe, file) = (ours(session, false), ours(session, true));
        for ((step, pipe), file) in session.iter().zip(&pipe).zip(&file) {
            let wrong = [("iptables-restore -n", "calico-second"), ("iptables-restore", "ufw6")];
            let again = session.len() == 2 && step.1 == "istio" && !pipe.error.is_empty();
            let refused =
                wrong.contains(step) || (step.0.starts_with("ip6") && step.1 == "firewalld") || again;
            assert_eq!(pipe.exit == Some(0), !refused, "{step:?}: {}", pipe.error);
            assert_eq!(pipe.exit, file.exit, "{step:?}");
            assert_eq!(pipe.out, file.out, "{step:?}");
            if !refused {
                assert_eq!(pipe.saved, file.saved, "{step:?}");
            }
        }
    }
}

#[test]
fn files_of_the_wild_do_what_they_do_on_the_machine() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("restore files against iptables-legacy 1.8.9: {why}"));
        return;
    }
    for session in SESSIONS {
        for ((step, ours), theirs) in session.iter().zip(ours(session, false)).zip(theirs(session)) {
            assert_eq!(ours.exit, theirs.exit, "{step:?}\n{}\n{}", ours.error, theirs.error);
            assert_eq!(ours.out, theirs.out, "{step:?}");
            assert!(ours.error.starts_with(&theirs.error), "{step:?}\n{}\n{}", ours.error, theirs.error);
            assert_eq!(used(&ours.saved), used(&theirs.saved), "{step:?}");
        }
    }
}

/// A file with a bad line in each of three tables, and more outside.
const BAD: &str = "\
*mangle
-A PREROUTING -j MARK --set-mark 1
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp --dport 99999 -j ACCEPT
-A INPUT -p tcp --dprot 22 -j ACCEPT
-A INPUT -s 10.0.0.0/33 -j accept
-A INPUT -j ACCEPT
COMMIT
-A INPUT -j ACCEPT
*nat
-A OUTPUT -j ACCEPT
COMMIT
*natt
-A OUTPUT -j ACCEPT
COMMIT
*raw
-A PREROUTING -j REJECT
COMMIT
*security
:INPUT MAYBE
";

#[test]
fn every_bad_line_is_told_and_nothing_of_the_file_is_applied() {
    let home = Home::new();
    home.iptables("-A FORWARD -j DROP");
    let before = home.iptables("-S");
    let path = home.path().join("bad.rules");
    std::fs::write(&path, BAD).unwrap();
    let output = home.run("iptables-restore", &["bad.rules"]);
    let told = plain(&text(&output.stderr));
    // The first one in iptables' own words and with its exit status.
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.starts_with(
            "iptables-restore v1.8.13 (legacy): invalid port/service `99999' specified\nError occurred at line: 6\n\
             Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"
        ),
        "{told}"
    );
    for line in [6, 7, 8, 11, 15, 19, 22, 23] {
        assert!(told.contains(&format!("--> bad.rules:{line}:")), "line {line}: {told}");
    }
    for good in [2, 5, 9, 13, 16] {
        assert!(!told.contains(&format!("--> bad.rules:{good}:")), "line {good}: {told}");
    }
    assert!(told.contains("8 faults in all"), "{told}");
    assert_eq!(told.matches("Try `iptables-restore -h'").count(), 1, "{told}");
    assert_eq!(home.iptables("-S"), before);
    assert!(!home.iptables("-t mangle -S").contains("MARK"), "nothing of the file is applied");
}

#[test]
fn behind_a_bad_line_of_a_pipe_the_program_ends_at_its_commit() {
    let home = Home::new();
    let mut command = Command::new(home.bin().join("iptables-restore"));
    home.dress(command.arg("-n")).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // As in iptables, the table before is applied. The pipe stays open: the end of the program is the answer.
    write!(
        input,
        "*raw\n-A OUTPUT -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j NOSUCH\n-A INPUT -p foo\nCOMMIT\n"
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("<stdin>:5:") && told.contains("<stdin>:6:"), "{told}");
    assert!(home.iptables("-t raw -S").contains("-A OUTPUT -j ACCEPT"));
    assert!(!home.iptables("-S").contains("-A INPUT"));
}

#[test]
fn a_last_line_without_a_newline_is_a_line() {
    let home = Home::new();
    let given = std::fs::read_to_string(sample("no-newline")).unwrap();
    assert!(!given.ends_with('\n'));
    assert!(home.run_with("iptables-restore", &["-n"], &given).status.success());
    assert!(home.iptables("-S last").ends_with("-A last -j ACCEPT\n"));
}

/// Whether a command that does not wait gets the lock.
fn lock_is_free(home: &Home) -> bool {
    let output: Output = home.run("iptables", &["-S"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{output:?}");
    output.status.success()
}

#[test]
fn a_restore_that_stays_open_holds_the_lock_from_the_table_to_its_commit() {
    let home = Home::new();
    let mut command = Command::new(home.bin().join("iptables-restore"));
    home.dress(command.args(["--noflush", "-w", "-v"])).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut answered = |input: &mut std::process::ChildStdin, question: &str| {
        writeln!(input, "# {question}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, format!("# {question}\n"));
    };
    for round in 1..=3 {
        answered(&mut input, "are you there?");
        assert!(lock_is_free(&home), "between tables, round {round}");
        write!(input, "*filter\n-A OUTPUT -d 10.0.0.{round} -j DROP\n").unwrap();
        answered(&mut input, "in the table");
        assert!(!lock_is_free(&home), "in a table, round {round}");
        writeln!(input, "COMMIT").unwrap();
        answered(&mut input, "done");
        assert!(lock_is_free(&home), "behind COMMIT, round {round}");
        assert_eq!(home.iptables("-S OUTPUT").lines().count(), 1 + round);
        // Somebody else changes the ruleset in between.
        home.iptables("-A INPUT -j ACCEPT");
        assert_eq!(home.iptables("-S INPUT").lines().count(), 1 + round);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
