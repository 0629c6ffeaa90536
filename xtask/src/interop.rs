//! Checks that other tools can read the output of `flightrec export` and `flightrec send`.
//!
//! `cargo xtask interop page [DIR]` checks only the page, and saves pages and screenshots in DIR;
//! `tracker` sends dumps to an error tracker; `formats` checks the other formats. `fleet [FILES]` sends
//! the dumps of a large fleet, which takes minutes and is not part of the run without arguments.
//! `jq` and `lnav` are installed from the system's packages; `duckdb`, `opentelemetry-proto` and the
//! collector `rotel` from PyPI, into an environment below the target directory.

mod collector;
mod dumps;
mod fleet;
mod measure;
mod page;
mod tracker;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

/// Files of the small fleet.
const FLEET: usize = 400;

/// Files of the large fleet, and how often `send` is killed while it sends them.
const LARGE_FLEET: usize = 10_000;
const KILLS: usize = 6;

/// The records and failures in the two dumps of `flightrec-cli`'s tests.
const EVENTS: usize = 12;

const DUCKDB: &str = "
import duckdb, sys
rows = duckdb.sql(f\"select count(*) from '{sys.argv[1]}'\").fetchall()[0][0]
assert rows == int(sys.argv[2]), rows
errors = duckdb.sql(f\"select count(*) from '{sys.argv[1]}' where event = 'failure'\").fetchall()[0][0]
assert errors == 2, errors
";

const OTLP: &str = "
import sys
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
request = json_format.Parse(open(sys.argv[1]).read(), ExportLogsServiceRequest())
records = [r for rl in request.resource_logs for sl in rl.scope_logs for r in sl.log_records]
assert len(records) == int(sys.argv[2]), len(records)
keys = {a.key for r in records for a in r.attributes}
assert {'exception.message', 'exception.stacktrace'} <= keys, keys
";

const OTLP_TRACES: &str = "
import sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = json_format.Parse(open(sys.argv[1]).read(), ExportTraceServiceRequest())
spans = [s for rs in request.resource_spans for ss in rs.scope_spans for s in ss.spans]
ids = {s.span_id for s in spans}
assert len(spans) == len(ids) == int(sys.argv[2]), len(spans)
# The mapping of protobuf reads ids as base64, where OTLP has hexadecimal digits: they are longer.
assert {len(s.span_id) for s in spans} == {12} and {len(s.trace_id) for s in spans} == {24}
assert all(not s.parent_span_id or s.parent_span_id in ids for s in spans)
assert all(0 < s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)
";

/// Records of the server whose spans are exported; five records per request.
const SERVER: u64 = 500;

const TRACE: &str = "(.traceEvents | length > 0) and \
    all(.traceEvents[]; .ph == \"M\" or (.ts >= 0 and .pid and .tid and \
    ((.ph == \"X\" and .dur >= 0) or (.ph == \"i\" and (.s | IN(\"t\", \"p\", \"g\"))))))";

pub(crate) fn run(args: &[String]) -> Result<()> {
    cargo::run("build --quiet --release -p flightrec-cli")?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => {
            page::run(&program(), None)?;
            tracker::run(&program(), FLEET, 1)?;
            formats()
        }
        ["page"] => page::run(&program(), None),
        ["page", dir] => page::run(&program(), Some(Path::new(dir))),
        ["tracker"] => tracker::run(&program(), FLEET, 1),
        ["fleet"] => tracker::run(&program(), LARGE_FLEET, KILLS),
        ["fleet", files] => tracker::run(&program(), files.parse()?, KILLS),
        ["formats"] => formats(),
        _ => bail!("usage: cargo xtask interop [page [DIR] | tracker | fleet [FILES] | formats]"),
    }
}

fn formats() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = |name: &str| dir.path().join(name);
    let python = python_with(&["duckdb", "opentelemetry-proto"])?;
    need("jq", "jq")?;
    need("lnav", "lnav")?;

    export("jsonl", &file("x.jsonl"))?;
    check(
        "jq reads the JSON lines",
        tool("jq")
            .args(["-es", &format!("length == {EVENTS}")])
            .arg(file("x.jsonl")),
    )?;
    check(
        "DuckDB reads the JSON lines",
        script(&python, DUCKDB)
            .arg(file("x.jsonl"))
            .arg(EVENTS.to_string()),
    )?;
    lnav(dir.path(), &file("x.jsonl"))?;
    export("otlp", &file("x.otlp"))?;
    check(
        "OTLP/JSON matches the published proto",
        script(&python, OTLP)
            .arg(file("x.otlp"))
            .arg(EVENTS.to_string()),
    )?;
    let server = dumps::server(SERVER, 0);
    let mut json = Vec::new();
    server.write_to(&mut json)?;
    fs::write(file("server.json"), json)?;
    export_of("otlp-traces", &[file("server.json")], &file("x.traces"))?;
    check(
        "OTLP/JSON traces match the published proto",
        script(&python, OTLP_TRACES)
            .arg(file("x.traces"))
            .arg(server.spans.len().to_string()),
    )?;
    collector::run(&program(), &file("server.json"), &server, dir.path())?;
    export("chrome-trace", &file("x.trace"))?;
    check(
        "the trace matches the trace-event format",
        tool("jq").args(["-e", TRACE]).arg(file("x.trace")),
    )
}

fn program() -> PathBuf {
    cargo::target_dir()
        .join("release")
        .join(format!("flightrec{}", std::env::consts::EXE_SUFFIX))
}

fn export(to: &str, file: &Path) -> Result<()> {
    let data = cargo::root().join("crates/flightrec-cli/tests/data");
    export_of(
        to,
        &[data.join("census.json"), data.join("worker.json")],
        file,
    )
}

fn export_of(to: &str, dumps: &[PathBuf], file: &Path) -> Result<()> {
    let output = Command::new(program())
        .args(["export", "--to", to])
        .args(dumps)
        .output()?;
    ensure!(
        output.status.success(),
        "export --to {to}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(fs::write(file, output.stdout)?)
}

/// Opens the lines with our format file, and queries the messages with lnav's SQL.
fn lnav(dir: &Path, lines: &Path) -> Result<()> {
    let config = dir.join("lnav");
    let formats = config.join("lnav/formats/installed");
    fs::create_dir_all(&formats)?;
    let format = cargo::root().join("crates/flightrec-cli/share/flightrec.lnav.json");
    fs::copy(&format, formats.join("flightrec.json"))
        .with_context(|| format!("cannot copy {}", format.display()))?;
    let output = tool("lnav")
        .env("XDG_CONFIG_HOME", &config)
        .env("HOME", &config)
        .args([
            "-n",
            "-c",
            ";SELECT log_format, count(*) FROM all_logs GROUP BY 1",
            "-c",
            ":write-csv-to -",
        ])
        .arg(lines)
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let good = text
        .lines()
        .any(|line| line.trim() == format!("flightrec_jsonl,{EVENTS}"));
    println!(
        "  {} lnav reads the JSON lines with our format",
        if good { "yes" } else { "NO " }
    );
    ensure!(good, "lnav printed {text:?}, and on stderr {said:?}");
    Ok(())
}

fn tool(name: &str) -> Command {
    Command::new(name)
}

fn script(python: &Path, text: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", text]);
    command
}

fn check(what: &str, command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    println!(
        "  {} {what}",
        if output.status.success() {
            "yes"
        } else {
            "NO "
        }
    );
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{what}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Installs a program if possible; the error says which package is missing.
fn need(program: &str, package: &str) -> Result<()> {
    let is_there = || {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if is_there() {
        return Ok(());
    }
    println!("installing {package}");
    for words in [
        &["update"][..],
        &["install", "-y", "--no-install-recommends", package],
    ] {
        // The check below reports failures.
        let _ = Command::new("apt-get")
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
    }
    ensure!(
        is_there(),
        "{program} is missing: install the package {package}"
    );
    Ok(())
}

/// Returns the path of a Python with these packages.
fn python_with(packages: &[&str]) -> Result<PathBuf> {
    let venv = cargo::target_dir().join("interop-venv");
    let python = venv.join("bin").join("python3");
    if !python.exists() {
        println!("creating a Python environment in {}", venv.display());
        check(
            "python3 -m venv",
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
        )?;
    }
    let mut install = Command::new(&python);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(packages);
    check(&format!("pip install {}", packages.join(" ")), &mut install)?;
    Ok(python)
}
