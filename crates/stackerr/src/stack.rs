//! A captured stack: addresses now, names at the first look.

use crate::frame::Frame;
use crate::{birth, capture, resolve};
use std::sync::{Arc, OnceLock};

/// What was going on when the stack was taken; it decides what is trimmed from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An error was born, or somebody asked for the present stack.
    Birth,
    /// A panic hook is running: the panic machinery is on top.
    Panic,
}

/// Shared by all who look at it, so that it is symbolised once.
#[derive(Debug)]
pub(crate) struct Stack {
    addresses: Box<[usize]>,
    depth: usize,
    birth: Option<u64>,
    origin: Origin,
    frames: OnceLock<Box<[Frame]>>,
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
        // A panic has some fifteen frames of machinery on top.
        let margin = match origin {
            Origin::Birth => capture::MARGIN,
            Origin::Panic => capture::MARGIN + 24,
        };
        Arc::new(Self {
            addresses: capture::addresses(depth + margin),
            depth,
            birth: birth::mark(),
            origin,
            frames: OnceLock::new(),
        })
    }

    /// A stack that somebody else took and named.
    #[cfg(feature = "anyhow")]
    pub(crate) fn from_frames(frames: Vec<Frame>) -> Arc<Self> {
        Arc::new(Self {
            addresses: Box::default(),
            depth: frames.len(),
            birth: None,
            origin: Origin::Birth,
            frames: OnceLock::from(frames.into_boxed_slice()),
        })
    }

    /// The frames, innermost first; the first call finds their names.
    pub(crate) fn frames(&self) -> &[Frame] {
        self.frames
            .get_or_init(|| resolve::frames(&self.addresses, self.depth, self.origin))
    }

    pub(crate) fn birth(&self) -> Option<u64> {
        self.birth
    }
}
