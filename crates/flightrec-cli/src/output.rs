//! Files that a command writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{CliError, Result};
use crate::input::is_stdin;

/// Writes to a new file that only its owner can read, or to standard output if there is no path or
/// the path is `-`.
pub(crate) fn write(
    path: Option<&Path>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let to = |mut out: BufWriter<&mut dyn Write>| content(&mut out).and_then(|()| out.flush());
    match path {
        Some(path) if !is_stdin(path) => create(path)
            .and_then(|mut file| to(BufWriter::new(&mut file)))
            .map_err(|error| CliError::writing(path, &error)),
        _ => Ok(to(BufWriter::new(&mut io::stdout().lock()))?),
    }
}

/// Replaces a file atomically: after a failure it has the whole old content or the whole new one.
pub(crate) fn replace(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let replace = || {
        // If it is a link, its target is replaced.
        let path = fs::canonicalize(path)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".tmp-{}", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = create(&temporary)?;
        let mut out = BufWriter::new(&file);
        let written = content(&mut out)
            .and_then(|()| out.flush())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
        }
        written
    };
    replace().map_err(|error| CliError::writing(path, &error))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
