//! The source of dumps: the program, its records and its spans.

use std::sync::OnceLock;

use tailwriter::{SharedTail, Snapshot};

use super::app_info::AppInfo;
use super::groups::SPANS;
use super::spans::SpanSource;
use super::window::Window;
use crate::gauges::Gauges;

/// The source of dumps.
pub struct Source<T: ?Sized = dyn RecordTail> {
    /// The program.
    pub app: AppInfo,
    /// Selects the records of a dump.
    pub window: Window,
    /// The gauges of the process.
    pub gauges: Gauges,
    /// The open spans, if the program has spans.
    pub spans: OnceLock<Box<dyn SpanSource>>,
    /// The records.
    pub tail: T,
}

/// A tail that keeps packed records and spans.
pub trait RecordTail: Send + Sync {
    /// Returns a copy of the records.
    fn snapshot(&self) -> Snapshot;

    /// Returns a copy of the spans.
    fn span_snapshot(&self) -> Snapshot;

    /// Whether the disk had no space for a part of the records.
    fn lacks_space(&self) -> bool {
        false
    }
}

impl RecordTail for SharedTail {
    fn snapshot(&self) -> Snapshot {
        SharedTail::snapshot(self)
    }

    fn span_snapshot(&self) -> Snapshot {
        self.class_snapshot(SPANS)
    }
}

impl<T> Source<T> {
    /// Creates the source of a program's dumps.
    pub fn new(app: AppInfo, tail: T, window: Window, gauges: Gauges) -> Source<T> {
        Source {
            app,
            window,
            gauges,
            spans: OnceLock::new(),
            tail,
        }
    }
}

impl<T: ?Sized> std::fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}
