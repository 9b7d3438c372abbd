//! Parameters of modules, which the kernel has for the whole machine.
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::case::Case;

/// Held by every case while it runs; by one that changes parameters, alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// The machine while a case runs. What the case changes of it is as before when this goes.
pub(super) struct Machine {
    /// What stood where.
    before: Vec<(PathBuf, String)>,
    _held: Held,
}

enum Held {
    Together { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

impl Machine {
    /// Waits until the machine may be had, and sets the parameters of a case. Other programs are not kept from it.
    ///
    /// # Errors
    ///
    /// A parameter that is not there or cannot be written.
    pub(super) fn with(case: &Case) -> Result<Self, String> {
        let mut wanted = case.parameters().peekable();
        let held = if wanted.peek().is_some() {
            Held::Alone { _guard: MACHINE.write().unwrap_or_else(PoisonError::into_inner) }
        } else {
            Held::Together { _guard: MACHINE.read().unwrap_or_else(PoisonError::into_inner) }
        };
        let mut machine = Self { before: Vec::new(), _held: held };
        for (module, name, value) in wanted {
            let path: PathBuf = ["/sys/module", module, "parameters", name].iter().collect();
            let failed = |error: std::io::Error| format!("{}: {error}", path.display());
            let before = std::fs::read_to_string(&path).map_err(failed)?;
            std::fs::write(&path, value).map_err(failed)?;
            machine.before.push((path, before));
        }
        Ok(machine)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for (path, before) in self.before.iter().rev() {
            if let Err(error) = std::fs::write(path, before) {
                eprintln!("{} is not {} again: {error}", path.display(), before.trim());
            }
        }
    }
}
