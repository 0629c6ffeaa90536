//! Compares the mapped tail with the shared one, and checks its format byte by byte.

use std::fs;
use std::io::Write;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::thread;

use proptest::prelude::*;

use super::checked::Checked;
use super::header::HEADER_BYTES;
use crate::limits::{CLASSES, Limits};
use crate::shared::memory::Geometry;
use crate::shared::segment::Format;
use crate::{MappedTail, Recovered, Snapshot, TailWriter, Unreadable};

#[derive(Clone, Debug)]
enum Act {
    Push(Vec<u8>),
    PushClass(u8, Vec<u8>),
    Write(Vec<u8>),
    Clear,
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        20 => bytes().prop_map(Act::Push),
        2 => (1u8..4, bytes()).prop_map(|(class, line)| Act::PushClass(class, line)),
        4 => "[a-zé\n]{0,40}".prop_map(|text| Act::Write(text.into_bytes())),
        1 => Just(Act::Clear),
    ]
}

/// The text, number and class of a line, and whether it is cut.
type Facts = (Vec<u8>, u64, u8, bool);

fn facts(snapshot: &Snapshot) -> (Vec<Facts>, u64) {
    let entries = snapshot.entries().filter(|entry| entry.is_finished());
    let entries = entries.map(|entry| {
        let line = entry.line().to_vec();
        (line, entry.seq(), entry.class(), entry.is_cut())
    });
    (entries.collect(), snapshot.evicted())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn keeps_what_a_shared_tail_keeps(
        acts in prop::collection::vec(act(), 0..400),
        max_lines in prop_oneof![0usize..10, 0usize..300],
        max_bytes in prop_oneof![Just(200_000), 0usize..2_000],
        quotas in prop::array::uniform3(0usize..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let builder = TailWriter::builder()
            .max_lines(max_lines)
            .max_bytes(max_bytes)
            .max_line_bytes(50)
            .quota(1, quotas[0])
            .quota(2, quotas[1])
            .separate(3, quotas[2]);
        let mut shared = builder.clone().build_shared();
        let mut mapped = builder.build_mapped(&path).unwrap();
        for act in &acts {
            match act {
                Act::Push(line) => { shared.push(line); mapped.push(line); }
                Act::PushClass(class, line) => {
                    shared.push_class(*class, line);
                    mapped.push_padded(*class, &[&line[..], &[0; 32]].concat(), line.len());
                }
                Act::Write(text) => { shared.write_all(text).unwrap(); mapped.write_all(text).unwrap(); }
                Act::Clear => { shared.clear(); mapped.clear(); }
            }
        }
        prop_assert_eq!(facts(&shared.snapshot()), facts(&mapped.snapshot()));
        let of_class = shared.class_snapshot(3);
        prop_assert_eq!(facts(&of_class), facts(&mapped.class_snapshot(3)));
        // An unfinished line is in memory only, so it is finished before the comparison.
        shared.write_all(b"\n").unwrap();
        mapped.write_all(b"\n").unwrap();
        drop(mapped);
        let recovered = Recovered::claim(&path).unwrap().unwrap();
        prop_assert_eq!(facts(&shared.snapshot()), facts(recovered.snapshot()));
        prop_assert_eq!(recovered.damaged_lines(), 0);
        prop_assert!(!recovered.lacks_space());
        // Which lines were cleared is not in the file, so they count as evicted.
        let recovered = recovered.class_snapshot(3);
        prop_assert_eq!(facts(&of_class).0.len(), recovered.map_or(0, Snapshot::len));
        if let Some(recovered) = recovered {
            prop_assert!(of_class.lines().eq(recovered.lines()));
        }
    }
}

/// Lines that are older than recycled ones stay hidden, although their segment is still there.
#[test]
fn lines_before_the_horizon_are_not_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let geometry = Geometry {
        segment_words: 80,
        segments: 6,
    };
    let mut limits = Limits {
        max_line_bytes: 50,
        ..Limits::default()
    };
    limits.quotas[1] = 3;
    let mut parts = [Geometry::default(); CLASSES];
    parts[..2].fill(geometry);
    let tail = MappedTail::create_divided(limits, 0, parts, &path).unwrap();
    tail.push_class(1, b"old, with a quota");
    tail.push(b"old");
    let push = |number: usize| tail.push(number.to_string().as_bytes());
    thread::scope(|scope| scope.spawn(|| (0..1_000).for_each(push)).join()).unwrap();
    let live = tail.snapshot();
    assert!((50..100).contains(&live.len()), "{} lines", live.len());
    assert_eq!(live.lines().next(), Some(&b"old, with a quota"[..]));
    assert_eq!(live.evicted() + live.len() as u64, 1_002);
    assert_eq!(facts(&MappedTail::recover(&path).unwrap()), facts(&live));
}

#[test]
fn times_are_the_same_after_death() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .max_lines(5_000)
        .build_mapped(&path)
        .unwrap();
    for number in 0..20_000 {
        tail.push(number.to_string().as_bytes());
    }
    let live = tail.snapshot();
    let recovered = MappedTail::recover(&path).unwrap();
    assert_eq!(live.len(), recovered.len());
    for (live, recovered) in live.entries().zip(recovered.entries()) {
        let (a, b) = (live.time(), recovered.time());
        let apart = a
            .duration_since(b)
            .or_else(|_| b.duration_since(a))
            .unwrap();
        assert!(apart.as_millis() < 50, "{a:?} {b:?}");
    }
}

#[test]
fn a_file_of_the_other_byte_order_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .quota(3, 3)
        .build_mapped(&path)
        .unwrap();
    tail.push_class(3, b"of a class");
    for number in 0..2_000 {
        tail.push(format!("line {number}").as_bytes());
    }
    let mut bytes = fs::read(&path).unwrap();
    let (words, _) = bytes.as_chunks_mut::<8>();
    words.iter_mut().for_each(|word| word.reverse());
    let swapped = dir.path().join("swapped");
    fs::write(&swapped, bytes).unwrap();
    let snapshot = MappedTail::recover(&swapped).unwrap();
    assert_eq!(snapshot.len(), 2_001);
    assert_eq!(facts(&snapshot), facts(&tail.snapshot()));
}

/// Existing files must stay readable: this reader was written from the page `format` alone.
#[test]
fn the_format_is_what_its_description_says() {
    fn fold(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    }
    fn absorb(mut left: u64, mut right: u64, words: &[u64]) -> u64 {
        for four in words.chunks(4) {
            let word = |at: usize| four.get(at).copied().unwrap_or(0);
            left = fold(left ^ word(0), 0xA076_1D64_78BD_642F ^ word(1));
            right = fold(right ^ word(2), 0xE703_7ED1_A0B4_28DB ^ word(3));
        }
        fold(left ^ 0x8EBC_6AF0_9C88_C6E3, right ^ 0x5899_65CC_7537_4CC3)
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .max_line_bytes(100)
        .reserve(5_000)
        .build_mapped(&path)
        .unwrap();
    let text = "a line of some length, in several words";
    tail.push(b"first");
    tail.push(text.as_bytes());
    let bytes = fs::read(&path).unwrap();
    let words: Vec<u64> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u64::from_ne_bytes(*word))
        .collect();
    let (id0, id1) = (words[7], words[8]);
    assert_eq!(words[0], u64::from_le_bytes(*b"tailring"));
    assert_eq!(
        words[40],
        absorb(id0 ^ 1 << 24, id1, &words[..40]),
        "header"
    );
    assert_eq!((words[1], words[2]), (3, 5_000), "version, reserved area");
    let blocks = [(48, 1 << 25), (56, (1 << 25) + 1)];
    let anchors =
        blocks.map(|(at, place)| words[at + 3] == absorb(id0 ^ place, id1, &words[at..at + 3]));
    assert!(anchors[0], "the first anchor");

    let area = 5_000_usize.next_multiple_of(4_096);
    let segment = &words[(HEADER_BYTES + area) / 8..][..words[17] as usize];
    assert_eq!(segment[0], 1, "generation");
    let lengths = [3 + 1, 3 + text.len().div_ceil(8)];
    let state = 1 << 45 | 2 << 23 | (lengths[0] + lengths[1]) as u64;
    assert_eq!(segment[1], state);
    let lap = &segment[12..16];
    assert_eq!(lap[0] >> 16, 1, "generation of the lap");
    assert_eq!(lap[3], absorb(id0 ^ 1 << 32, id1, &lap[..3]), "lap");
    let key = absorb(id0, id1, &[1]);
    let record = &segment[16 + lengths[0]..][..lengths[1]];
    assert_eq!(record[1], text.len() as u64);
    let at = (lengths[0] as u64) << 40;
    let sum = absorb(
        key ^ record[0],
        key.rotate_left(32) ^ record[1] ^ at,
        &record[3..],
    );
    assert_eq!(record[2], sum, "record");
    let found: Vec<u8> = record[3..]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    assert_eq!(found[..text.len()], *text.as_bytes());
    assert_eq!((Checked::FIRST_LINE, Checked::LINE_HEADER), (16, 3));
}

#[test]
fn unreadable_distinguishes_another_version_a_damaged_ring_and_any_other_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    drop(TailWriter::builder().build_mapped(&path).unwrap());
    let whole = fs::read(&path).unwrap();
    let reason = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let errors = [
            MappedTail::recover(&path).unwrap_err(),
            Recovered::claim(&path).unwrap_err(),
        ];
        errors.map(|error| Unreadable::of(&error))
    };
    for version in [1_u64, 4] {
        let mut other = whole.clone();
        other[8..16].copy_from_slice(&version.to_ne_bytes());
        let expected = Some(Unreadable::OtherVersion { version });
        assert_eq!(reason(&other), [expected; 2]);
    }
    let mut damaged = whole.clone();
    damaged[30] ^= 1;
    assert_eq!(reason(&damaged), [Some(Unreadable::Damaged); 2]);
    assert_eq!(reason(&whole[..100]), [Some(Unreadable::NotARing); 2]);
    assert_eq!(reason(&[b'x'; 9_000]), [Some(Unreadable::NotARing); 2]);
}

/// The area for a crash handler outlives the process, and a clear.
#[test]
fn the_reserved_area_is_recovered_as_its_owner_left_it() {
    use std::sync::atomic::Ordering;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .max_line_bytes(100)
        .reserve(10_000)
        .build_mapped(&path)
        .unwrap();
    let area = tail.reserved();
    assert_eq!((area.len(), area.as_ptr() as usize % 4_096), (10_000, 0));
    assert!(area.iter().all(|byte| byte.load(Ordering::Relaxed) == 0));
    area[0].store(1, Ordering::Relaxed);
    area[9_999].store(2, Ordering::Relaxed);
    for number in 0..30_000 {
        tail.push(format!("line {number}").as_bytes());
    }
    tail.clear();
    tail.push(b"the last line");
    drop(tail);
    let recovered = Recovered::read(&path).unwrap();
    assert_eq!(recovered.snapshot().to_vec(), b"the last line\n");
    let area = recovered.reserved();
    assert_eq!((area.len(), area[0], area[9_999]), (10_000, 1, 2));
    assert!(area[1..9_999].iter().all(|byte| *byte == 0));
    let none = dir.path().join("none");
    let tail = TailWriter::builder().build_mapped(&none).unwrap();
    assert!(tail.reserved().is_empty());
    assert!(Recovered::read(&none).unwrap().reserved().is_empty());
}

#[test]
fn the_ring_of_a_living_owner_is_read_but_not_claimed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    tail.push(b"a line");
    let read = Recovered::read(&path).unwrap();
    assert!(read.is_owner_alive());
    assert!(read.snapshot().lines().eq([b"a line"]));
    assert!(Recovered::claim(&path).unwrap().is_none());
    // A new ring does not replace an existing one.
    let error = TailWriter::builder().build_mapped(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists, "{error}");
    drop(tail);
    assert!(!Recovered::read(&path).unwrap().is_owner_alive());
    let claimed = Recovered::claim(&path).unwrap().unwrap();
    assert!(Recovered::claim(&path).unwrap().is_none());
    assert!(Recovered::read(&path).is_ok());
    claimed.remove().unwrap();
    // On Windows, a file keeps its name until all mappings are gone, and this thread still maps it.
    assert!(cfg!(windows) || !path.exists());
}

#[cfg(unix)]
#[test]
fn a_separate_class_keeps_lines_on_a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let builder = TailWriter::builder().separate(3, 1_000_000);
    let tail = builder.build_mapped(dir.path().join("ring")).unwrap();
    crate::testing::DISK_IS_FULL.set(true);
    for number in 0..50_000 {
        tail.push_class(3, format!("line {number}").as_bytes());
    }
    crate::testing::DISK_IS_FULL.set(false);
    let of_class = tail.class_snapshot(3);
    assert!(of_class.len() > 5_000, "{} lines", of_class.len());
    assert_eq!(of_class.len() as u64 + of_class.evicted(), 50_000);
    assert_eq!(of_class.lines().next_back(), Some(&b"line 49999"[..]));
    assert_eq!(tail.snapshot().evicted(), 0);
    assert!(tail.lacks_space());
}

/// The times of recovered lines are computed from anchors.
#[test]
fn lines_of_a_separate_class_write_anchors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .separate(3, 10)
        .build_mapped(&path)
        .unwrap();
    let anchors = || fs::read(&path).unwrap()[48 * 8..60 * 8].to_vec();
    let before = anchors();
    for _ in 0..100_000 {
        tail.push_class(3, b"a line");
    }
    assert_ne!(anchors(), before);
}

/// Memory of the file that has no space on the disk would end the process by SIGBUS.
#[cfg(unix)]
#[test]
fn on_a_full_disk_existing_space_is_reused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .max_line_bytes(100)
        .quota(1, 10)
        .build_mapped(&path)
        .unwrap();
    let reserved = fs::metadata(&path).unwrap().blocks();
    assert!(!tail.lacks_space());
    let push = |from: usize, to: usize| {
        (from..to).for_each(|number| tail.push(format!("line {number}").as_bytes()));
    };
    crate::testing::DISK_IS_FULL.set(true);
    push(0, 50_000);
    // The class has no space at all, so its lines are kept only among all lines.
    tail.push_class(1, b"line 50000");
    crate::testing::DISK_IS_FULL.set(false);
    let blocks = fs::metadata(&path).unwrap().blocks();
    assert!(blocks <= reserved + 8, "{blocks} blocks, {reserved} before");
    let snapshot = tail.snapshot();
    let expected: Vec<_> = (50_001 - snapshot.len()..50_001)
        .map(|number| format!("line {number}").into_bytes())
        .collect();
    assert!(snapshot.len() > 5_000, "{} lines", snapshot.len());
    assert!(snapshot.lines().eq(expected.iter().map(Vec::as_slice)));
    assert_eq!(snapshot.len() + snapshot.evicted() as usize, 50_001);
    let recovered = Recovered::read(&path).unwrap();
    assert_eq!(facts(recovered.snapshot()), facts(&snapshot));
    assert!(tail.lacks_space() && recovered.lacks_space());
    // With space again, the tail grows.
    push(50_001, 100_000);
    assert!(tail.snapshot().len() > snapshot.len());
    let full = dir.path().join("full");
    crate::testing::DISK_IS_FULL.set(true);
    let error = TailWriter::builder().build_mapped(&full).unwrap_err();
    crate::testing::DISK_IS_FULL.set(false);
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(!full.exists());
}
