//! Line programs and lists of ranges of any shape, against `gimli` and `addr2line`.

use super::{Made, abbrev, entry};
use addr2line::gimli::{self, EndianSlice, LittleEndian, SectionId};
use proptest::prelude::*;

type Oracle<'data> = gimli::Dwarf<EndianSlice<'data, LittleEndian>>;

fn oracle(made: &Made) -> Oracle<'_> {
    let dwarf = gimli::Dwarf::load(|id| {
        let bytes: &[u8] = match id {
            SectionId::DebugInfo => &made.info,
            SectionId::DebugAbbrev => &made.abbrev,
            SectionId::DebugLine => &made.line,
            SectionId::DebugRanges => &made.ranges,
            SectionId::DebugRngLists => &made.rnglists,
            SectionId::DebugAddr => &made.addr,
            _ => &[],
        };
        Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
    });
    dwarf.unwrap()
}

fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Instructions of any kind, whose operands are small.
fn instruction(version: u16) -> impl Strategy<Value = Vec<u8>> {
    let number = || (0u64..200).prop_map(leb);
    prop_oneof![
        8 => (13u8..=255).prop_map(|special| vec![special]),
        2 => Just(vec![1]),
        2 => number().prop_map(|n| [vec![2], n].concat()),
        // Signed: up to -64 and 63.
        2 => (0u8..0x80).prop_map(|n| vec![3, n]),
        1 => (0u64..4).prop_map(|n| [vec![4], leb(n)].concat()),
        2 => number().prop_map(|n| [vec![5], n].concat()),
        1 => prop_oneof![Just(6u8), Just(7), Just(10), Just(11)].prop_map(|op| vec![op]),
        2 => Just(vec![8]),
        1 => any::<u8>().prop_map(|n| vec![9, n, 0]),
        1 => number().prop_map(|n| [vec![12], n].concat()),
        // Discriminators, extended instructions that nobody knows, and files.
        1 => Just(vec![0, 2, 4, 9]),
        1 => Just(vec![0, 3, 0x80, 1, 2]),
        1 => Just(if version < 5 { vec![0, 6, 3, b'x', 0, 0, 0, 0] } else { vec![1] }),
    ]
}

fn program() -> impl Strategy<Value = (Made, usize)> {
    (2u16..=5).prop_flat_map(|version| {
        let instructions = prop::collection::vec(instruction(version), 0..60);
        // Some are of code that was left out.
        let sequence = (prop::bool::weighted(0.2), instructions);
        let sequences = prop::collection::vec(sequence, 1..4);
        let shape = (1u8..=4, 1u8..=3, -5i8..=1, 1u8..=20);
        (Just(version), sequences, shape).prop_map(made)
    })
}

type Sequence = (bool, Vec<Vec<u8>>);
type Shape = (u8, u8, i8, u8);

/// A unit whose line program has those sequences, each of them in an area of its own.
fn made((version, sequences, shape): (u16, Vec<Sequence>, Shape)) -> (Made, usize) {
    let (min_instruction, max_operations, line_base, line_range) = shape;
    let mut header = vec![min_instruction];
    if version >= 4 {
        header.push(max_operations);
    }
    header.extend([1, line_base as u8, line_range, 13]);
    header.extend([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]);
    if version >= 5 {
        // Paths in the header itself, the files with a directory.
        header.extend([&[1, 1, 8, 2][..], b"/work\0src\0"].concat());
        header.extend([&[2, 1, 8, 2, 11, 3][..], b"a.rs\0\x00b.rs\0\x01/c.rs\0\x01"].concat());
    } else {
        header.extend(b"src\0\0a.rs\0\0\0\0b.rs\0\x01\0\0/c.rs\0\x01\0\0\0");
    }
    let mut rest = Vec::from(version.to_le_bytes());
    if version >= 5 {
        rest.extend([8, 0]);
    }
    rest.extend((header.len() as u32).to_le_bytes());
    rest.extend(header);
    let count = sequences.len();
    for (n, (is_dead, instructions)) in sequences.into_iter().enumerate() {
        rest.extend([0, 9, 2]);
        let start = 0x10_0000 * (n as u64 + 1);
        rest.extend(if is_dead { u64::MAX } else { start }.to_le_bytes());
        rest.extend(instructions.concat());
        rest.extend([0, 1, 1]);
    }
    let mut made = Made::of(&[abbrev(
        1,
        0x11,
        false,
        &[
            (0x11, 0x01),
            (0x12, 0x07),
            (0x10, 0x17),
            (0x1b, 0x08),
            (0x03, 0x08),
        ],
    )]);
    made.line.extend((rest.len() as u32).to_le_bytes());
    made.line.extend(rest);
    let root = entry(1, 0, 1 << 40);
    made.unit(&[&root[..], &[0; 4], b"/work\0main.rs\0"].concat());
    (made, count)
}

/// Entries of a list in `.debug_rnglists` of any kind but the end, and one in `.debug_ranges`.
fn range() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let address = prop_oneof![
        4 => 0u64..0x1_0000,
        1 => Just(u64::MAX),
        1 => Just(u64::MAX - 1),
        1 => any::<u64>(),
    ];
    (0u8..=8, address.clone(), address).prop_map(|(kind, first, second)| {
        let index = |number: u64| leb(number % 7);
        let raw = |number: u64| number.to_le_bytes().to_vec();
        let operands = match kind {
            1 => index(first),
            2 => [index(first), index(second)].concat(),
            3 => [index(first), leb(second)].concat(),
            4 => [leb(first), leb(second)].concat(),
            5 => raw(first),
            6 => [raw(first), raw(second)].concat(),
            7 => [raw(first), leb(second)].concat(),
            // No kind at all: it ends the list.
            _ => return (vec![kind.max(8)], vec![]),
        };
        let old = [raw(first), raw(second)].concat();
        ([vec![kind], operands].concat(), old)
    })
}

#[test]
fn rows_of_code_that_was_left_out() {
    // Within a sequence an address that is lower than the last one is none, up to one that is not.
    let set = |address: u64| [&[0, 9, 2][..], &address.to_le_bytes()].concat();
    let rows = vec![0x40; 3];
    let sequence = [
        rows.clone(),
        set(0),
        rows.clone(),
        set(u64::MAX),
        rows.clone(),
        set(0x10_0100),
        rows,
    ];
    let (made, _) = made((4, vec![(false, sequence.into())], (1, 1, 0, 10)));
    let addresses = [0, 1, 8, 0x10_0006, 0x10_00ff, 0x10_0104, u64::MAX - 1];
    let addresses: Vec<(u64, u32)> = addresses.into_iter().zip(0..).collect();
    let found = made.sections().find(&addresses);
    let found: Vec<_> = found.iter().map(Vec::len).collect();
    assert_eq!(found, [0, 0, 0, 1, 1, 1, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn line_programs((made, sequences) in program()) {
        let theirs = addr2line::Context::from_dwarf(oracle(&made)).unwrap();
        let areas = (0..=sequences as u64).map(|n| n * 0x10_0000);
        let addresses: Vec<(u64, u32)> = areas
            .flat_map(|area| (0..1_500).map(move |n| area + n))
            .zip(0..)
            .collect();
        let ours = made.sections().find(&addresses);
        for ((address, _), ours) in addresses.into_iter().zip(ours) {
            let theirs = theirs.find_location(address).unwrap();
            let theirs = theirs.map(|place| {
                let column = place.column.filter(|&column| column > 0);
                (place.file.map(str::to_owned), place.line, column)
            });
            let ours = ours.into_iter().next();
            let ours = ours.map(|symbol| (symbol.file, symbol.line, symbol.column));
            prop_assert_eq!(ours, theirs, "{:#x}", address);
        }
    }

    #[test]
    fn lists_of_ranges(
        entries in prop::collection::vec(range(), 0..20),
        low in prop_oneof![Just(0u64), Just(0x4000), Just(u64::MAX)],
    ) {
        let specs = [(0x11, 0x01), (0x55, 0x17), (0x73, 0x17)];
        let mut made = Made::of(&[abbrev(1, 0x11, false, &specs)]);
        for (entry, old) in entries {
            made.rnglists.extend(entry);
            made.ranges.extend(old);
        }
        made.rnglists.push(0);
        made.ranges.extend([0; 16]);
        // Six addresses; a seventh is not there.
        for n in 1..=6u64 {
            made.addr.extend((n * n * 0x100).to_le_bytes());
        }
        let root = [&[1][..], &low.to_le_bytes(), &[0; 8]].concat();
        for is_new in [false, true] {
            made.info.clear();
            if is_new { made.unit_5(&root) } else { made.unit(&root) }
            let sections = made.sections();
            let fuel = super::super::fuel::Fuel::of(0, 1);
            let header = super::super::unit::Header::read(&sections, 0).unwrap().0.unwrap();
            let unit = super::super::unit::Unit::read(&sections, &fuel, header).unwrap();
            let mut ours = Vec::new();
            unit.ranges(&unit.root, &mut |begin, end| ours.push((begin, end)));
            let dwarf = oracle(&made);
            let unit = dwarf.unit(dwarf.units().next().unwrap().unwrap()).unwrap();
            let mut theirs = Vec::new();
            let mut list = dwarf.unit_ranges(&unit).unwrap();
            while let Ok(Some(range)) = list.next() {
                theirs.push((range.begin, range.end));
            }
            prop_assert_eq!(ours, theirs, "{}", is_new);
        }
    }
}
