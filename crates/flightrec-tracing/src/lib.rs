#![doc = include_str!("../README.md")]
// The exception: `subscriber` implements `downcast_raw`.
#![deny(unsafe_code)]

mod atomic;
mod callsites;
mod duplicates;
mod install;
mod interest;
mod layer;
mod shared;
mod spans;
mod starved;
mod subscriber;
mod visit;

pub use flightrec::{FlightRecorder, InstallError};
pub use install::BuilderExt;
pub use layer::RecorderLayer;
pub use subscriber::RecorderSubscriber;
