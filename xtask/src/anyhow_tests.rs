//! Runs anyhow's own tests against stackerr: Cargo fetches anyhow, and its tests are built with
//! stackerr as their `anyhow`. Each test that fails must be listed here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;

/// The tests that fail because stackerr differs on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    ("test_ensure::test_if", CONTROL_FLOW),
    ("test_ensure::test_loop", CONTROL_FLOW),
    ("test_ensure::test_match", CONTROL_FLOW),
    ("test_ensure::test_pat", CONTROL_FLOW),
    (
        "test_ensure::test_low_precedence_binary_operator",
        CONTROL_FLOW,
    ),
    (
        "test_ensure::test_whitespace",
        "values with spaces are also shown",
    ),
    ("test_fmt::test_debug", "`{:?}` has the stacks and joins"),
    ("test_fmt::test_altdebug", "`{:#?}` is the tree of errors"),
];

const CONTROL_FLOW: &str = "values are not shown for a condition with `if`, `match` or a loop";

/// Test files that are not run.
const NOT_RUN: &[(&str, &str)] = &[(
    "compiletest",
    "compares compiler messages, which name anyhow's source files",
)];

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask anyhow-tests");
    let source = source_of_anyhow()?;
    let package = tempfile::tempdir()?;
    let files = make_package(&source, package.path())?;
    let mut outcomes = BTreeMap::new();
    for file in &files {
        run_file(package.path(), file, &mut outcomes)?;
    }
    report(&outcomes)
}

/// The source directory of the anyhow version that this workspace is tested with.
fn source_of_anyhow() -> Result<PathBuf> {
    let output = cargo::cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--features", "stackerr/anyhow"])
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "`cargo metadata`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let anyhow = packages.iter().find(|package| package["name"] == "anyhow");
    let anyhow = anyhow.context("the workspace does not depend on anyhow")?;
    println!("anyhow {}", anyhow["version"].as_str().unwrap_or_default());
    let manifest = Path::new(anyhow["manifest_path"].as_str().context("no path")?);
    Ok(manifest.with_file_name("tests"))
}

/// Makes a package with the tests, in which `anyhow` is stackerr. Returns the names of the test files.
fn make_package(tests: &Path, package: &Path) -> Result<Vec<String>> {
    let stackerr = cargo::root().join("crates").join("stackerr");
    let manifest = format!(
        "[package]\nname = \"anyhow-tests\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [lib]\npath = \"lib.rs\"\n\n\
         [dev-dependencies]\nanyhow = {{ package = \"stackerr\", path = {stackerr:?} }}\n\
         futures = {{ version = \"0.3\", default-features = false }}\n\
         rustversion = \"1.0\"\nsyn = {{ version = \"3\", features = [\"full\"] }}\n\
         thiserror = \"2\"\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::write(package.join("lib.rs"), "")?;
    // Uses the versions that the workspace is tested with.
    fs::copy(cargo::root().join("Cargo.lock"), package.join("Cargo.lock"))?;
    copy_dir(tests, &package.join("tests"))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(package.join("tests"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        if NOT_RUN.iter().any(|(file, _)| *file == name) {
            fs::remove_file(&path)?;
        } else {
            files.push(name.into_owned());
        }
    }
    files.sort();
    Ok(files)
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("no tests in {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Whether each test passes, by its file and name.
type Outcomes = BTreeMap<String, bool>;

fn run_file(package: &Path, file: &str, outcomes: &mut Outcomes) -> Result<()> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--test", file])
        .args(["--", "--format=pretty", "--include-ignored"])
        .current_dir(package)
        .env("CARGO_TARGET_DIR", cargo::target_dir())
        .output()
        .context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let before = outcomes.len();
    for line in text.lines().filter_map(|line| line.strip_prefix("test ")) {
        if let Some((name, outcome)) = line.rsplit_once(" ... ") {
            let name = name.split(" - ").next().unwrap_or(name);
            outcomes.insert(format!("{file}::{name}"), outcome == "ok");
        }
    }
    // A file that does not compile fails as a whole.
    if outcomes.len() == before && !output.status.success() {
        println!("{file}: {}", String::from_utf8_lossy(&output.stderr));
        let source = fs::read_to_string(package.join("tests").join(file).with_extension("rs"))?;
        for name in names_of_tests(&source) {
            outcomes.insert(format!("{file}::{name}"), false);
        }
    } else if !output.status.success() {
        println!("{text}");
    }
    Ok(())
}

fn names_of_tests(source: &str) -> impl Iterator<Item = &str> {
    let after_attribute = source.split("#[test]").skip(1);
    after_attribute.filter_map(|text| {
        let (_, name) = text.split_once("fn ")?;
        name.split('(').next()
    })
}

fn report(outcomes: &Outcomes) -> Result<()> {
    let passed = outcomes.values().filter(|passed| **passed).count();
    let mut wrong = Vec::new();
    for (test, passed) in outcomes {
        let reason = DIFFERENT.iter().find(|(name, _)| name == test);
        match (passed, reason) {
            (false, Some((_, reason))) => println!("different on purpose: {test}: {reason}"),
            (false, None) => wrong.push(format!("{test} fails")),
            (true, Some(_)) => wrong.push(format!("{test} is listed as different, but passes")),
            (true, None) => {}
        }
    }
    for (name, _) in DIFFERENT {
        if !outcomes.contains_key(*name) {
            wrong.push(format!("{name} is listed, but does not exist"));
        }
    }
    for (file, reason) in NOT_RUN {
        println!("not run: {file}: {reason}");
    }
    println!("{passed} of {} of anyhow's own tests pass", outcomes.len());
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}
