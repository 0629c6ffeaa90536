//! Records of `log` that are copies of events and spans.
//!
//! With its feature `log-always`, `tracing` makes a record of `log` of every event and span, besides
//! the event. If such records come back through `tracing-log`, there would be two of each. They are
//! known by their place: that of a macro of `tracing`.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{OnceLock, PoisonError, RwLock};

use tracing_core::{Level, Metadata};

use crate::atomic::AtomicU64;

/// Notes where a macro of `tracing` stands.
pub(crate) fn register(metadata: &'static Metadata<'static>) {
    if let Some(place) = Place::of(metadata) {
        let places = places();
        let mut exact = places.exact.write().unwrap_or_else(PoisonError::into_inner);
        exact.insert(place);
        let (word, bit) = place.bit();
        places.bits[word].fetch_or(bit, Ordering::Release);
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
    let places = places();
    let (word, bit) = place.bit();
    // For nearly all records this is the answer, and takes no lock.
    if places.bits[word].load(Ordering::Acquire) & bit == 0 {
        return false;
    }
    let exact = places.exact.read().unwrap_or_else(PoisonError::into_inner);
    exact.contains(&place as &Place<'_>)
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

    fn bit(&self) -> (usize, u64) {
        let file = self.file.as_bytes();
        let end = file
            .last_chunk::<8>()
            .map_or(0, |end| u64::from_le_bytes(*end));
        let mixed = (end ^ u64::from(self.line) << 32 ^ file.len() as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let at = (mixed >> 48) as usize;
        (at / 64 % WORDS, 1 << (at % 64))
    }
}

const WORDS: usize = 1024;

struct Places {
    bits: [AtomicU64; WORDS],
    exact: RwLock<HashSet<Place<'static>>>,
}

fn places() -> &'static Places {
    static PLACES: OnceLock<Places> = OnceLock::new();
    PLACES.get_or_init(|| Places {
        bits: [const { AtomicU64::new(0) }; WORDS],
        exact: RwLock::default(),
    })
}
