//! What dumps are made of: the program, its records and its spans.

use std::sync::OnceLock;

use tailwriter::{SharedTail, Snapshot};

use super::app_info::AppInfo;
use super::groups::SPANS;
use super::spans::SpanSource;
use super::window::Window;
use crate::gauges::Gauges;

/// What dumps are made of.
pub struct Source<T: ?Sized = dyn RecordTail> {
    /// The program.
    pub app: AppInfo,
    /// Which of the kept records get into a dump.
    pub window: Window,
    /// What the process has used.
    pub gauges: Gauges,
    /// What knows the open spans, if the program has spans.
    pub spans: OnceLock<Box<dyn SpanSource>>,
    /// The records.
    pub tail: T,
}

/// Where packed records and spans are kept.
pub trait RecordTail: Send + Sync {
    /// The records at this moment.
    fn snapshot(&self) -> Snapshot;

    /// The spans at this moment.
    fn span_snapshot(&self) -> Snapshot;
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
    /// What dumps of this program are made of.
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
