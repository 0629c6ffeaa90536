//! The completed dump of a stripped program is equal to the dump of the unstripped program.
#![cfg(target_os = "linux")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Bench, stderr, stdout};
use serde_json::Value;

/// Builds the example with optimisations and debug information.
fn census() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("census");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new(env!("CARGO"))
        .current_dir(workspace)
        .args(["build", "--release", "--package", "examples"])
        .args(["--no-default-features", "--features", "census"])
        // Dependencies are not optimised, so that they build faster.
        .args(["--config", "profile.release.package.\"*\".opt-level=0"])
        .args(["--example", "census", "--target-dir"])
        .arg(&target)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    target.join("release/examples/census")
}

fn tool(name: &str, args: &[&OsStr]) {
    let done = Command::new(name).args(args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// Runs the program on a directory on which it fails, and returns the dump.
fn dump_of(binary: &Path, bench: &Bench, crates: &str) -> PathBuf {
    let state = binary.with_extension(format!("state-{crates}"));
    let failed = Command::new(binary)
        .current_dir(bench.dir.path())
        .env("XDG_STATE_HOME", &state)
        .args([crates, "--threads", "1"])
        .output()
        .unwrap();
    assert!(!failed.status.success());
    let dir = state.join("census/flightrec");
    let mut dumps = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let dump = dumps.find(|path| path.extension() == Some(OsStr::new("json")));
    dump.unwrap_or_else(|| panic!("{}", stderr(&failed)))
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

/// The stacks, without the path of the binary.
fn stacks(dump: &Value) -> Value {
    let mut stacks = dump["stack_traces"].clone();
    for trace in stacks.as_array_mut().unwrap() {
        for frame in trace["frames"].as_array_mut().unwrap() {
            let module = frame["module"].as_str().unwrap();
            frame["module"] = Path::new(module).file_name().unwrap().to_str().into();
        }
    }
    stacks
}

fn frames(stacks: &Value) -> impl Iterator<Item = &Value> {
    let traces = stacks.as_array().unwrap().iter();
    traces.flat_map(|trace| trace["frames"].as_array().unwrap())
}

#[test]
fn a_completed_dump_is_equal_to_that_of_the_unstripped_program() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    let whole = dir.join("whole/census");
    let stripped = dir.join("stripped/census");
    bench.put("whole/census", &fs::read(census()).unwrap());
    fs::create_dir(dir.join("stripped")).unwrap();
    fs::set_permissions(&whole, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    tool("strip", &["-o".as_ref(), stripped.as_ref(), whole.as_ref()]);
    let objcopy = |how: &str, name: &str| {
        let made = dir.join(name);
        fs::create_dir_all(made.parent().unwrap()).unwrap();
        tool("objcopy", &[how.as_ref(), whole.as_ref(), made.as_ref()]);
        made
    };
    let split = objcopy("--only-keep-debug", "census.debug");
    let zlib = objcopy("--compress-debug-sections=zlib", "zlib/census");
    let old = objcopy("--compress-debug-sections=zlib-gnu", "old/census");
    let lean = dir.join("lean/census");
    fs::create_dir(dir.join("lean")).unwrap();
    tool(
        "strip",
        &[
            "--strip-debug".as_ref(),
            "-o".as_ref(),
            lean.as_ref(),
            whole.as_ref(),
        ],
    );
    // The stripped binary names the file with its debug information, which is in the same directory.
    let linked = dir.join("linked/census");
    fs::create_dir(dir.join("linked")).unwrap();
    fs::copy(&split, dir.join("linked/census.debug")).unwrap();
    let link = format!("--add-gnu-debuglink={}", split.display());
    tool(
        "objcopy",
        &[link.as_ref(), stripped.as_ref(), linked.as_ref()],
    );

    // One fails with two errors in a worker, one panics in a worker, one fails in `main`, below the
    // recorder's own frames.
    bench.put("fails/a/Cargo.toml", b"not toml [");
    bench.put("fails/b/Cargo.toml", b"\xff");
    bench.put(
        "panics/a/Cargo.toml",
        b"[package]\nname = \"x\"\nedition = \"1999\"\n",
    );
    for crates in ["fails", "panics", "missing"] {
        let expected = parsed(&fs::read(dump_of(&whole, &bench, crates)).unwrap());
        let print = expected["fingerprint"].clone();
        assert!(print.as_str().unwrap().starts_with("fr2-"));
        let expected = stacks(&expected);
        let inlined = frames(&expected).filter(|frame| {
            let same = frames(&expected).filter(|other| other["address"] == frame["address"]);
            same.count() > 1
        });
        assert!(inlined.count() > 2, "nothing was inlined");

        for run in [&stripped, &lean] {
            let dump = dump_of(run, &bench, crates);
            let before = parsed(&fs::read(&dump).unwrap());
            assert_ne!(stacks(&before), expected);
            // With symbols but without lines, only functions are named, and no inlined ones.
            assert_ne!(before["fingerprint"], print);
            let dump = dump.to_str().unwrap();
            for binary in [&whole, &split, &zlib, &old, &linked] {
                let output =
                    bench.run(&["symbolicate", dump, "--binary", binary.to_str().unwrap()]);
                assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
                let after = parsed(&output.stdout);
                assert_eq!(stacks(&after), expected, "{}", binary.display());
                assert_eq!(after["fingerprint"], print);
                for (key, value) in before.as_object().unwrap() {
                    let completed = ["stack_traces", "fingerprint"].contains(&key.as_str());
                    assert!(completed || after[key] == *value, "{key}");
                }
            }
        }

        // Finds the binary by its build-id, and overwrites the dump.
        let dump = dump_of(&stripped, &bench, crates);
        let json = fs::read(&dump).unwrap();
        let id = parsed(&json)["modules"][0]["build_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let (folder, rest) = id.split_at(2);
        let name = format!("debug/.build-id/{folder}/{rest}.debug");
        bench.put(&name, &fs::read(&split).unwrap());
        let dump = dump.to_str().unwrap();
        let args = ["symbolicate", dump, "--debug-dir", "debug", "--in-place"];
        let output = bench.run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert_eq!(stacks(&parsed(&fs::read(dump).unwrap())), expected);
    }
}
