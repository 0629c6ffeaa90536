//! Masks more of a dump than was masked when it was made: by the rules of `logredact`, and by rules
//! for personal data (`personal`).
//!
//! Every text in the JSON is masked (`walk`), so that keys of a newer schema are masked and kept, too.

mod personal;
mod walk;

use flightrec_dump::Dump;
use logredact::Redactor;
use serde_json::Value;

pub(crate) use personal::{Personal, rules};
pub(crate) use walk::{Masked, mask};

use crate::error::{CliError, Result};
use crate::input::{self, Limits, Source};

/// Reads a dump and masks what looks like a secret, homes and e-mail addresses, as `redact` does.
pub(crate) fn for_publication(source: &Source, limits: Limits) -> Result<Dump> {
    let document = input::read_document(source, limits)?;
    let mut value: Value = serde_json::from_slice(&document.json)
        .map_err(|error| CliError::at(&source.path, error))?;
    drop(document);
    mask(
        &mut value,
        &rules(Redactor::default(), &Personal::default())?,
    );
    serde_json::to_vec(&value)
        .map_err(|error| error.to_string())
        .and_then(|json| Dump::from_json(&json).map_err(|error| error.to_string()))
        .map_err(|error| CliError::at(&source.path, error))
}
