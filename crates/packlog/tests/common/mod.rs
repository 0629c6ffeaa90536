//! Helpers for several tests.

use std::sync::atomic::AtomicU8;

use packlog::{PLACES_BYTES, PlaceWriter, Places};

/// Returns the area with the places of this process, as another process reads it from a file.
pub(crate) fn places() -> Vec<u8> {
    let area: Vec<AtomicU8> = (0..PLACES_BYTES).map(|_| AtomicU8::new(0)).collect();
    PlaceWriter::new().write_new(&area);
    area.into_iter().map(AtomicU8::into_inner).collect()
}

/// Replaces the numbers in a record of this process by the names.
pub(crate) fn written_out(packed: &[u8]) -> Vec<u8> {
    Places::read(&places()).write_out(packed).into_owned()
}
