//! Joins the errors of several threads: one error, one dump, with the stack of each failure.

use std::process::ExitCode;
use std::thread;

use flightrec::stackerr::{Error, JoinExt, ResultExt, ensure};

fn check(host: &str) -> Result<usize, Error> {
    log::debug!("checking {host}");
    ensure!(!host.contains(' '), "{host:?} is not a host name");
    Ok(host.len())
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("example")
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        let workers = [
            "one.example",
            "two example",
            "three.example",
            "four example",
        ]
        .map(|host| {
            thread::spawn(move || check(host).with_context(|| format!("cannot check {host:?}")))
        });
        let lengths = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .join_errors::<Vec<_>>()?;
        log::info!("checked {} hosts", lengths.len());
        Ok::<(), Error>(())
    })
}
