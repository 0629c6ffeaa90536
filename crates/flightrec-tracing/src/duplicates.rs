//! Records of `log` that are copies of events and spans.
//!
//! With its feature `log-always`, `tracing` makes a record of `log` of every event and span, besides
//! the event. If such records come back through `tracing-log`, there would be two of each. They are
//! known by their place: that of a macro of `tracing`.

use tracing_core::{Level, Metadata};

use crate::callsites::{CallsiteSet, Key, MULTIPLIER};

static PLACES: CallsiteSet<Place<'static>> = CallsiteSet::new();

/// Notes where a macro of `tracing` stands.
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
    // For nearly all records this takes no lock.
    PLACES.contains_as(&place, |places| places.contains(&place as &Place<'_>))
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
