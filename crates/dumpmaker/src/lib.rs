#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Triggers of dumps.
pub mod heartbeats;
pub mod rules;

// Gauges of the process, and the directory of dumps.
pub mod gauges;
pub mod store;

// Failures.
pub mod failures;
pub mod stacks;

// The steps to a dump.
pub mod collect;
mod limit;
pub mod redact;
mod symbolise;
pub mod write;

// The pipeline of all steps.
mod at_exit;
mod in_thread;
mod listening;
mod look_ahead;
mod outcome;
mod pipeline;
mod settings;

// Dumps of panics.
pub mod panics;
mod seen_panics;

pub use at_exit::{AtExit, close_at_exit};
pub use listening::publish;
pub use outcome::{DumpError, DumpOutcome};
pub use pipeline::Pipeline;
pub use settings::Settings;
