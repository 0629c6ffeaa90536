//! What is known of one address.

#[cfg(feature = "symbols")]
use crate::frame::UNKNOWN;
use crate::noise::FrameKind;

/// One function at an address. Functions that are inlined there have symbols of their own, before
/// that of the function they are inlined into.
// Without feature `symbols` nobody outside sees it.
#[cfg_attr(not(feature = "symbols"), allow(unreachable_pub))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    pub(crate) name: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl Symbol {
    /// The same as [`Frame::kind`](crate::Frame::kind) of the frame that has this symbol, in a
    /// module of that path.
    #[cfg_attr(not(feature = "symbols"), allow(unreachable_pub))]
    #[must_use]
    pub fn kind(&self, module: Option<&str>) -> FrameKind {
        match (self.name.as_deref(), module) {
            (Some(name), _) => FrameKind::of_function(name, self.file.as_deref()),
            (None, Some(module)) => FrameKind::of_module(module),
            (None, None) => FrameKind::App,
        }
    }
}

#[cfg(feature = "symbols")]
impl Symbol {
    /// The function's path, demangled and without the hash of the symbol; `<unknown>` where only
    /// its file and line are known.
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
}
