//! Compares the rules with those that `gimli` reads from the same tables.

use crate::fast::fde::entries;
use crate::fast::rule::Rule;
use addr2line::gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EndianSlice, NativeEndian, Register, RegisterRule,
    UnwindContext, UnwindSection, UnwindTableRow, Vendor,
};
use object::{Object, ObjectSection};
use std::collections::HashSet;

#[cfg(target_arch = "aarch64")]
use addr2line::gimli::AArch64;
#[cfg(target_arch = "x86_64")]
use addr2line::gimli::X86_64;

/// The return address, the stack pointer and the frame pointer.
#[cfg(target_arch = "x86_64")]
const REGISTERS: [Register; 3] = [X86_64::RA, X86_64::RSP, X86_64::RBP];
#[cfg(target_arch = "aarch64")]
const REGISTERS: [Register; 3] = [AArch64::X30, AArch64::SP, AArch64::X29];

/// The rule of a row, straight from the definition of a rule.
fn expected(row: &UnwindTableRow<usize>, is_signal: bool) -> Option<Rule> {
    if is_signal {
        return None;
    }
    let [ra, sp, fp] = REGISTERS;
    let return_address = match row.register(ra) {
        Some(RegisterRule::Offset(distance)) if distance == -8 || cfg!(target_arch = "aarch64") => {
            distance
        }
        Some(RegisterRule::Undefined) => return Some(Rule::END),
        _ => return None,
    };
    let (None | Some(RegisterRule::SameValue)) = row.register(sp) else {
        return None;
    };
    let saved = match row.register(fp) {
        Some(RegisterRule::Offset(distance)) => Some(distance),
        None | Some(RegisterRule::SameValue) => None,
        _ => return None,
    };
    match *row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } if register == sp || register == fp => {
            Rule::new(register == fp, offset, return_address, saved)
        }
        _ => None,
    }
}

/// Compares all rows of all functions of a file. Returns the number of rows, and the rules.
fn compare(path: &str) -> (usize, HashSet<Option<u64>>) {
    let bytes = std::fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let section = file.section_by_name(".eh_frame").unwrap();
    let data = section.data().unwrap();
    let bases = BaseAddresses::default().set_eh_frame(section.address());
    let mut frames = EhFrame::from(EndianSlice::new(data, NativeEndian));
    if cfg!(target_arch = "aarch64") {
        frames.set_vendor(Vendor::AArch64);
    }
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
            // Checks the first and the last instruction of the row, which may be empty.
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

// A static program has no C library of its own.
#[cfg(target_env = "gnu")]
#[test]
fn the_rules_of_the_c_library_are_those_that_gimli_reads() {
    let libc = crate::modules()
        .into_iter()
        .find(|module| module.contains(libc::getpid as *const () as usize));
    let (count, rules) = compare(libc.unwrap().name());
    assert!(count > 5_000, "{count}");
    // Hand-written code has rows that can't be a rule, and the function in which threads begin.
    assert!(rules.contains(&None));
    assert!(rules.contains(&Some(Rule::END.to_word())));
}
