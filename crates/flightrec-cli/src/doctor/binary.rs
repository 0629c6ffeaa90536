//! Checks an executable: the recorder in it, symbols, build id.

use std::path::Path;

use object::{
    Architecture, BinaryFormat, File, Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind,
};
use regex::bytes::Regex;

use super::Finding;

/// A larger section of debug information is not decompressed.
const MAX_DEBUG_SECTION: u64 = 1 << 30;

/// All findings about an executable. Returns an error if the file is not one.
pub(crate) fn examine(path: &Path, data: &[u8]) -> Result<Vec<Finding>, object::Error> {
    let file = File::parse(data)?;
    let texts = Texts::find(&file);
    let functions = functions(&file);
    let beside = beside(path);
    Ok(vec![
        recorder(&texts),
        identity(&file),
        symbols(&file, functions, beside),
        lines(&file, beside),
        panics(&file, &texts),
        crashes(&file),
        levels(&texts),
    ])
}

/// Which of the searched texts are in the program's constants.
#[derive(Debug, Default)]
struct Texts {
    recorder: bool,
    tee: bool,
    layer: bool,
    panic_abort: bool,
    removed_levels: bool,
}

impl Texts {
    fn find(file: &File<'_>) -> Texts {
        let mut texts = Texts::default();
        // The pattern is constant, so it compiles.
        let Ok(any) = Regex::new(
            "evicted_logs|library[/\\\\]panic_abort[/\\\\]|`release_max_level_|flightrec::marker::(?:tee|layer)",
        ) else {
            return texts;
        };
        let is_constant = |kind| {
            matches!(
                kind,
                SectionKind::ReadOnlyData
                    | SectionKind::ReadOnlyString
                    | SectionKind::ReadOnlyDataWithRel
            )
        };
        for section in file
            .sections()
            .filter(|section| is_constant(section.kind()))
        {
            for found in any.find_iter(section.data().unwrap_or_default()) {
                match found.as_bytes().first() {
                    Some(b'e') => texts.recorder = true,
                    Some(b'l') => texts.panic_abort = true,
                    Some(b'f') if found.as_bytes().ends_with(b"tee") => texts.tee = true,
                    Some(b'f') => texts.layer = true,
                    _ => texts.removed_levels = true,
                }
            }
        }
        texts
    }
}

fn recorder(texts: &Texts) -> Finding {
    const SUBJECT: &str = "flight recorder";
    if texts.recorder {
        let state = match (texts.tee, texts.layer) {
            (true, true) => "is in it, with the tee for `log` and the layer for `tracing`",
            (true, false) => "is in it, with the tee for `log`",
            (false, true) => "is in it, with the layer for `tracing`",
            (false, false) => "is in it",
        };
        return Finding::good(SUBJECT, state);
    }
    Finding::bad(
        SUBJECT,
        "is not in it",
        "call flightrec::builder(…).install() in main, or install_layer() in a program that uses `tracing`",
    )
}

/// Whether a crash leaves the stack of its thread, which depends on the system and its C library.
fn crashes(file: &File<'_>) -> Finding {
    const SUBJECT: &str = "crash stacks";
    let none = |system: &str| {
        Finding::unsure(
            SUBJECT,
            format!("are not recorded on {system}"),
            "with crash_safe(true) a crash leaves the last records, and no stack",
        )
    };
    if file.format() != BinaryFormat::Elf {
        return none("this system yet");
    }
    if file.architecture() != Architecture::X86_64 {
        return none("processors other than x86-64 yet");
    }
    let loader = file.section_by_name(".interp");
    let loader = loader.and_then(|section| section.data().ok());
    let has = |name: &[u8]| {
        let mut places = loader.unwrap_or_default().windows(name.len());
        places.any(|place| place == name)
    };
    if has(b"ld-musl") {
        none("musl yet")
    } else if has(b"ld-linux") {
        Finding::good(SUBJECT, "are recorded with crash_safe(true): x86-64, glibc")
    } else {
        Finding::unsure(
            SUBJECT,
            "are recorded with crash_safe(true) if it is linked to glibc statically, not to musl",
            "",
        )
    }
}

fn identity(file: &File<'_>) -> Finding {
    const SUBJECT: &str = "build-id";
    let id = match file.format() {
        BinaryFormat::MachO => file.mach_uuid().ok().flatten().map(|id| id.to_vec()),
        BinaryFormat::Elf => file.build_id().ok().flatten().map(<[u8]>::to_vec),
        _ => file
            .pdb_info()
            .ok()
            .flatten()
            .map(|pdb| pdb.guid().to_vec()),
    };
    match id {
        Some(id) => {
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            Finding::good(SUBJECT, hex)
        }
        None => Finding::bad(
            SUBJECT,
            "none: a dump can't tell which build it is from",
            "link with RUSTFLAGS=\"-C link-arg=-Wl,--build-id\", or call .revision(…) on the builder",
        ),
    }
}

fn functions(file: &File<'_>) -> usize {
    let is_function = |symbol: &object::Symbol<'_, '_>| {
        symbol.is_definition() && symbol.kind() == SymbolKind::Text
    };
    file.symbols().filter(is_function).count()
}

/// Debug information in a separate file next to the executable.
fn beside(path: &Path) -> Option<&'static str> {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Path::new(&name).exists()
    };
    if with(".dSYM") {
        Some("in the .dSYM beside it")
    } else if path.with_extension("pdb").exists() {
        Some("in the .pdb beside it")
    } else if with(".debug") {
        Some("in the .debug beside it")
    } else {
        None
    }
}

fn symbols(file: &File<'_>, functions: usize, beside: Option<&str>) -> Finding {
    const SUBJECT: &str = "symbols";
    // On Windows symbols are always in another file.
    match (functions, beside) {
        (1.., _) if file.format() != BinaryFormat::Pe => Finding::good(
            SUBJECT,
            format!(
                "of {} functions",
                crate::render::count::grouped(functions as u64)
            ),
        ),
        (_, Some(beside)) => Finding::good(SUBJECT, format!("{beside}; keep it")),
        _ => Finding::bad(
            SUBJECT,
            "stripped: frames will be addresses without names",
            "keep an unstripped copy of each release, or set strip = \"debuginfo\" in [profile.release]",
        ),
    }
}

fn lines(file: &File<'_>, beside: Option<&str>) -> Finding {
    const SUBJECT: &str = "line tables";
    let is_there = file
        .section_by_name(".debug_line")
        .or_else(|| file.section_by_name(".zdebug_line"))
        .is_some_and(|section| section.size() > 0 && has_units_beyond_std(file));
    if is_there {
        return Finding::good(SUBJECT, "in it: frames have files and lines");
    }
    match beside {
        Some(beside) => Finding::good(SUBJECT, format!("{beside}; keep it")),
        None => Finding::bad(
            SUBJECT,
            "none: frames will have no files and lines",
            "set debug = \"line-tables-only\" in [profile.release]",
        ),
    }
}

/// Whether there are line tables of the program. The standard library always has line tables of its own.
fn has_units_beyond_std(file: &File<'_>) -> bool {
    let names = [
        ".debug_str",
        ".debug_line_str",
        ".debug_info",
        ".zdebug_str",
        ".zdebug_info",
    ];
    // The paths of the library's sources have the compiler's revision, other paths have directories.
    let Ok(other) = Regex::new("/\\.cargo/registry/|src/main\\.rs|src/lib\\.rs|src\\\\main\\.rs")
    else {
        return true;
    };
    names
        .iter()
        .filter_map(|name| file.section_by_name(name))
        .any(|section| {
            // A section that is too large or damaged counts as one with units of the program.
            let fits = section
                .compressed_data()
                .is_ok_and(|data| data.uncompressed_size <= MAX_DEBUG_SECTION);
            let data = fits.then(|| section.uncompressed_data().ok()).flatten();
            data.is_none_or(|data| {
                other
                    .find_iter(&data)
                    .any(|found| !is_of_std(&data, found.start()))
            })
        })
}

/// Whether the path around `at` belongs to the standard library.
fn is_of_std(data: &[u8], at: usize) -> bool {
    let start = data[..at]
        .iter()
        .rposition(|byte| *byte == 0)
        .map_or(0, |zero| zero + 1);
    let path = String::from_utf8_lossy(&data[start..at]);
    path.starts_with("/rustc/") || path.starts_with("library/") || path.contains("/rust/deps/")
}

fn panics(file: &File<'_>, texts: &Texts) -> Finding {
    const SUBJECT: &str = "panics";
    let unwinds = || {
        let mut symbols = file.dynamic_symbols().chain(file.symbols());
        symbols.any(|symbol| {
            symbol
                .name_bytes()
                .is_ok_and(|name| name.ends_with(b"_Unwind_RaiseException"))
        })
    };
    if texts.panic_abort {
        return Finding::unsure(
            SUBJECT,
            "abort: the hook still makes a dump, but run() cannot catch panics and destructors do not run",
            "remove panic = \"abort\" from [profile.release] unless you need it",
        );
    }
    if unwinds() {
        return Finding::good(SUBJECT, "unwind");
    }
    Finding::unsure(
        SUBJECT,
        "can't be told from this file",
        "see that [profile.release] has no panic = \"abort\"",
    )
}

/// The recorder's warning about levels that were compiled out is removed from an optimised program that
/// has all levels.
fn levels(texts: &Texts) -> Finding {
    const SUBJECT: &str = "levels";
    if !texts.recorder {
        return Finding::unsure(
            SUBJECT,
            "unknown: the program does not contain the recorder",
            "",
        );
    }
    if !texts.removed_levels {
        return Finding::good(
            SUBJECT,
            "all: no feature of the crate `log` removes records",
        );
    }
    Finding::unsure(
        SUBJECT,
        "some may be compiled out, unless this is a debug build",
        "look for release_max_level_… in `cargo tree -e features -i log`",
    )
}
