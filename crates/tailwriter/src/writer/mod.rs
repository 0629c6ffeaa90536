//! The tail with one owner.

mod ages;
mod lines;
mod spool;

use std::fmt;
use std::io::{self, Write};

use self::ages::Ages;
pub use self::lines::Lines;
use self::spool::Spool;
use crate::Builder;
use crate::limits::{Limits, cut_point};

/// How many bytes of a write are handled at a time: enough to make the bookkeeping negligible, but few
/// enough that the text is still in the nearest cache when it is copied.
const PIECE: usize = if cfg!(test) { 32 } else { 16 << 10 };

/// An [`io::Write`] that keeps the last lines written to it, in bounded memory.
///
/// Lines are bytes; they end in `\n` and need not be UTF-8. An unfinished last line counts as a
/// line. Writing never fails and takes time linear in the bytes, however they are chunked: the
/// text is copied once and its newlines are counted. Only a read works out which lines are still
/// kept.
///
/// Memory grows with the lines that are kept, up to `max_bytes + 3 × max_line_bytes + 52 KiB` (a little
/// over 1 MiB by default), even if a line never ends. The time to write does not depend on the limits.
///
/// ```
/// use std::io::Write;
/// use tailwriter::TailWriter;
///
/// let mut tail = TailWriter::new(2);
/// write!(tail, "one\ntwo\nthr")?;
/// writeln!(tail, "ee")?;
/// assert_eq!(tail.to_string(), "two\nthree\n");
/// assert_eq!(tail.evicted(), 1);
/// # std::io::Result::Ok(())
/// ```
pub struct TailWriter {
    limits: Limits,
    /// No line is longer than this.
    line_limit: usize,
    spool: Spool,
    /// The line being written was cut; its rest is skipped up to the newline.
    skipping: bool,
    /// How many lines were finished without being kept, because the limits are zero.
    unkept: u64,
    ages: Option<Ages>,
    /// Lines are kept, and there is no limit of age.
    is_plain: bool,
}

impl TailWriter {
    /// Keeps the last `max_lines` lines, as long as they fit into
    /// [1 MiB](crate::DEFAULT_MAX_BYTES); a line over [8 KiB](crate::DEFAULT_MAX_LINE_BYTES) is cut.
    ///
    /// If `max_lines` is zero, nothing is kept, not even an unfinished line.
    pub fn new(max_lines: usize) -> TailWriter {
        TailWriter::builder().max_lines(max_lines).build()
    }

    /// Returns a builder for a tail with other limits.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with_limits(limits: Limits) -> TailWriter {
        TailWriter {
            line_limit: limits.line_limit(),
            spool: Spool::new(&limits, PIECE),
            skipping: false,
            unkept: 0,
            ages: limits.max_age.map(Ages::new),
            is_plain: !limits.keeps_nothing() && limits.max_age.is_none(),
            limits,
        }
    }

    /// The lines kept, oldest first, each without its newline.
    pub fn lines(&self) -> Lines<'_> {
        let window = self.window();
        Lines::new(window.older, window.newer, window.lines)
    }

    /// The lines kept, joined by newlines. There is a newline at the end only if the last line is
    /// finished.
    pub fn to_vec(&self) -> Vec<u8> {
        let window = self.window();
        [window.older, window.newer].concat()
    }

    /// Writes the same bytes as [`to_vec`](TailWriter::to_vec), without a copy, and returns their number.
    ///
    /// # Errors
    ///
    /// The errors of `writer`.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<u64> {
        let window = self.window();
        writer.write_all(window.older)?;
        writer.write_all(window.newer)?;
        Ok((window.older.len() + window.newer.len()) as u64)
    }

    /// The number of lines kept. Like every read, it takes time linear in the bytes held.
    pub fn len(&self) -> usize {
        self.window().lines
    }

    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many lines that were written since the tail was created or cleared are no longer kept.
    pub fn evicted(&self) -> u64 {
        self.unkept + self.spool.lines_begun() - self.len() as u64
    }

    /// Forgets everything, as if the tail had just been created. The memory is kept for later lines.
    pub fn clear(&mut self) {
        self.spool.clear();
        self.skipping = false;
        self.unkept = 0;
        if let Some(ages) = &mut self.ages {
            ages.clear();
        }
    }

    fn window(&self) -> spool::Window<'_> {
        let too_old = self.ages.as_ref().map_or(0, Ages::first_young_line);
        self.spool.window(&self.limits, too_old)
    }

    /// The slow path of a write, for bytes that can't simply be appended.
    fn write_slow(&mut self, bytes: &[u8]) {
        if self.limits.keeps_nothing() {
            self.unkept += memchr::memchr_iter(b'\n', bytes).count() as u64;
            return;
        }
        if let Some(ages) = &mut self.ages {
            self.spool.count();
            ages.note(self.spool.lines_finished());
        }
        self.push_bytes(bytes);
    }

    fn push_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skipping {
                let Some(newline) = memchr::memchr(b'\n', bytes) else {
                    return;
                };
                self.skipping = false;
                bytes = &bytes[newline..];
            }
            let piece = &bytes[..bytes.len().min(PIECE)];
            let fits = self.fitting(piece);
            self.spool.append(&piece[..fits]);
            if fits < piece.len() {
                let (end, mark) = cut_point(self.spool.last_line(), self.line_limit);
                self.spool.replace_end_of_last_line(end, mark);
                self.skipping = true;
            }
            bytes = &bytes[fits..];
        }
    }

    /// How many bytes of `piece` can be appended before a line gets longer than the limit.
    ///
    /// It searches windows that are as long as a line may be, each from its end, where a newline is
    /// usually near. So the check is nearly free for lines of ordinary length.
    fn fitting(&self, piece: &[u8]) -> usize {
        let mut at = 0;
        let mut room = self.line_limit - self.spool.last_line_len();
        while piece.len() - at > room {
            match memchr::memrchr(b'\n', &piece[at..=at + room]) {
                Some(newline) => at += newline + 1,
                None => return at + room,
            }
            room = self.line_limit;
        }
        piece.len()
    }
}

impl Write for TailWriter {
    /// Never fails and always takes all of `bytes`.
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_plain
            && !self.skipping
            && bytes.len() <= self.line_limit - self.spool.last_line_len()
        {
            // Too short to make a line too long.
            self.spool.append(bytes);
        } else {
            self.write_slow(bytes);
        }
        Ok(bytes.len())
    }

    /// The same as [`write`](Write::write), which always takes all bytes.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same text as [`TailWriter::to_vec`], with `U+FFFD` in place of invalid UTF-8.
impl fmt::Display for TailWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window();
        // Each piece ends at the end of a line, and a line never begins inside a character of
        // valid text, so neither does a piece.
        f.write_str(&String::from_utf8_lossy(window.older))?;
        f.write_str(&String::from_utf8_lossy(window.newer))
    }
}

impl fmt::Debug for TailWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailWriter")
            .field("limits", &self.limits)
            .field("lines", &self.len())
            .field("evicted", &self.evicted())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
