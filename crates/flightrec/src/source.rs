//! What dumps are made of: the program, its records and its spans.

use std::sync::OnceLock;

use dumpmaker::collect::{AppInfo, SpanSource, Window};

use crate::gauges::Gauges;
use crate::tail::Tail;

/// What dumps are made of.
pub(crate) struct Source {
    pub(crate) app: AppInfo,
    pub(crate) tail: Tail,
    pub(crate) window: Window,
    pub(crate) gauges: Gauges,
    pub(crate) spans: OnceLock<Box<dyn SpanSource>>,
}
