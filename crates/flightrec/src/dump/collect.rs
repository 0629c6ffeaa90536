//! Making a dump out of what was kept.

use std::borrow::Cow;
use std::time::SystemTime;

use logredact::Stream;
use packlog::FieldValue;
use stackerr::{ErrorTree, Fingerprint, StackTraces};
use tailwriter::Entry;
#[cfg(feature = "crash-safe")]
use tailwriter::Snapshot;

#[cfg(feature = "nested-values")]
use super::lenient::Read;
use super::mask::Mask;
use super::{
    Dump, Entries, ErrorNode, Frame, Location, LogRecord, Module, Reason, SCHEMA, Trace, Value,
    process,
};
use crate::birth::Moment;
use crate::incident::{Failure, Incident};
use crate::recorder::Recorder;

pub(crate) fn collect(recorder: &Recorder, incident: &Incident<'_>) -> Dump {
    // The records first: what follows may take a while, and log.
    let snapshot = recorder.tail.snapshot();
    let moment = Moment::now();
    let log_seq = |trace: &stackerr::StackTrace| moment.last_before(trace.birth()?, &snapshot);
    let about = &recorder.about;
    let mask = Mask::new(&recorder.redactor);
    let stack_traces = if recorder.symbolicate {
        Cow::Borrowed(&incident.stack_traces)
    } else {
        Cow::Owned(incident.stack_traces.without_names())
    };
    let mut stream = mask.stream();
    let mut dump = Dump {
        schema: SCHEMA.to_owned(),
        app: about.app.clone(),
        version: about.version.clone(),
        revision: about.revision.clone(),
        created_at: rfc3339(SystemTime::now()),
        reason: Reason {
            kind: incident.kind.to_owned(),
            message: mask.text(&incident.message),
        },
        error: incident.failure.as_ref().map(|failure| failure.node(&mask)),
        stack_traces: stack_traces
            .iter()
            .map(|trace| self::trace(trace, log_seq(trace), &mask))
            .collect(),
        omitted_stack_traces: incident.omitted_stack_traces,
        latest_logs: snapshot
            .entries()
            .map(|entry| record(&entry, &mask, &mut stream))
            .collect(),
        evicted_logs: snapshot.evicted(),
        suppressed_dumps: 0,
        fingerprint: fingerprint(&stack_traces),
        modules: modules(&stack_traces),
        process: process::process(about.start, &incident.thread, &mask),
        crash: None,
        host: process::host(),
        metadata: Entries::default(),
        redactions: Default::default(),
    };
    if let (
        Some(Failure::Panic {
            location: Some(place),
            ..
        }),
        Some(trace),
    ) = (&incident.failure, dump.stack_traces.first_mut())
    {
        // A panic goes no way up; what the stack was captured in is the hook.
        trace.trail = vec![place.clone().into()];
    }
    for (key, value) in &about.metadata {
        dump.metadata.set(&mask.text(key), mask.value(key, value));
    }
    dump.redactions = mask.counts();
    dump
}

/// A dump without records, for the time when nobody is there to make one.
#[cfg(feature = "crash-safe")]
pub(crate) fn outline(recorder: &Recorder) -> Dump {
    let mut dump = collect(recorder, &Incident::new("crash", String::new()));
    dump.latest_logs.clear();
    dump.modules = modules(&Default::default());
    dump
}

/// The outline with the records of `snapshot`.
#[cfg(feature = "crash-safe")]
pub(crate) fn of_snapshot(recorder: &Recorder, outline: Option<Dump>, snapshot: &Snapshot) -> Dump {
    let mask = Mask::new(&recorder.redactor);
    let mut stream = mask.stream();
    let app = recorder.about.app.clone();
    // Without an outline nothing is known but that it was this program, perhaps another version.
    let mut dump = outline.unwrap_or_else(|| Dump {
        app,
        ..Dump::default()
    });
    dump.schema = SCHEMA.to_owned();
    dump.created_at = rfc3339(SystemTime::now());
    dump.latest_logs = snapshot
        .entries()
        .map(|entry| record(&entry, &mask, &mut stream))
        .collect();
    dump.evicted_logs = snapshot.evicted();
    for (rule, count) in mask.counts().iter() {
        dump.redactions.add(rule, *count);
    }
    dump
}

impl From<(String, u32, u32)> for Location {
    fn from((file, line, column): (String, u32, u32)) -> Location {
        Location { file, line, column }
    }
}

/// RFC 3339 in UTC, to the microsecond.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    logtee::Time::utc().digits(6).text(time)
}

fn record(entry: &Entry<'_>, mask: &Mask<'_>, stream: &mut Stream<'_>) -> LogRecord {
    let time = rfc3339(entry.time());
    let seq = entry.seq();
    let Ok(packed) = packlog::unpack(entry.line()) else {
        let msg = "[this record could not be read back]".to_owned();
        return LogRecord {
            seq,
            time,
            msg,
            ..LogRecord::default()
        };
    };
    let mut fields = Entries::default();
    for (key, value) in packed.fields() {
        fields.set(&mask.text(key), mask.field(key, self::value(value)));
    }
    LogRecord {
        seq,
        time,
        level: packed.level.as_str().to_owned(),
        target: mask.text(packed.target),
        msg: stream.text(&packed.message).into_owned(),
        file: packed.file.map(str::to_owned),
        line: packed.line,
        thread: mask.text(packed.thread),
        fields,
        cut: packed.cut,
    }
}

fn value(value: FieldValue<'_>) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Bool(yes) => Value::Bool(yes),
        FieldValue::I64(int) => Value::Int(int.into()),
        FieldValue::U64(int) => Value::Int(int.into()),
        FieldValue::I128(int) => Value::Int(int),
        FieldValue::U128(int) => {
            i128::try_from(int).map_or_else(|_| Value::Text(int.to_string()), Value::Int)
        }
        FieldValue::F64(float) => Value::Float(float),
        FieldValue::Str(text) | FieldValue::Text(text) => Value::Text(text.to_owned()),
        // Reading JSON is for programs that log nested values; the others need not carry it.
        #[cfg(feature = "nested-values")]
        FieldValue::Json(json) => {
            let parsed = serde_json::from_str(json)
                .ok()
                .and_then(|Read(value)| value);
            parsed.unwrap_or_else(|| Value::Text(json.to_owned()))
        }
        #[cfg(not(feature = "nested-values"))]
        FieldValue::Json(json) => Value::Text(json.to_owned()),
        other => Value::Text(format!("{other:?}")),
    }
}

fn trace(trace: &stackerr::StackTrace, log_seq: Option<u64>, mask: &Mask<'_>) -> Trace {
    Trace {
        error: mask.text(trace.error()),
        error_type: trace.type_name().map(str::to_owned),
        frames: trace.frames().iter().map(frame).collect(),
        trail: trace.trail().iter().map(|place| location(place)).collect(),
        log_seq,
    }
}

fn frame(frame: &stackerr::Frame) -> Frame {
    Frame {
        name: frame.name().to_owned(),
        file: frame.file().map(str::to_owned),
        line: frame.line(),
        column: frame.column(),
        address: format!("{:#x}", frame.address()),
        module: frame.module().map(str::to_owned),
        noise: is_noise(frame),
    }
}

fn is_noise(frame: &stackerr::Frame) -> bool {
    // Our own are no part of the program either.
    frame.is_noise() || frame.name().starts_with("flightrec::")
}

fn fingerprint(traces: &StackTraces) -> String {
    if traces.is_empty() {
        return String::new();
    }
    let mut print = Fingerprint::new();
    for trace in traces {
        print.trace(trace.type_name());
        for frame in trace.frames().iter().filter(|frame| !is_noise(frame)) {
            print.frame(
                frame.is_named().then_some(frame.name()),
                frame.build_id().or(frame.module()),
                frame.address() as u64,
            );
        }
    }
    print.finish()
}

fn location(place: &std::panic::Location<'_>) -> Location {
    Location {
        file: place.file().to_owned(),
        line: place.line(),
        column: place.column(),
    }
}

impl Failure<'_> {
    fn node(&self, mask: &Mask<'_>) -> ErrorNode {
        match self {
            Failure::Error(error) => node(&stackerr::tree(*error), mask),
            Failure::Panic { message, location } => ErrorNode {
                message: mask.text(message),
                location: location.clone().map(Location::from),
                sources: Vec::new(),
            },
        }
    }
}

/// The tree has a bounded depth.
fn node(tree: &ErrorTree, mask: &Mask<'_>) -> ErrorNode {
    ErrorNode {
        message: mask.text(&tree.message),
        location: tree.location.map(location),
        sources: tree
            .sources
            .iter()
            .map(|source| node(source, mask))
            .collect(),
    }
}

/// The executable, and whatever else a frame lies in.
fn modules(traces: &StackTraces) -> Vec<Module> {
    let occurs = |module: &stackerr::Module| {
        traces
            .iter()
            .flat_map(|trace| trace.frames())
            .any(|frame| frame.module() == Some(module.name()))
    };
    let mut modules = stackerr::modules();
    let mut first = true;
    modules.retain(|module| std::mem::take(&mut first) || occurs(module));
    modules
        .iter()
        .map(|module| Module {
            name: module.name().to_owned(),
            build_id: module.build_id().map(str::to_owned),
        })
        .collect()
}
