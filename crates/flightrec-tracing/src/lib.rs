#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod atomic;
mod duplicates;
mod install;
mod layer;
mod shared;
mod spans;
mod starved;
mod visit;

pub use flightrec::{FlightRecorder, InstallError};
pub use install::BuilderExt;
pub use layer::RecorderLayer;
