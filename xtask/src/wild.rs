//! Real programs that no one here wrote, run twice in a room of their own: with the machine's iptables, and with ours in
//! its place. They must end with the same status and leave the same rules and sets.
//!
//! A script under `fixtures/wild` says what is done; its first line names Debian's packages (`# packages: ufw`). A room is
//! an overlay of this machine's files, so that packages are installed for real and nothing of it stays. What a script
//! writes into `/tmp/said` is compared as well.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

const ROOM: &str = include_str!("wild/room.sh");

/// A script longer than this many seconds has failed.
const SECONDS: u32 = 300;

/// A program to be run.
struct Script {
    name: String,
    packages: String,
    /// Whether it asks something of us alone (services), so that there is nothing to compare with.
    ours_only: bool,
    /// Whether the program itself writes its rules in an order of chance.
    any_order: bool,
    /// Beginnings of names whose rest the program leaves to chance.
    chance: Vec<String>,
    path: PathBuf,
}

/// What a run left.
struct Left {
    status: String,
    files: Vec<(&'static str, String)>,
    log: PathBuf,
}

/// Runs all scripts, or those named.
pub fn run(root: &Path, only: &[String]) -> Result<(), String> {
    if let Some(missing) = missing() {
        return skip("real programs cannot be run here", &missing);
    }
    let mut scripts =
        scripts(&root.join("fixtures/wild")).map_err(|error| format!("fixtures/wild: {error}"))?;
    if !only.is_empty() {
        scripts.retain(|script| only.contains(&script.name));
    }
    let binary = build(root)?;
    let folder = root.join("target/wild");
    let (mut passed, mut failed) = (0, 0);
    for script in &scripts {
        let mine = |side: &str| folder.join(format!("{}-{side}", script.name));
        let base = mine("base");
        if let Err(why) = install(root, &base, &script.packages) {
            skip(&format!("{}: {} cannot be installed", script.name, script.packages), &why)?;
            continue;
        }
        if script.ours_only {
            let ours = run_one(script, root, "ours", &base, &mine("ours"), Some(&binary))?;
            if ours.status == "0" {
                passed += 1;
                println!("{}: passed", script.name);
            } else {
                failed += 1;
                println!("{}: status {}; log: {}", script.name, ours.status, ours.log.display());
            }
            continue;
        }
        // Two at a time: the machines that run this have two cores.
        let (theirs, ours) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| run_one(script, root, "theirs", &base, &mine("theirs"), None));
            let ours = run_one(script, root, "ours", &base, &mine("ours"), Some(&binary));
            (theirs.join(), ours)
        });
        let theirs = theirs.map_err(|_| "a run panicked".to_owned())??;
        let ours = ours?;
        let differences = compare(&theirs, &ours);
        if differences.is_empty() {
            passed += 1;
            println!("{}: equal (status {}, {})", script.name, ours.status, size(&ours));
        } else {
            failed += 1;
            println!("{}: differs; logs: {} {}", script.name, theirs.log.display(), ours.log.display());
            println!("{differences}");
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} programs ended otherwise than with the machine's iptables"))
    }
}

/// Says what is not run and why; an error where everything is required.
fn skip(what: &str, why: &str) -> Result<(), String> {
    println!("skipped: {what}: {why}");
    let required = std::env::var_os("OXITABLES_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    if required { Err(format!("OXITABLES_REQUIRE_KERNEL=1, but {what}: {why}")) } else { Ok(()) }
}

/// What this machine lacks.
fn missing() -> Option<String> {
    for program in ["unshare", "apt-get", "iptables-legacy", "ipset", "ip"] {
        let there = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|path| Path::new(path).join(program).exists());
        if !there {
            return Some(format!("no {program}"));
        }
    }
    let mounted = Command::new("unshare")
        .args(["--mount", "--net", "sh", "-c", "d=$(mktemp -d) && mount -t tmpfs tmpfs $d && mkdir $d/u $d/w $d/r && mount -t overlay overlay -o lowerdir=/,upperdir=$d/u,workdir=$d/w $d/r; status=$?; umount -R $d; rmdir $d; exit $status"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match mounted {
        Ok(status) if status.success() => None,
        Ok(_) => Some("an overlay cannot be mounted (not root?)".to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

fn scripts(folder: &Path) -> io::Result<Vec<Script>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".sh")) else {
            continue;
        };
        let text = fs::read_to_string(&path)?;
        let head = |key: &str| {
            text.lines()
                .take_while(|line| line.starts_with('#'))
                .find_map(|line| line.strip_prefix(key).map(str::trim))
        };
        all.push(Script {
            name: name.to_owned(),
            packages: head("# packages:").unwrap_or_default().to_owned(),
            ours_only: head("# ours only").is_some(),
            any_order: head("# any order").is_some(),
            chance: head("# chance:").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            path: path.clone(),
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn build(root: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--quiet", "--package", "oxitables"]).current_dir(root).status();
    match status {
        Ok(status) if status.success() => Ok(root.join("target/debug/oxitables")),
        other => Err(format!("oxitables does not build: {other:?}")),
    }
}

/// Makes the folders of a room; what was there before is gone.
fn clear(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for part in ["up", "work", "root"] {
        fs::create_dir_all(folder.join(part))?;
    }
    Ok(())
}

/// Goes into a room.
fn room(root: &Path, folder: &Path, side: &str, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", &SECONDS.to_string(), "unshare", "--mount", "--propagation", "private"]);
    if side != "install" {
        command.args(["--net", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]);
    }
    command.args(["bash", "-c", ROOM, "room"]).arg(folder).arg(side).args(words).stdin(Stdio::null());
    command.env("REPOSITORY", root);
    let output = command.output().map_err(|error| format!("timeout: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<_> = said.lines().rev().take(12).collect();
    let tail: Vec<_> = tail.into_iter().rev().collect();
    Err(format!("{} ({side}) ended with {}: {}", folder.display(), output.status, tail.join("\n")))
}

/// Installs what a script needs into the room from which its others are copied, unless it is there from before.
fn install(root: &Path, base: &Path, packages: &str) -> Result<(), String> {
    let stamp = base.join("packages");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == packages) {
        return Ok(());
    }
    clear(base).map_err(|error| format!("{}: {error}", base.display()))?;
    if !packages.is_empty() {
        let install = format!("apt-get install -y -qq --no-install-recommends {packages} >&2");
        let words = format!("{install} || {{ apt-get update -qq >&2 && {install}; }}");
        room(root, base, "install", &[&words])?;
    }
    fs::write(&stamp, packages).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn run_one(
    script: &Script,
    root: &Path,
    side: &str,
    base: &Path,
    folder: &Path,
    binary: Option<&Path>,
) -> Result<Left, String> {
    let failed = |what: &str, error: io::Error| format!("{}: {what}: {error}", folder.display());
    clear(folder).map_err(|error| failed("clear", error))?;
    fs::remove_dir(folder.join("up")).map_err(|error| failed("up", error))?;
    // Why: `cp -a` keeps the marks by which an overlay knows deleted files.
    let copied = Command::new("cp").arg("-a").arg(base.join("up")).arg(folder.join("up")).status();
    if !copied.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Err(format!("{}: cp: {copied:?}", folder.display()));
    }
    fs::copy(&script.path, folder.join("script")).map_err(|error| failed("script", error))?;
    if let Some(binary) = binary {
        fs::copy(binary, folder.join("oxitables")).map_err(|error| failed("binary", error))?;
    }
    room(root, folder, side, &[])?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let rules = |name: &str| rules(&read(name), script);
    let files = vec![
        ("rules.v4", rules("rules.v4")),
        ("rules.v6", rules("rules.v6")),
        ("sets", sets(&read("sets"))),
        ("said", read("said")),
    ];
    let left = Left { status: read("status").trim().to_owned(), files, log: folder.join("log") };
    for part in ["up", "work"] {
        fs::remove_dir_all(folder.join(part)).map_err(|error| failed(part, error))?;
    }
    Ok(left)
}

/// A save file without what differs from run to run (remarks, counters, names of chance) and from 1.8.9 to 1.8.13
/// (`-p igmp` is `-p 2`; docs/deviations.md).
fn rules(text: &str, script: &Script) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| if line.starts_with(':') { line.split(" [").next().unwrap_or(line) } else { line })
        .map(|line| {
            let words = line.replace(" -p igmp ", " -p 2 ");
            let cut = |word: &str| {
                let start =
                    script.chance.iter().find(|start| word.trim_start_matches(':').starts_with(*start));
                start.map_or_else(|| word.to_owned(), Clone::clone)
            };
            words.split(' ').map(cut).collect::<Vec<_>>().join(" ")
        })
        .collect();
    if script.any_order {
        lines.sort_unstable();
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Saved sets without the order and numbers that chance gives them.
fn sets(text: &str) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            for chance in ["initval", "bucketsize", "timeout"] {
                if let Some(at) =
                    words.iter().position(|word| *word == chance).filter(|at| at + 1 < words.len())
                {
                    words.drain(at..at + 2);
                }
            }
            words.join(" ") + "\n"
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn compare(theirs: &Left, ours: &Left) -> String {
    let mut out = String::new();
    if theirs.status != ours.status || ours.status != "0" {
        let _ = writeln!(out, "  status: theirs {}, ours {}", theirs.status, ours.status);
    }
    for ((name, theirs), (_, ours)) in theirs.files.iter().zip(&ours.files) {
        let (only_theirs, only_ours) = (lines_beyond(theirs, ours), lines_beyond(ours, theirs));
        for (mark, lines) in [('-', only_theirs), ('+', only_ours)] {
            for line in lines.iter().take(20) {
                let _ = writeln!(out, "  {name} {mark} {line}");
            }
            if lines.len() > 20 {
                let _ = writeln!(out, "  {name} {mark} ... {} more", lines.len() - 20);
            }
        }
        if out.is_empty() && theirs != ours {
            let _ = writeln!(out, "  {name}: the same lines in another order");
        }
    }
    out
}

/// The lines of one text that the other does not have.
fn lines_beyond<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    let others: BTreeSet<_> = other.lines().collect();
    text.lines().filter(|line| !others.contains(line)).collect()
}

fn size(left: &Left) -> String {
    let count = |file: &str| {
        left.files
            .iter()
            .find(|(name, _)| *name == file)
            .map_or(0, |(_, text)| text.lines().filter(|line| line.starts_with('-')).count())
    };
    format!("{} and {} rules", count("rules.v4"), count("rules.v6"))
}
