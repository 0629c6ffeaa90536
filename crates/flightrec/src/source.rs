//! What dumps are made of: the program, its records and its spans.

use std::sync::OnceLock;

use crate::app_info::AppInfo;
use crate::gauges::Gauges;
use crate::tail::Tail;
use crate::window::Window;

/// What dumps are made of.
pub(crate) struct Source {
    pub(crate) app: AppInfo,
    pub(crate) tail: Tail,
    pub(crate) window: Window,
    pub(crate) gauges: Gauges,
    pub(crate) spans: OnceLock<Box<dyn SpanSource>>,
}

/// What knows the spans that are open.
pub trait SpanSource: Send + Sync {
    /// Calls `each` with every open span, as [`packlog::pack_span`] packs it. Spans that can't be
    /// read now are skipped: a signal handler may ask.
    fn open_spans(&self, each: &mut dyn FnMut(&[u8]));

    /// What could not be kept, and what keeps records from the recorder: one sentence each, for
    /// `notes` in the dump.
    fn notes(&self) -> Vec<String>;
}
