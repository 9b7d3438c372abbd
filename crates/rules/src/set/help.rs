//! What `ipset help` prints.
use super::icmp;
use super::kind::TypeFamilies;
use super::manual;
use super::parse::Verb;
use super::{Kind, PROGRAM};
use crate::put;

/// The types in the order of the help.
const ORDER: [Kind; 16] = [
    Kind::ListSet,
    Kind::HashMac,
    Kind::HashIpMac,
    Kind::HashNetIface,
    Kind::HashNetPort,
    Kind::HashNetPortNet,
    Kind::HashNetNet,
    Kind::HashNet,
    Kind::HashIpPortNet,
    Kind::HashIpPortIp,
    Kind::HashIpMark,
    Kind::HashIpPort,
    Kind::HashIp,
    Kind::BitmapPort,
    Kind::BitmapIpMac,
    Kind::BitmapIp,
];

/// The commands and options.
pub(crate) fn general(out: &mut String) {
    out.push_str(PROGRAM);
    out.push_str(GENERAL);
}

/// The types that there are.
pub(crate) fn types(out: &mut String) {
    out.push_str("\nSupported set types:\n");
    for kind in ORDER {
        let tabs = if kind.name().len() < 12 { "\t\t" } else { "\t" };
        for (revision, text) in manual::revisions(kind) {
            put!(out, "    {}{tabs}{revision}\t{text}\n", kind.name());
        }
    }
}

/// One type.
pub(crate) fn of_type(out: &mut String, kind: Kind) {
    let spec = kind.spec();
    let name = spec.name;
    put!(out, "\n{name} type specific options:\n\n");
    for verb in [Verb::Create, Verb::Add, Verb::Delete, Verb::Test] {
        let syntax = verb.syntax(spec);
        put!(out, "{:<6} SETNAME {name} {}\n", verb.name(), syntax.help);
        for argument in syntax.arguments.iter().filter(|argument| !argument.help.is_empty()) {
            put!(out, "               {}\n", argument.help);
        }
    }
    put!(out, "\n{}\n", manual::usage(kind));
    if spec.parts.contains(&super::kind::Part::Port) {
        out.push_str(PORTS);
        for (title, table) in [("ICMP", icmp::V4), ("ICMPv6", icmp::V6)] {
            put!(out, "           Supported {title} codenames:\n");
            for (name, ..) in table {
                put!(out, "               {name}\n");
            }
        }
    }
    match spec.families {
        TypeFamilies::None => put!(out, "\nType {name} is family neutral.\n"),
        TypeFamilies::Both => put!(out, "\nType {name} supports inet and inet6.\n"),
        TypeFamilies::V4 => put!(out, "\nType {name} supports family inet only.\n"),
    }
}

const PORTS: &str = "      [PROTO:]PORT is a valid pattern of the following:
           PORTNAME         TCP port name from /etc/services
           PORTNUMBER       TCP port number identifier
           tcp|sctp|udp|udplite:PORTNAME|PORTNUMBER
           icmp:CODENAME    supported ICMP codename
           icmp:TYPE/CODE   ICMP type/code value
           icmpv6:CODENAME  supported ICMPv6 codename
           icmpv6:TYPE/CODE ICMPv6 type/code value
           PROTO:0          all other protocols

";

const GENERAL: &str = "

Usage: ipset [options] COMMAND

Commands:
create SETNAME TYPENAME [type-specific-options]
        Create a new set
add SETNAME ENTRY
        Add entry to the named set
del SETNAME ENTRY
        Delete entry from the named set
test SETNAME ENTRY
        Test entry in the named set
destroy [SETNAME]
        Destroy a named set or all sets
list [SETNAME]
        List the entries of a named set or all sets
save [SETNAME]
        Save the named set or all sets to stdout
restore \n        Restore a saved state
flush [SETNAME]
        Flush a named set or all sets
rename FROM-SETNAME TO-SETNAME
        Rename two sets
swap FROM-SETNAME TO-SETNAME
        Swap the contect of two existing sets
help [TYPENAME]
        Print help, and settype specific help
version \n        Print version information
quit \n        Quit interactive mode

Options:
-o plain|save|xml
       Specify output mode for listing sets.
       Default value for \"list\" command is mode \"plain\"
       and for \"save\" command is mode \"save\".
-s \n        Print elements sorted (if supported by the set type).
-q \n        Suppress any notice or warning message.
-r \n        Try to resolve IP addresses in the output (slow!)
-! \n        Ignore errors when creating or adding sets or
        elements that do exist or when deleting elements
        that don't exist.
-n \n        When listing, just list setnames from the kernel.

-t \n        When listing, list setnames and set headers
        from kernel only.
-f \n        Read from the given file instead of standard
        input (restore) or write to given file instead
        of standard output (list/save).
";
