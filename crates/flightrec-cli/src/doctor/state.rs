//! Checks whether the directory of dumps can be written to.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::process;

use super::Finding;
use crate::render::text;

const SUBJECT: &str = "state directory";

/// Creates and removes a file in the innermost existing directory of the path.
pub(crate) fn writable(state: Option<&Path>) -> Finding {
    let Some(state) = state else {
        return Finding::bad(
            SUBJECT,
            "none: there is no home directory",
            "call .dir(…) on the builder",
        );
    };
    let name = state.to_string_lossy();
    let name = text::line(&name);
    let there = state.ancestors().find(|dir| dir.exists()).unwrap_or(state);
    match try_file(there) {
        Ok(()) => Finding::good(SUBJECT, format!("{name} can be written to")),
        Err(error) => Finding::bad(
            SUBJECT,
            format!("{name} can't be written to: {error}"),
            "make it writable, or call .dir(…) on the builder",
        ),
    }
}

fn try_file(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!(".flightrec-doctor-{}", process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_directory_that_can_be_made_is_good() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            writable(Some(&dir.path().join("a/b"))).verdict,
            Verdict::Good
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "it left something behind"
        );
        assert_eq!(writable(None).verdict, Verdict::Bad);
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(writable(Some(&file)).verdict, Verdict::Bad);
    }
}
