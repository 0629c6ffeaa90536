//! `flightrec dump`

use std::time::Duration;

use flightrec_dump::Dump;
use jiff::SignedDuration;

use crate::cli::{Common, DumpProcess, Show};
use crate::dump_request::Process;
use crate::error::{Outcome, Result};
use crate::input::note;
use crate::render::{text, time};
use crate::select::Selection;
use crate::show::LogAmount;

pub(super) fn run(args: DumpProcess, common: &Common) -> Result {
    let process = Process::find(args.pid)?;
    if !process.writes_files() {
        process.signal()?;
        note(&format!(
            "{} was asked for a dump, which goes to a writer of the program",
            text::line(process.app())
        ));
        return Ok(Outcome::Done);
    }
    let timeout = Duration::from_secs(args.timeout);
    let (source, mut dump) = process.ask(timeout, common.limits())?;
    note(&format!("dump written to {}", source.name()));
    if let Some(last) = args.last {
        keep_last(&mut dump, last);
    }
    // `--last` limits the log, so all of the rest is shown.
    let log = args.log.or(args.last.map(|_| LogAmount::All));
    let args = Show {
        dumps: Vec::new(),
        all: args.all,
        log,
        no_source: false,
        spans: false,
        diff: None,
        selection: Selection::default(),
    };
    super::show::print(&[(source, dump)], &args, common)
}

/// Removes records that are older than `last` at the time of the dump.
fn keep_last(dump: &mut Dump, last: SignedDuration) {
    let made = time::known(dump.created_at);
    let from = made.and_then(|made| made.checked_sub(last).ok());
    dump.latest_logs.retain(|record| {
        let at = time::known(record.time);
        at.zip(from).is_none_or(|(at, from)| at >= from)
    });
}
