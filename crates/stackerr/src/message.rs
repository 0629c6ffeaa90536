//! The message of a foreign error, taken with gloves on.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt::{self, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest message that reports, traces and trees keep, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

thread_local! {
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// The error's own message, whatever its `Display` does: `<Display panicked>` if it panics,
/// `<no message>` if it is empty, and cut after 64 KiB with `… (cut)`.
///
/// A panicking `Display` still runs the panic hook first; a hook can ask [`is_guarding`].
///
/// # Examples
///
/// ```
/// let err = "x".parse::<i32>().unwrap_err();
/// assert_eq!(stackerr::message_of(&err), "invalid digit found in string");
/// ```
#[must_use]
pub fn message_of(error: &dyn StdError) -> String {
    text_of(&error)
}

/// Whether this thread is inside foreign code (a `Display`, a `source()`) whose panic this crate
/// will catch: a panic hook had better stay silent then.
#[must_use]
pub fn is_guarding() -> bool {
    GUARDED.try_with(Cell::get).unwrap_or(0) > 0
}

/// The text of anything, with the same protection as [`message_of`].
pub(crate) fn text_of(value: &dyn Display) -> String {
    let mut bounded = Bounded::default();
    let outcome = guard(|| write!(bounded, "{value}"));
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

/// Runs foreign code; `None` if it panicked.
pub(crate) fn guard<T>(foreign: impl FnOnce() -> T) -> Option<T> {
    struct Depth;
    impl Drop for Depth {
        fn drop(&mut self) {
            let _ = GUARDED.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
        }
    }
    let _ = GUARDED.try_with(|depth| depth.set(depth.get() + 1));
    let _depth = Depth;
    // What the closure touched is either thrown away after a panic or plain text.
    catch_unwind(AssertUnwindSafe(foreign)).ok()
}

/// Text that refuses to grow beyond the bound.
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
