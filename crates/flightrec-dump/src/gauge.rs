//! What a process used at one time.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::lenient::lenient;

/// What the process used at one time. Numbers that the system does not report are `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gauge {
    /// When it was read.
    #[serde(deserialize_with = "lenient")]
    pub time: Timestamp,
    /// Resident memory of the process, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub resident_bytes: Option<u64>,
    /// Threads of the process.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub threads: Option<u64>,
    /// Open file descriptors of the process.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub open_files: Option<u64>,
    /// Processor time of the process so far, of user and system, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub cpu_ms: Option<u64>,
    /// Memory of the process's cgroup, or of the one of its ancestors with the smallest limit, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub cgroup_bytes: Option<u64>,
    /// The limit of that cgroup's memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub cgroup_limit_bytes: Option<u64>,
    /// The share of the last ten seconds in which some task of the machine waited for memory, in
    /// percent (PSI).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub memory_pressure: Option<f64>,
    /// The same for a processor.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub cpu_pressure: Option<f64>,
    /// The same for input and output.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub io_pressure: Option<f64>,
}
