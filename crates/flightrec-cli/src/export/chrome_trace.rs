//! The trace-event format: a process a dump, a lane a thread, an instant a record.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec::Dump;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::object::{Object, json as to_json};
use super::{Chosen, failed_at};
use crate::look::{text, time};

/// An instant's name is its message; a longer one is cut, and whole among the arguments.
const MAX_NAME: usize = 120;

pub(super) fn write(out: &mut dyn Write, dumps: &[Chosen<'_>]) -> io::Result<()> {
    // Times count from the first record, so that the view begins there.
    let records = dumps.iter().flat_map(|chosen| &chosen.records);
    let times = records.filter_map(|record| time::parse(&record.time));
    let failures = dumps.iter().map(|chosen| failed_at(chosen.dump));
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
    for (n, chosen) in dumps.iter().enumerate() {
        events.dump(chosen, process_id(dumps, n))?;
    }
    writeln!(out, "\n]}}")
}

/// The process's own id unless another dump has it as well.
fn process_id(dumps: &[Chosen<'_>], n: usize) -> u64 {
    let pid = dumps[n].dump.process.pid;
    let is_alone = dumps
        .iter()
        .filter(|other| other.dump.process.pid == pid)
        .count()
        == 1;
    // Beyond any process's id.
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

impl Events<'_> {
    fn dump(&mut self, chosen: &Chosen<'_>, pid: u64) -> io::Result<()> {
        let dump = chosen.dump;
        let version = dump.version.as_deref().unwrap_or_default();
        self.name(
            "process_name",
            pid,
            0,
            format!("{} {version}", dump.app).trim_end(),
        )?;
        let mut lanes: HashMap<&str, usize> = HashMap::new();
        let mut lane_of = |events: &mut Self, thread| -> io::Result<usize> {
            let next = lanes.len() + 1;
            let lane = *lanes.entry(thread).or_insert(next);
            if lane == next {
                events.name("thread_name", pid, lane, thread)?;
            }
            Ok(lane)
        };
        let mut latest = self.origin;
        for record in &chosen.records {
            let lane = lane_of(self, &record.thread)?;
            // A record without a time stands where the one before it does.
            latest = time::parse(&record.time).unwrap_or(latest);
            let args = Object::default()
                .with("level", &*record.level)
                .with("msg", &*record.msg)
                .with(
                    "at",
                    record
                        .file
                        .as_ref()
                        .zip(record.line)
                        .map(|(file, line)| format!("{file}:{line}")),
                )
                .with(
                    "fields",
                    if record.fields.is_empty() {
                        Json::Null
                    } else {
                        to_json(&record.fields)
                    },
                );
            let instant = self.instant(&record.msg, &record.target, latest, pid, lane, "t");
            self.event(instant.with("args", to_json(&args)))?;
        }
        let lane = lane_of(self, &dump.process.thread)?;
        self.failure(dump, pid, lane)
    }

    /// Across all lanes of its process.
    fn failure(&mut self, dump: &Dump, pid: u64, lane: usize) -> io::Result<()> {
        let args = json!({"kind": dump.reason.kind, "message": dump.reason.message, "fingerprint": dump.fingerprint});
        let instant = self.instant(
            &dump.reason.message,
            "failure",
            failed_at(dump),
            pid,
            lane,
            "p",
        );
        self.event(instant.with("args", args))
    }

    fn instant<'a>(
        &self,
        name: &str,
        category: &str,
        at: Timestamp,
        pid: u64,
        tid: usize,
        scope: &str,
    ) -> Object<'a> {
        let name = text::first_line(name);
        // Microseconds; the fraction holds the nanoseconds.
        let ts = at.duration_since(self.origin).as_secs_f64() * 1e6;
        Object::default()
            .with("ph", "i")
            .with("name", text::cut(&name, MAX_NAME))
            .with("cat", category)
            .with("ts", (ts * 1e3).round() / 1e3)
            .with("pid", pid)
            .with("tid", tid)
            .with("s", scope)
    }

    fn name(&mut self, what: &str, pid: u64, tid: usize, name: &str) -> io::Result<()> {
        let event = Object::default()
            .with("ph", "M")
            .with("name", what)
            .with("pid", pid)
            .with("tid", tid);
        self.event(event.with("args", json!({"name": name})))
    }

    fn event(&mut self, event: Object<'_>) -> io::Result<()> {
        write!(self.out, "{}", if self.first { "\n" } else { ",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut *self.out, &event)?;
        Ok(())
    }
}
