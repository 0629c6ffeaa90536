//! How much a tail keeps for dumps.

use std::time::Duration;

use tailwriter::SharedTail;

use super::groups::{ERRORS, SPANS, WARNINGS, shares};
use super::window::Window;

/// How much a tail keeps for dumps.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Which records a dump has.
    pub window: Window,
    /// Older records are left out of a dump.
    pub max_age: Option<Duration>,
}

impl Bounds {
    /// A tail of records. ERROR and WARN have a quota each, and threads, targets and levels their shares.
    pub fn of_records(&self) -> tailwriter::Builder {
        let Window { lines, bytes, .. } = self.window;
        let bounds = self.of_all(self.window.max_lines());
        let bounds = bounds
            .quota(ERRORS, self.window.warnings)
            .quota(WARNINGS, self.window.warnings);
        match shares(lines, bytes) {
            Some(shares) => bounds.shares(shares),
            None => bounds,
        }
    }

    /// A tail of records that has this many spans, too.
    pub fn of_records_and_spans(&self, spans: usize) -> tailwriter::Builder {
        self.of_records().quota(SPANS, spans)
    }

    /// A tail of this many spans.
    pub fn of_spans(&self, spans: usize) -> tailwriter::Builder {
        self.of_all(spans)
    }

    fn of_all(&self, lines: usize) -> tailwriter::Builder {
        let bounds = SharedTail::builder()
            .max_lines(lines)
            .max_bytes(self.window.bytes)
            .max_line_bytes(packlog::MAX_LEN);
        match self.max_age {
            Some(age) => bounds.max_age(age),
            None => bounds,
        }
    }
}
