//! Functions, files and lines at the addresses of whole programs, against those of `addr2line`.
#![cfg(all(feature = "symbols", target_os = "linux"))]

use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use stackerr::symbols::SymbolFile;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is inlined into what, through closures, generics, tables of functions and several units.
const SOURCE: &str = r#"
use std::collections::BTreeMap;
use std::fmt::Debug;

mod shapes {
    pub trait Shape { fn area(&self) -> f64; }
    pub struct Square(pub f64);
    impl Shape for Square { #[inline] fn area(&self) -> f64 { super::twice(self.0) * self.0 / 2.0 } }
    pub fn all() -> Vec<Box<dyn Shape>> { (0..9).map(|n| Box::new(Square(n as f64)) as _).collect() }
}

#[inline(always)]
fn twice<T: Copy + std::ops::Add<Output = T>>(n: T) -> T { n + n }

fn show<T: Debug>(values: &[T]) { for value in values { println!("{value:?}"); } }

fn main() {
    let mut words = BTreeMap::new();
    for word in std::env::args() { *words.entry(word).or_insert(0) += 1; }
    show(&words.into_iter().collect::<Vec<_>>());
    let areas: Vec<f64> = shapes::all().iter().map(|shape| twice(shape.area())).collect();
    show(&areas);
}
"#;

/// Builds the source with those flags.
fn build(name: &str, flags: &[&str]) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Tests may run in several processes at once.
    let stem = dir.join(format!("{name}-{}", std::process::id()));
    let source = stem.with_extension("rs");
    let program = stem.with_extension("elf");
    std::fs::write(&source, SOURCE).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition=2024", "--crate-type=bin"]);
    let built = command.args(flags).arg("-o").args([&program, &source]);
    let built = built.output().unwrap();
    assert!(built.status.success(), "{built:?}");
    let bytes = std::fs::read(&program).unwrap();
    std::fs::remove_file(&source).unwrap();
    std::fs::remove_file(&program).unwrap();
    bytes
}

/// A function at an address: its name, and the place that the instruction comes from.
type Function = (Option<String>, Option<String>, Option<u32>, Option<u32>);

struct Oracle<'data>(addr2line::Context<EndianSlice<'data, RunTimeEndian>>);

impl<'data> Oracle<'data> {
    fn new(file: &object::File<'data>) -> Self {
        let endian = match file.is_little_endian() {
            true => RunTimeEndian::Little,
            false => RunTimeEndian::Big,
        };
        let dwarf = gimli::Dwarf::load(|id| {
            let section = file.section_by_name(id.name());
            let data = section.map_or(&[][..], |section| section.data().unwrap());
            Ok::<_, gimli::Error>(EndianSlice::new(data, endian))
        });
        Self(addr2line::Context::from_dwarf(dwarf.unwrap()).unwrap())
    }

    fn find(&self, address: u64) -> Vec<Function> {
        let mut functions = Vec::new();
        let mut frames = self.0.find_frames(address).skip_all_loads().unwrap();
        while let Some(frame) = frames.next().unwrap() {
            let name = frame.function.map(|name| {
                let name = name.raw_name().unwrap();
                format!("{:#}", rustc_demangle::demangle(&name))
            });
            let place = frame.location.as_ref();
            functions.push((
                name,
                place.and_then(|place| place.file.map(str::to_owned)),
                place.and_then(|place| place.line),
                place.and_then(|place| place.column.filter(|&column| column > 0)),
            ));
        }
        functions
    }
}

/// Compares each `step`-th address of the code; returns how many have functions inlined there.
fn check(bytes: Vec<u8>, step: usize) -> usize {
    let file = object::File::parse(&*bytes).unwrap();
    let oracle = Oracle::new(&file);
    let text = file.section_by_name(".text").unwrap();
    let addresses: Vec<u64> = (text.address()..text.address() + text.size())
        .step_by(step)
        .collect();
    let ours = SymbolFile::parse(bytes.clone(), SymbolFile::DEFAULT_LIMIT).unwrap();
    // They are told where a call returns to.
    let returns: Vec<u64> = addresses.iter().map(|address| address + 1).collect();
    let ours = ours.symbols().unwrap().find_all(&returns);
    assert_eq!(ours.len(), addresses.len());
    let (mut known, mut inlined) = (0, 0);
    for (address, ours) in addresses.into_iter().zip(ours) {
        let mut theirs = oracle.find(address);
        let mut ours: Vec<Function> = ours
            .iter()
            .map(|symbol| {
                let name = symbol.is_named().then(|| symbol.name().to_owned());
                let file = symbol.file().map(str::to_owned);
                (name, file, symbol.line(), symbol.column())
            })
            .collect();
        // The symbol table has the outermost function's name where debug information has none, or
        // has none with a path.
        let outer = theirs.last().and_then(|function| function.0.as_deref());
        let head = outer.and_then(|name| name.split('<').next()).unwrap_or("?");
        if !head.is_empty() && !head.contains("::") {
            if theirs.is_empty() {
                ours.retain(|function| function.1.is_some());
            }
            for functions in [&mut ours, &mut theirs] {
                if let Some(outer) = functions.last_mut() {
                    outer.0 = None;
                }
            }
        }
        assert_eq!(ours, theirs, "{address:#x}");
        known += usize::from(!theirs.is_empty());
        inlined += usize::from(theirs.len() > 1);
    }
    assert!(known > 1_000, "{known}");
    inlined
}

#[test]
fn this_program() {
    let exe: PathBuf = std::env::current_exe().unwrap();
    assert!(check(std::fs::read(exe).unwrap(), 997) > 100);
}

#[test]
fn optimized() {
    let bytes = build("optimized", &["-g", "-O", "-Cdwarf-version=4"]);
    assert!(check(bytes, 61) > 1_000);
}

#[test]
fn dwarf_5() {
    let bytes = build("dwarf-5", &["-g", "-O", "-Cdwarf-version=5"]);
    assert!(check(bytes, 61) > 1_000);
}

#[test]
fn functions_from_other_units() {
    let flags = [
        "-g",
        "-O",
        "-Clto=fat",
        "-Cdwarf-version=5",
        "-Cpanic=abort",
    ];
    assert!(check(build("lto", &flags), 61) > 1_000);
}

#[test]
fn nothing_but_lines() {
    let flags = ["-Cdebuginfo=line-tables-only", "-O"];
    assert!(check(build("lines", &flags), 61) > 1_000);
}

#[test]
fn not_optimized() {
    let bytes = build("debug", &["-g", "-Cdwarf-version=3"]);
    check(bytes, 61);
}

#[test]
fn nothing_but_symbols() {
    let bytes = build("symbols", &["-O", "-Cstrip=debuginfo"]);
    let file = object::File::parse(&*bytes).unwrap();
    let ours = SymbolFile::parse(bytes.clone(), SymbolFile::DEFAULT_LIMIT).unwrap();
    assert!(!ours.has_debug_info());
    let mut functions: Vec<_> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .map(|symbol| (symbol.address(), symbol.size(), symbol.name().unwrap()))
        .collect();
    // The last one at an address counts.
    functions.sort_unstable_by_key(|&(address, size, name)| (address, size, Reverse(name)));
    let text = file.section_by_name(".text").unwrap();
    let mut addresses: Vec<u64> = (text.address()..text.address() + text.size())
        .step_by(61)
        .collect();
    for &(address, size, _) in functions.iter().step_by(7) {
        addresses.extend([address, address + size.saturating_sub(1), address + size]);
    }
    let returns: Vec<u64> = addresses.iter().map(|address| address + 1).collect();
    let found = ours.symbols().unwrap().find_all(&returns);
    let mut known = 0;
    for (address, found) in addresses.into_iter().zip(found) {
        let after = functions.partition_point(|function| function.0 <= address);
        let expected = after.checked_sub(1).and_then(|at| {
            let (start, size, name) = functions[at];
            let name = format!("{:#}", rustc_demangle::demangle(name));
            (size == 0 || address < start + size).then_some(name)
        });
        let names: Vec<_> = found
            .iter()
            .map(|symbol| symbol.name().to_owned())
            .collect();
        known += names.len();
        assert_eq!(names, Vec::from_iter(expected), "{address:#x}");
    }
    assert!(known > 1_000, "{known}");
}
