//! One JSON object a line: a record each, and the failure itself behind them.

use std::io::{self, Write};

use flightrec::{Dump, LogRecord};
use serde_json::Value;

use super::object::{Object, json};
use super::{Chosen, is_fatal, stacks};

pub(super) fn write(out: &mut dyn Write, dumps: &[Chosen<'_>]) -> io::Result<()> {
    for chosen in dumps {
        for record in &chosen.records {
            line(out, &self::record(chosen.dump, record))?;
        }
        line(out, &failure(chosen.dump))?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, object: &Object<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

fn record<'a>(dump: &'a Dump, record: &'a LogRecord) -> Object<'a> {
    let fields = if record.fields.is_empty() {
        Value::Null
    } else {
        json(&record.fields)
    };
    Object::default()
        .with("time", &*record.time)
        .with("level", &*record.level)
        .with("target", &*record.target)
        .with("msg", &*record.msg)
        .with("thread", &*record.thread)
        .with("file", record.file.as_deref())
        .with("line", record.line)
        .with("seq", record.seq)
        .with("fields", fields)
        .with("app", &*dump.app)
        .with("pid", dump.process.pid)
        .with("event", "record")
}

fn failure(dump: &Dump) -> Object<'_> {
    let stacks = stacks::text(dump);
    Object::default()
        .with("time", &*dump.created_at)
        .with("level", if is_fatal(dump) { "FATAL" } else { "ERROR" })
        .with("target", &*dump.app)
        .with("msg", &*dump.reason.message)
        .with("thread", &*dump.process.thread)
        .with("app", &*dump.app)
        .with("pid", dump.process.pid)
        .with("event", "failure")
        .with("kind", &*dump.reason.kind)
        .with("version", dump.version.as_deref())
        .with("revision", dump.revision.as_deref())
        .with(
            "fingerprint",
            Some(&*dump.fingerprint).filter(|text| !text.is_empty()),
        )
        .with("stack", Some(stacks).filter(|text| !text.is_empty()))
}
