//! The builder of all tails.

use std::time::Duration;

use crate::limits::Limits;
use crate::{SharedTail, Shares, TailWriter};

/// Sets the limits of a tail and builds it. Returned by [`TailWriter::builder`].
///
/// A line is kept as long as it is within all limits. By default a tail keeps
/// [1 MiB](crate::DEFAULT_MAX_BYTES) of lines of at most [8 KiB](crate::DEFAULT_MAX_LINE_BYTES) each,
/// of any number and age.
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
    /// Whether `max_line_bytes` was called.
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

    /// Keeps at most this many bytes. Each line counts its length and one byte for its newline.
    ///
    /// The default is [1 MiB](crate::DEFAULT_MAX_BYTES); zero keeps nothing at all. The docs of
    /// [`TailWriter`] and [`SharedTail`] tell how much memory a tail takes.
    pub fn max_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_bytes = bytes;
        self
    }

    /// Cuts lines that are longer than this many bytes. The newline does not count.
    ///
    /// A cut line keeps its head and ends in [`CUT_MARK`](crate::CUT_MARK), which counts towards
    /// the limit. A line of this length always fits: [`max_bytes`](Builder::max_bytes) is raised
    /// if it leaves no room for one, unless it is zero.
    ///
    /// The default is [8 KiB](crate::DEFAULT_MAX_LINE_BYTES), or less if `max_bytes` leaves less room.
    pub fn max_line_bytes(mut self, bytes: usize) -> Builder {
        self.limits.max_line_bytes = bytes;
        self.has_line_bytes = true;
        self
    }

    /// Leaves out lines that were written longer ago than this. Unbounded by default.
    ///
    /// The age is checked when the lines are read. Until then, an old line keeps its memory until newer
    /// lines need it. A [`TailWriter`] knows the age of a line to within 1/256 of `age`, because it
    /// does not store a time for each line.
    pub fn max_age(mut self, age: Duration) -> Builder {
        self.limits.max_age = Some(age);
        self
    }

    /// Keeps the last `lines` lines of a class in a shared tail, whatever else is pushed.
    ///
    /// A line pushed with [`SharedTail::push_class`] is kept if it is among the last lines of all,
    /// or among the last `lines` of its class. So lines of one class never evict those of another
    /// from its quota. The limit of age applies to the lines of a class, too, and `max_bytes` applies
    /// to each class separately.
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
        self.set_class(class, lines, false);
        self
    }

    /// Keeps the last `lines` lines of a class in a shared tail, separate from all other lines.
    ///
    /// Such lines are not in a [`snapshot`](SharedTail::snapshot), take no room among the other lines,
    /// and do not count as evicted there. [`SharedTail::class_snapshot`] returns them. The limit of age
    /// applies to them, too, and `max_bytes` applies to each class separately.
    ///
    /// A class has either a [quota](Builder::quota) or is separate; the later call counts. Zero
    /// `lines` keep no line of the class at all. A [`TailWriter`] has no classes.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    ///
    /// ```
    /// use tailwriter::TailWriter;
    ///
    /// let tail = TailWriter::builder().max_lines(2).separate(1, 10).build_shared();
    /// tail.push(b"one");
    /// tail.push(b"two");
    /// tail.push_class(1, b"of another kind");
    /// assert_eq!(tail.snapshot().to_string(), "one\ntwo\n");
    /// assert_eq!(tail.class_snapshot(1).to_string(), "of another kind\n");
    /// ```
    #[track_caller]
    pub fn separate(mut self, class: u8, lines: usize) -> Builder {
        self.set_class(class, lines, true);
        self
    }

    #[track_caller]
    fn set_class(&mut self, class: u8, lines: usize, is_separate: bool) {
        assert!(
            (1..=crate::MAX_CLASS).contains(&class),
            "there is no class {class}: the classes are 1 to {}",
            crate::MAX_CLASS
        );
        self.limits.quotas[usize::from(class)] = lines;
        self.limits.separate[usize::from(class)] = is_separate;
    }

    /// Keeps the last lines of groups of lines in a shared tail; see [`Shares`].
    ///
    /// The limit of age applies to these lines, too. A [`TailWriter`] has no groups. The file of a
    /// [mapped tail](Builder::build_mapped) holds only the last lines, the quotas and the separate classes.
    /// Lines that only a share keeps are in memory: they are in snapshots, but can't be recovered from the
    /// file.
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
    /// Reserves an area of `bytes` bytes in the file of a mapped tail, for use by its owner. None by
    /// default.
    ///
    /// The area begins at a multiple of 4096 in the file and is filled with zeros. Its space on the
    /// disk is allocated when the file is created. See
    /// [`MappedTail::reserved`](crate::MappedTail::reserved).
    pub fn reserve(mut self, bytes: usize) -> Builder {
        self.reserved = bytes;
        self
    }

    /// Builds a tail in a new file at `path`, which outlives the process.
    ///
    /// A missing directory is created, private to the user.
    ///
    /// # Errors
    ///
    /// - [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) if there is something at `path`. First
    ///   [recover](crate::MappedTail::recover) and remove the file of a process that has died.
    /// - [`InvalidInput`](std::io::ErrorKind::InvalidInput) if the limits need a file of over 1 GiB.
    /// - [`Unsupported`](std::io::ErrorKind::Unsupported) on systems other than Linux, macOS and
    ///   Windows.
    /// - Errors of creating the file, for instance because the disk is full.
    pub fn build_mapped(
        self,
        path: impl AsRef<std::path::Path>,
    ) -> std::io::Result<crate::MappedTail> {
        crate::MappedTail::create(self.limits(), self.reserved, path.as_ref())
    }
}
