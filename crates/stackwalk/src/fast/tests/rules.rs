//! The rules, compared with those that `gimli` reads from the same tables.

use crate::fast::fde::entries;
use crate::fast::rule::Rule;
use addr2line::gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EndianSlice, NativeEndian, RegisterRule,
    UnwindContext, UnwindSection, UnwindTableRow, X86_64,
};
use object::{Object, ObjectSection};
use std::collections::HashSet;

/// The rule of a row, by the definition of a rule.
fn expected(row: &UnwindTableRow<usize>, is_signal: bool) -> Option<Rule> {
    if is_signal {
        return None;
    }
    match row.register(X86_64::RA) {
        Some(RegisterRule::Offset(-8)) => {}
        Some(RegisterRule::Undefined) => return Some(Rule::END),
        _ => return None,
    }
    let (None | Some(RegisterRule::SameValue)) = row.register(X86_64::RSP) else {
        return None;
    };
    let saved = match row.register(X86_64::RBP) {
        Some(RegisterRule::Offset(distance)) => Some(distance),
        None | Some(RegisterRule::SameValue) => None,
        _ => return None,
    };
    match *row.cfa() {
        CfaRule::RegisterAndOffset { register, offset }
            if register == X86_64::RSP || register == X86_64::RBP =>
        {
            Rule::new(register == X86_64::RBP, offset, saved)
        }
        _ => None,
    }
}

/// Compares all rows of all functions of a file; returns how many there are, and the rules.
fn compare(path: &str) -> (usize, HashSet<Option<u64>>) {
    let bytes = std::fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let section = file.section_by_name(".eh_frame").unwrap();
    let data = section.data().unwrap();
    let bases = BaseAddresses::default().set_eh_frame(section.address());
    let frames = EhFrame::from(EndianSlice::new(data, NativeEndian));
    let mut context = UnwindContext::new();
    let mut rules = HashSet::new();
    let mut count = 0;
    let mut all = frames.entries(&bases);
    while let Some(entry) = all.next().unwrap() {
        let CieOrFde::Fde(partial) = entry else {
            continue;
        };
        let function = partial.parse(EhFrame::cie_from_offset).unwrap();
        let start = function.initial_address();
        // SAFETY: gimli read the FDE and its CIE from `data`.
        let entries = unsafe { entries(data[function.offset()..].as_ptr(), start) }.unwrap();
        let mut table = function.rows(&frames, &bases, &mut context).unwrap();
        while let Some(row) = table.next_row().unwrap() {
            // The first and the last instruction of the row. A row may be empty.
            for at in [row.start_address(), row.end_address() - 1] {
                if row.start_address() < row.end_address() {
                    let expected = expected(row, function.is_signal_trampoline());
                    assert_eq!(entries.rule(at), expected, "{path} {at:#x}");
                    rules.insert(expected.map(Rule::to_word));
                    count += 1;
                }
            }
        }
        assert_eq!(entries.rule(start.wrapping_sub(1)), None);
    }
    (count, rules)
}

#[test]
fn the_rules_of_this_program_are_those_that_gimli_reads() {
    let (count, rules) = compare("/proc/self/exe");
    assert!(count > 5_000, "{count}");
    assert!(rules.len() > 50, "{rules:?}");
}

#[test]
fn the_rules_of_the_c_library_are_those_that_gimli_reads() {
    let libc = crate::modules()
        .into_iter()
        .find(|module| module.contains(libc::getpid as *const () as usize));
    let (count, rules) = compare(libc.unwrap().name());
    assert!(count > 5_000, "{count}");
    // Hand-written code has rows that make no rule, and the function that threads begin in.
    assert!(rules.contains(&None));
    assert!(rules.contains(&Some(Rule::END.to_word())));
}
