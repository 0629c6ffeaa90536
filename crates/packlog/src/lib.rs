//! A record as a short run of bytes: made while logging, read when somebody looks.
//!
//! A flight recorder keeps thousands of records of which almost none is ever read. [`pack`]
//! formats the message once, into a buffer of the thread's own, puts the rest beside it in
//! binary, and hands the bytes on; [`unpack`] makes sense of them later.
//!
//! In the steady state packing allocates nothing, takes no lock and makes no system call.
//! Module paths and file names are `&'static str`s almost always and are packed as numbers that
//! only this process can read; with [`Options::self_contained`] they are written out, for bytes
//! that are to outlive it.
//!
//! ```
//! use packlog::Options;
//!
//! let answer = 42;
//! let bytes = packlog::pack(
//!     &log::Record::builder()
//!         .level(log::Level::Debug)
//!         .target("doc")
//!         .args(format_args!("the answer is {answer}"))
//!         .key_values(&[("asked", 7)])
//!         .build(),
//!     Options::default(),
//!     |bytes| bytes.to_vec(),
//! );
//!
//! let record = packlog::unpack(&bytes)?;
//! assert_eq!(record.message, "the answer is 42");
//! assert_eq!(record.fields().next(), Some(("asked", packlog::FieldValue::I64(7))));
//! # Ok::<(), packlog::Error>(())
//! ```

mod buffer;
mod decode;
mod desk;
mod encode;
mod fields;
mod intern;
mod layout;

pub use decode::{Error, Unpacked, unpack};
pub use encode::{Options, pack};
pub use fields::{FieldValue, Fields};

/// The most bytes that a packed record has. A message that is longer keeps its head, fields that
/// no longer fit are left out, and the record is marked as [cut](Unpacked::cut).
pub const MAX_LEN: usize = 8192;
