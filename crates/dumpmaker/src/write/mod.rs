//! Writes and delivers dumps: to files or a writer, to the user in a line, to callbacks of the program.

mod delivery;
mod destination;
mod notices;
mod recent;

pub use delivery::Callback;
pub(crate) use delivery::Delivery;
pub use destination::Destination;
pub use notices::Notices;
