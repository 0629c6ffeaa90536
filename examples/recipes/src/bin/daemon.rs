//! A daemon: the recorder is installed before the fork, and the child continues to record. The child's
//! first record creates its own ring file; the parent's is removed when the parent exits.

#[cfg(not(unix))]
fn main() {
    eprintln!("this system has no fork");
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::fs::{self, File};
    use std::path::PathBuf;

    let recorder = flightrec::builder("daemon").crash_safe(true).init();
    recorder.run(|| {
        let mut args = std::env::args().skip(1);
        let dir = PathBuf::from(args.next().unwrap_or_else(|| ".".to_owned()));
        let errors = File::create(dir.join("stderr"))?;
        log::debug!("in the parent");
        daemonize::Daemonize::new()
            .working_directory(&dir)
            .stderr(errors)
            .start()?;
        log::debug!("in the daemon");
        fs::write("started", std::process::id().to_string())?;
        work(args.next().as_deref())
    })
}

#[cfg(unix)]
fn work(what: Option<&str>) -> Result<(), flightrec::stackerr::Error> {
    match what {
        Some("fail") => flightrec::stackerr::bail!("the daemon failed"),
        Some("abort") => std::process::abort(),
        _ => Ok(()),
    }
}
