//! `oxitables link DIR`: the names of iptables as links to this program, so that scripts find it by them.
//!
//! A name that is something else is left alone, and then nothing at all is made, unless `--force` is given. What is a
//! link to this program already counts as made.
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueHint;

use super::{Applet, system_text};

/// Make the commands of iptables available by their own names
///
/// Makes a link to this program for each command, in a folder that must be there. With DIR in front of the others in
/// PATH, scripts that call iptables call oxitables. Nothing is made if a name in the folder is taken by something else.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Replace what has one of the names (never a folder)
    #[arg(long, conflicts_with = "remove")]
    force: bool,
    /// Take the links to this program away again, and nothing else
    #[arg(long)]
    remove: bool,
    /// Do not print what is done
    #[arg(short, long)]
    quiet: bool,
}

/// The programs that are linked, as far as this version has them.
pub(crate) fn names() -> impl Iterator<Item = String> {
    const ENDINGS: [&str; 6] = ["", "-save", "-restore", "-apply", "-translate", "-restore-translate"];
    let family = |name: &'static str| ENDINGS.iter().map(move |ending| format!("{name}{ending}"));
    let others = ["iptables-xml", "ipset"].into_iter().map(str::to_owned);
    family("iptables").chain(family("ip6tables")).chain(others).filter(|name| Applet::named(name).is_some())
}

/// What stands at a path.
enum Present {
    Nothing,
    /// A link to this program.
    Own,
    /// Something else, with what it is.
    Other(String),
    Folder,
}

/// Exit status: 0 done; 1 a name is taken; 4 the system refuses.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("oxitables link: the path of this program is not known: {}", system_text(&error));
            return ExitCode::from(4);
        }
    };
    let folder = &arguments.folder;
    if !folder.is_dir() {
        eprintln!("oxitables link: {} is no folder", folder.display());
        return ExitCode::from(1);
    }
    let found: Vec<_> = names()
        .map(|name| {
            let path = folder.join(name);
            let present = look(&path, &program);
            (path, present)
        })
        .collect();
    if arguments.remove { remove(arguments, &found) } else { make(arguments, &program, &found) }
}

fn look(path: &Path, program: &Path) -> Present {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Present::Nothing };
    if metadata.is_dir() {
        return Present::Folder;
    }
    let Ok(to) = std::fs::read_link(path) else { return Present::Other("a file".into()) };
    let same = std::fs::canonicalize(path).is_ok_and(|real| real == program);
    // Why: a link that an earlier version left, to where this program was, is our own as well when it dangles.
    let dangling = !path.exists() && to.file_name() == program.file_name();
    if same || dangling { Present::Own } else { Present::Other(format!("a link to {}", to.display())) }
}

fn make(arguments: &Arguments, program: &Path, found: &[(PathBuf, Present)]) -> ExitCode {
    let mut taken = false;
    for (path, present) in found {
        let what = match present {
            Present::Folder => "a folder",
            Present::Other(what) if !arguments.force => what,
            _ => continue,
        };
        eprintln!("oxitables link: {} is {what}", path.display());
        taken = true;
    }
    if taken {
        eprintln!("oxitables link: nothing is made; --force replaces files and links");
        return ExitCode::from(1);
    }
    for (path, present) in found {
        let how = match present {
            Present::Own if path.exists() => continue,
            Present::Other(what) => format!(" (was {what})"),
            _ => String::new(),
        };
        if let Err(error) = put(path, program) {
            eprintln!("oxitables link: {}: {}", path.display(), system_text(&error));
            return ExitCode::from(4);
        }
        if !arguments.quiet {
            println!("{} -> {}{how}", path.display(), program.display());
        }
    }
    ExitCode::SUCCESS
}

/// Puts a link in the place of what is there, at once.
fn put(path: &Path, program: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let link = tempfile::Builder::new()
        .prefix(".oxitables-link-")
        .make_in(folder, |name| std::os::unix::fs::symlink(program, name))?;
    link.into_temp_path().persist(path).map_err(|fault| fault.error)
}

fn remove(arguments: &Arguments, found: &[(PathBuf, Present)]) -> ExitCode {
    for (path, present) in found {
        if !matches!(present, Present::Own) {
            continue;
        }
        if let Err(error) = std::fs::remove_file(path) {
            eprintln!("oxitables link: {}: {}", path.display(), system_text(&error));
            return ExitCode::from(4);
        }
        if !arguments.quiet {
            println!("{} removed", path.display());
        }
    }
    ExitCode::SUCCESS
}
