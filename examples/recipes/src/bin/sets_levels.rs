//! A program that sets its level at run time. `log::set_max_level` would also keep DEBUG records from
//! the recorder; the handle of an adjustable filter changes only the console.

use std::process::ExitCode;

use flightrec::logtee;
use log::LevelFilter;

fn main() -> ExitCode {
    let (filter, console) = logtee::adjustable(LevelFilter::Warn);
    let recorder = flightrec::builder("sets_levels").console(filter).init();
    recorder.run(|| {
        log::info!("not shown");
        if std::env::args().any(|arg| arg == "--verbose") {
            console.set(LevelFilter::Info);
        }
        log::info!("shown if verbose");
        log::debug!("recorded only");
        Err::<(), _>("it failed")
    })
}
