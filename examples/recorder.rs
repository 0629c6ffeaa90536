//! The flight recorder in ten lines: fails, and leaves a dump that knows what INFO did not show.

use std::process::ExitCode;

fn main() -> ExitCode {
    let recorder = flightrec::builder("example")
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        log::info!("starting");
        log::debug!("the port comes from the environment");
        let port: u16 = "80a0".parse()?;
        log::info!("listening on {port}");
        Ok::<(), flightrec::stackerr::Error>(())
    })
}
