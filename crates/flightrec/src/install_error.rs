//! The error of [`install`](crate::Builder::install).

use std::error::Error as StdError;
use std::fmt;

/// The recorder could not be installed, because the program has a logger already.
#[derive(Debug)]
pub struct InstallError(pub(crate) logtee::InstallError);

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the program has a logger already: pass that logger to `flightrec::Builder::sink` \
             instead of installing it; if `tracing-subscriber` has set it, use `flightrec-tracing`; \
             in tests, use `flightrec::Builder::for_test`",
        )
    }
}

impl StdError for InstallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
