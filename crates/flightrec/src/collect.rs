//! Making a dump out of what was kept. Nothing is redacted here.

use flightrec_dump::{Dump, Reason, Trace};
use tailwriter::Snapshot;

use crate::app_info::{self, describe_app};
use crate::capture_stamp::Moment;
use crate::convert::{modules, record, traces};
use crate::evictions;
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
    let has_share = add_records(snapshot, &mut dump);
    source.window.apply(&mut dump, moment.system, &has_share);
    evictions::add(snapshot, &mut dump);
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

/// Adds the records, and returns for each whether a share keeps it.
pub(crate) fn add_records(snapshot: &Snapshot, dump: &mut Dump) -> Vec<bool> {
    let records = snapshot
        .entries()
        .filter_map(|entry| Some((record(&entry)?, entry.has_share())));
    let has_share;
    (dump.latest_logs, has_share) = records.unzip();
    dump.evicted_logs = snapshot.evicted();
    has_share
}
