//! A captured stack: addresses now, names at the first look.

use crate::frame::Frame;
use crate::{birth, capture, resolve};
use std::sync::{Arc, OnceLock};

/// The most addresses that a stack can have: those of the deepest, with the margin of a panic.
const MAX: usize = capture::LIMIT + PANIC_MARGIN;

/// A panic has some fifteen frames of machinery on top.
const PANIC_MARGIN: usize = capture::MARGIN + 24;

/// What was going on when the stack was taken; it decides what is trimmed from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An error was born, or somebody asked for the present stack.
    Birth,
    /// A panic hook is running: the panic machinery is on top.
    Panic,
}

/// Shared by all who look at it, so that it is symbolised once.
///
/// The addresses are at its end, so that all is one allocation: it is made with an array of the
/// next suitable size, and then seen as one with a slice.
#[derive(Debug)]
pub(crate) struct Stack<A: ?Sized = [usize]> {
    depth: usize,
    birth: Option<u64>,
    origin: Origin,
    frames: OnceLock<Box<[Frame]>>,
    len: usize,
    addresses: A,
}

impl Stack {
    /// Takes the present stack, if the process wants stacks.
    #[inline(never)]
    pub(crate) fn capture() -> Option<Arc<Self>> {
        capture::is_enabled().then(|| Self::force(Origin::Birth))
    }

    /// Takes the present stack whatever [`set_capture`](crate::set_capture) says.
    #[inline(never)]
    pub(crate) fn force(origin: Origin) -> Arc<Self> {
        let depth = match capture::depth() {
            0 => capture::DEFAULT_DEPTH,
            depth => depth,
        };
        let margin = match origin {
            Origin::Birth => capture::MARGIN,
            Origin::Panic => PANIC_MARGIN,
        };
        let birth = birth::mark();
        capture::with_addresses(depth + margin, |ips| Self::of(ips, depth, birth, origin))
    }

    fn of(ips: &[usize], depth: usize, birth: Option<u64>, origin: Origin) -> Arc<Self> {
        macro_rules! sized {
            ($($size:literal)*) => {
                match ips.len() {
                    $(0..=$size => Self::sized::<$size>(ips, depth, birth, origin),)*
                    _ => Self::sized::<MAX>(ips, depth, birth, origin),
                }
            };
        }
        sized!(8 16 32 64 128 256 512 1024 2048)
    }

    fn sized<const N: usize>(
        ips: &[usize],
        depth: usize,
        birth: Option<u64>,
        origin: Origin,
    ) -> Arc<Self> {
        let len = ips.len().min(N);
        let mut addresses = [0; N];
        addresses[..len].copy_from_slice(&ips[..len]);
        Arc::new(Stack {
            depth,
            birth,
            origin,
            frames: OnceLock::new(),
            len,
            addresses,
        })
    }

    /// A stack that somebody else took and named.
    #[cfg(feature = "anyhow")]
    pub(crate) fn from_frames(frames: Vec<Frame>) -> Arc<Self> {
        Self::looked_at(frames.into_boxed_slice(), None)
    }

    /// The same stack with addresses and modules only. One that came as text keeps what it has.
    pub(crate) fn without_names(self: &Arc<Self>) -> Arc<Self> {
        if self.len == 0 {
            return Arc::clone(self);
        }
        Self::looked_at(resolve::unnamed(self.addresses()), self.birth)
    }

    fn looked_at(frames: Box<[Frame]>, birth: Option<u64>) -> Arc<Self> {
        Arc::new(Stack {
            depth: frames.len(),
            birth,
            origin: Origin::Birth,
            frames: OnceLock::from(frames),
            len: 0,
            addresses: [0; 0],
        })
    }

    /// As they were captured; none of a stack that came as text.
    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }

    /// The frames, innermost first; the first call finds their names.
    pub(crate) fn frames(&self) -> &[Frame] {
        self.frames
            .get_or_init(|| resolve::frames(self.addresses(), self.depth, self.origin))
    }

    pub(crate) fn birth(&self) -> Option<u64> {
        self.birth
    }
}
