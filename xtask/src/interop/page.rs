//! Tests the page of `export --to html` in a real browser: Debian's Chromium, controlled by
//! `playwright-core`; `axe-core` checks accessibility. Both are installed from npm, into a directory
//! below the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use flightrec_dump::Dump;

use super::{check, dumps, need};
use crate::cargo;

/// Records in the large dump.
const RECORDS: u64 = 100_000;

/// Ids of spans may be larger than 2^53, above which JavaScript rounds numbers.
const LARGE_ID: u64 = 1 << 60;

const PACKAGES: [&str; 2] = ["playwright-core@1", "axe-core@4"];

/// Makes the pages, and runs `page.mjs` on them. Pages and screenshots are saved in `keep`, if given.
pub(super) fn run(program: &Path, keep: Option<&Path>) -> Result<()> {
    if let Some(missing) = ["apt-get", "npm", "node"]
        .into_iter()
        .find(|tool| !is_there(tool))
    {
        println!("  --  the page: skipped, {missing} is missing");
        return Ok(());
    }
    need("chromium", "chromium")?;
    let modules = node_modules()?;
    let temporary = tempfile::tempdir()?;
    let dir = keep.unwrap_or(temporary.path());
    fs::create_dir_all(dir)?;
    make_pages(program, dir)?;
    let script = cargo::root().join("xtask/src/interop/page.mjs");
    let status = Command::new("node")
        .arg(script)
        .arg(modules)
        .arg(dir)
        .status()
        .context("cannot start node")?;
    ensure!(status.success(), "a check of the page failed");
    Ok(())
}

fn is_there(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The directory from which Node finds the packages.
fn node_modules() -> Result<PathBuf> {
    let dir = cargo::target_dir().join("interop-node");
    fs::create_dir_all(&dir)?;
    let mut install = Command::new("npm");
    install
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
        ])
        .arg(&dir)
        .args(PACKAGES);
    check(&format!("npm install {}", PACKAGES.join(" ")), &mut install)?;
    Ok(dir)
}

fn make_pages(program: &Path, dir: &Path) -> Result<()> {
    let write = |name: &str, dump: &Dump| -> Result<PathBuf> {
        let path = dir.join(name);
        let mut json = Vec::new();
        dump.write_to(&mut json)?;
        fs::write(&path, json)?;
        Ok(path)
    };
    let large = write("large.json", &dumps::server(RECORDS, 0))?;
    let several = [
        write("server.json", &dumps::server(2_000, LARGE_ID))?,
        write("worker.json", &dumps::worker())?,
        write("crash.json", &dumps::crash())?,
    ];
    let started = Instant::now();
    export(program, dir, "large", &[large])?;
    println!(
        "      the page of {RECORDS} records was made in {} ms",
        started.elapsed().as_millis()
    );
    export(program, dir, "several", &several)?;
    export(program, dir, "crash", &several[2..])?;
    let polling = write("polling.json", &dumps::polling())?;
    export(program, dir, "polling", &[polling])?;
    let data = cargo::root().join("crates/flightrec-cli/tests/data");
    export(program, dir, "census", &[data.join("census.json")])?;
    for (name, json) in hostile(&data.join("hostile"))? {
        let path = dir.join(format!("{name}.json"));
        fs::write(&path, json)?;
        export(program, dir, &format!("hostile-{name}"), &[path])?;
    }
    Ok(())
}

fn export(program: &Path, dir: &Path, name: &str, dumps: &[PathBuf]) -> Result<()> {
    let page = dir.join(format!("{name}.html"));
    // An earlier run may have written one.
    let _ = fs::remove_file(&page);
    let output = Command::new(program)
        .args(["export", "--to", "html", "--output"])
        .arg(&page)
        .args(dumps)
        .output()?;
    ensure!(
        output.status.success(),
        "export --to html of {name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The dumps of the corpus, and generated ones that are too large for it.
fn hostile(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        all.push((name, fs::read(&path)?));
    }
    all.push(("long-lines".to_owned(), long_lines()));
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let errors = format!(
        "{}{}",
        r#"{"message":"m","sources":["#.repeat(55),
        r#"{"message":"last"}"#
    ) + &"]}".repeat(55);
    all.push((
        "deep".to_owned(),
        format!(r#"{{"schema":"flightrec/1","app":"deep","unknown":{deep},"error":{errors}}}"#)
            .into_bytes(),
    ));
    Ok(all)
}

/// A dump with a line of 10 MB in each text that comes from the program.
fn long_lines() -> Vec<u8> {
    let line = "<img src=x onerror=alert(1)> ".repeat((10 << 20) / 29);
    let at = "2026-11-23T00:30:14Z";
    let place = format!(r#"{{"file":"{line}","line":1,"column":1}}"#);
    format!(
        r#"{{"schema":"flightrec/1","app":"long","created_at":"2026-11-23T00:30:15Z",
        "reason":{{"kind":"error","message":"{line}"}},
        "error":{{"message":"{line}","location":{place},"sources":[]}},
        "stack_traces":[{{"error":"inner","origin":"creation","frames":[{{"name":"{line}","file":"{line}","line":1}}]}}],
        "spans":[{{"id":1,"name":"request","level":"INFO","opened_at":"{at}","fields":{{"path":"{line}"}}}}],
        "latest_logs":[{{"seq":1,"time":"{at}","level":"ERROR","msg":"{line}","thread":"main","span":1,"fields":{{"a":"{line}"}}}}]}}"#
    )
    .into_bytes()
}
