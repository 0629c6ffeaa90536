//! One frame of a stack.

use crate::noise::FrameKind;
use stackwalk::Module;
use std::sync::Arc;

/// One frame: a function that was running, and where in it. Inlined functions have frames of
/// their own, with the address of the function they were inlined into.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(crate) name: Option<Box<str>>,
    pub(crate) file: Option<Box<str>>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
    pub(crate) ip: usize,
    pub(crate) address: usize,
    pub(crate) module: Option<Arc<Module>>,
    pub(crate) kind: FrameKind,
}

/// What [`Frame::name`] says where there is no symbol, as in a stripped binary.
pub(crate) const UNKNOWN: &str = "<unknown>";

impl Frame {
    /// The function's path, demangled and without the hash of the symbol; `<unknown>` where the
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

    /// The frame's instruction address relative to its module's load bias, so the address that
    /// the module's own symbol tables use; absolute where the module is unknown.
    ///
    /// It is a return address, one instruction past the call: look up `address - 1`, as debuggers
    /// do. 0 in a frame that came as text (an anyhow backtrace).
    #[must_use]
    pub fn address(&self) -> usize {
        self.address
    }

    /// The frame's instruction address in this process; 0 in a frame that came as text.
    #[must_use]
    pub fn ip(&self) -> usize {
        self.ip
    }

    /// The path of the executable or shared object that the address lies in, where known: see
    /// [`modules`](crate::modules).
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref().map(Module::name)
    }

    /// The build-id of that module, in hexadecimal digits, where it has one.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.module.as_deref().and_then(Module::build_id)
    }

    /// What sort of code the frame belongs to, by its name.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Whether the frame belongs to the runtime rather than to the program: text reports hide
    /// such frames and count them; nothing deletes them.
    #[must_use]
    pub fn is_noise(&self) -> bool {
        self.kind.is_noise()
    }
}
