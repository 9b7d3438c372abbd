//! `iptables-legacy-restore` that stays open: it loads its extensions once, and a case costs no process.
//!
//! Life cycle: started with the first file; each file is followed by a remark, which `-v` prints back when everything before
//! it is done. A file that is refused ends the program; the next file starts another one.
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::process;

/// One family's.
#[derive(Debug)]
pub(super) struct Restore {
    command: &'static str,
    running: Option<Running>,
    files: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// `None`: nothing more is coming.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Why a file: warnings of thousands of cases do not fit into a pipe that nobody reads.
    errors: File,
}

impl Restore {
    pub(super) fn new(v6: bool) -> Self {
        let command = if v6 { "ip6tables-legacy-restore" } else { "iptables-legacy-restore" };
        Self { command, running: None, files: 0 }
    }

    /// Loads a save file; the error is what the command says.
    pub(super) fn load(&mut self, save: &str, lock: &Path) -> Result<(), String> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => start(self.command, lock).map_err(|error| format!("{}: {error}", self.command))?,
        };
        // The program writes where it is: behind the warnings of the files before.
        let before = running.errors.stream_position().unwrap_or(0);
        self.files += 1;
        let done = format!("# done {}\n", self.files);
        // A refusal closes the pipe early; what was wrong is then in the output.
        let sent = running
            .input
            .as_mut()
            .map_or(Ok(()), |input| input.write_all(format!("{}\n{done}", save.trim_end()).as_bytes()));
        let mut line = String::new();
        while sent.is_ok() {
            line.clear();
            match running.output.read_line(&mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) if line == done => {
                    self.running = Some(running);
                    return Ok(());
                }
                Ok(_) => {}
            }
        }
        drop(running.input.take());
        let status = running.child.wait().map_err(|error| error.to_string())?;
        let mut words = String::new();
        let _ = running
            .errors
            .seek(SeekFrom::Start(before))
            .and_then(|_| running.errors.read_to_string(&mut words));
        let words = words.trim();
        Err(if words.is_empty() { format!("{}: {status}", self.command) } else { words.to_owned() })
    }
}

fn start(command: &str, lock: &Path) -> std::io::Result<Running> {
    let path = lock.with_extension(if command.starts_with("ip6") { "errors6" } else { "errors4" });
    let errors = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(&path)?;
    let mut program = Command::new("stdbuf");
    program
        .args(["-oL", command, "-v"])
        .env("XTABLES_LOCKFILE", lock)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone()?);
    let mut child = process::spawn(&mut program)?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => {
            Ok(Running { child, input: Some(input), output: BufReader::new(output), errors })
        }
        _ => Err(std::io::ErrorKind::BrokenPipe.into()),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The program ends when its input does; killed, if it is in the middle of something.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
