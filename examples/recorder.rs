//! The flight recorder in ten lines: the program fails and writes a dump with its DEBUG records.

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
