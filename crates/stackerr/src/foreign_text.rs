//! The text of foreign errors: bounded, guarded against panics, and escaped for terminals.

use std::borrow::Cow;
use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest message that reports, traces and trees keep, in bytes.
const MAX_BYTES: usize = 64 * 1024;

thread_local! {
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// [`str::split_once`] with a string as separator. The search of the standard library is compiled into
/// each caller, two kilobytes each time; this function is the only caller.
#[inline(never)]
pub(crate) fn split_once<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(separator)
}

/// [`str::contains`] for a string, using [`split_once`].
pub(crate) fn contains(text: &str, part: &str) -> bool {
    split_once(text, part).is_some()
}

/// [`str::rsplit_once`] with a string as separator; see [`split_once`].
#[inline(never)]
pub(crate) fn rsplit_once<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    text.rsplit_once(separator)
}

/// Returns the error's own message: `<Display panicked>` if its `Display` panics, `<no message>` if it
/// is empty. A message longer than 64 KiB is cut and ends in `… (cut)`.
///
/// The panic hook runs before a panic of `Display` is caught; a hook can check [`is_guarding`].
///
/// # Examples
///
/// ```
/// let err = "x".parse::<i32>().unwrap_err();
/// assert_eq!(stackerr::message_of(&err), "invalid digit found in string");
/// ```
#[must_use]
pub fn message_of(error: &dyn StdError) -> String {
    let mut bounded = Bounded::default();
    let outcome = guard(|| write!(bounded, "{error}"));
    let Bounded { mut text, .. } = bounded;
    if outcome.is_none() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str("<Display panicked>");
    } else if text.is_empty() {
        text.push_str("<no message>");
    }
    text
}

/// Returns whether this thread runs foreign code (a `Display`, a `source()`) whose panic this crate
/// will catch. A panic hook should print nothing then.
#[must_use]
pub fn is_guarding() -> bool {
    GUARDED.try_with(Cell::get).unwrap_or(0) > 0
}

/// Runs foreign code; returns `None` if it panicked.
pub(crate) fn guard<T>(foreign: impl FnOnce() -> T) -> Option<T> {
    struct Depth;
    impl Drop for Depth {
        fn drop(&mut self) {
            let _ = GUARDED.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
        }
    }
    let _ = GUARDED.try_with(|depth| depth.set(depth.get() + 1));
    let _depth = Depth;
    // After a panic, callers use no data that the closure has changed, except text.
    catch_unwind(AssertUnwindSafe(foreign)).ok()
}

/// Text that refuses to grow beyond [`MAX_BYTES`].
#[derive(Default)]
struct Bounded {
    text: String,
    cut: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = MAX_BYTES.saturating_sub(self.text.len());
        if !self.cut && piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        if !self.cut {
            let mut end = room;
            while !piece.is_char_boundary(end) {
                end -= 1;
            }
            self.text.push_str(&piece[..end]);
            self.text.push_str("… (cut)");
            self.cut = true;
        }
        Err(fmt::Error)
    }
}

/// Whether a message ends with the message of its cause, as in `cannot open x: not found`. If so, the
/// cause need not be shown again.
pub(crate) fn ends_with_cause(message: &str, cause: &str) -> bool {
    let front = message.strip_suffix(cause);
    front.is_some_and(|front| !front.ends_with(char::is_alphanumeric))
}

/// Returns the text with control characters written as `\u{1b}` and the like, except newline and
/// tab: escape sequences (C0, C1) and characters that reorder or hide text (bidirectional
/// controls).
///
/// # Examples
///
/// ```
/// assert_eq!(stackerr::escape("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\n");
/// ```
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hostile(c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "{}", c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn is_hostile(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}
