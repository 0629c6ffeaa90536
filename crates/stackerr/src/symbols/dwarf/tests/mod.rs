//! Debug information made by hand: what compilers seldom write, and what they never do.

mod against_gimli;
mod functions;
mod hostile;

use super::Sections;

/// Sections by their names; those that are not here are empty.
#[derive(Debug, Default)]
struct Made {
    info: Vec<u8>,
    abbrev: Vec<u8>,
    line: Vec<u8>,
    ranges: Vec<u8>,
    rnglists: Vec<u8>,
    addr: Vec<u8>,
    aranges: Vec<u8>,
}

impl Made {
    /// Nothing yet, with those abbreviations.
    fn of(abbrevs: &[Vec<u8>]) -> Self {
        let mut abbrev = abbrevs.concat();
        abbrev.push(0);
        Self {
            abbrev,
            ..Self::default()
        }
    }

    fn sections(&self) -> Sections<'_> {
        let Self {
            info,
            abbrev,
            line,
            ranges,
            rnglists,
            addr,
            aranges,
        } = self;
        let none: &[u8] = &[];
        let sections = [
            abbrev, addr, aranges, info, line, none, ranges, rnglists, none, none,
        ];
        Sections::new(sections, false)
    }

    /// Appends a unit of DWARF 4 with those entries, for addresses of eight bytes.
    fn unit(&mut self, entries: &[u8]) {
        self.info.extend((entries.len() as u32 + 7).to_le_bytes());
        self.info.extend([4, 0]);
        self.info.extend(0u32.to_le_bytes()); // where the abbreviations are
        self.info.push(8);
        self.info.extend(entries);
    }

    /// The same of DWARF 5.
    fn unit_5(&mut self, entries: &[u8]) {
        self.info.extend((entries.len() as u32 + 8).to_le_bytes());
        self.info.extend([5, 0, 1, 8]);
        self.info.extend(0u32.to_le_bytes());
        self.info.extend(entries);
    }

    /// The functions at an address, the innermost first: names and lines.
    fn find(&self, address: u64) -> Vec<(Option<String>, Option<u32>)> {
        let found = self.sections().find(&[(address, 0)]).remove(0);
        let known = found.into_iter().map(|symbol| (symbol.name, symbol.line));
        known.collect()
    }

    fn names(&self, address: u64) -> Vec<String> {
        let found = self.find(address).into_iter();
        found.map(|(name, _)| name.unwrap_or("?".into())).collect()
    }
}

/// An abbreviation with attributes and forms.
fn abbrev(code: u8, tag: u8, has_children: bool, specs: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![code, tag, u8::from(has_children)];
    bytes.extend(specs.iter().flat_map(|&(name, form)| [name, form]));
    bytes.extend([0, 0]);
    bytes
}

/// An entry that has two addresses, or an address and a length.
fn entry(code: u8, low: u64, high: u64) -> Vec<u8> {
    let mut bytes = vec![code];
    bytes.extend(low.to_le_bytes());
    bytes.extend(high.to_le_bytes());
    bytes
}

proptest::proptest! {
    #[test]
    fn pairs_are_sorted(mut pairs in proptest::collection::vec((0u64..50, 0u32..3), 0..80)) {
        let mut expected = pairs.clone();
        expected.sort_unstable();
        super::sort(&mut pairs);
        proptest::prop_assert_eq!(pairs, expected);
    }
}
