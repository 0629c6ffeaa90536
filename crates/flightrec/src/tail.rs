//! Keeps records, in memory or in a mapped file that outlives the process.

#[cfg(feature = "crash-safe")]
use crashring::CrashRing;
use dumpmaker::collect::{RecordTail, SPANS, class_of};
use log::Level;
use tailwriter::{SharedTail, Snapshot};

/// Whether records outlive the process; see [`Builder::crash_safety`](crate::Builder::crash_safety).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrashSafety {
    /// Records are kept in memory, and are lost if the process is killed.
    #[default]
    Off,
    /// Records are kept in a file. The values of secret keys are masked before they are written there.
    /// Texts are masked when a dump is made of the file.
    On,
    /// Records are kept in a file, and all secrets are masked before they are written there.
    ///
    /// Each record is searched for secrets when it is logged, which takes four to seven times as long as
    /// with [`On`](CrashSafety::On) (`cargo xtask bench` in the repository measures both).
    Strict,
}

pub(crate) enum Tail {
    Memory(SharedTail),
    #[cfg(feature = "crash-safe")]
    Mapped(Box<CrashRing>),
}

impl Tail {
    /// Keeps a packed record. ERROR and WARN have a quota each.
    #[inline(always)]
    pub(crate) fn push(&self, level: Level, packed: &[u8]) {
        match self {
            Tail::Memory(tail) if level > Level::Warn => tail.push(packed),
            _ => self.push_other(level, packed, packed.len()),
        }
    }

    /// Keeps a packed record: the first `len` bytes of `padded`; see [`SharedTail::push_padded`].
    #[inline(always)]
    pub(crate) fn push_padded(&self, level: Level, padded: &[u8], len: usize) {
        match self {
            Tail::Memory(tail) if level > Level::Warn => tail.push_padded(0, padded, len),
            _ => self.push_other(level, padded, len),
        }
    }

    /// A separate function, so that the common case has no call.
    #[inline(never)]
    fn push_other(&self, level: Level, padded: &[u8], len: usize) {
        let class = class_of(level);
        match self {
            Tail::Memory(tail) => tail.push_padded(class, padded, len),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(ring) => ring.push(class, padded, len),
        }
    }

    /// Keeps a packed span, or the packed end of a span.
    pub(crate) fn push_span(&self, packed: &[u8]) {
        match self {
            Tail::Memory(tail) => tail.push_class(SPANS, packed),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(ring) => ring.push(SPANS, packed, packed.len()),
        }
    }

    /// Removes the ring file, so that the next start makes no dump of it.
    pub(crate) fn close(&self) {
        #[cfg(feature = "crash-safe")]
        if let Tail::Mapped(ring) = self {
            ring.remove();
        }
    }
}

impl RecordTail for Tail {
    fn snapshot(&self) -> Snapshot {
        match self {
            Tail::Memory(tail) => tail.snapshot(),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(ring) => ring.snapshot(),
        }
    }

    fn span_snapshot(&self) -> Snapshot {
        match self {
            Tail::Memory(tail) => tail.class_snapshot(SPANS),
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(ring) => ring.class_snapshot(SPANS),
        }
    }

    fn lacks_space(&self) -> bool {
        match self {
            Tail::Memory(_) => false,
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(ring) => ring.lacks_space(),
        }
    }
}
