//! Wrong or malicious files for `symbolicate`.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::process::Command;

use common::{Bench, stderr, stdout};
use object::{Object, ObjectSymbol};
use serde_json::{Value, json};

/// The source of a library of a few kilobytes, with one function, `outer`.
const SOURCE: &str = r#"
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
#[unsafe(no_mangle)]
pub extern "C" fn outer(n: u32) -> u32 { n ^ 7 }
"#;

struct Library {
    build_id: String,
    /// An address in `outer`.
    address: String,
}

/// Builds the library as `tiny.so` in the directory.
fn library(bench: &Bench, build_id: &str) -> Library {
    let source = bench.put("tiny.rs", SOURCE.as_bytes());
    let library = bench.dir.path().join("tiny.so");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let built = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-Cdebuginfo=1"])
        .args(["-Copt-level=1", "-Cpanic=abort", "-Clink-arg=-nostdlib"])
        .arg(format!("-Clink-arg=-Wl,--build-id={build_id}"))
        .arg("-o")
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    let bytes = fs::read(&library).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let outer = file.symbols().find(|symbol| symbol.name() == Ok("outer"));
    let id = file.build_id().unwrap().unwrap_or_default();
    Library {
        build_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        address: format!("{:#x}", outer.unwrap().address() + 1),
    }
}

fn frame(address: &str, module: &str) -> Value {
    json!({
        "name": "<unknown>", "file": null, "line": null, "column": null,
        "address": address, "module": module, "noise": false, "later": [1.50],
    })
}

fn dump(build_id: Option<&str>, frames: &[Value]) -> Value {
    json!({
        "schema": "flightrec/1",
        "reason": {"kind": "error", "message": "no"},
        "stack_traces": [{"error": "no", "frames": frames, "trail": []}, "no stack", {"frames": 7}],
        "modules": [{"name": "/opt/tiny.so", "build_id": build_id}],
    })
}

fn put(bench: &Bench, dump: &Value) {
    bench.put("dump.json", dump.to_string().as_bytes());
}

fn run(bench: &Bench, args: &[&str]) -> (Option<i32>, String, String) {
    let output = bench.run(&[&["symbolicate", "dump.json"], args].concat());
    (output.status.code(), stdout(&output), stderr(&output))
}

#[test]
fn known_frames_are_named_and_the_others_unchanged() {
    let bench = Bench::new();
    let tiny = library(&bench, "0xc0ffee00");
    let known = frame(&tiny.address, "/opt/tiny.so");
    let unknown = [
        frame("0x0", "/opt/tiny.so"),
        frame("0xffffffffffffffff", "/opt/tiny.so"),
        frame("nonsense", "/opt/tiny.so"),
        frame(&tiny.address, "/opt/other.so"),
        json!({"name": "<unknown>"}),
    ];
    let frames = [&unknown[..], &[known]].concat();
    put(&bench, &dump(Some(&tiny.build_id), &frames));
    let (code, out, err) = run(&bench, &["--binary", "tiny.so"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        err,
        "completed 1 of 6 frames\n\
         \x20 3 frames of tiny.so without a name (build-id c0ffee00)\n\
         \x20 2 frames in no known module\n"
    );
    let mut after: Value = serde_json::from_str(&out).unwrap();
    let named = after["stack_traces"][0]["frames"][5].take();
    assert_eq!(named["name"], "outer");
    assert_eq!(named["line"], 6);
    assert_eq!(named["later"], json!([1.50]));
    let mut before = dump(Some(&tiny.build_id), &frames);
    before["stack_traces"][0]["frames"][5].take();
    let fingerprint = after.as_object_mut().unwrap().remove("fingerprint");
    assert!(fingerprint.unwrap().as_str().unwrap().starts_with("fr2-"));
    assert_eq!(after, before);

    put(&bench, &dump(Some(&tiny.build_id), &unknown));
    let before = fs::read_to_string(bench.dir.path().join("dump.json")).unwrap();
    let (code, out, _) = run(&bench, &["--binary", "tiny.so"]);
    assert_eq!((code, out), (Some(1), before));
}

#[test]
fn another_build_is_refused_unless_forced() {
    let bench = Bench::new();
    let tiny = library(&bench, "0xc0ffee00");
    put(
        &bench,
        &dump(Some("beef"), &[frame(&tiny.address, "/opt/tiny.so")]),
    );
    let (code, out, err) = run(&bench, &["--binary", "tiny.so"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(
        err,
        "flightrec: tiny.so: its build-id is c0ffee00, but the dump is from tiny.so with beef; \
         give the build that failed, or use --force\n"
    );
    let (code, out, _) = run(&bench, &["--binary", "tiny.so", "--force"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("\"outer\""), "{out}");
}

#[test]
fn without_build_ids_the_name_decides() {
    let bench = Bench::new();
    let tiny = library(&bench, "none");
    let frames = [frame(&tiny.address, "/opt/tiny.so")];
    put(&bench, &dump(None, &frames));
    assert_eq!(run(&bench, &["--binary", "tiny.so"]).0, Some(0));
    fs::copy(
        bench.dir.path().join("tiny.so"),
        bench.dir.path().join("other.so"),
    )
    .unwrap();
    assert_eq!(run(&bench, &["--binary", "other.so"]).0, Some(2));
    put(&bench, &dump(Some("beef"), &frames));
    let (code, _, err) = run(&bench, &["--binary", "tiny.so"]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("it has no build-id, but the dump is from tiny.so with beef"),
        "{err}"
    );
}

#[test]
fn a_file_that_is_not_a_binary_is_refused() {
    let bench = Bench::new();
    put(&bench, &dump(Some("beef"), &[frame("0x1", "/opt/tiny.so")]));
    bench.put("script", b"#!/bin/sh\n");
    bench.put("empty", b"");
    bench.put("elf", b"\x7fELF and nothing else");
    let sparse = fs::File::create(bench.dir.path().join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    let huge = fs::File::create(bench.dir.path().join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for (file, why) in [
        ("script", "it is a script, not an ELF file"),
        ("empty", "it is not an ELF file"),
        ("elf", "it is a damaged ELF file"),
        ("sparse", "it is not an ELF file"),
        (
            "huge",
            "it is larger than 1 GiB; a larger --max-size allows more",
        ),
        (".", "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        ("missing", "cannot read it: No such file or directory"),
    ] {
        let (code, out, err) = run(&bench, &["--binary", file]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert_eq!(err, format!("flightrec: {file}: {why}\n"));
    }
    let (code, _, err) = run(&bench, &[]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--binary FILE"), "{err}");
}

#[test]
fn a_dump_cannot_name_files_outside_the_directory() {
    let bench = Bench::new();
    bench.put("debug/outside.debug", b"not read");
    fs::create_dir_all(bench.dir.path().join("debug/.build-id/ab/c")).unwrap();
    for id in [
        "..",
        "../../outside",
        "abc/../../../outside",
        "abcd\0",
        "äöü",
    ] {
        put(&bench, &dump(Some(id), &[frame("0x1", "/opt/tiny.so")]));
        let (code, _, err) = run(&bench, &["--debug-dir", "debug"]);
        assert_eq!(code, Some(1), "{err}");
    }
}

#[test]
fn the_output_is_a_new_file_that_only_its_owner_can_read() {
    let bench = Bench::new();
    let tiny = library(&bench, "0xc0ffee00");
    put(
        &bench,
        &dump(Some("c0ffee00"), &[frame(&tiny.address, "/opt/tiny.so")]),
    );
    let args = ["--binary", "tiny.so", "--output", "completed.json"];
    assert_eq!(run(&bench, &args).0, Some(0));
    let written = bench.dir.path().join("completed.json");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&written).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (code, _, err) = run(&bench, &args);
    assert_eq!(code, Some(2));
    assert!(err.contains("completed.json: it exists already"), "{err}");
}
