//! The layout of the area that a ring reserves beside its records: a crash, the cause of the end of the
//! process, gauges, the outline, and the names of modules and files.

use std::sync::atomic::{AtomicU8, Ordering};
use std::{io, iter};

use flightrec_dump::Gauge;
use packlog::Places;

use crate::outline::Outline;

/// The position of the byte that says why the process ended: 0 (not known), the number of the signal
/// that requested the end, or [`DUMPED`]. The bytes before it describe a crash.
pub(crate) const END_CAUSE: usize = stackwalk::crash::AREA_BYTES;
/// Where the gauges begin.
pub(crate) const GAUGES: usize = END_CAUSE + 8;
/// Where the outline begins: the length of its JSON in four bytes, then the JSON.
pub(crate) const OUTLINE: usize = GAUGES + dumpmaker::gauges::AREA_BYTES;
/// Where the names of modules and files begin. Records refer to them by numbers; see
/// [`packlog::PlaceWriter`].
pub(crate) const PLACES: usize = OUTLINE + (64 << 10);
/// The length of the area.
pub(crate) const RESERVED: usize = PLACES + packlog::PLACES_BYTES;

/// The cause of an end whose failure has a dump already.
pub(crate) const DUMPED: u8 = u8::MAX;

const LENGTH_BYTES: usize = 4;
/// The maximum length of the JSON of an outline.
pub(crate) const OUTLINE_BYTES: usize = PLACES - OUTLINE - LENGTH_BYTES;

/// Writes an outline.
///
/// # Errors
///
/// `FileTooLarge` if it is longer than [`OUTLINE_BYTES`].
pub(crate) fn write_outline(reserved: &[AtomicU8], outline: &Outline) -> io::Result<()> {
    let json = serde_json::to_vec(outline)?;
    let (length, room) = reserved[OUTLINE..PLACES].split_at(LENGTH_BYTES);
    if json.len() > room.len() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    store(room, &json);
    store(length, &(json.len() as u32).to_le_bytes());
    Ok(())
}

fn store(area: &[AtomicU8], bytes: &[u8]) {
    for (target, byte) in iter::zip(area, bytes) {
        // Relaxed: the file is read after this process has ended.
        target.store(*byte, Ordering::Relaxed);
    }
}

/// Returns why the process ended; see [`END_CAUSE`].
pub(crate) fn end_cause(reserved: &[u8]) -> u8 {
    reserved.get(END_CAUSE).copied().unwrap_or(0)
}

/// Returns the gauges of the process, oldest first.
pub(crate) fn gauges(reserved: &[u8]) -> Vec<Gauge> {
    dumpmaker::gauges::read_samples(reserved.get(GAUGES..OUTLINE).unwrap_or_default())
}

/// Returns the outline; `None` if it is missing or damaged.
pub(crate) fn outline(reserved: &[u8]) -> Option<Outline> {
    let (length, room) = reserved.get(OUTLINE..)?.split_first_chunk()?;
    let json = room.get(..u32::from_le_bytes(*length) as usize)?;
    serde_json::from_slice(json).ok()
}

/// Returns the names of the modules and files that records refer to by numbers.
pub(crate) fn places(reserved: &[u8]) -> Places<'_> {
    Places::read(reserved.get(PLACES..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use flightrec_dump::Dump;

    use super::*;

    #[test]
    fn an_outline_is_read_back_and_a_damaged_one_is_not() {
        let area: Vec<AtomicU8> = (0..RESERVED).map(|_| AtomicU8::new(0)).collect();
        let bytes = || -> Vec<u8> {
            let bytes = area.iter().map(|byte| byte.load(Ordering::Relaxed));
            bytes.collect()
        };
        assert!(outline(&bytes()).is_none());
        let mut dump = Dump::default();
        dump.schema = flightrec_dump::SCHEMA.to_owned();
        dump.app = "app".to_owned();
        dump.process.args = vec!["x".repeat(50_000)];
        let mut written = Outline::from(dump);
        write_outline(&area, &written).unwrap();
        assert_eq!(outline(&bytes()).unwrap(), written);
        assert!(outline(&vec![255; RESERVED]).is_none());
        assert!(outline(&bytes()[..OUTLINE + 2]).is_none());
        written.process.args = vec!["x".repeat(OUTLINE_BYTES)];
        let error = write_outline(&area, &written).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
