//! Reads a dump.

use std::fmt;

use crate::Dump;

impl Dump {
    /// Reads a dump. The known parts of a dump with a later schema are read.
    ///
    /// # Errors
    ///
    /// Fails if `json` is not JSON or not a dump. The message says where.
    pub fn from_json(json: &[u8]) -> Result<Dump, ReadError> {
        let dump: Dump = serde_json::from_slice(json).map_err(read_error)?;
        check_schema(&dump.schema)?;
        Ok(dump)
    }
}

pub(crate) fn check_schema(schema: &str) -> Result<(), ReadError> {
    if schema.starts_with("flightrec/") {
        return Ok(());
    }
    Err(ReadError::new(
        "the JSON object has no \"schema\": \"flightrec/…\"",
    ))
}

pub(crate) fn read_error(error: serde_json::Error) -> ReadError {
    // With lenient reading, the only data error is a document that is not an object.
    if error.is_data() {
        return ReadError::new("the JSON is not an object");
    }
    ReadError::new(format!("not valid JSON: {error}"))
}

/// A file that is not a dump.
#[derive(Debug)]
pub struct ReadError(String);

impl ReadError {
    fn new(message: impl Into<String>) -> ReadError {
        ReadError(message.into())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}
