//! Files that are damaged on purpose: whatever is in them, reading ends, with fewer names at worst.

use std::process::Command;
use std::sync::OnceLock;

use object::{Object, ObjectSection, ObjectSymbol};
use proptest::prelude::*;

use super::{Binary, Symbol};

/// A library of a few kilobytes with debug information: `outer`, with `inner` inlined.
const SOURCE: &str = r#"
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
#[inline(always)]
fn inner(n: &[u32]) -> u32 { n[1] + n[2] }
#[unsafe(no_mangle)]
pub extern "C" fn outer(n: &[u32; 3]) -> u32 { inner(n).wrapping_mul(7) }
"#;

fn library() -> &'static [u8] {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("tiny.rs");
        let library = dir.path().join("tiny.so");
        std::fs::write(&source, SOURCE).unwrap();
        let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
        let built = Command::new(rustc)
            .args([
                "--edition=2024",
                "--crate-type=cdylib",
                "-Cdebuginfo=2",
                "-Copt-level=1",
            ])
            .args([
                "-Cpanic=abort",
                "-Clink-arg=-nostdlib",
                "-Clink-arg=-Wl,--build-id=sha1",
            ])
            .arg("-o")
            .args([&library, &source])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        std::fs::read(&library).unwrap()
    })
}

/// Where `outer` lies, and how long it is.
fn outer(bytes: &[u8]) -> (u64, u64) {
    let file = object::File::parse(bytes).unwrap();
    let outer = file
        .symbols()
        .find(|symbol| symbol.name() == Ok("outer"))
        .unwrap();
    (outer.address(), outer.size())
}

fn names(symbols: &[Symbol]) -> Vec<&str> {
    let names = symbols.iter().map(|symbol| symbol.name.as_deref());
    names.map(|name| name.unwrap_or("<unknown>")).collect()
}

#[test]
fn inlined_functions_come_before_what_they_are_in() {
    let (start, size) = outer(library());
    let file = Binary::parse(library().to_vec(), 1 << 20).unwrap();
    assert!(file.has_debug_info());
    assert_eq!(file.build_id().unwrap().len(), 40);
    let symbols = file.symbols().unwrap();
    let all: Vec<_> = (start + 1..=start + size)
        .map(|at| symbols.find(at))
        .collect();
    let inlined = all.iter().find(|symbols| symbols.len() == 2).unwrap();
    let [inner, outer] = names(inlined)[..] else {
        unreachable!()
    };
    assert!(inner.ends_with("::inner"), "{inner}");
    assert_eq!(outer, "outer");
    assert_eq!((inlined[0].line, inlined[1].line), (Some(6), Some(8)));
    assert!(inlined[0].file.as_deref().unwrap().ends_with(".rs"));
    assert!(
        all.iter()
            .all(|symbols| names(symbols).last() == Some(&"outer"))
    );
}

#[test]
fn addresses_outside_of_all_functions_have_no_symbols() {
    let file = Binary::parse(library().to_vec(), 1 << 20).unwrap();
    let symbols = file.symbols().unwrap();
    for address in [0, 1, u64::MAX - 1, u64::MAX] {
        assert_eq!(symbols.find(address), []);
    }
}

#[test]
fn debug_information_above_the_limit_is_refused() {
    let error = Binary::parse(library().to_vec(), 100).unwrap_err();
    assert_eq!(
        error,
        "its debug information is larger than --max-size allows"
    );
}

/// Reads all that can be read.
fn read(bytes: Vec<u8>) -> Option<usize> {
    let (start, size) = outer(library());
    let file = Binary::parse(bytes, 1 << 20).ok()?;
    let symbols = file.symbols().ok()?;
    Some(
        (start..=start + size)
            .map(|at| symbols.find(at).len())
            .sum(),
    )
}

/// The bytes of a section in the file, if it has that one.
fn range_of(section: &str) -> Option<std::ops::Range<usize>> {
    let file = object::File::parse(library()).unwrap();
    let section = file.section_by_name(section)?;
    let (offset, size) = section.file_range().unwrap();
    Some(offset as usize..(offset + size) as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn truncated_files_do_no_harm(end in 0..library().len()) {
        read(library()[..end].to_vec());
    }

    #[test]
    fn changed_bytes_do_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = library().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(bytes);
    }

    // Most changes at random places are in bytes that are not read.
    #[test]
    fn changed_debug_information_does_no_harm(
        section in prop::sample::select(vec![
            ".debug_info", ".debug_abbrev", ".debug_line", ".debug_ranges", ".debug_rnglists",
            ".debug_str",
            ".symtab", ".strtab", ".shstrtab", ".note.gnu.build-id",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut bytes = library().to_vec();
        // Which sections there are is up to the compiler.
        let range = range_of(section).unwrap_or(0..bytes.len());
        for (at, byte) in changes {
            let at = range.start + at.index(range.len());
            bytes[at] = byte;
        }
        read(bytes);
    }

    #[test]
    fn changed_headers_do_no_harm(
        changes in prop::collection::vec((0..64usize, any::<u8>()), 1..4),
        sections in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..10),
    ) {
        let mut bytes = library().to_vec();
        for (at, byte) in changes {
            // The magic number stays.
            bytes[at.max(4)] = byte;
        }
        let table = usize::try_from(u64::from_le_bytes(library()[40..48].try_into().unwrap())).unwrap();
        for (at, byte) in sections {
            let at = table + at.index(bytes.len() - table);
            bytes[at] = byte;
        }
        read(bytes);
    }
}
