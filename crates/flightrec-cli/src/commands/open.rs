//! `flightrec open`

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cli::{Common, Open};
use crate::error::{CliError, Outcome, Result};
use crate::export::html;
use crate::output;

pub(super) fn run(args: Open, common: &Common) -> Result {
    let dumps = html::read(&args.dumps, common.limits(), args.source)?;
    let dir = private_directory()
        .map_err(|error| CliError::new(format!("cannot make a directory for the page: {error}")))?;
    let page = dir.join("report.html");
    output::write(Some(&page), |out| html::write(out, &dumps))?;
    if start_browser(page.as_os_str()) {
        anstream::println!("{}", page.display());
        return Ok(Outcome::Done);
    }
    anstream::println!(
        "no browser could be started; the page is {}",
        page.display()
    );
    Ok(Outcome::Nothing)
}

/// Creates a directory for temporary files that only its owner can enter, because other users must not
/// read a dump.
fn private_directory() -> io::Result<PathBuf> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let id = std::process::id();
    for n in 0..1000 {
        let path = env::temp_dir().join(format!("flightrec-{id}-{n}"));
        match builder.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Opens a file or an address in the first browser that starts.
pub(super) fn start_browser(page: &OsStr) -> bool {
    let mut commands: Vec<Vec<OsString>> = Vec::new();
    if let Ok(browsers) = env::var("BROWSER") {
        // The variable is a list. `%s` stands for the page, which is always the last argument here.
        commands.extend(browsers.split(':').map(|browser| {
            let words = browser.split_whitespace();
            words
                .filter(|word| *word != "%s")
                .map(OsString::from)
                .collect()
        }));
    }
    #[cfg(windows)]
    commands.push(["cmd", "/C", "start", ""].map(OsString::from).to_vec());
    #[cfg(target_os = "macos")]
    commands.push(vec!["open".into()]);
    #[cfg(not(windows))]
    commands.push(vec!["xdg-open".into()]);
    commands.iter().any(|words| starts(words, page))
}

/// Whether the command starts and does not fail soon, as `xdg-open` does without a browser. A command
/// that is the browser itself keeps running.
fn starts(words: &[OsString], page: &OsStr) -> bool {
    /// How long to wait for a failure.
    const TIMEOUT: Duration = Duration::from_secs(2);
    let Some((program, args)) = words.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(args).arg(page);
    // The output of a browser would look like output of this program.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    match ended.recv_timeout(TIMEOUT) {
        Ok(status) => status.is_ok_and(|status| status.success()),
        Err(_) => true,
    }
}
