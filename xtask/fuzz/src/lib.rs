//! What the fuzz targets share: a place for files, a meter for memory, a look at printed text.

mod memory;
mod place;
mod printed;

pub use memory::{Meter, within};
pub use place::Place;
pub use printed::{assert_harmless, without_colours};
