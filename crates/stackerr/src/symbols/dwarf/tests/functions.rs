//! Which functions an address is in, and what they are called.

use super::{Made, abbrev, entry};

/// 1 is a unit, 2 a function, 3 an inlined one and 4 a block with bounds and children; 5 is the
/// root's like without bounds; functions 6 to 9 have no children: 6 with a name; 7 an origin in
/// the unit, 8 one in any; 9 bounds and an origin in the unit, 10 bounds and one in any. 11 is
/// inlined, with a line and an origin in the unit.
fn made() -> Made {
    let bounds = [(0x11, 0x01), (0x12, 0x07)];
    let with = |more: &[(u8, u8)]| [&bounds[..], more].concat();
    Made::of(&[
        abbrev(1, 0x11, true, &bounds),
        abbrev(2, 0x2e, true, &with(&[(0x03, 0x08)])),
        abbrev(3, 0x1d, true, &with(&[(0x59, 0x0b), (0x03, 0x08)])),
        abbrev(4, 0x0b, true, &bounds),
        abbrev(5, 0x11, true, &[]),
        abbrev(6, 0x2e, false, &[(0x03, 0x08)]),
        abbrev(7, 0x2e, false, &[(0x31, 0x13)]),
        abbrev(8, 0x2e, false, &[(0x47, 0x10)]),
        abbrev(9, 0x2e, true, &with(&[(0x31, 0x13)])),
        abbrev(10, 0x2e, true, &with(&[(0x31, 0x10)])),
        abbrev(11, 0x1d, false, &with(&[(0x59, 0x0b), (0x31, 0x13)])),
    ])
}

fn function(low: u64, length: u64, name: &str) -> Vec<u8> {
    [&entry(2, low, length)[..], name.as_bytes(), &[0]].concat()
}

fn inlined(low: u64, length: u64, line: u8, name: &str) -> Vec<u8> {
    [&entry(3, low, length)[..], &[line], name.as_bytes(), &[0]].concat()
}

#[test]
fn nests() {
    let mut made = made();
    let end = vec![0];
    made.unit(
        &[
            entry(1, 0x1000, 0x1000),
            function(0x1000, 0x100, "outer"),
            inlined(0x1010, 0x40, 7, "first"),
            entry(4, 0x1010, 0x20), // a block is no function, but there are some in it
            inlined(0x1018, 0x8, 9, "second"),
            end.clone(),
            end.clone(),
            end.clone(),
            inlined(0x1080, 0x10, 11, "third"),
            // Not where what it is inlined into is.
            inlined(0x1010, 0x4, 12, "misplaced"),
            end.clone(),
            end.clone(),
            // A function within another is one of its own.
            function(0x1800, 0x10, "nested"),
            inlined(0x1800, 0x4, 13, "fourth"),
            end.clone(),
            end.clone(),
            inlined(0x10c0, 0x10, 14, "fifth"),
            end.clone(),
            end.clone(),
            function(0x1200, 0x10, "next"),
        ]
        .concat(),
    );
    let expected = [
        (0xfff, &[][..]),
        (0x1000, &["outer"]),
        (0x1010, &["first", "outer"]),
        (0x1017, &["first", "outer"]),
        (0x1018, &["second", "first", "outer"]),
        (0x1020, &["first", "outer"]),
        (0x1050, &["outer"]),
        (0x1080, &["third", "outer"]),
        (0x10c0, &["fifth", "outer"]),
        (0x1100, &[]),
        (0x1200, &["next"]),
        (0x1800, &["fourth", "nested"]),
        (0x1808, &["nested"]),
    ];
    let addresses: Vec<_> = expected.map(|(address, _)| (address, 0)).into();
    let together = made.sections().find(&addresses).into_iter();
    for ((address, names), together) in expected.into_iter().zip(together) {
        assert_eq!(made.names(address), names, "{address:#x}");
        let together: Vec<_> = together
            .into_iter()
            .filter_map(|symbol| symbol.name)
            .collect();
        assert_eq!(together, names, "{address:#x}");
    }
    // Each one's line is where the one before it is called.
    let lines = made.find(0x1018).into_iter().map(|(_, line)| line);
    assert_eq!(lines.collect::<Vec<_>>(), [None, Some(9), Some(7)]);
}

#[test]
fn several_at_once_are_found_as_one_by_one() {
    let mut made = made();
    let mut entries = entry(1, 0x1000, 0x1000);
    for n in 0..50 {
        entries.extend(function(0x1000 + n * 0x20, 0x18, &format!("f{n}")));
        entries.push(0);
    }
    made.unit(&entries);
    let addresses: Vec<(u64, u32)> = (0xf00..0x1700).step_by(7).zip(0..).collect();
    let all = made.sections().find(&addresses);
    for (&(address, _), symbols) in addresses.iter().zip(all) {
        let names: Vec<_> = symbols
            .into_iter()
            .filter_map(|symbol| symbol.name)
            .collect();
        assert_eq!(names, made.names(address), "{address:#x}");
    }
}

#[test]
fn of_units_that_claim_an_address_the_tightest_counts_that_knows_it() {
    let wide = [entry(1, 0x1000, 0x9000), function(0x1000, 0x9000, "wide")];
    let tight = [entry(1, 0x2000, 0x1000), function(0x2000, 0x10, "tight")];
    for units in [[&wide, &tight], [&tight, &wide]] {
        let mut made = made();
        for unit in units {
            made.unit(&unit.concat());
        }
        assert_eq!(made.names(0x2004), ["tight"]);
        // The one that claims it, but has nothing there, does not count.
        assert_eq!(made.names(0x2800), ["wide"]);
    }
}

#[test]
fn a_unit_that_says_nothing_of_its_ranges_is_found_by_the_index() {
    let mut made = made();
    made.unit(&[&[5][..], &function(0x3000, 0x10, "listed")].concat());
    assert!(made.names(0x3000).is_empty());
    let mut set = vec![2, 0]; // the version
    set.extend(0u32.to_le_bytes()); // the unit
    set.extend([8, 0, 0, 0, 0, 0]); // sizes, and up to a multiple of 16
    set.extend([0; 16]); // a linker left something out
    set.extend(0x3000u64.to_le_bytes());
    set.extend(0x10u64.to_le_bytes());
    set.extend([0; 16]);
    made.aranges.extend((set.len() as u32).to_le_bytes());
    made.aranges.extend(set);
    assert_eq!(made.names(0x3008), ["listed"]);
    assert!(made.names(0x3010).is_empty());
}

#[test]
fn names_come_from_what_an_entry_is_of() {
    let mut made = made();
    // The header has 11 bytes; the root's entry one; then `f`'s, at 12.
    let mut entries = [&[5, 2][..], b"f\0"].concat();
    entries.extend([3, 12, 0, 0, 0]); // at 15: an instance of `f`
    made.unit(&entries);
    // By abbreviations of its own.
    let table = made.abbrev.len() as u32;
    made.info[6..10].copy_from_slice(&table.to_le_bytes());
    let own = [
        abbrev(5, 0x11, true, &[]),
        abbrev(2, 0x2e, false, &[(0x03, 0x08)]),
        abbrev(3, 0x2e, false, &[(0x31, 0x13)]),
        vec![0],
    ];
    made.abbrev.extend(own.concat());
    let second = made.info.len() as u32;
    let mut entries = entry(1, 0x1000, 0x1000);
    // At 28 of the unit: a definition of what is in the first unit.
    entries.push(8);
    entries.extend(15u32.to_le_bytes());
    // In this unit and, through it or not, in the first.
    entries.extend(entry(9, 0x1000, 0x10));
    entries.extend(28u32.to_le_bytes());
    entries.push(0);
    entries.extend(entry(10, 0x1010, 0x10));
    entries.extend(15u32.to_le_bytes());
    entries.push(0);
    // A unit's end, the header of the next one, and nowhere are no entries.
    for (n, at) in [second, second + 5, 1 << 30, u32::MAX]
        .into_iter()
        .enumerate()
    {
        entries.extend(entry(10, 0x1100 + 0x10 * n as u64, 0x10));
        entries.extend(at.to_le_bytes());
        entries.push(0);
    }
    made.unit(&entries);
    assert_eq!(made.names(0x1000), ["f"]);
    assert_eq!(made.names(0x1010), ["f"]);
    for n in 0..4 {
        assert_eq!(made.names(0x1100 + 0x10 * n), ["?"], "{n}");
    }
}

#[test]
fn entries_that_are_of_each_other_have_no_name() {
    // Entry n, at 12 + 5 n, is of entry n + 1; the last one has a name, or is of the first.
    let chain = |count: u32, ends: bool| {
        let mut made = made();
        let mut entries = vec![5];
        for n in 0..count {
            let next = if n + 1 == count && !ends { 0 } else { n + 1 };
            entries.push(7);
            entries.extend((12 + 5 * next).to_le_bytes());
        }
        entries.extend(b"\x06end\0");
        made.unit(&entries);
        let mut entries = entry(1, 0x1000, 0x10);
        entries.extend(entry(10, 0x1000, 0x10));
        entries.extend(12u32.to_le_bytes());
        made.unit(&entries);
        made.names(0x1000)
    };
    assert_eq!(chain(1, true), ["end"]);
    assert_eq!(chain(14, true), ["end"]);
    assert_eq!(chain(15, true), ["?"]);
    assert_eq!(chain(3, false), ["?"]);
}
