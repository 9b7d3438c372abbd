//! Whether there is a socket for a packet (`-m socket`).
use std::borrow::Cow;

use crate::Hook;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-m socket` (revision 3). Only where PREROUTING and INPUT lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// `--transparent`: sockets with `IP_TRANSPARENT` only.
    pub transparent: bool,
    /// `--nowildcard`: listening sockets bound to no address count as well.
    pub no_wildcard: bool,
    /// `--restore-skmark`: a packet that matches gets the socket's mark.
    pub restore_mark: bool,
}

/// `-m socket` in the language.
pub const EXTENSION: Extension<Socket> = Extension {
    spec: Spec {
        name: "socket",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("transparent", Kind::Flag),
            OptionSpec::new("nowildcard", Kind::Flag),
            OptionSpec::new("restore-skmark", Kind::Flag),
        ],
        place: Place::hooks(&[Hook::Prerouting, Hook::Input]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Socket::default(),
    parse: |socket, call, _| {
        match call.name {
            "transparent" => socket.transparent = true,
            "nowildcard" => socket.no_wildcard = true,
            _ => socket.restore_mark = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: Socket::push,
    list: |socket, out, _| {
        out.push_str(" socket");
        socket.push(out);
    },
    check: check_nothing,
};

impl Socket {
    /// The same in `-S` and `-L`.
    fn push(&self, out: &mut String) {
        let flags = [self.transparent, self.no_wildcard, self.restore_mark];
        for (is, option) in flags.into_iter().zip(EXTENSION.spec.options) {
            if is {
                out.push_str(" --");
                out.push_str(option.name);
            }
        }
    }
}

const HELP: &str = "socket match options:
  --nowildcard     Do not ignore LISTEN sockets bound on INADDR_ANY
  --transparent    Ignore non-transparent sockets
  --restore-skmark Set the packet mark to the socket mark if
                   the socket matches and transparent /\x20
                   nowildcard conditions are satisfied

";
