//! `oxitables man DIR`: the man pages, written out of the option tables.
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;

use super::system_text;
use crate::{manual, whole};

/// Write the man pages into a folder
///
/// Makes man1/ and man8/ in DIR with a page for each command and one for all matches and targets. `man -M DIR iptables'
/// shows them; what stands there by the same names is replaced.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The folder, made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

/// Exit status: 0 written; 4 the system refuses.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    for (name, section, text) in manual::pages::all() {
        let folder = arguments.folder.join(format!("man{section}"));
        let path = folder.join(format!("{name}.{section}"));
        let written =
            std::fs::create_dir_all(&folder).and_then(|()| whole::replace(&path, text.as_bytes(), 0o644));
        if let Err(error) = written {
            eprintln!("oxitables man: {}: {}", path.display(), system_text(&error));
            return ExitCode::from(4);
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}
