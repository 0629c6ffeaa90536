//! Compares the public items of each crate with the list in its `public-api.txt`, so that a change of
//! the API shows in the diff.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::ci::CRATES;
use crate::files::{read, write};

/// Compares the lists with rustdoc's output, or writes them.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let writes = match args {
        [] => false,
        [option] if option == "--write" => true,
        _ => bail!("usage: cargo xtask api [--write]"),
    };
    let dir = cargo::target_dir().join("api");
    fs::create_dir_all(&dir)?;
    // Stable rustdoc writes JSON only with this variable. Only rustdoc gets it: build scripts would
    // build their crates for nightly.
    let rustdoc = dir.join("rustdoc.sh");
    write(
        &rustdoc,
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n",
    )?;
    let made = Command::new("chmod").arg("+x").arg(&rustdoc).status()?;
    if !made.success() {
        bail!("cannot make {} executable", rustdoc.display());
    }
    let rustdoc = rustdoc.to_string_lossy();
    let mut changed = Vec::new();
    // A program has no public items.
    for name in CRATES.iter().filter(|name| **name != "flightrec-cli") {
        cargo::run_with(
            &format!(
                "rustdoc --quiet --package {name} --lib --all-features -- -Z unstable-options \
                 --output-format json"
            ),
            &[("RUSTDOC", &rustdoc)],
        )?;
        let json = cargo::target_dir()
            .join("doc")
            .join(format!("{}.json", name.replace('-', "_")));
        let found = list(&json.to_string_lossy())?;
        let path = cargo::root()
            .join("crates")
            .join(name)
            .join("public-api.txt");
        if writes {
            write(&path, &found)?;
        } else if read(&path)? != found {
            changed.push(*name);
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "the public items of {} differ from public-api.txt; run `cargo xtask api --write`, and \
         see `git diff` for the changes of the API",
        changed.join(", ")
    )
}

fn list(json: &str) -> Result<String> {
    let manifest = cargo::root().join("xtask/api/Cargo.toml");
    let output = cargo::cargo()
        .args(["run", "--quiet", "--manifest-path"])
        .arg(manifest)
        .args(["--", json])
        .env("CARGO_TARGET_DIR", cargo::target_dir().join("api"))
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
