//! One JSON object per line: one for each record, and then one for the failure.

use std::io::{self, Write};

use flightrec_dump::{Dump, LogRecord};
use serde_json::Value as Json;

use super::{Selected, app, causes, error_type, json, object, sentry, severity, stack_text, text};

pub(super) fn write(out: &mut dyn Write, dumps: &[Selected<'_>]) -> io::Result<()> {
    for selected in dumps {
        let dump = selected.dump;
        // The id connects the records of a dump with its failure.
        let id = sentry::event_id(dump, &serde_json::to_vec(dump)?);
        for record in &selected.records {
            line(out, &self::record(dump, record, &id))?;
        }
        line(out, &failure(dump, &id))?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, object: &Json) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

fn record(dump: &Dump, record: &LogRecord, id: &str) -> Json {
    let fields = match record.fields.is_empty() {
        true => Json::Null,
        false => json(&record.fields),
    };
    object([
        ("time", json(&record.time)),
        ("level", record.level.as_str().into()),
        ("target", (&*record.target).into()),
        ("msg", (&*record.msg).into()),
        ("thread", (&*record.thread).into()),
        ("file", record.file.as_deref().into()),
        ("line", record.line.into()),
        ("seq", record.seq.into()),
        ("span", record.span.into()),
        ("fields", fields),
        ("app", app(dump).into()),
        ("pid", dump.process.pid.into()),
        ("dump", id.into()),
        ("event", "record".into()),
    ])
}

fn failure(dump: &Dump, id: &str) -> Json {
    let causes = causes(dump);
    object([
        ("time", json(&dump.created_at)),
        ("level", severity(dump).into()),
        ("target", (&*dump.app).into()),
        ("msg", (&*dump.reason.message).into()),
        ("thread", (&*dump.process.thread).into()),
        ("app", app(dump).into()),
        ("pid", dump.process.pid.into()),
        ("dump", id.into()),
        ("event", "failure".into()),
        ("kind", dump.reason.kind.as_str().into()),
        ("error_type", error_type(dump).into()),
        (
            "causes",
            if causes.is_empty() {
                Json::Null
            } else {
                causes.into()
            },
        ),
        ("version", dump.version.as_deref().into()),
        ("revision", dump.revision.as_deref().into()),
        ("fingerprint", text(&dump.fingerprint)),
        ("stack", text(&stack_text(dump))),
    ])
}
