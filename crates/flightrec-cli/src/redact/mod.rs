//! Masking more of a dump than was masked when it was made.
//!
//! It works on the JSON, so keys of a newer schema are masked and kept, too.

mod personal;
mod walk;

pub(crate) use personal::{Personal, rules};
pub(crate) use walk::{Masked, mask};
