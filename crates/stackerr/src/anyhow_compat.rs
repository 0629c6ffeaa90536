//! anyhow's names for this crate's types, so that a program that uses anyhow compiles unchanged.
//!
//! For one file, change the import:
//!
//! ```
//! use stackerr::anyhow_compat as anyhow;
//!
//! fn port(text: &str) -> anyhow::Result<u16> {
//!     use anyhow::Context as _;
//!     let port: u16 = text.parse().context("not a port")?;
//!     anyhow::ensure!(port != 0, "port {port} is reserved");
//!     Ok(port)
//! }
//!
//! let err = port("http").unwrap_err();
//! assert_eq!(format!("{err:#}"), "not a port: invalid digit found in string");
//! assert!(err.is::<std::num::ParseIntError>());
//! assert_eq!(err.stack_traces().len(), 1);
//! ```
//!
//! For a whole program, change one line of `Cargo.toml`; the crate's root has the same names:
//!
//! ```toml
//! anyhow = { package = "stackerr", version = "0.1" }
//! ```
//!
//! What differs: `{:?}` prints the stacks and joins, `{:#?}` the tree; `{:#}` leaves out a cause
//! whose message ends the message above it; and there is no `Error::backtrace`, since
//! [`Error::stack_traces`] has the stacks of all errors. The table "Coming from anyhow" on the
//! crate's front page has more.

pub use crate::{Chain, Error, Ok, Result, ResultExt as Context};
pub use crate::{bail, ensure, err as anyhow, err as format_err};
