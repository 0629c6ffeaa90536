//! Choosing the bounds of a tail.

use std::time::Duration;

use crate::limits::Limits;
use crate::{SharedTail, Shares, TailWriter};

/// Chooses the bounds of a tail; made by [`TailWriter::builder`].
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
    /// Whether the length of a line was chosen.
    has_line_bytes: bool,
    #[cfg(feature = "mmap")]
    reserved: usize,
}

impl Builder {
    /// Keeps at most this many lines; zero keeps nothing at all. Unbounded by default.
    pub fn max_lines(mut self, lines: usize) -> Builder {
        self.limits.max_lines = lines;
        self
    }

    /// Keeps at most this many bytes, each line counting its length and one for its newline.
    ///
    /// The default is [1 MiB](crate::DEFAULT_MAX_BYTES); zero keeps nothing at all. [`TailWriter`]
    /// and [`SharedTail`] say what memory a tail takes.
    pub fn max_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_bytes = bytes;
        self
    }

    /// Cuts lines that are longer than this many bytes, their newline not counted.
    ///
    /// A cut line keeps its head and ends in [`CUT_MARK`](crate::CUT_MARK), which counts towards
    /// the limit. A line of this length always fits: [`max_bytes`](Builder::max_bytes) is raised
    /// where it leaves no room for one, unless it is zero.
    ///
    /// The default is [8 KiB](crate::DEFAULT_MAX_LINE_BYTES), or what `max_bytes` leaves room for.
    pub fn max_line_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_line_bytes = bytes;
        self.has_line_bytes = true;
        self
    }

    /// Leaves out lines that were written longer ago than this. Unbounded by default.
    ///
    /// The age is looked at when the lines are; an old line takes its memory until newer ones need
    /// it. A [`TailWriter`] knows the age of a line to within 1/256 of `age`, so that it need not
    /// keep a time for each of them.
    pub fn max_age(mut self, age: Duration) -> Builder {
        self.limits.max_age = Some(age);
        self
    }

    /// Keeps the last `lines` lines of a class in a shared tail, whatever else is pushed.
    ///
    /// A line pushed with [`SharedTail::push_class`] is kept if it is among the last lines of all,
    /// or among the last `lines` of its class. So lines of one class never evict those of another
    /// from its quota. Age bounds the lines of a class as well, and `max_bytes` bounds each class by
    /// itself.
    ///
    /// Classes are numbered from 1 to [`MAX_CLASS`](crate::MAX_CLASS). The default is zero lines: no
    /// quota. A [`TailWriter`] has no classes.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    ///
    /// ```
    /// use tailwriter::TailWriter;
    ///
    /// let tail = TailWriter::builder().max_lines(2).quota(1, 1).build_shared();
    /// tail.push_class(1, b"an error");
    /// for _ in 0..1_000 {
    ///     tail.push(b"chatter");
    /// }
    /// assert_eq!(tail.snapshot().to_string(), "an error\nchatter\nchatter\n");
    /// ```
    #[track_caller]
    pub fn quota(mut self, class: u8, lines: usize) -> Builder {
        assert!(
            (1..=crate::MAX_CLASS).contains(&class),
            "there is no class {class}: the classes with a quota are 1 to {}",
            crate::MAX_CLASS
        );
        self.limits.quotas[usize::from(class)] = lines;
        self
    }

    /// Keeps the last lines of groups of lines in a shared tail; see [`Shares`].
    ///
    /// Age bounds these lines as well. A [`TailWriter`] has no groups. The file of a
    /// [mapped tail](Builder::build_mapped) holds the last lines and the quotas only: what shares
    /// keep beside them is in the snapshots of the process itself.
    pub fn shares(mut self, shares: Shares) -> Builder {
        self.limits.shares = Some(shares);
        self
    }

    /// Builds a tail with one owner.
    pub fn build(self) -> TailWriter {
        TailWriter::with_limits(self.limits())
    }

    /// Builds a tail that threads share.
    pub fn build_shared(self) -> SharedTail {
        SharedTail::with_limits(self.limits())
    }

    fn limits(&self) -> Limits {
        let mut limits = self.limits.clone();
        if self.has_line_bytes && limits.max_bytes > 0 {
            let room_for_one = limits.max_line_bytes.saturating_add(1);
            limits.max_bytes = limits.max_bytes.max(room_for_one);
        }
        if limits.max_bytes == 0 {
            limits.shares = None;
        }
        limits
    }
}

#[cfg(feature = "mmap")]
impl Builder {
    /// Reserves an area of `bytes` bytes in the file of a mapped tail, for its owner. None by
    /// default.
    ///
    /// The area begins at a multiple of 4096 in the file, is filled with zeros, and has its space on
    /// the disk from the beginning. See [`MappedTail::reserved`](crate::MappedTail::reserved).
    pub fn reserve(mut self, bytes: usize) -> Builder {
        self.reserved = bytes;
        self
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
    /// 1 GiB. [`Unsupported`](std::io::ErrorKind::Unsupported) on systems other than Linux,
    /// macOS and Windows. Otherwise those of making the file, a full disk among them.
    pub fn build_mapped(
        self,
        path: impl AsRef<std::path::Path>,
    ) -> std::io::Result<crate::MappedTail> {
        crate::MappedTail::create(self.limits(), self.reserved, path.as_ref())
    }
}
