//! What the redactor masks on its corpus, and each case that is wrong.

use std::process::Command;

use anyhow::{Result, bail, ensure};

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask redact");
    let status = Command::new("cargo")
        .args(["test", "--quiet", "-p", "logredact", "--test", "corpus"])
        .args(["--", "--nocapture", "secrets_are_masked"])
        .status()?;
    if !status.success() {
        bail!("recall or precision is below its bound");
    }
    Ok(())
}
