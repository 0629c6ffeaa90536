//! What else the dump tells: of the process, the machine, and of itself.

use std::io::{self, Write};

use flightrec::Dump;
use jiff::{SignedDuration, Timestamp};

use super::View;
use super::columns::pair;
use crate::look::count::{grouped, of};
use crate::look::{text, time};

pub(super) fn print(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<()> {
    writeln!(out)?;
    if let Some(when) = when(dump, failure) {
        pair(out, "when", &when, view)?;
    }
    if let Some(command) = command(dump) {
        pair(out, "command", &command, view)?;
    }
    let process = &dump.process;
    if process.pid != 0 {
        let mut ids = format!("process {}", process.pid);
        if !process.thread.is_empty() {
            ids += &format!(", thread {}", process.thread);
        }
        pair(out, "in", &ids, view)?;
    }
    let host = &dump.host;
    if !host.os.is_empty() {
        let cpus = if host.cpus == 0 {
            String::new()
        } else {
            format!(", {}", of(host.cpus as usize, "processor"))
        };
        pair(out, "on", &format!("{} {}{cpus}", host.os, host.arch), view)?;
    }
    if let Some(revision) = &dump.revision {
        pair(out, "revision", revision, view)?;
    }
    for (key, value) in dump.metadata.iter() {
        pair(out, "noted", &format!("{key}: {value}"), view)?;
    }
    if dump.suppressed_dumps > 0 {
        let more = of(
            usize::try_from(dump.suppressed_dumps).unwrap_or(usize::MAX),
            "failure",
        );
        pair(
            out,
            "besides",
            &format!("{more} since the dump before this one, not written"),
            view,
        )?;
    }
    let masked: u64 = dump
        .redactions
        .iter()
        .fold(0, |sum, (_, count)| sum.saturating_add(*count));
    if masked > 0 {
        let rules: Vec<_> = dump
            .redactions
            .iter()
            .map(|(rule, count)| format!("{rule} {}", grouped(*count)))
            .collect();
        pair(
            out,
            "masked",
            &format!("{} ({})", of(masked as usize, "value"), rules.join(", ")),
            view,
        )?;
    }
    if view.all {
        more(out, dump, view)?;
    }
    Ok(())
}

/// `2026-11-23 00:30:15 UTC, 1.204s after its start`
fn when(dump: &Dump, failure: Option<Timestamp>) -> Option<String> {
    let Some(failure) = failure else {
        return (!dump.created_at.is_empty()).then(|| dump.created_at.clone());
    };
    // A number that is no duration is told by nobody in earnest.
    let up = SignedDuration::try_from_secs_f64(dump.process.uptime)
        .ok()
        .filter(|up| up.is_positive());
    let up = up
        .map(|up| format!(", {} after its start", time::length(up)))
        .unwrap_or_default();
    Some(time::absolute(failure) + &up)
}

/// As it was typed, more or less.
fn command(dump: &Dump) -> Option<String> {
    let args = &dump.process.args;
    if args.is_empty() {
        return dump.process.executable.clone();
    }
    let word = |arg: &String| {
        if arg.is_empty() || arg.contains([' ', '\t', '\n', '\'', '"']) {
            format!("'{}'", arg.replace('\'', "'\\''"))
        } else {
            arg.clone()
        }
    };
    Some(args.iter().map(word).collect::<Vec<_>>().join(" "))
}

/// What only those need who look for everything.
fn more(out: &mut dyn Write, dump: &Dump, view: &View) -> io::Result<()> {
    if let Some(executable) = &dump.process.executable {
        pair(out, "program", executable, view)?;
    }
    if !dump.process.started_at.is_empty() {
        pair(out, "started", &dump.process.started_at, view)?;
    }
    if !dump.fingerprint.is_empty() {
        pair(
            out,
            "alike",
            &format!("fingerprint {}", dump.fingerprint),
            view,
        )?;
    }
    for module in &dump.modules {
        let id = module.build_id.as_deref().unwrap_or("no build-id");
        pair(out, "module", &format!("{} ({id})", module.name), view)?;
    }
    pair(out, "schema", &text::line(&dump.schema), view)
}
