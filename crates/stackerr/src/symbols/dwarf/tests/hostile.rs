//! Debug information that is made to take time or memory without end.

use super::super::search::Search;
use super::{Made, abbrev, entry};
use crate::symbols::{Elf, Sections, inflate};

/// How many steps a search takes, and whether it may take no more.
fn steps(sections: &Sections<'_>, addresses: &[(u64, u32)]) -> (u64, bool) {
    let search = Search::new(sections, addresses.len());
    let before = search.fuel().left();
    let mut found = Vec::new();
    found.resize_with(addresses.len(), || None);
    search.run(addresses, &mut found);
    let left = search.fuel().left();
    (before - left, left == 0)
}

#[test]
fn an_honest_program_takes_two_steps_for_a_byte_at_most() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = Elf::parse(&bytes).unwrap();
    let contents = elf.contents(Sections::NAMES);
    let inflated = contents.map(|content| inflate(&content?, 1 << 30));
    let sections = inflated
        .each_ref()
        .map(|content| content.as_deref().unwrap_or(&[]));
    let sections = Sections::new(sections, cfg!(target_endian = "big"));
    // All units are looked through, whose code is megabytes together.
    let addresses: Vec<(u64, u32)> = (0..16 << 20).step_by(4 << 10).zip(0..).collect();
    let (steps, is_out) = steps(&sections, &addresses);
    let texts = addresses.len() as u64 * 4_000;
    assert!(!is_out);
    assert!(steps < 2 * sections.size() as u64 + texts, "{steps}");
    assert!(steps > sections.size() as u64 / 100, "{steps}");
}

#[test]
fn functions_inlined_without_end() {
    let bounds = [(0x11, 0x01), (0x12, 0x07)];
    let mut made = Made::of(&[
        abbrev(1, 0x11, true, &bounds),
        abbrev(2, 0x2e, true, &bounds),
        abbrev(3, 0x1d, true, &bounds),
    ]);
    let mut entries = [entry(1, 0x1000, 0x10), entry(2, 0x1000, 0x10)].concat();
    entries.extend(entry(3, 0x1000, 0x10).repeat(100_000));
    made.unit(&entries);
    assert_eq!(made.find(0x1008).len(), 257);
}

/// A unit with many functions that have a list of ranges in common.
fn sharing(functions: usize, ranges: u64) -> Made {
    let mut made = Made::of(&[
        abbrev(1, 0x11, true, &[(0x11, 0x01), (0x12, 0x07)]),
        abbrev(2, 0x2e, false, &[(0x55, 0x17)]),
    ]);
    let mut entries = entry(1, 0, 1 << 30);
    entries.extend([2, 0, 0, 0, 0].repeat(functions));
    made.unit(&entries);
    for n in 1..=ranges {
        made.ranges.extend((0x1000 + 2 * n).to_le_bytes());
        made.ranges.extend((0x1000 + 2 * n + 1).to_le_bytes());
    }
    made
}

#[test]
fn a_list_that_is_used_by_thousands() {
    let addresses = [(0x1001, 0)];
    let (few, is_out) = steps(&sharing(10, 10_000).sections(), &addresses);
    assert!(few > 10 * 10_000 && !is_out, "{few}");
    // A hundred million, for a file of two hundred kilobytes.
    let (many, is_out) = steps(&sharing(10_000, 10_000).sections(), &addresses);
    assert!(many < 5_000_000 && is_out, "{many}");
}

#[test]
fn abbreviations_that_overlap() {
    // Each unit's table begins a few bytes behind the one before, and all end at the same place.
    let codes = (0..60_000u32).map(|code| abbrev((code % 100 + 1) as u8, 0x1d, false, &[]));
    let mut made = Made::of(&codes.collect::<Vec<_>>());
    for n in 0..2_000u32 {
        let start = made.info.len();
        made.unit(&[101]);
        made.info[start + 6..start + 10].copy_from_slice(&(n * 5).to_le_bytes());
    }
    let (steps, is_out) = steps(&made.sections(), &[(0x1000, 0)]);
    assert!(steps < 10_000_000 && is_out, "{steps}");
}

#[test]
fn files_that_take_up_no_bytes() {
    let mut made = Made::of(&[abbrev(
        1,
        0x11,
        false,
        &[(0x11, 0x01), (0x12, 0x07), (0x10, 0x17)],
    )]);
    made.unit_5(&[&entry(1, 0x1000, 0x10)[..], &[0; 4]].concat());
    // A header whose directories are two thousand million nothings.
    let mut header = vec![1, 1, 1, 0, 14, 13];
    header.extend([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]);
    header.extend([0, 0xff, 0xff, 0xff, 0xff, 7]);
    let mut rest = vec![5, 0, 8, 0];
    rest.extend((header.len() as u32).to_le_bytes());
    rest.extend(header);
    made.line.extend((rest.len() as u32).to_le_bytes());
    made.line.extend(rest);
    let (steps, is_out) = steps(&made.sections(), &[(0x1000, 0)]);
    assert!(steps < 1_000 && !is_out, "{steps}");
}
