#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod gauge;
mod gauges;
mod memory;
mod samples;

pub use gauge::read;
pub use gauges::Gauges;
pub use memory::{of_cgroup, of_machine, resident};
pub use samples::{AREA_BYTES, SAMPLES, read_samples, write_sample};
