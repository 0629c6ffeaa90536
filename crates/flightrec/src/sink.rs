//! The sinks that put records into the tail: from the tee, and from other logging front ends.

use std::error::Error as StdError;
use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use log::{Level, LevelFilter, Metadata, Record};
use logredact::Redactor;
use logtee::{Filter, Sink};

use crate::record_filter::RecordFilter;
use crate::recorder::Recorder;
use crate::tail::{CrashSafety, Tail};
use dumpmaker::collect::SpanSource;
use dumpmaker::redact::MaskedPairs;

/// The sink of the tee that keeps records in the recorder's tail.
pub(crate) struct TailSink {
    recorder: Arc<Recorder>,
    safety: CrashSafety,
}

impl TailSink {
    pub(crate) fn new(recorder: Arc<Recorder>, wanted: CrashSafety) -> TailSink {
        let safety = safety_of(&recorder, wanted);
        TailSink { recorder, safety }
    }
}

/// Returns the crash safety in effect: `Off` if the file could not be created and the tail is in memory.
#[cfg_attr(not(feature = "crash-safe"), expect(unused_variables))]
fn safety_of(recorder: &Recorder, wanted: CrashSafety) -> CrashSafety {
    match recorder.source.tail {
        Tail::Memory(_) => CrashSafety::Off,
        #[cfg(feature = "crash-safe")]
        Tail::Mapped(_) => wanted,
    }
}

/// Keeps a packed record. In strict mode, its texts have been masked before they were packed, except for
/// the name of the thread, which is masked here. In the other modes, the record is kept by `push`.
#[inline(always)]
fn push_packed(
    recorder: &Recorder,
    safety: CrashSafety,
    level: Level,
    packed: &[u8],
    push: impl FnOnce(&Tail),
) {
    recorder.rules.note_record();
    if safety == CrashSafety::Strict {
        return push_with_masked_thread(recorder, level, packed);
    }
    push(&recorder.source.tail);
}

#[cold]
#[inline(never)]
fn push_with_masked_thread(recorder: &Recorder, level: Level, packed: &[u8]) {
    let redactor = &recorder.pipeline.redactor;
    let masked = packlog::map_thread(packed, |name| redactor.text(name));
    let packed = masked.as_deref().unwrap_or(packed);
    recorder.source.tail.push(level, packed);
}

impl TailSink {
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Keeps a record. If it gets into a file, the values of secret keys are masked.
    #[inline(never)]
    pub(crate) fn keep(&self, record: &Record<'_>) {
        if self.safety != CrashSafety::Off && packlog::has_fields(record) {
            let redactor = &self.recorder.pipeline.redactor;
            let pairs = MaskedPairs::new(record.key_values(), redactor);
            self.keep_as_is(&record.to_builder().key_values(&pairs).build());
        } else {
            self.keep_as_is(record);
        }
    }

    #[inline(always)]
    fn keep_as_is(&self, record: &Record<'_>) {
        let level = record.level();
        packlog::pack_padded(record, |padded, len| {
            push_packed(&self.recorder, self.safety, level, &padded[..len], |tail| {
                tail.push_padded(level, padded, len);
            });
        });
        if self.recorder.triggers_on(level) {
            self.recorder.trigger(record);
        }
    }
}

impl Sink for TailSink {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit_if_enabled(record)
    }

    /// The sink is enabled for every record.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.keep(record);
        Ok(())
    }

    fn max_level(&self) -> LevelFilter {
        if self.recorder.switch.is_on() {
            LevelFilter::Trace
        } else {
            LevelFilter::Off
        }
    }
}

/// Keeps records and spans of a logging front end other than the tee, such as `flightrec-tracing`; made by
/// [`Builder::install_sink`](crate::Builder::install_sink).
pub struct RecorderSink {
    recorder: Arc<Recorder>,
    filter: RecordFilter,
    safety: CrashSafety,
    kept_spans: usize,
}

impl RecorderSink {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        filter: RecordFilter,
        wanted: CrashSafety,
        kept_spans: usize,
    ) -> RecorderSink {
        RecorderSink {
            safety: safety_of(&recorder, wanted),
            recorder,
            filter,
            kept_spans,
        }
    }

    /// Whether records are kept. They are not between [`stop`](crate::FlightRecorder::stop) and
    /// [`start`](crate::FlightRecorder::start).
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.recorder.switch.is_on()
    }

    /// Returns the most verbose level that the filter of [`record`](crate::Builder::record) lets pass.
    #[must_use]
    pub fn max_level(&self) -> LevelFilter {
        self.filter.max_level()
    }

    /// Whether the filter of [`record`](crate::Builder::record) lets such records pass.
    #[inline]
    #[must_use]
    pub fn wants(&self, level: Level, target: &str) -> bool {
        match &self.filter {
            RecordFilter::Level(max) => level <= *max,
            RecordFilter::Filter(filter) => {
                filter.enabled(&Metadata::builder().level(level).target(target).build())
            }
        }
    }

    /// Whether values of secret keys must be masked before they are packed.
    #[inline]
    #[must_use]
    pub fn masks_keys(&self) -> bool {
        self.safety != CrashSafety::Off
    }

    /// Whether values of this key must be masked before they are packed.
    #[inline]
    #[must_use]
    pub fn masks_key(&self, key: &str) -> bool {
        self.masks_keys() && self.recorder.pipeline.redactor.is_secret(key)
    }

    /// Returns the redactor that must mask all texts before they are packed; `None` if they need not be
    /// masked.
    #[inline]
    #[must_use]
    pub fn masks_text(&self) -> Option<&Redactor> {
        (self.safety == CrashSafety::Strict).then(|| &*self.recorder.pipeline.redactor)
    }

    /// Keeps a record that `packlog` has packed.
    #[inline]
    pub fn push(&self, level: Level, packed: &[u8]) {
        push_packed(&self.recorder, self.safety, level, packed, |tail| {
            tail.push(level, packed);
        });
    }

    /// Keeps a span, or the end of a span, that `packlog` has packed.
    pub fn push_span(&self, packed: &[u8]) {
        self.recorder.source.tail.push_span(packed);
    }

    /// Returns the maximum number of spans and ends of spans that are kept.
    #[must_use]
    pub fn kept_spans(&self) -> usize {
        self.kept_spans
    }

    /// Sets the source of the open spans for dumps. Only the first call has an effect.
    pub fn set_spans(&self, spans: impl SpanSource + 'static) {
        let _ = self.recorder.source.spans.set(Box::new(spans));
    }

    /// Whether a record of this level can make a dump, by [`dump_on`](crate::Builder::dump_on) or a
    /// [rule](crate::Builder::dump_when).
    #[inline]
    #[must_use]
    pub fn triggers_on(&self, level: Level) -> bool {
        self.recorder.triggers_on(level)
    }

    /// Makes the dumps for a record of a level that [triggers](RecorderSink::triggers_on). Push the record
    /// before.
    #[cold]
    pub fn trigger(&self, record: &Record<'_>) {
        self.recorder.trigger(record);
    }

    /// Whether a [rule](crate::Rule::slow_span) needs the duration of spans.
    #[inline]
    #[must_use]
    pub fn watches_spans(&self) -> bool {
        self.recorder.rules.watches_spans()
    }

    /// Whether a rule may make a dump for a span that took this long.
    #[must_use]
    pub fn is_slow(&self, name: &str, took: Duration) -> bool {
        self.recorder.rules.is_slow(name, took)
    }

    /// Makes the dumps for a closed span that [was slow](RecorderSink::is_slow). Push the span before.
    #[cold]
    pub fn trigger_of_span(&self, id: NonZeroU64, name: &str, took: Duration) {
        self.recorder.trigger_of_span(id.get(), name, took);
    }

    /// Remembers an error that is a value of a record, as [`note`](crate::FlightRecorder::note) does, if a
    /// stack was captured for it. `file` and `line` are those of the record.
    #[cold]
    pub fn note_error(&self, error: &(dyn StdError + 'static), file: &str, line: u32) {
        let noted = &self.recorder.pipeline.noted;
        noted.add_if_captured(error, file, line);
    }

    /// Prints a line to the same place as the recorder's own lines.
    #[cold]
    pub fn notice(&self, message: &str) {
        self.recorder.pipeline.notices.say(message);
    }
}

impl std::fmt::Debug for RecorderSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecorderSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_start_and_stop_leave_a_consistent_state() {
        let (recorder, tee) = crate::builder("test").console(LevelFilter::Off).build();
        let debug = Metadata::builder().level(Level::Debug).build();
        for round in 0..2_000 {
            std::thread::scope(|scope| {
                scope.spawn(|| recorder.stop());
                recorder.start();
            });
            let kept = tee.enabled(&debug);
            assert_eq!(kept, recorder.is_enabled(), "in round {round}");
        }
    }
}
