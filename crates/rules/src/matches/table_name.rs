//! The name of a table that the kernel keeps behind a match (`-m recent`, `-m hashlimit`).
use crate::syntax::extension::Refusal;

/// The kernel's check of a name that becomes a file of /proc: neither empty nor `.` nor `..`, and no `/`.
/// Linux: `xt_check_proc_name` in x_tables.c.
pub(super) fn check(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Err(Refusal::invalid(format!(
            "`{name}' cannot be the name of a table: it would be the name of a file in /proc"
        )));
    }
    Ok(())
}
