//! Programs of the machine that take a text and print one.
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock};

/// Held while a program starts, and by who closes sockets.
static STARTING: RwLock<()> = RwLock::new(());

/// Starts a program.
pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Closes what no program may keep open any longer: between fork and exec a program that another thread starts has all of
/// this process' sockets, and a listener among them would go on listening.
pub(crate) fn close<T>(what: &mut Vec<T>) {
    let _nothing_starts = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    what.clear();
}

/// Runs a program with a text on its input; what it prints, or what it says on its error stream if it refuses.
pub(crate) fn feed(command: &mut Command, input: &str) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{program}: {error}");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(pipes).map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A refusal may close the pipe early; what was wrong is then in the output.
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// What a program said, and its exit status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// Exit status; of one that was killed 255.
    pub(crate) exit: u8,
    /// What it printed.
    pub(crate) out: String,
    /// What it printed on its error stream.
    pub(crate) error: String,
}

/// Runs a program with a text on its input, whatever comes of it.
pub(crate) fn say(command: &mut Command, input: &str) -> std::io::Result<Said> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read, or not to the end, closes the pipe.
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok(Said {
        exit: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
