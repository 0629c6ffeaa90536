//! Choosing the bounds of a tail.

use std::time::Duration;

use crate::limits::Limits;
use crate::{SharedTail, TailWriter};

/// Chooses the bounds of a tail; made by [`TailWriter::builder`] or [`SharedTail::builder`].
///
/// The bounds hold together: a line is kept as long as none of them says otherwise. Without any,
/// a tail keeps [1 MiB](crate::DEFAULT_MAX_BYTES) of lines of at most
/// [8 KiB](crate::DEFAULT_MAX_LINE_BYTES) each, however many and however old.
///
/// ```
/// use std::time::Duration;
/// use tailwriter::TailWriter;
///
/// let tail = TailWriter::builder()
///     .max_lines(1_000)
///     .max_bytes(256 * 1024)
///     .max_line_bytes(4 * 1024)
///     .max_age(Duration::from_secs(300))
///     .build();
/// # drop(tail);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes no tail until it is built"]
pub struct Builder {
    limits: Limits,
    pinned_lines: usize,
}

impl Builder {
    /// Keeps at most this many lines; zero keeps nothing at all. Unbounded if not called.
    pub fn max_lines(mut self, lines: usize) -> Builder {
        self.limits.max_lines = lines;
        self
    }

    /// Keeps at most this many bytes, each line counting its length and one for its newline.
    ///
    /// The default is [1 MiB](crate::DEFAULT_MAX_BYTES); zero keeps nothing at all. What memory a
    /// tail takes is said at [`TailWriter`] and [`SharedTail`].
    pub fn max_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_bytes = bytes;
        self
    }

    /// Cuts lines that are longer than this many bytes, their newline not counted.
    ///
    /// A cut line keeps its head and ends in [`CUT_MARK`](crate::CUT_MARK), which counts towards
    /// the limit. The default is [8 KiB](crate::DEFAULT_MAX_LINE_BYTES). A limit that
    /// [`max_bytes`](Builder::max_bytes) leaves no room for is lowered to what fits.
    pub fn max_line_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_line_bytes = bytes;
        self
    }

    /// Leaves out lines that were written longer ago than this. Unbounded if not called.
    ///
    /// The age is looked at when the lines are; an old line takes its memory until newer ones need
    /// it. A [`TailWriter`] knows the age of a line to within 1/256 of `age`, so that it need not
    /// keep a time for each of them.
    pub fn max_age(mut self, age: Duration) -> Builder {
        self.limits.max_age = Some(age);
        self
    }

    /// Keeps the last `lines` pinned lines of a [`SharedTail`], whatever else is pushed.
    ///
    /// Lines pushed with [`SharedTail::push_pinned`] have this quota in addition to their place
    /// among all lines, so that chatter does not evict what matters. They have a bound in bytes of
    /// their own, as large as [`max_bytes`](Builder::max_bytes). The default is zero: pinning a
    /// line then means nothing. A [`TailWriter`] pins no lines.
    pub fn pinned_lines(mut self, lines: usize) -> Builder {
        self.pinned_lines = lines;
        self
    }

    /// Builds a tail with one owner.
    pub fn build(self) -> TailWriter {
        TailWriter::with_limits(self.limits)
    }

    /// Builds a tail that threads share.
    pub fn build_shared(self) -> SharedTail {
        SharedTail::with_limits(self.limits, self.pinned_lines)
    }
    /// Builds a tail in a new file at `path`, which outlives the process.
    ///
    /// The directory is made if there is none, private to the user.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) if there is something at `path`: what a
    /// process left that died is to be [recovered](crate::MappedTail::recover) and removed first.
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) if the bounds ask for a file of over
    /// 1 GiB. [`Unsupported`](std::io::ErrorKind::Unsupported) on systems other than Linux and
    /// macOS. Otherwise those of making the file, a full disk among them.
    #[cfg(feature = "mmap")]
    pub fn build_mapped(
        self,
        path: impl AsRef<std::path::Path>,
    ) -> std::io::Result<crate::MappedTail> {
        crate::MappedTail::create(self.limits, self.pinned_lines, path.as_ref())
    }
}
