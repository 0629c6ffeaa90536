//! Compares the output with golden files.

mod common;

use common::{Bench, data, golden};

/// Checks the command's output with `columns`, with and without colour.
fn check(name: &str, bench: &Bench, columns: &str, args: &[&str]) {
    let print = |colour: bool| {
        let mut command = bench.command(args);
        command.env("COLUMNS", columns);
        if colour {
            command.env("CLICOLOR_FORCE", "1");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (plain, coloured) = (print(false), print(true));
    golden(&format!("{name}-{columns}.txt"), &plain);
    golden(&format!("{name}-{columns}.colour.txt"), &coloured);
    assert!(
        !plain.contains('\x1b') && coloured.contains("\x1b["),
        "only the colours differ"
    );
}

#[test]
fn show() {
    let bench = Bench::new();
    bench.put_source();
    let dump = data("census.json");
    for columns in ["60", "80", "200"] {
        check("show", &bench, columns, &["show", dump.to_str().unwrap()]);
        check(
            "show-all",
            &bench,
            columns,
            &["show", "--all", dump.to_str().unwrap()],
        );
    }
}

#[test]
fn the_threads_of_a_hang() {
    let bench = Bench::new();
    let dump = data("hang.json");
    for columns in ["60", "80", "200"] {
        check("hang", &bench, columns, &["show", dump.to_str().unwrap()]);
    }
}

#[test]
fn diff() {
    let bench = Bench::new();
    let census = std::fs::read_to_string(data("census.json")).unwrap();
    let newer = census
        .replace("\"version\": \"0.1.0\"", "\"version\": \"0.2.0\"")
        .replace("\"line\": 15,", "\"line\": 19,")
        .replace("3 manifests below", "nothing\u{202e} below");
    assert_ne!(newer, census);
    bench.put("old.json", census.as_bytes());
    bench.put("new.json", newer.as_bytes());
    for columns in ["60", "80", "200"] {
        let args = ["show", "old.json", "--diff", "new.json"];
        check("diff", &bench, columns, &args);
    }
    let same = bench.print(&["show", "old.json", "--diff", "old.json"]);
    assert!(
        same.ends_with("no difference but time and process\n"),
        "{same}"
    );
}

#[test]
fn merge() {
    let bench = Bench::new();
    let (census, worker) = (data("census.json"), data("worker.json"));
    for columns in ["60", "80", "200"] {
        check(
            "merge",
            &bench,
            columns,
            &["merge", census.to_str().unwrap(), worker.to_str().unwrap()],
        );
    }
}

#[test]
fn group() {
    let bench = Bench::new();
    let read = |name: &str| std::fs::read_to_string(data(name)).unwrap();
    for (n, day) in ["21", "22", "23"].iter().enumerate() {
        let dump = read("census.json").replace("2026-11-23T", &format!("2026-11-{day}T"));
        let dump = dump.replace(
            "\"version\": \"0.1.0\"",
            &format!("\"version\": \"0.1.{n}\""),
        );
        bench.put(&format!("dumps/deep/{n}.json"), dump.as_bytes());
    }
    bench.put("dumps/worker.json", read("worker.json").as_bytes());
    bench.put("dumps/other.txt", b"ignored");
    for columns in ["60", "80", "200"] {
        check("group", &bench, columns, &["group", "dumps"]);
    }
}

/// On other systems, no environment variable sets the state directory.
#[cfg(target_os = "linux")]
#[test]
fn list() {
    let bench = Bench::new();
    let read = |name: &str| std::fs::read(data(name)).unwrap();
    bench.put(
        "state/census/flightrec/20261123T003015.500000Z-error-4711-0.json",
        &read("census.json"),
    );
    bench.put(
        "state/census/flightrec/20261123T003014.500000Z-error-4710-0.json",
        &read("census.json"),
    );
    bench.put(
        "state/worker/flightrec/20261123T003016.750000Z-panic-4712-0.json",
        &read("worker.json"),
    );
    bench.put(
        "state/broken/flightrec/20261123T003010.000000Z-error-1-0.json",
        b"{\"schema\": \x1b",
    );
    for (columns, name) in [("60", "list"), ("80", "list"), ("200", "list")] {
        let output = bench.command(&[]).env("COLUMNS", columns).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // The name of the directory differs between runs.
        let text = common::stdout(&output).replace(bench.dir.path().to_str().unwrap(), "/home/me");
        golden(&format!("{name}-{columns}.txt"), &text);
    }
    let newest = bench.print(&["show", "--last", "1"]);
    assert!(newest.starts_with("worker panicked"), "{newest}");
    let second = bench.print(&["show", "2", "--last", "1"]);
    assert!(second.starts_with("census 0.1.0 failed"), "{second}");
    let by_name = bench.print(&["show", "census", "--last", "1"]);
    assert!(by_name.starts_with("census 0.1.0 failed"), "{by_name}");
}

#[test]
fn export() {
    let bench = Bench::new();
    let (census, worker) = (data("census.json"), data("worker.json"));
    for (format, ending) in [
        ("jsonl", "jsonl"),
        ("logfmt", "logfmt"),
        ("otlp", "otlp.json"),
        ("chrome-trace", "trace.json"),
    ] {
        let args = [
            "export",
            "--to",
            format,
            census.to_str().unwrap(),
            worker.to_str().unwrap(),
        ];
        golden(&format!("export.{ending}"), &bench.print(&args));
    }
}
