//! Builds the dump of a failure from a source. Does not mask secrets.

use flightrec_dump::{Dump, Reason, Trace};
use stackerr::SpanTrace;
use tailwriter::Snapshot;

use super::app_info;
use super::evictions::add_evictions;
use super::moment::Moment;
use super::records::add_records;
use super::source::Source;
use super::spans;
use crate::failures::{Failure, NotedList};
use crate::stacks;

/// The note of a dump without records. The recorder cannot detect that a subscriber of `tracing`, which
/// was set later, takes all events.
const NO_RECORDS: &str = "there are no records: the program logged nothing, or it logs through \
                          `tracing`, which needs the crate `flightrec-tracing`";

/// The note of a dump whose records are in a file that the disk had no space for.
pub const NO_SPACE: &str =
    "the disk was full at times: fewer records may have been kept than usual";

/// Copies the records. Also returns the time of the copy.
pub(crate) fn records(source: &Source) -> (Snapshot, Moment) {
    (source.tail.snapshot(), Moment::now())
}

/// Builds the dump of a failure. Its frames have addresses, but no names.
///
/// The records must be copied before other work: that work may take a while, and may log.
pub(crate) fn collect(
    source: &Source,
    (snapshot, moment): &(Snapshot, Moment),
    failure: &Failure,
    noted: &NotedList,
) -> Dump {
    let mut dump = Dump::default();
    source.app.describe(&mut dump);
    dump.host = app_info::host();
    dump.reason = Reason::new(failure.kind.clone(), failure.message.as_str());
    dump.error = failure.error.clone();
    dump.notes = failure.notes.clone();
    dump.stack_traces = failure.traces_without_names();
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
    let has_share = add_records(snapshot, &mut dump);
    source.window.apply(&mut dump, moment.system, &has_share);
    add_evictions(snapshot, &mut dump);
    add_spans_of(source, &failure.span_traces, &mut dump);
    if source.tail.lacks_space() {
        dump.notes.push(NO_SPACE.to_owned());
    }
    let has_no_spans = source.spans.get().is_none();
    if has_no_spans && dump.latest_logs.is_empty() && dump.evicted_logs == 0 {
        dump.notes.push(NO_RECORDS.to_owned());
    }
    let frames = || dump.all_traces().flat_map(|trace| &trace.frames);
    dump.modules =
        stacks::modules(|name| frames().any(|frame| frame.module.as_deref() == Some(name)));
    dump.process = app_info::process(source.app.started, &failure.thread);
    dump.gauges = source.gauges.with_current();
    dump.fingerprint = dump.fingerprint_of();
    dump
}

/// Adds spans of this process to those in the dump. `carried` are the span traces of the errors.
pub(crate) fn add_spans_of(source: &Source, carried: &[SpanTrace], dump: &mut Dump) {
    let open = source.spans.get().map(|open| &**open);
    spans::add_spans(&source.tail.span_snapshot(), open, carried, dump);
}
