//! `oxitables link`: the names are made, found by scripts, and nothing of others is touched.
use std::path::Path;
use std::process::{Command, Output};

use crate::programs::{BINARY, Home, NAMES};

fn link(words: &[&str], folder: &Path) -> Output {
    Command::new(BINARY).arg("link").args(words).arg(folder).env("LC_ALL", "C").output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn made_used_and_removed() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let made = link(&[], folder.path());
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && made.stderr.is_empty());
    let present = names(folder.path());
    assert!(
        NAMES.iter().chain(&["iptables-xml"]).all(|name| present.iter().any(|own| own == name)),
        "{present:?}"
    );
    assert_eq!(said.lines().count(), present.len());
    assert!(said.contains(&format!("{}/iptables -> ", folder.path().display())), "{said}");

    // A script that finds them by PATH.
    let mut script = Command::new("sh");
    script.args(["-ec", "iptables -A INPUT -j DROP; iptables-save | iptables-xml"]);
    let output =
        home.dress(&mut script).env("PATH", format!("{}:/usr/bin:/bin", folder.path().display())).output();
    assert!(String::from_utf8(output.unwrap().stdout).unwrap().contains("<DROP  />"));

    let again = link(&[], folder.path());
    assert!(again.status.success() && again.stdout.is_empty(), "all is there already");
    let removed = link(&["--remove"], folder.path());
    assert_eq!(String::from_utf8(removed.stdout).unwrap().lines().count(), present.len());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_is_not_its_own_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("iptables"), folder.path().join("ip6tables-save"));
    std::fs::write(&file, "of others").unwrap();
    std::os::unix::fs::symlink("/bin/true", &other).unwrap();
    let refused = link(&[], folder.path());
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("iptables is a file\n") && said.contains("ip6tables-save is a link to /bin/true\n"),
        "{said}"
    );
    assert_eq!(names(folder.path()), ["ip6tables-save", "iptables"], "nothing is made");

    assert!(link(&["--remove"], folder.path()).status.success());
    assert_eq!(names(folder.path()), ["ip6tables-save", "iptables"], "nothing of others is removed");

    let forced = link(&["--force"], folder.path());
    assert!(forced.status.success());
    let said = String::from_utf8(forced.stdout).unwrap();
    assert!(said.contains("(was a file)") && said.contains("(was a link to /bin/true)"), "{said}");
    assert!(Command::new(&file).arg("-V").output().unwrap().status.success());

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let refused = link(&["--force"], folder.path());
    assert_eq!(refused.status.code(), Some(1), "a folder is never replaced");
    assert_eq!(link(&[], &folder.path().join("none")).status.code(), Some(1));
}
