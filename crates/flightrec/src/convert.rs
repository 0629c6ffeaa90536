//! From what the recorder holds to the types of a dump.

use std::collections::HashMap;

use flightrec_dump::{Entries, Frame, Kind, Level, LogRecord, Module, StackOrigin, Trace, Value};
use packlog::{FieldValue, RecordKind, Unpacked};
use stackerr::StackTraces;
use tailwriter::Entry;

use crate::failure::Failure;

/// The stacks as they are in a dump. Names are looked up if `stacks` has not looked them up before.
pub(crate) fn traces(stacks: &StackTraces, failure: &Failure) -> Vec<Trace> {
    let mut traces: Vec<Trace> = stacks
        .iter()
        .map(|stack| trace(stack, failure.origin.clone()))
        .collect();
    if failure.kind == Kind::Panic
        && let Some(trace) = traces.last_mut()
    {
        // The stack was captured in the hook. The panic itself was propagated through no `?`.
        let location = failure
            .error
            .as_ref()
            .and_then(|error| error.location.clone());
        trace.trail = location.into_iter().collect();
    }
    traces
}

fn trace(stack: &stackerr::StackTrace, origin: Option<StackOrigin>) -> Trace {
    let mut trace = Trace::default();
    trace.error = stack.error().to_owned();
    trace.error_type = stack.type_name().map(str::to_owned);
    trace.origin = origin.unwrap_or_else(|| self::origin(stack.origin()));
    trace.frames = stack.frames().iter().map(frame).collect();
    trace.trail = stack.trail().iter().map(|&place| place.into()).collect();
    trace
}

fn origin(origin: stackerr::StackOrigin) -> StackOrigin {
    match origin {
        stackerr::StackOrigin::Conversion => StackOrigin::Conversion,
        stackerr::StackOrigin::Foreign => StackOrigin::Foreign,
        stackerr::StackOrigin::Panic => StackOrigin::Panic,
        stackerr::StackOrigin::Caller => StackOrigin::Caller,
        _ => StackOrigin::Creation,
    }
}

pub(crate) fn frame(frame: &stackerr::Frame) -> Frame {
    let mut dumped = Frame::default();
    dumped.name = frame.name().to_owned();
    dumped.file = frame.file().map(str::to_owned);
    dumped.line = frame.line();
    dumped.column = frame.column();
    dumped.address = format!("{:#x}", frame.address());
    dumped.module = frame.module().map(str::to_owned);
    // The recorder's own frames are not part of the program either.
    let is_ours = ["flightrec::", "stackwalk::"]
        .iter()
        .any(|prefix| frame.name().starts_with(prefix));
    dumped.noise = frame.is_noise() || is_ours;
    dumped
}

/// The executable, and each module that `is_used`.
pub(crate) fn modules(is_used: impl Fn(&str) -> bool) -> Vec<Module> {
    let mut modules = stackerr::modules();
    let mut is_executable = true;
    modules.retain(|module| std::mem::take(&mut is_executable) || is_used(module.name()));
    modules
        .iter()
        .map(|module| Module::new(module.name(), module.build_id().map(str::to_owned)))
        .collect()
}

/// `None` if the entry is about a span.
pub(crate) fn record(entry: &Entry<'_>) -> Option<LogRecord> {
    let mut record = LogRecord::default();
    record.seq = entry.seq();
    record.time = entry.time().into();
    let Ok(packed) = packlog::unpack(entry.line()) else {
        record.msg = "[this record could not be read back]".to_owned();
        return Some(record);
    };
    if !matches!(packed.kind, RecordKind::Event) {
        return None;
    }
    record.level = level(packed.level);
    record.target = packed.target.to_owned();
    record.file = packed.file.map(str::to_owned);
    record.line = packed.line;
    record.thread = packed.thread.to_owned();
    record.span = packed.span;
    record.fields = fields(&packed);
    record.cut = packed.cut;
    record.msg = packed.message.into();
    Some(record)
}

/// The key-values of a record. A key that occurs again gets a number, as in the JSON of `logtee`:
/// readers of JSON do not agree on which of two equal keys counts.
fn fields(packed: &Unpacked<'_>) -> Entries<Value> {
    // How often each key has occurred.
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut named = Vec::new();
    for (key, field) in packed.fields() {
        let mut name = key.to_owned();
        while let Some(times) = seen.get_mut(&name) {
            *times += 1;
            name = format!("{name}_{times}");
        }
        seen.insert(name.clone(), 1);
        named.push((name, value(field)));
    }
    named.into_iter().collect()
}

pub(crate) fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

pub(crate) fn value(value: FieldValue<'_>) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Bool(value) => value.into(),
        FieldValue::I64(value) => value.into(),
        FieldValue::U64(value) => value.into(),
        FieldValue::I128(value) => value.into(),
        FieldValue::U128(value) => value.into(),
        FieldValue::F64(value) => value.into(),
        FieldValue::Str(text) | FieldValue::Text(text) => text.into(),
        FieldValue::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| json.into()),
        other => format!("{other:?}").into(),
    }
}
