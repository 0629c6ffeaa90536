//! The limits of a tail, and their defaults.

use std::time::Duration;

use crate::shares::Shares;

/// How many bytes of lines a tail keeps by default: 1 MiB.
pub const DEFAULT_MAX_BYTES: usize = 1 << 20;

/// How long a line may be by default: 8 KiB.
pub const DEFAULT_MAX_LINE_BYTES: usize = 8 << 10;

/// The highest class that can have a [quota](crate::Builder::quota) or be
/// [separate](crate::Builder::separate).
pub const MAX_CLASS: u8 = 7;

/// How many classes there are; class 0 means no class.
pub(crate) const CLASSES: usize = MAX_CLASS as usize + 1;

/// A line of a shared tail is never longer than this: 16 MiB.
pub(crate) const MAX_SHARED_LINE_BYTES: usize = 16 << 20;

/// The end of a line that was cut.
///
/// It counts towards `max_line_bytes`, so a cut line is no longer than any other. If the mark itself
/// does not fit, the line is cut without it.
pub const CUT_MARK: &str = "… [cut]";

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) max_lines: usize,
    pub(crate) max_bytes: usize,
    pub(crate) max_line_bytes: usize,
    pub(crate) max_age: Option<Duration>,
    /// How many lines of each class are kept.
    pub(crate) quotas: [usize; CLASSES],
    /// The classes whose lines are not among all lines.
    pub(crate) separate: [bool; CLASSES],
    /// For the tail of all lines, not for that of a class.
    pub(crate) shares: Option<Shares>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_lines: usize::MAX,
            max_bytes: DEFAULT_MAX_BYTES,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            max_age: None,
            quotas: [0; CLASSES],
            separate: [false; CLASSES],
            shares: None,
        }
    }
}

impl Limits {
    /// A line can't be longer than `max_bytes` allows for all lines; one byte is its newline.
    pub(crate) fn line_limit(&self) -> usize {
        self.max_line_bytes.min(self.max_bytes.saturating_sub(1))
    }

    /// The limit in a shared tail, where a segment must hold a whole line.
    pub(crate) fn shared_line_limit(&self) -> usize {
        self.line_limit().min(MAX_SHARED_LINE_BYTES)
    }

    pub(crate) fn keeps_nothing(&self) -> bool {
        self.max_lines == 0 || self.max_bytes == 0
    }

    /// The limits of the lines of a class alone, if it has a quota or is separate.
    pub(crate) fn of_class(&self, class: usize) -> Option<Limits> {
        let lines = *self.quotas.get(class)?;
        let longest = self.shared_line_limit().saturating_add(1);
        let limits = Limits {
            max_lines: lines,
            max_bytes: self.max_bytes.min(lines.saturating_mul(longest)),
            shares: None,
            ..self.clone()
        };
        (!limits.keeps_nothing()).then_some(limits)
    }
}

/// Returns where to cut a line that is longer than `limit`, and the mark to put there.
///
/// The line is cut at a character boundary if it is UTF-8 there and the mark fits.
pub(crate) fn cut_point(line: &[u8], limit: usize) -> (usize, &'static [u8]) {
    let mark = CUT_MARK.as_bytes();
    let mark = if mark.len() <= limit { mark } else { &[] };
    let mut end = (limit - mark.len()).min(line.len());
    let is_continuation = |at: usize| line.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    // A character has at most three continuation bytes; more than that is not UTF-8.
    for _ in 0..3 {
        if end == 0 || !is_continuation(end) {
            break;
        }
        end -= 1;
    }
    (end, mark)
}
