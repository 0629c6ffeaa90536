//! Regenerates the seeds with the program's own writers.
//!
//! ```text
//! RUSTFLAGS="--cfg fuzzing" cargo run --bin seeds
//! ```
//!
//! Inputs that found a fault have names that begin with `found-`; they are kept.

use std::backtrace::Backtrace;
use std::fs;
use std::path::Path;
use std::process::Command;

use log::{Level, Log, Record};
use tailwriter::fuzzing::small_tail;

/// The source of a program for symbol lookups: inlined functions, and one that is not inlined.
const SMALL_PROGRAM: &str = "#![no_std]
    #[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
    #[inline(always)] fn deep(n: u32) -> u32 { n.wrapping_mul(7) ^ 3 }
    #[inline(always)] fn deeper(n: u32) -> u32 { deep(n) + deep(n >> 1) }
    #[inline(never)] fn apart(n: u32) -> u32 { deeper(n).rotate_left(3) }
    #[unsafe(no_mangle)] pub extern \"C\" fn entry(n: u32) -> u32 { apart(n) + deeper(n + 1) }
";

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let dir = seeds.join(target);
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(dir.join(name), bytes).expect("a seed");
    };
    let records = records();
    for (n, record) in records.iter().enumerate() {
        write("packed", &format!("record-{n}"), record);
    }
    for (name, choice) in [("checked", 0), ("ignored", 1)] {
        write("ring", name, &[vec![choice], ring(&records)].concat());
    }
    write("json", "made.json", &dump());
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/flightrec-cli/tests/data");
    for name in ["census.json", "worker.json"] {
        write("json", name, &fs::read(tests.join(name)).expect("a dump"));
    }
    let trace = Backtrace::force_capture().to_string();
    let lines: Vec<&str> = trace.lines().take(24).collect();
    write("backtrace", "std", lines.join("\n").as_bytes());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    fs::write(data.join("small-program.so"), small_program()).expect("the data");
    for (n, text) in DIRECTIVES.iter().enumerate() {
        write("directives", &n.to_string(), text.as_bytes());
    }
    for (n, text) in SECRETS.iter().enumerate() {
        write("redact_text", &n.to_string(), text.as_bytes());
    }
    write(
        "stream",
        "lines",
        b"\x04\x10\x05one\ntwo\n\nand a third that is longer than all\nrest",
    );
}

const DIRECTIVES: [&str; 5] = [
    "info",
    "warn,net=debug,net::tcp=off",
    "app=trace/refused",
    "off",
    "",
];

const SECRETS: [&str; 9] = [
    "GET https://me:hunter2@example.org/?api_key=s3cr3t&page=2",
    "Authorization: Bearer abc.def.ghi\nCookie: a=b; c=d",
    "{\"apiKey\": \"a\\\"b\", \"db_password\": 'x', n: 17}",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\nafter",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "ghp_0123456789abcdef0123456789abcdef0123 AKIAIOSFODNN7EXAMPLE xoxb-1-2-abcdefghij",
    "tokens_used=512 password_length: 8 passwords = [\"a\", \"b\"]",
    "--password hunter2 -p x X-Api-Key: k",
    "Some(Secret { token: \"t\" })",
];

/// Records of every kind, packed as in a ring.
fn records() -> Vec<Vec<u8>> {
    let pack = |record: &Record<'_>| packlog::pack(record, <[u8]>::to_vec);
    let null = log::kv::Value::null();
    vec![
        pack(&Record::builder().args(format_args!("plain")).build()),
        pack(
            &Record::builder()
                .level(Level::Warn)
                .target("net::tcp")
                .module_path(Some("app::net"))
                .file(Some("src/net.rs"))
                .line(Some(17))
                .args(format_args!("password=hunter2 after {} tries", 3))
                .key_values(&[("peer", "10.0.0.1"), ("token", "t0ps3cret")])
                .build(),
        ),
        pack(
            &Record::builder()
                .level(Level::Error)
                .args(format_args!("two\nlines \u{1b}[31m"))
                .key_values(&[
                    ("none", null),
                    ("n", (-7).into()),
                    ("wide", u128::MAX.into()),
                ])
                .build(),
        ),
        pack(
            &Record::builder()
                .args(format_args!(""))
                .key_values(&[("float", 0.25.into()), ("yes", log::kv::Value::from(true))])
                .build(),
        ),
    ]
}

/// A ring file that was recycled, cleared and written to again.
fn ring(records: &[Vec<u8>]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ring");
    let tail = small_tail(&path).expect("a ring");
    for round in 0..12 {
        for record in records {
            tail.push(record);
        }
        tail.push_class(1, &records[2]);
        if round == 8 {
            tail.clear();
        }
    }
    fs::read(path).expect("the ring's file")
}

/// A dump that a program wrote.
fn dump() -> Vec<u8> {
    let (recorder, tee) = flightrec::builder("seed")
        .version("1.2.3")
        .metadata("purpose", "a seed")
        .dump_to(std::io::sink())
        .build();
    let say = |level, message: &str| {
        let args = format_args!("{message}");
        let record = Record::builder()
            .level(level)
            .target("seed")
            .args(args)
            .key_values(&[("n", 1.5)])
            .build();
        tee.log(&record);
    };
    say(Level::Debug, "began");
    say(Level::Error, "GET https://me:hunter2@example.org failed");
    let mut json = Vec::new();
    recorder.write_to(&mut json).expect("writing to a vector");
    // Removes the paths of this machine.
    let program = std::env::current_exe().expect("the program's path");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = sources.canonicalize().expect("the sources");
    String::from_utf8(json)
        .expect("JSON is text")
        .replace(&*program.to_string_lossy(), "/usr/bin/seed")
        .replace(&*sources.to_string_lossy(), "/src")
        .into_bytes()
}

/// A small ELF file with debug information.
fn small_program() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("small.rs");
    fs::write(&source, SMALL_PROGRAM).expect("a source");
    let whole = dir.path().join("whole.so");
    run(Command::new("rustc")
        .current_dir(dir.path())
        .args(["--edition=2024", "--crate-type=cdylib", "-Cpanic=abort"])
        .args(["-Cdebuginfo=2", "-Copt-level=1", "-Clink-arg=-nostdlib"])
        .args(["-Clink-arg=-Wl,--gc-sections,--build-id,-z,noseparate-code"])
        .arg("--remap-path-prefix")
        .arg(format!("{}=/build", dir.path().display()))
        .args([&source, Path::new("-o"), &whole]));
    fs::read(&whole).expect("a binary")
}

fn run(command: &mut Command) {
    let status = command.status().expect("the command is installed");
    assert!(status.success(), "{command:?}: {status}");
}
