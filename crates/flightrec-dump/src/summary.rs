//! The head of a dump, for lists of many dumps.

use serde::Deserialize;

use crate::lenient::{lenient, list};
use crate::read::{check_schema, read_error};
use crate::{Host, ReadError, Reason, Timestamp};

/// A [`Dump`](crate::Dump) without stacks and log, for lists of dumps. The stacks and the log are skipped
/// while reading.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Summary {
    /// The name of the schema.
    #[serde(deserialize_with = "lenient")]
    pub schema: String,
    /// The program's name.
    #[serde(deserialize_with = "lenient")]
    pub app: String,
    /// The program's version, if it gave one.
    #[serde(deserialize_with = "lenient")]
    pub version: Option<String>,
    /// When the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub created_at: Timestamp,
    /// Why the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub reason: Reason,
    /// Equal for failures of one kind.
    #[serde(deserialize_with = "lenient")]
    pub fingerprint: String,
    /// The machine on which the process ran.
    #[serde(deserialize_with = "lenient")]
    pub host: Host,
    /// How many failures since the previous dump were counted instead of dumped.
    #[serde(deserialize_with = "lenient")]
    pub suppressed_dumps: u64,
    /// The file names of other dumps of the same failure.
    #[serde(deserialize_with = "list")]
    pub related_dumps: Vec<String>,
}

impl Summary {
    /// Reads the head of a dump, as leniently as [`Dump::from_json`](crate::Dump::from_json).
    ///
    /// # Errors
    ///
    /// Fails if `json` is not JSON or not a dump.
    ///
    /// # Examples
    ///
    /// ```
    /// let json = br#"{"schema":"flightrec/1","app":"my-tool","latest_logs":[{"msg":"skipped"}]}"#;
    /// assert_eq!(flightrec_dump::Summary::from_json(json)?.app, "my-tool");
    /// # Ok::<(), flightrec_dump::ReadError>(())
    /// ```
    pub fn from_json(json: &[u8]) -> Result<Summary, ReadError> {
        let summary: Summary = serde_json::from_slice(json).map_err(read_error)?;
        check_schema(&summary.schema)?;
        Ok(summary)
    }
}
