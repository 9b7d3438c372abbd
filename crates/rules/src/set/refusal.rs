//! Why a set is not made, changed or removed: what the kernel answers to ipset, in ipset's words.
use std::fmt;

/// The kernel says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no set of the name.
    NoSet,
    /// `create`: there is one already.
    SetExists,
    /// There are as many sets as there can be.
    TooManySets,
    /// A netmask or bitmask that is none.
    Netmask,
    /// `markmask 0`.
    MarkMask,
    /// The type has no such family.
    Family,
    /// `destroy`: a rule or another set refers to it.
    Busy,
    /// `rename`: the new name is taken.
    RenameExists,
    /// `rename`: a rule or another set refers to it.
    RenameReferenced,
    /// `swap`: the second set is not there.
    SwapMissing,
    /// `swap`: the types differ.
    SwapTypes,
    /// A prefix that may not stand there.
    Cidr,
    /// The set has no timeouts.
    Timeout,
    /// The set has no counters.
    Counters,
    /// The set has no comments.
    Comment,
    /// The set has no skbinfo.
    SkbInfo,
    /// `add`: it is in the set.
    Exists,
    /// `del`: it is not in the set.
    Missing,
    /// A bitmap: outside the set's range.
    OutOfRange,
    /// A bitmap: too many elements.
    RangeSize,
    /// A hash: as many members as there may be.
    Full,
    /// A hash: 0.0.0.0, or another value that stands for nothing.
    Null,
    /// A hash: protocol 0.
    Protocol,
    /// A hash: a range where there may be none.
    RangeUnsupported,
    /// A hash: a range of all addresses.
    WholeRange,
    /// A list: there is no such set.
    ListName,
    /// A list: lists have no lists.
    ListLoop,
    /// A list: the set behind `before` or `after` is not there.
    ListReference,
    /// A list: the set behind `before` or `after` is not in the list.
    ListNotMember,
    /// EINVAL.
    Invalid,
    /// ENOMEM.
    NoMemory,
}

impl Refusal {
    /// ipset's text without newline.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoSet => "The set with the given name does not exist",
            Self::SetExists => "Set cannot be created: set with the same name already exists",
            Self::TooManySets => "Kernel error received: maximal number of sets reached, cannot create more.",
            Self::Netmask => "The value of the netmask parameter is invalid",
            Self::MarkMask => "The value of the markmask parameter is invalid",
            Self::Family => "Protocol family not supported by the set type",
            Self::Busy => "Set cannot be destroyed: it is in use by a kernel component",
            Self::RenameExists => "Set cannot be renamed: a set with the new name already exists",
            Self::RenameReferenced => "Set cannot be renamed: it is in use by another system",
            Self::SwapMissing => "Sets cannot be swapped: the second set does not exist",
            Self::SwapTypes => "The sets cannot be swapped: their type does not match",
            Self::Cidr => "The value of the CIDR parameter of the IP address is invalid",
            Self::Timeout => "Timeout cannot be used: set was created without timeout support",
            Self::Counters => "Packet/byte counters cannot be used: set was created without counter support",
            Self::Comment => "Comment cannot be used: set was created without comment support",
            Self::SkbInfo => "Skbinfo mapping cannot be used: set was created without skbinfo support",
            Self::Exists => "Element cannot be added to the set: it's already added",
            Self::Missing => "Element cannot be deleted from the set: it's not added",
            Self::OutOfRange => "Element is out of the range of the set",
            Self::RangeSize => "The range you specified exceeds the size limit of the set type",
            Self::Full => "Hash is full, cannot add more elements",
            Self::Null => "Null-valued element, cannot be stored in a hash type of set",
            Self::Protocol => "Invalid protocol specified",
            Self::RangeUnsupported => "Range is not supported in the \"net\" component of the element",
            Self::WholeRange => "Invalid range, covers the whole address space",
            Self::ListName => "Set to be added/deleted/tested as element does not exist.",
            Self::ListLoop => "Sets with list:set type cannot be added to the set.",
            Self::ListReference => "The set to which you referred with 'before' or 'after' does not exist.",
            Self::ListNotMember => {
                "The set to which you referred with 'before' or 'after' is not added to the set."
            }
            Self::Invalid => "Kernel error received: Invalid argument",
            Self::NoMemory => "Kernel error received: Cannot allocate memory",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
