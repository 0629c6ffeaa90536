//! The sink for a tail in memory, which gets nearly all records. It is optimised for few instructions;
//! `examples/one_record.rs` is used to count them.

use std::io;
use std::sync::Arc;

use log::{Level, LevelFilter, Record};
use logtee::Sink;
use tailwriter::{SharedTail, Words};

use crate::recorder::Recorder;
use crate::sink::TailSink;
use crate::tail::CrashSafety;

/// Keeps most records directly in the tail, and passes the others to a [`TailSink`]. `NOTES` says whether
/// each record must be reported to a rule about silence.
pub(crate) struct MemorySink<const NOTES: bool> {
    tail: SharedTail,
    /// Records of more verbose levels than this have no quota and cannot make a dump.
    only_kept_above: LevelFilter,
    sink: TailSink,
}

impl<const NOTES: bool> MemorySink<NOTES> {
    pub(crate) fn new(recorder: &Arc<Recorder>, tail: &SharedTail) -> MemorySink<NOTES> {
        MemorySink {
            tail: tail.clone(),
            only_kept_above: recorder.triggers_on.max(LevelFilter::Warn),
            sink: TailSink::new(Arc::clone(recorder), CrashSafety::Off),
        }
    }

    /// Keeps a record if all of it is static. Returns whether it did.
    #[inline(always)]
    fn keep_static(&self, record: &Record<'_>) -> bool {
        // This check comes before the line is begun, because it may call the user's code, which may log.
        if packlog::has_fields(record) {
            return false;
        }
        let Some(line) = self.tail.try_begin(packlog::static_len()) else {
            return false;
        };
        match packlog::pack_static(record) {
            Some(packed) => line.push(StaticWords(packed)),
            None => false,
        }
    }

    /// Keeps a record of a level without a quota.
    #[inline(always)]
    fn keep(&self, record: &Record<'_>) {
        if NOTES {
            self.sink.recorder().rules.note_record();
        }
        if record.args().as_str().is_none() {
            self.keep_formatted(record);
        } else if !self.keep_static(record) {
            self.keep_not_static(record);
        }
    }

    #[inline(never)]
    fn keep_formatted(&self, record: &Record<'_>) {
        packlog::pack_padded(record, |padded, len| {
            self.tail.push_padded(0, padded, len);
        });
    }

    // A separate function: if both cases called `keep_formatted`, the fast path would move values between
    // registers.
    #[inline(never)]
    fn keep_not_static(&self, record: &Record<'_>) {
        self.keep_formatted(record);
    }

    #[inline(never)]
    fn keep_and_trigger(&self, record: &Record<'_>) {
        if record.level() <= Level::Warn {
            return self.sink.keep(record);
        }
        self.keep(record);
        self.sink.recorder().trigger(record);
    }
}

impl<const NOTES: bool> Sink for MemorySink<NOTES> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit_if_enabled(record)
    }

    /// The sink is enabled for every record.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        if record.level() > self.only_kept_above {
            self.keep(record);
        } else {
            self.keep_and_trigger(record);
        }
        Ok(())
    }

    fn max_level(&self) -> LevelFilter {
        self.sink.max_level()
    }
}

struct StaticWords(packlog::StaticRecord);

impl Words<{ packlog::STATIC_WORDS }> for StaticWords {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        self.0.word(at)
    }
}
