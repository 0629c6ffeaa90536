//! Masking more of a dump than was masked when it was made.
//!
//! It works on the JSON itself, so that keys of a newer schema are masked and kept as well.

mod personal;
mod walk;

pub(crate) use personal::rules;
pub(crate) use walk::{Masked, mask};
