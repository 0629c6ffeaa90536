//! The trace-event format: a process for each dump, and a lane for each thread. Records are instants; the
//! run of the process and its spans are durations.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec_dump::{Dump, Span};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{Selected, causes, error_type, failed_at, json as to_json, object, text as or_null};
use crate::render::{text, time};

/// The name of an instant is its message, cut to this length. The arguments have the whole message.
const MAX_NAME: usize = 120;

pub(super) fn write(out: &mut dyn Write, dumps: &[Selected<'_>]) -> io::Result<()> {
    // Times count from the first record, so that the view begins there.
    let records = dumps.iter().flat_map(|selected| &selected.records);
    let times = records.filter_map(|record| time::known(record.time));
    let failures = dumps.iter().map(|selected| failed_at(selected.dump));
    let origin = times.chain(failures).min().unwrap_or(Timestamp::UNIX_EPOCH);
    write!(
        out,
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{},",
        json!({"origin": origin.to_string()})
    )?;
    write!(out, "\"traceEvents\":[")?;
    let mut events = Events {
        out,
        origin,
        first: true,
    };
    for (n, selected) in dumps.iter().enumerate() {
        events.dump(selected, process_id(dumps, n))?;
    }
    writeln!(out, "\n]}}")
}

/// The process's own id, unless another dump has it, too.
fn process_id(dumps: &[Selected<'_>], n: usize) -> u64 {
    let pid = dumps[n].dump.process.pid;
    let is_alone = dumps
        .iter()
        .filter(|other| other.dump.process.pid == pid)
        .count()
        == 1;
    // Otherwise an id that no process has.
    if is_alone {
        pid.into()
    } else {
        (1 << 32) + n as u64
    }
}

struct Events<'a> {
    out: &'a mut dyn Write,
    origin: Timestamp,
    first: bool,
}

/// The lanes of a process.
struct Lanes<'a> {
    pid: u64,
    threads: HashMap<&'a str, usize>,
}

/// The lane of events that belong to no thread.
const PROCESS: usize = 0;

impl Events<'_> {
    fn dump(&mut self, selected: &Selected<'_>, pid: u64) -> io::Result<()> {
        let dump = selected.dump;
        let version = dump.version.as_deref().unwrap_or_default();
        let name = format!("{} {version}", dump.app);
        self.name("process_name", pid, PROCESS, name.trim_end())?;
        self.run(dump, pid)?;
        for span in &dump.spans {
            self.span(span, dump, pid)?;
        }
        let mut lanes = Lanes {
            pid,
            threads: HashMap::new(),
        };
        let created: HashMap<u64, &str> = dump
            .stack_traces
            .iter()
            .filter_map(|trace| Some((trace.log_seq?, trace.error.as_str())))
            .collect();
        let mut latest = self.origin;
        for record in &selected.records {
            let lane = self.lane(&mut lanes, &record.thread)?;
            // A record without a time gets the time of the previous record.
            latest = time::known(record.time).unwrap_or(latest);
            let place = record.file.as_ref().zip(record.line);
            let fields = match record.fields.is_empty() {
                true => Json::Null,
                false => to_json(&record.fields),
            };
            let args = object([
                ("level", record.level.as_str().into()),
                ("msg", (&*record.msg).into()),
                (
                    "at",
                    place.map(|(file, line)| format!("{file}:{line}")).into(),
                ),
                ("fields", fields),
            ]);
            self.instant(&record.msg, &record.target, latest, pid, lane, "t", args)?;
            if let Some(error) = created.get(&record.seq) {
                let name = format!("error created: {error}");
                self.instant(&name, "error", latest, pid, lane, "t", json!({}))?;
            }
        }
        let lane = self.lane(&mut lanes, &dump.process.thread)?;
        let args = object([
            ("kind", dump.reason.kind.as_str().into()),
            ("message", (&*dump.reason.message).into()),
            ("causes", causes(dump).into()),
            ("error_type", error_type(dump).into()),
            ("fingerprint", or_null(&dump.fingerprint)),
        ]);
        // Shown across all lanes of the process.
        let at = failed_at(dump);
        self.instant(&dump.reason.message, "failure", at, pid, lane, "p", args)
    }

    /// Writes the duration from the start of the recording to the failure.
    fn run(&mut self, dump: &Dump, pid: u64) -> io::Result<()> {
        let (Some(from), Some(to)) = (
            time::known(dump.process.started_at),
            time::known(dump.created_at),
        ) else {
            return Ok(());
        };
        // The view begins with the first record.
        let from = from.max(self.origin);
        let name = format!("{} (recorded)", dump.app);
        self.event(object([
            ("ph", "X".into()),
            ("name", name.into()),
            ("cat", "process".into()),
            ("ts", self.micros(from).into()),
            ("dur", (self.micros(to) - self.micros(from)).max(0.0).into()),
            ("pid", pid.into()),
            ("tid", PROCESS.into()),
        ]))
    }

    /// Spans may be entered by several threads, so they are asynchronous events.
    fn span(&mut self, span: &Span, dump: &Dump, pid: u64) -> io::Result<()> {
        let Some(from) = span.opened_at.and_then(time::known) else {
            return Ok(());
        };
        let to = span.closed_at.and_then(time::known);
        let to = to.unwrap_or_else(|| failed_at(dump)).max(from);
        for (phase, at) in [("b", from), ("e", to)] {
            let args = match span.fields.is_empty() {
                true => Json::Null,
                false => to_json(&span.fields),
            };
            self.event(object([
                ("ph", phase.into()),
                ("name", (&*span.name).into()),
                ("cat", (&*span.target).into()),
                ("id", span.id.to_string().into()),
                ("ts", self.micros(at).into()),
                ("pid", pid.into()),
                ("tid", PROCESS.into()),
                ("args", args),
            ]))?;
        }
        Ok(())
    }

    fn lane<'a>(&mut self, lanes: &mut Lanes<'a>, thread: &'a str) -> io::Result<usize> {
        let next = lanes.threads.len() + 1;
        let lane = *lanes.threads.entry(thread).or_insert(next);
        if lane == next {
            self.name("thread_name", lanes.pid, lane, thread)?;
        }
        Ok(lane)
    }

    #[allow(clippy::too_many_arguments)]
    fn instant(
        &mut self,
        name: &str,
        category: &str,
        at: Timestamp,
        pid: u64,
        lane: usize,
        scope: &str,
        args: Json,
    ) -> io::Result<()> {
        let name = text::first_line(name);
        self.event(object([
            ("ph", "i".into()),
            ("name", text::cut(&name, MAX_NAME).into()),
            ("cat", category.into()),
            ("ts", self.micros(at).into()),
            ("pid", pid.into()),
            ("tid", lane.into()),
            ("s", scope.into()),
            ("args", args),
        ]))
    }

    /// Microseconds since the origin; the fraction has the nanoseconds.
    fn micros(&self, at: Timestamp) -> f64 {
        (at.duration_since(self.origin).as_secs_f64() * 1e9).round() / 1e3
    }

    fn name(&mut self, what: &str, pid: u64, lane: usize, name: &str) -> io::Result<()> {
        self.event(object([
            ("ph", "M".into()),
            ("name", what.into()),
            ("pid", pid.into()),
            ("tid", lane.into()),
            ("args", json!({"name": name})),
        ]))
    }

    fn event(&mut self, event: Json) -> io::Result<()> {
        write!(self.out, "{}", if self.first { "\n" } else { ",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut *self.out, &event)?;
        Ok(())
    }
}
