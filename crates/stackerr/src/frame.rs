//! One frame of a stack.

use crate::frame_kind::FrameKind;
use stackwalk::Module;
use std::sync::Arc;

/// One frame: a function, and a place in it. Inlined functions have frames of their own, with the
/// address of the function into which they are inlined.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Frame {
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_name"))]
    pub(crate) name: Option<Box<str>>,
    pub(crate) file: Option<Box<str>>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) ip: usize,
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_address"))]
    pub(crate) address: usize,
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_module"))]
    pub(crate) module: Option<Arc<Module>>,
    #[cfg_attr(
        feature = "serde",
        serde(rename = "noise", serialize_with = "serialize_noise")
    )]
    pub(crate) kind: FrameKind,
}

#[cfg(feature = "serde")]
fn serialize_name<S: serde::Serializer>(
    name: &Option<Box<str>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_deref().unwrap_or(UNKNOWN))
}

#[cfg(feature = "serde")]
fn serialize_address<S: serde::Serializer>(
    address: &usize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{address:#x}"))
}

#[cfg(feature = "serde")]
fn serialize_module<S: serde::Serializer>(
    module: &Option<Arc<Module>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&module.as_deref().map(Module::name), serializer)
}

#[cfg(feature = "serde")]
fn serialize_noise<S: serde::Serializer>(
    kind: &FrameKind,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(kind.is_noise())
}

/// The name of a function without a symbol, as in a stripped binary.
pub(crate) const UNKNOWN: &str = "<unknown>";

impl Frame {
    /// The path of the function, demangled and without the hash of the symbol; `<unknown>` if the
    /// binary has no symbol for it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(UNKNOWN)
    }

    /// Whether the function's name is known.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// The source file, as the compiler recorded it; `None` without debug information.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in the file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column in the line, from 1.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.column
    }

    /// The frame's instruction address relative to its module's load bias: the address that the
    /// module's symbol tables use. Absolute if the module is unknown.
    ///
    /// It is a return address, which points after the call: look up `address - 1`, as debuggers do. It
    /// is 0 in a frame that was read from text (an anyhow backtrace).
    #[must_use]
    pub fn address(&self) -> usize {
        self.address
    }

    /// The frame's instruction address in this process; 0 in a frame that was read from text.
    #[must_use]
    pub fn ip(&self) -> usize {
        self.ip
    }

    /// The path of the executable or shared object that contains the address, if known; see
    /// [`modules`](crate::modules).
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref().map(Module::name)
    }

    /// The build-id of that module in hexadecimal digits, if it has one.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.module.as_deref().and_then(Module::build_id)
    }

    /// The kind of code that the frame belongs to, by its name.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Whether the frame belongs to the runtime rather than to the program. Text reports hide and
    /// count such frames; data keeps them.
    #[must_use]
    pub fn is_noise(&self) -> bool {
        self.kind.is_noise()
    }
}
