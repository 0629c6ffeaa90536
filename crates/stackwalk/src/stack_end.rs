//! Why a walk in a signal handler ended.

use std::fmt;

/// Why a walk that began in a signal handler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackEnd {
    /// The process ended before the walk did.
    Interrupted,
    /// At the outermost function.
    Outermost,
    /// The memory of the stack can't be read.
    Unreadable,
    /// The stack is damaged: a caller's frame would be below its callee's.
    Damaged,
    /// Neither an unwind table nor a frame pointer leads to the caller.
    NoCaller,
    /// The stack has more frames than the walk visits.
    TooLong,
}

impl StackEnd {
    const ALL: [StackEnd; 6] = [
        StackEnd::Interrupted,
        StackEnd::Outermost,
        StackEnd::Unreadable,
        StackEnd::Damaged,
        StackEnd::NoCaller,
        StackEnd::TooLong,
    ];

    pub(crate) fn from_word(word: u64) -> StackEnd {
        let index = usize::try_from(word).unwrap_or(0);
        StackEnd::ALL
            .get(index)
            .copied()
            .unwrap_or(StackEnd::Interrupted)
    }
}

impl fmt::Display for StackEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StackEnd::Interrupted => "the process ended during the walk",
            StackEnd::Outermost => "the outermost function",
            StackEnd::Unreadable => "the stack can't be read there",
            StackEnd::Damaged => "the stack is damaged",
            StackEnd::NoCaller => "the caller can't be found: no unwind table, no frame pointer",
            StackEnd::TooLong => "the stack has too many frames",
        })
    }
}
