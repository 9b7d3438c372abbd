//! Files as a whole: written all or nothing, and never read without a bound.
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The longest text of rules that is read: 1 GiB, ten times a ruleset of 700,000 rules.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// The names of files that are being written: `.NAME.oxitables-XXXXXX`.
const TEMPORARY: &str = ".oxitables-";

/// The whole text of a file.
///
/// # Errors
/// What the system says; `FileTooLarge` for more than [`MOST_BYTES`]; `InvalidData` for what is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(File::open(path)?, MOST_BYTES)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

/// All bytes of an input, if they are no more than `most`.
pub(crate) fn read(file: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if length as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Puts a regular file with these bytes in the place of the one at `path` (the one that it leads to if it is a symbolic
/// link), which is as it was if anything fails. Mode and owner stay those of the old one; `mode` is for a new one, less
/// the umask.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // Why: a rename onto a symbolic link would put a file in its place.
    let path = resolved(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let old = match std::fs::metadata(&path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(old) = &old {
        demand_regular(old)?;
    }
    let mut file = tempfile::Builder::new()
        .prefix(&prefix(&path))
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    if let Some(old) = &old {
        // Why: who may not give files away keeps what he has made.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        file.as_file().set_permissions(std::fs::Permissions::from_mode(old.mode() & 0o7777))?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|fault| fault.error)?;
    File::open(folder)?.sync_all()
}

/// Refuses what a rename must not replace and a read may never end: devices, pipes, folders.
pub(crate) fn demand_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("not a regular file")) }
}

/// The path that a path leads to, or itself.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Removes what a writer of this path that died has left beside it. Nobody else may be writing.
pub(crate) fn remove_left_behind(path: &Path) {
    let path = resolved(path);
    let prefix = prefix(&path);
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or(OsStr::new("ruleset")));
    prefix.push(TEMPORARY);
    prefix
}
