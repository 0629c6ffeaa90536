//! A captured stack: addresses first, names when they are needed.

use crate::frame::Frame;
use crate::{capture, resolve};
use std::num::NonZeroU64;
use std::sync::{Arc, OnceLock};

/// A panic has some fifteen frames of its own on top.
const PANIC_MARGIN: usize = capture::MARGIN + 24;

/// The maximum number of addresses of a stack.
const MAX_ADDRESSES: usize = capture::MAX_DEPTH + PANIC_MARGIN;

/// Where a stack was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum StackOrigin {
    /// Where the error was created, or where an error of a std type first became an
    /// [`Error`](crate::Error) or a [`Traced`](crate::Traced): usually the `?` or `.context()` in
    /// the function that received it.
    Creation,
    /// Where an error in another container (`anyhow::Error`, `eyre::Report`, `Box<dyn Error>`) that
    /// had no stack was converted. It may have been created far from there.
    Conversion,
    /// By another error crate, where the error was created. The frames were read from the text of
    /// its backtrace.
    Foreign,
    /// In a panic hook.
    Panic,
    /// Where [`StackTrace::capture`](crate::StackTrace::capture) was called.
    Caller,
}

impl StackOrigin {
    /// Whether the innermost frame is where the failure began: false for
    /// [`Conversion`](Self::Conversion) and [`Caller`](Self::Caller).
    #[must_use]
    pub fn is_cause(self) -> bool {
        !matches!(self, Self::Conversion | Self::Caller)
    }
}

/// The results of the functions for stamp and span when the stack was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) stamp: Option<u64>,
    pub(crate) span: Option<NonZeroU64>,
}

impl Mark {
    fn now() -> Mark {
        Mark {
            stamp: capture::stamp(),
            span: capture::span(),
        }
    }
}

/// A stack that all its traces share, so that names are looked up once.
///
/// The addresses are its last field, so that it is one allocation: it is created with an array of the
/// next suitable size, and then coerced to one with a slice.
#[derive(Debug)]
pub(crate) struct Stack<A: ?Sized = [usize]> {
    depth: usize,
    mark: Mark,
    origin: StackOrigin,
    frames: OnceLock<Box<[Frame]>>,
    len: usize,
    addresses: A,
}

impl Stack {
    /// Captures the stack, unless captures are switched off.
    #[inline(never)]
    pub(crate) fn capture(origin: StackOrigin) -> Option<Arc<Self>> {
        capture::is_enabled().then(|| Self::force(origin))
    }

    /// Captures the stack even if [`set_capture`](crate::set_capture) has switched captures off.
    #[inline(never)]
    pub(crate) fn force(origin: StackOrigin) -> Arc<Self> {
        let depth = match capture::depth() {
            0 => capture::DEFAULT_DEPTH,
            depth => depth,
        };
        let (depth, margin) = match origin {
            StackOrigin::Panic => (capture::depth_of_panics(depth), PANIC_MARGIN),
            _ => (depth, capture::MARGIN),
        };
        let mark = Mark::now();
        capture::with_addresses(depth + margin, |ips| Self::of(ips, depth, mark, origin))
    }

    fn of(ips: &[usize], depth: usize, mark: Mark, origin: StackOrigin) -> Arc<Self> {
        macro_rules! sized {
            ($($size:literal)*) => {
                match ips.len() {
                    $(0..=$size => Self::sized::<$size>(ips, depth, mark, origin),)*
                    _ => Self::sized::<MAX_ADDRESSES>(ips, depth, mark, origin),
                }
            };
        }
        sized!(8 16 32 64 128 256 512 1024 2048)
    }

    fn sized<const N: usize>(
        ips: &[usize],
        depth: usize,
        mark: Mark,
        origin: StackOrigin,
    ) -> Arc<Self> {
        let len = ips.len().min(N);
        let mut addresses = [0; N];
        addresses[..len].copy_from_slice(&ips[..len]);
        Arc::new(Stack {
            depth,
            mark,
            origin,
            frames: OnceLock::new(),
            len,
            addresses,
        })
    }

    /// Creates a stack whose frames are known.
    pub(crate) fn from_frames(frames: Box<[Frame]>, mark: Mark, origin: StackOrigin) -> Arc<Self> {
        Arc::new(Stack {
            depth: frames.len(),
            mark,
            origin,
            frames: OnceLock::from(frames),
            len: 0,
            addresses: [0; 0],
        })
    }

    /// Returns the same stack with only addresses and modules. One that was read from text is returned
    /// unchanged.
    pub(crate) fn without_names(self: &Arc<Self>) -> Arc<Self> {
        if self.len == 0 {
            return Arc::clone(self);
        }
        let frames = resolve::unnamed(self.addresses());
        Self::from_frames(frames, self.mark, self.origin)
    }

    /// The captured addresses; empty if the stack was read from text.
    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }

    /// The frames, innermost first; the first call looks up their names.
    pub(crate) fn frames(&self) -> &[Frame] {
        self.frames.get_or_init(|| {
            let panicking = self.origin == StackOrigin::Panic;
            resolve::frames(self.addresses(), self.depth, panicking)
        })
    }

    pub(crate) fn stamp(&self) -> Option<u64> {
        self.mark.stamp
    }

    pub(crate) fn span(&self) -> Option<NonZeroU64> {
        self.mark.span
    }

    pub(crate) fn origin(&self) -> StackOrigin {
        self.origin
    }
}
