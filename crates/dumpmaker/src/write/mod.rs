//! Writes dumps to files or a writer, prints their paths, and passes them to callbacks.

mod delivery;
mod destination;
mod notices;
mod recent;

pub use delivery::Callback;
pub(crate) use delivery::Delivery;
pub use destination::Destination;
pub use notices::Notices;
