//! Tells other programs how to ask this one for a dump.

use std::ffi::CString;
use std::io;
use std::path::{self, PathBuf};
use std::process;

use flightrec_dump::Listening;

use crate::pipeline::Pipeline;

/// Publishes for other programs which signals make the program `app` write a dump, and where its dumps go.
///
/// # Errors
///
/// If the system cannot publish it.
pub fn publish(pipeline: &Pipeline, app: &str, signals: Vec<i32>) -> io::Result<()> {
    let mut listening = Listening::default();
    listening.pid = process::id();
    listening.app = app.to_owned();
    listening.signals = signals;
    listening.names = pipeline.looks_up_names();
    let absolute = |dir: &PathBuf| path::absolute(dir).unwrap_or_else(|_| dir.clone());
    let dirs = pipeline.destination().dirs().iter().map(absolute);
    listening.dirs = dirs.map(|dir| dir.to_string_lossy().into_owned()).collect();
    let name = CString::new(Listening::FILE)?;
    stackwalk::signal::publish(&name, &serde_json::to_vec(&listening)?)
}
