//! Records of `log` that are copies of events and spans.
//!
//! With its feature `log-always`, `tracing` also makes a record of `log` of every event and span. If such
//! records come back through `tracing-log`, there would be two of each. They are recognised by their
//! place in the source code, which is that of a `tracing` macro.

use std::cell::Cell;

use tracing_core::subscriber::NoSubscriber;
use tracing_core::{Level, Metadata, dispatcher};
use tracing_log::AsTrace;

use crate::callsites::{CallsiteSet, Key, MULTIPLIER};

static PLACES: CallsiteSet<Place<'static>> = CallsiteSet::new();

/// Adds the place of a `tracing` macro.
pub(crate) fn register(metadata: &'static Metadata<'static>) {
    if let Some(place) = Place::of(metadata) {
        PLACES.insert(place);
    }
}

/// Whether a record of `log` is a copy.
pub(crate) fn is_copy(record: &Metadata<'_>) -> bool {
    if record.target().starts_with("tracing::span") {
        // Entering, leaving and closing a span.
        return true;
    }
    let Some(place) = Place::of(record) else {
        return false;
    };
    is_of_tracing(&place)
}

fn is_of_tracing(place: &Place<'_>) -> bool {
    // For nearly all records this takes no lock.
    PLACES.contains_as(place, |places| places.contains(place as &Place<'_>))
}

/// Whether the layer already has the record that the tee is about to keep. If so, the record is a copy of
/// an event that the layer has, or a sink of the tee has passed the record on to `tracing-log`.
pub(crate) fn layer_has(record: &log::Record<'_>) -> bool {
    let is_passed_on = LATEST.try_with(|latest| latest.take() == Some(Identity::of_record(record)));
    if matches!(is_passed_on, Ok(true)) {
        return true;
    }
    let (Some(file), Some(line)) = (record.file(), record.line()) else {
        return false;
    };
    let level = record.level().as_trace();
    let is_copy =
        record.target().starts_with("tracing::span") || is_of_tracing(&Place { file, line, level });
    is_copy && dispatcher::get_default(|subscriber| !subscriber.is::<NoSubscriber>())
}

thread_local! {
    /// The last record of `log` that the layer has kept.
    static LATEST: Cell<Option<Identity>> = const { Cell::new(None) };
}

/// Notes that the layer keeps a record of `log`.
pub(crate) fn note_log(record: &Metadata<'_>) {
    let _ = LATEST.try_with(|latest| latest.set(Some(Identity::of(record))));
}

/// Identifies a record of `log` by the addresses of its texts, which do not change while loggers pass
/// the record on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    target: (usize, usize),
    file: Option<(usize, usize)>,
    line: Option<u32>,
    level: Level,
}

impl Identity {
    fn of(record: &Metadata<'_>) -> Identity {
        Identity {
            target: address(record.target()),
            file: record.file().map(address),
            line: record.line(),
            level: *record.level(),
        }
    }

    fn of_record(record: &log::Record<'_>) -> Identity {
        Identity {
            target: address(record.target()),
            file: record.file().map(address),
            line: record.line(),
            level: record.level().as_trace(),
        }
    }
}

fn address(text: &str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    level: Level,
}

impl<'a> Place<'a> {
    fn of(metadata: &Metadata<'a>) -> Option<Place<'a>> {
        Some(Place {
            file: metadata.file()?,
            line: metadata.line()?,
            level: *metadata.level(),
        })
    }
}

impl Key for Place<'_> {
    fn mix(&self) -> u64 {
        let file = self.file.as_bytes();
        let end = file
            .last_chunk::<8>()
            .map_or(0, |end| u64::from_le_bytes(*end));
        (end ^ u64::from(self.line) << 32 ^ file.len() as u64).wrapping_mul(MULTIPLIER)
    }
}
