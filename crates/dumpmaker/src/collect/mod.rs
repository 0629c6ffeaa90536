//! Collects the contents of a dump: records, spans, threads, the program. Does not mask secrets.

// Records and spans.
mod evictions;
mod groups;
mod records;
mod spans;
mod window;

// Stacks.
mod moment;
mod threads;

// The program.
mod app_info;

// The whole dump.
mod bounds;
mod dump;
mod source;

pub use app_info::{AppInfo, Started, host, process};
pub use bounds::Bounds;
pub use dump::NO_SPACE;
pub(crate) use dump::{add_spans_of, collect, records};
pub use evictions::add_evictions;
pub use groups::{SPANS, class_of};
pub use moment::stamp_stacks;
pub use records::{add_records, record};
pub use source::{RecordTail, Source};
pub use spans::{SpanSource, add_spans};
pub(crate) use threads::Threads;
pub use threads::{describe_thread, thread_name_of};
pub use window::Window;
