#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The log.
mod evictions;
mod groups;
mod records;
mod spans;
mod window;

// Where the program was.
mod moment;
mod stacks;
mod threads;

// What it is.
mod app_info;

pub use app_info::{AppInfo, Started, host, process, thread_name};
pub use evictions::add_evictions;
pub use groups::{ERRORS, SPANS, WARNINGS, class_of, shares};
pub use moment::{Moment, stamp_stacks};
pub use records::{add_records, record};
pub use spans::{SpanSource, add_spans};
pub use stacks::{error_node, frame, modules, trace};
pub use threads::{Names, Threads, describe_thread, thread_name_of};
pub use window::Window;
