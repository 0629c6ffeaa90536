//! Configures a tail for dumps.

use std::time::Duration;

use tailwriter::SharedTail;

use super::groups::{ERRORS, SPANS, WARNINGS, shares};
use super::window::Window;

/// How much a tail keeps for dumps.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Selects the records of a dump.
    pub window: Window,
    /// Older records are not in a dump. `None` means no limit.
    pub max_age: Option<Duration>,
}

impl Bounds {
    /// Returns the builder of a tail that keeps records and this many lines about spans. ERROR and WARN
    /// have a quota each. Threads, targets and levels have shares.
    pub fn tail(&self, spans: usize) -> tailwriter::Builder {
        let Window { lines, bytes, .. } = self.window;
        let mut tail = SharedTail::builder()
            .max_lines(self.window.max_lines())
            .max_bytes(bytes)
            .max_line_bytes(packlog::MAX_LEN)
            .quota(ERRORS, self.window.warnings)
            .quota(WARNINGS, self.window.warnings)
            .separate(SPANS, spans);
        if let Some(age) = self.max_age {
            tail = tail.max_age(age);
        }
        match shares(lines, bytes) {
            Some(shares) => tail.shares(shares),
            None => tail,
        }
    }
}
