//! Real traffic: the bundled scenarios on the engine and on the kernel with the same outcome, and `exec`.
//!
//! Where namespaces or TUN are refused the program ends with 4 and says why; that is printed, and a failure only if
//! `OXITABLES_REQUIRE_KERNEL=1`.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::machine;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn oxitables() -> Command {
    Command::new(env!("CARGO_BIN_EXE_oxitables"))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The output, unless the system refuses what is needed.
fn run(command: &mut Command) -> Option<Output> {
    let output = command.output().expect("the program starts");
    if output.status.code() != Some(4) {
        return Some(output);
    }
    machine::skip(&text(&output));
    None
}

/// Both ways: every expectation of the scenario holds on the engine, and the same ones on the kernel.
fn scenario(name: &str) {
    let path = root().join("examples/lab").join(name);
    let tries =
        std::fs::read_to_string(&path).unwrap().lines().filter(|line| line.starts_with("try ")).count();
    assert!(tries > 0);
    for kernel in [false, true] {
        let mut command = oxitables();
        command.arg("lab").args(kernel.then_some("--kernel")).arg(&path);
        let Some(output) = run(&mut command) else { return };
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains(&format!("{tries} of {tries} as expected")), "{text}");
    }
}

/// The same with programs of the machine, by their names or paths; without them that is said, and nothing else.
fn scenario_with(needed: &[&str], packages: &str, name: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in needed {
        let there = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
        if !there {
            machine::skip(&format!("there is no `{program}` (Debian: {packages})"));
            return;
        }
    }
    scenario(name);
}

#[test]
fn a_call_with_sip_brings_its_media() {
    scenario_with(&["sipp"], "sip-tester", "sip-call.lab");
}

#[test]
fn a_file_by_tftp() {
    scenario_with(&["in.tftpd", "tftp"], "tftpd-hpa tftp-hpa", "tftp-boot.lab");
}

#[test]
fn files_by_ftp_in_both_modes() {
    let server = "/usr/lib/python3/dist-packages/pyftpdlib";
    scenario_with(&[server, "curl"], "python3-pyftpdlib curl", "ftp-both-modes.lab");
}

#[test]
fn s5_reject_and_drop() {
    scenario("s5-reject-and-drop.lab");
}

#[test]
fn s7_ssh_one_way() {
    scenario("s7-ssh-one-way.lab");
}

#[test]
fn s9_port_change() {
    scenario("s9-port-change.lab");
}

#[test]
fn s10_office_nat() {
    scenario("s10-office-nat.lab");
}

#[test]
fn s11_published_port() {
    scenario("s11-published-port.lab");
}

#[test]
fn s12_sidecar() {
    scenario("s12-sidecar.lab");
}

#[test]
fn s13_local_resolver() {
    scenario("s13-local-resolver.lab");
}

#[test]
fn s15_container_host() {
    scenario("s15-container-host.lab");
}

#[test]
fn s16_service_proxy() {
    scenario("s16-service-proxy.lab");
}

#[test]
fn policy_by_sets() {
    scenario_with(&["ipset"], "ipset", "policy-by-sets.lab");
}

#[test]
fn s23_ipv6() {
    scenario("s23-ipv6.lab");
}

#[test]
fn a_scenario_that_does_not_hold_ends_with_1_and_a_wrong_one_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.lab");
    let links = "host a\nhost b\nlink a:eth0=10.0.0.1/24 b:eth0=10.0.0.2/24\n";
    std::fs::write(&path, format!("{links}try a tcp 10.0.0.2:9 expect \"text\"\n")).unwrap();
    let Some(output) = run(oxitables().arg("lab").arg(&path)) else { return };
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("FAIL a tcp 10.0.0.2:9: refused (line 4 expects \"text\")"),
        "{}",
        text(&output)
    );

    std::fs::write(&path, format!("{links}tri a tcp 10.0.0.2:9 expect refused\n")).unwrap();
    let output = oxitables().arg("lab").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("it.lab:4: unknown directive \"tri\""), "{}", text(&output));

    let rules = "rules a <<\n*filter\n-A INPUT -j ACCESPT\nCOMMIT\nend\ntry a ping 10.0.0.2 expect answer\n";
    std::fs::write(&path, format!("{links}{rules}").replace("host a\n", "host a engine\n")).unwrap();
    let output = oxitables().arg("lab").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("ACCESPT"), "{}", text(&output));
}

#[test]
fn the_owner_of_a_socket_is_the_same_for_the_engine_and_the_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.lab");
    let text = r#"
host a engine
host b
link a:eth0=10.0.0.1/24,fd00::1/64 b:eth0=10.0.0.2/24,fd00::2/64
serve b tcp 80 "web"
serve b udp 53 "name"
serve a tcp 81 "own"
rules a <<
  *filter
  :OUTPUT ACCEPT [0:0]
  -A OUTPUT -p tcp --dport 80 -m owner --uid-owner 105 -j REJECT --reject-with tcp-reset
  -A OUTPUT -p tcp --dport 81 -m owner --gid-owner 106 -j REJECT --reject-with tcp-reset
  -A OUTPUT -p udp --dport 53 -m owner --uid-owner 100-110 -j REJECT
  -A OUTPUT -p icmp -m owner --uid-owner 105 -j REJECT --reject-with icmp-net-unreachable
  -A OUTPUT -p tcp --sport 9 -m owner --uid-owner 0 -j DROP
  -A OUTPUT -p tcp --sport 10 -m owner --socket-exists -j DROP
  COMMIT
end
rules a v6 <<
  *filter
  :OUTPUT ACCEPT [0:0]
  -A OUTPUT -p tcp --dport 80 -m owner --uid-owner 105 -j REJECT --reject-with tcp-reset
  COMMIT
end
try a tcp 10.0.0.2:80 expect "web"
try a tcp 10.0.0.2:80 as 105 expect refused
try a tcp 10.0.0.2:80 as 106 expect "web"
try a tcp [fd00::2]:80 expect "web"
try a tcp [fd00::2]:80 as 105 expect refused
try a tcp 10.0.0.1:81 expect "own"
try a tcp 10.0.0.1:81 as 105 expect "own"
try a tcp 10.0.0.1:81 as 106 expect refused
try a udp 10.0.0.2:53 expect "name"
try a udp 10.0.0.2:53 as 106 expect refused
try a ping 10.0.0.2 expect answer
try a ping 10.0.0.2 as 106 expect answer
try a ping 10.0.0.2 as 105 expect unreachable
say a RST of the kernel has a socket but no user (F75)
try b tcp 10.0.0.1:9 expect refused
try b tcp 10.0.0.1:10 expect timeout
"#;
    std::fs::write(&path, text).unwrap();
    for kernel in [false, true] {
        let Some(output) = run(oxitables().arg("lab").args(kernel.then_some("--kernel")).arg(&path)) else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "kernel {kernel}: {}", self::text(&output));
    }
}

#[test]
fn json_says_each_try_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.lab");
    let links = "host a engine\nhost b\nlink a:eth0=10.0.0.1/24 b:eth0=10.0.0.2/24\n";
    std::fs::write(&path, format!("{links}try a tcp 10.0.0.2:9 expect refused\n")).unwrap();
    let Some(output) = run(oxitables().args(["lab", "--json"]).arg(&path)) else { return };
    assert_eq!(
        text(&output),
        "{\"expected\":\"refused\",\"host\":\"a\",\"line\":4,\"ok\":true,\"outcome\":\"refused\",\"try\":\"tcp 10.0.0.2:9\"}\n"
    );
}

#[test]
fn the_exit_code_of_exec_is_the_commands() {
    for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -TERM $$", 128 + 15)] {
        let Some(output) = run(oxitables().args(["exec", "--", "sh", "-c", script])) else { return };
        assert_eq!(output.status.code(), Some(code), "{script}: {}", text(&output));
    }
    let absent = oxitables().args(["exec", "--", "/nonexistent/program"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(127), "{}", text(&absent));
}

/// A save file of the test's own.
fn rules_file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn exec_counts_what_its_command_sends_over_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let rules = rules_file(
        folder.path(),
        "rules.v4",
        "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         -A INPUT -i lo -p udp -m udp --dport 9 -j DROP\n-A OUTPUT -o lo -p udp -m udp --dport 9\nCOMMIT\n",
    );
    let mut command = oxitables();
    command.args(["exec", "-v", "--rules"]).arg(&rules);
    // `lab-process connect udp` sends one datagram and waits.
    let own = env!("CARGO_BIN_EXE_oxitables");
    command.args(["--", own, "lab-process", "connect", "udp", "127.0.0.1:9", "-", "end", "300"]);
    let Some(output) = run(&mut command) else { return };
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("timeout\n"), "{text}");
    // 20 bytes of IP, 8 of UDP, 5 of "hello".
    assert!(text.contains("[1:33] -A INPUT -i lo -p udp -m udp --dport 9 -j DROP\n"), "{text}");
    assert!(text.contains("[1:33] -A OUTPUT -o lo -p udp -m udp --dport 9\n"), "{text}");
}

#[test]
fn a_signal_to_exec_reaches_the_command() {
    use std::io::{BufRead, BufReader};
    let mut command = oxitables();
    command.args(["exec", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line != "ready\n" {
        assert_eq!(child.wait().unwrap().code(), Some(4), "it ends early only if the system refuses");
        machine::skip("no namespace");
        return;
    }
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_statically_linked_proxy_learns_the_original_destination() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("original-destination");
    let compiled = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "-C", "target-feature=+crt-static", "-o"])
        .arg(&program)
        .arg(root().join("fixtures/program/original-destination.rs"))
        .output();
    match compiled {
        Ok(output) if output.status.success() => {}
        other => {
            machine::skip(&format!("no statically linked program can be made here: {other:?}"));
            return;
        }
    }
    let table = "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m tcp --dport 5556:5557 -j REDIRECT --to-ports 5555\nCOMMIT\n";
    let rules = rules_file(folder.path(), "rules.v4", table);
    let rules6 = rules_file(folder.path(), "rules.v6", table);
    let mut command = oxitables();
    command.arg("exec").arg("--rules").arg(rules).arg("--rules6").arg(rules6).arg("--").arg(&program);
    command.args(["127.0.0.1:5555", "10.0.2.15:5556", "192.0.2.9:5557", "[::1]:5556", "[2001:db8::9]:5557"]);
    let Some(output) = run(&mut command) else { return };
    assert_eq!(
        text(&output),
        "127.0.0.1:5555 -> 127.0.0.1:5555\n\
         10.0.2.15:5556 -> 10.0.2.15:5556\n\
         192.0.2.9:5557 -> 192.0.2.9:5557\n\
         [::1]:5556 -> [::1]:5556\n\
         [2001:db8::9]:5557 -> [2001:db8::9]:5557\n\
         listener -> errno 2\n\
         udp -> errno 92\n"
    );
}

#[test]
fn where_namespaces_are_refused_the_setting_is_named_and_the_exit_code_is_4() {
    // A user namespace in which no further one is allowed, and a program in it without capabilities.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && \
                  exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" exec -- true";
    let output =
        Command::new("unshare").args(["-Ur", "sh", "-c", script, env!("CARGO_BIN_EXE_oxitables")]).output();
    let Ok(output) = output else {
        machine::skip("no unshare(1) here");
        return;
    };
    let text = text(&output);
    if !text.starts_with("oxitables") {
        println!("skipped: the refusal cannot be arranged here: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("no more user namespaces are allowed (sysctl user.max_user_namespaces)"), "{text}");
}

#[test]
fn a_signal_ends_a_lab_and_everything_in_it() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.lab");
    let marker = format!("oxitables-lab-{}", std::process::id());
    // The name of the sleeping shell is the marker; its own child sleeps as well.
    let text = format!(
        "host a engine\nhost b\nlink a:eth0=10.0.0.1/24 b:eth0=10.0.0.2/24\n\
         start b sh -c \"sleep 60 & wait\" {marker}\nsay waiting\n\
         try b run sh -c \"echo started; sleep 60\" {marker} expect exit 0\n"
    );
    std::fs::write(&path, text).unwrap();
    let mut child = oxitables().arg("lab").arg(&path).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "waiting");
    if told {
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    } else {
        machine::skip("no namespace");
    }
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let alive = std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&marker))
    });
    assert!(!alive, "a process of the lab lives on");
}

#[test]
fn a_process_that_prints_without_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noisy.lab");
    std::fs::write(&path, "title noise\nhost a\nstart a yes\ntry a run yes expect exit 137\n").unwrap();
    let start = std::time::Instant::now();
    let Some(output) = run(oxitables().arg("lab").arg(&path)) else { return };
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(start.elapsed() < std::time::Duration::from_secs(15), "ended before the patience is over");
}
