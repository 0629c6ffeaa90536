//! How many records of a target, a level or a thread are missing.

use serde::{Deserialize, Serialize};

use crate::Level;
use crate::lenient::lenient;

/// How many records of a target, of a level or of a thread were evicted. One of the three is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Eviction {
    /// The target.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub target: Option<String>,
    /// The level.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub level: Option<Level>,
    /// The name of the thread, as in its records.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub thread: Option<String>,
    /// The number of evicted records.
    #[serde(deserialize_with = "lenient")]
    pub count: u64,
}
