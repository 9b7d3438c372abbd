//! Words to a terminal that may not take them.
//!
//! Whoever is cut off by the new rules has a terminal whose connection hangs, and a write to it may wait for ever. The
//! way back must not wait for that: a thread of its own writes, in order, and nobody waits for it longer than a moment.
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

/// How long the end of the program waits for words that nobody takes.
const PATIENCE: Duration = Duration::from_secs(1);

enum Word {
    Output(String),
    Error(String),
    /// Answered when all that was said before is written.
    Mark(Sender<()>),
}

/// Writes to the standard output and the error stream. Dropping it waits a moment until all is written.
#[derive(Debug)]
pub(super) struct Voice {
    sender: Sender<Word>,
    /// How many words are not yet written.
    waiting: Arc<AtomicUsize>,
}

impl Voice {
    /// Starts its thread. Signals must be blocked before, so that none is taken by it.
    pub(super) fn new() -> std::io::Result<Self> {
        let (sender, words) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        std::thread::Builder::new().name("voice".into()).spawn(move || {
            for word in words {
                match word {
                    Word::Output(text) => say(&text),
                    Word::Error(text) => complain(&text),
                    Word::Mark(answer) => {
                        let _ = answer.send(());
                    }
                }
                left.fetch_sub(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { sender, waiting })
    }

    fn send(&self, word: Word) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Why: it fails when the thread has ended, and then there is nobody to tell.
        let _ = self.sender.send(word);
    }

    /// To the standard output, if all that was said before is written: for what may be left out.
    pub(super) fn say_if_idle(&self, text: impl Into<String>) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            self.say(text);
        }
    }

    /// To the standard output.
    pub(super) fn say(&self, text: impl Into<String>) {
        self.send(Word::Output(text.into()));
    }

    /// To the error stream, as a line.
    pub(super) fn complain(&self, text: &str) {
        self.send(Word::Error(format!("{text}\n")));
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        let (sender, answer) = mpsc::channel();
        self.send(Word::Mark(sender));
        let _ = answer.recv_timeout(PATIENCE);
    }
}

/// To the standard output, whether it can be written or not.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// To the error stream, whether it can be written or not: `eprintln!` would end the program.
pub(super) fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
