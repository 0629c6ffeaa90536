//! Making a dump out of what was kept. Nothing is redacted here.

use std::collections::HashMap;

use flightrec_dump::{
    Dump, Entries, Frame, Kind, Level, LogRecord, Module, Reason, SCHEMA, StackOrigin, Timestamp,
    Trace, Value,
};
use packlog::{FieldValue, RecordKind, Unpacked};
use stackerr::StackTraces;
use tailwriter::{Entry, Snapshot};

use crate::app_info::{self, AppInfo};
use crate::capture_stamp::Moment;
use crate::failure::Failure;
use crate::noted::Kept;
use crate::source::Source;
use crate::spans;

/// A dump without records says why that may be. A subscriber of `tracing` that is set after the
/// recorder was installed takes all events, and nothing here is told.
pub(crate) const NO_RECORDS: &str = "there are no records: the program logged nothing, or it logs through \
                          `tracing`, which needs the crate `flightrec-tracing`";

/// The records at one moment.
pub(crate) fn records(source: &Source) -> (Snapshot, Moment) {
    (source.tail.snapshot(), Moment::now())
}

/// The dump of a failure. Its frames have addresses and no names.
///
/// `records` should be copied first: the rest may take a while, and log.
pub(crate) fn collect(
    source: &Source,
    (snapshot, moment): &(Snapshot, Moment),
    failure: &Failure,
    noted: &Kept,
) -> Dump {
    let unnamed = failure.stacks.without_names();
    let mut dump = Dump::default();
    describe_app(&source.app, &mut dump);
    dump.host = app_info::host();
    dump.reason = Reason::new(failure.kind.clone(), failure.message.as_str());
    dump.error = failure.error.clone();
    dump.notes = failure.notes.clone();
    dump.stack_traces = traces(&unnamed, failure);
    let place_in_log = |traces: &mut [Trace], failure: &Failure| {
        for (trace, stack) in traces.iter_mut().zip(&failure.stacks) {
            let stamp = stack.stamp();
            trace.log_seq = stamp.and_then(|stamp| moment.last_before(stamp, snapshot));
            trace.span = failure.span.or(stack.span());
        }
    };
    place_in_log(&mut dump.stack_traces, failure);
    for noted in noted.errors() {
        let mut described = noted.described();
        place_in_log(&mut described.stack_traces, noted.failure());
        dump.noted_errors.push(described);
    }
    dump.omitted_noted_errors = noted.omitted;
    dump.omitted_stack_traces = failure.omitted_stacks;
    add_records(snapshot, &mut dump);
    source.window.apply(&mut dump, moment.system);
    spans::add(source, snapshot, &failure.span_traces, &mut dump);
    let is_of_log = source.spans.get().is_none();
    if is_of_log && dump.latest_logs.is_empty() && dump.evicted_logs == 0 {
        dump.notes.push(NO_RECORDS.to_owned());
    }
    let frames = || dump.all_traces().flat_map(|trace| &trace.frames);
    dump.modules = modules(|name| frames().any(|frame| frame.module.as_deref() == Some(name)));
    dump.process = app_info::process(source.app.started, &failure.thread);
    dump.gauges = source.gauges.of_dump();
    dump.fingerprint = dump.fingerprint_of();
    dump
}

/// What every dump of this program says.
pub(crate) fn describe_app(app: &AppInfo, dump: &mut Dump) {
    dump.schema = SCHEMA.to_owned();
    dump.app = app.name.clone();
    dump.version = app.version.clone();
    dump.revision = app.revision.clone();
    dump.repository = app.repository.clone();
    dump.created_at = Timestamp::now();
    dump.metadata = app.metadata.iter().cloned().collect();
}

pub(crate) fn add_records(snapshot: &Snapshot, dump: &mut Dump) {
    dump.latest_logs = snapshot
        .entries()
        .filter_map(|entry| record(&entry))
        .collect();
    dump.evicted_logs = snapshot.evicted();
}

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
