//! Shared by the fuzz targets: a directory for files, a memory meter, a check of printed text.

mod memory;
mod place;
mod printed;

pub use memory::{Meter, within};
pub use place::Place;
pub use printed::{assert_harmless, without_colours};
