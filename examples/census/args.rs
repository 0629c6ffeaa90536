//! The command line.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

pub(crate) struct Args {
    pub(crate) dir: PathBuf,
    pub(crate) threads: usize,
    pub(crate) recorder: bool,
}

impl Args {
    pub(crate) fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Args, String> {
        let mut parsed = Args {
            dir: PathBuf::new(),
            threads: thread::available_parallelism().map_or(2, NonZero::get),
            recorder: true,
        };
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--no-recorder") => parsed.recorder = false,
                Some("--threads") => {
                    let number = args.next().and_then(|number| number.to_str()?.parse().ok());
                    parsed.threads = number
                        .filter(|&threads| threads > 0)
                        .ok_or("--threads needs a number of at least 1")?;
                }
                Some(option) if option.starts_with('-') => {
                    return Err(format!(
                        "unknown option {option}; usage: census [DIR] [--threads N] [--no-recorder]"
                    ));
                }
                _ => parsed.dir = arg.into(),
            }
        }
        if parsed.dir.as_os_str().is_empty() {
            parsed.dir =
                downloaded().ok_or("there is no home directory; give a directory to read")?;
        }
        Ok(parsed)
    }
}

/// The directory of the sources that Cargo downloaded.
fn downloaded() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    Some(cargo.join("registry").join("src"))
}
