//! Readings of this process: resident memory, threads, open files, processor time, memory and memory limit
//! of its cgroup, and the pressure of the system (PSI).
//!
//! Readings come from `/proc` and `/sys/fs/cgroup`. On systems other than Linux a reading has only its
//! timestamp. Versions 1 and 2 of cgroups are supported. If several cgroups that contain the process
//! have a limit, the one with the lowest limit is reported.
//!
//! ```
//! let gauge = dumpmaker::gauges::read();
//! if let (Some(used), Some(limit)) = (gauge.cgroup_bytes, gauge.cgroup_limit_bytes) {
//!     println!("{used} of {limit} bytes are used");
//! }
//! ```
//!
//! [`Gauges`] takes a sample every second, in a thread of the caller, and keeps the last 120 in memory.
//! [`write_sample`] stores samples as bytes, for instance in a mapped file. After the process was killed,
//! [`read_samples`] returns them. A sample that was half written when the process died is left out.

mod gauge;
mod history;
mod memory;
mod samples;

pub use gauge::read;
pub use history::Gauges;
pub use memory::{cgroup_memory, machine_memory, resident_memory};
pub use samples::{AREA_BYTES, SAMPLES, read_samples, write_sample};
