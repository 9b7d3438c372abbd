//! The trace as a capture: what came in and what went out, with the end of each packet as comment. The file is put in
//! place when it is whole, and can be traced again: packets that went out are left out then.
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use netfilter::{DeviceId, Network};
use rules::Ruleset;
use tempfile::NamedTempFile;

use super::run::Passage;
use super::wording;
use crate::capture::{Direction, Writer, Written};

/// A capture that is being written.
pub(super) struct File {
    writer: Writer<BufWriter<NamedTempFile>>,
    path: PathBuf,
}

impl File {
    /// Begins a file in the folder where it shall stand.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let writer = Writer::new(BufWriter::new(NamedTempFile::new_in(folder)?))?;
        Ok(Self { writer, path: path.to_owned() })
    }

    /// Adds one packet and what came of it.
    pub(super) fn passage(
        &mut self,
        passage: &Passage,
        rulesets: &[Ruleset],
        network: &Network,
    ) -> io::Result<()> {
        let comment = wording::result(passage, rulesets);
        // What this machine sends stands under lo, which it did not come in by.
        let (from, direction) = match passage.device {
            Some(device) => (device, Direction::In),
            None => (DeviceId::LOOPBACK, Direction::Out),
        };
        let sent = passage.out.iter().map(|own| (own.device, Direction::Out, &own.bytes, None));
        let packets = std::iter::once((from, direction, &passage.bytes, Some(comment.as_str()))).chain(sent);
        for (device, direction, bytes, comment) in packets {
            let Some(device) = network.device(device) else { continue };
            self.writer.write(&Written {
                time: passage.elapsed,
                interface: device.name,
                direction: Some(direction),
                ethernet: None,
                bytes,
                comment,
            })?;
        }
        Ok(())
    }

    /// Puts the file in its place.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut buffered = self.writer.finish();
        buffered.flush()?;
        let file = buffered.into_inner().map_err(|error| error.into_error())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}
