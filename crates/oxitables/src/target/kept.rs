//! The state of a ruleset, kept on the disk beside it for as long as a change of it is on trial.
//!
//! What is kept is a copy of the old file. To put it back is one rename: it needs no room on the disk and gives back every
//! byte, and whoever loses the process that should have done it finds the old rules in the folder.
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::whole;

use super::{Locked, Place, TargetError};

/// A file that is kept. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Where; `None`: there was no file.
    path: Option<PathBuf>,
}

impl Kept {
    /// Leaves the file where it is, and says where that is.
    pub(crate) fn leave(mut self) -> Option<PathBuf> {
        self.path.take()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Locked {
    /// Keeps the file as it is now, as `PATH.before-apply-PROCESS`.
    pub(crate) fn keep(&self) -> Result<Kept, TargetError> {
        let real = whole::resolved(&self.path);
        let mut name = real.clone().into_os_string();
        name.push(format!(".before-apply-{}", std::process::id()));
        let path = PathBuf::from(name);
        let failed = |error| TargetError::Write { path: path.clone(), error };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut old = match File::open(&real) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept { path: None }),
            Err(error) => return Err(failed(error)),
        };
        // Why: not a second name of the same file, which a command that writes into the file would change as well.
        let metadata = old.metadata().map_err(failed)?;
        let mut copy =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        let kept = Kept { path: Some(path.clone()) };
        // Why: who may not give files away keeps what he has made.
        let _ = fchown(&copy, Some(metadata.uid()), Some(metadata.gid()));
        copy.set_permissions(metadata.permissions())
            .and_then(|()| io::copy(&mut old, &mut copy))
            .and_then(|_| copy.sync_all())
            .map_err(failed)?;
        Ok(kept)
    }

    /// Makes what was kept the ruleset again. Nothing of it is lost if that fails.
    pub(crate) fn put_back(&self, kept: &Kept) -> Result<(), TargetError> {
        kept.put_back(&self.path)
    }
}

impl Place {
    /// [`Locked::put_back`] for when the lock is not to be had. It is one rename, so that readers see the old or the new;
    /// who holds the lock may write what he has read before.
    pub(crate) fn put_back_without_lock(&self, kept: &Kept) -> Result<(), TargetError> {
        kept.put_back(&self.path)
    }
}

impl Kept {
    fn put_back(&self, path: &Path) -> Result<(), TargetError> {
        let real = whole::resolved(path);
        let folder = real.parent().unwrap_or(Path::new("/"));
        let done = match &self.path {
            Some(old) => std::fs::rename(old, &real),
            None => std::fs::remove_file(&real).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        done.and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| TargetError::Write { path: path.to_owned(), error })
    }
}
