//! The helper crate of a workspace with several programs: `server` and `client` use it to set up
//! their recorders in the same way.

use flightrec::FlightRecorder;

/// Installs a recorder for the program that calls it, with the name and the version of that program.
#[macro_export]
macro_rules! install {
    () => {
        $crate::install(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"))
    };
}

/// Use [`install!`] instead.
pub fn install(program: &str, version: &str) -> FlightRecorder {
    flightrec::builder(program)
        .version(version)
        .console(log::LevelFilter::Warn)
        .metadata("workspace", "recipes")
        .init()
}
