//! Wine before version 9 lacks a library that std links to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::files::write;

/// What std wants of it is random bytes.
const SOURCE: &str = "\
int SystemFunction036(void *, unsigned long);
__declspec(dllexport) int ProcessPrng(unsigned char *to, unsigned long long len) {
    return SystemFunction036(to, (unsigned long)len);
}
";

/// Where Wine looks for libraries.
pub(super) fn dlls() -> PathBuf {
    cargo::target_dir().join("wine-dlls")
}

/// Makes the library.
pub(super) fn complete() -> Result<()> {
    let dir = dlls();
    fs::create_dir_all(&dir)?;
    let source = dir.join("bcryptprimitives.c");
    write(&source, SOURCE)?;
    let made = Command::new("x86_64-w64-mingw32-gcc")
        .args(["-shared", "-o"])
        .arg(dir.join("bcryptprimitives.dll"))
        .arg(&source)
        .arg("-ladvapi32")
        .status()
        .context("cannot start the compiler")?;
    if !made.success() {
        bail!("the compiler cannot make a library that Wine lacks");
    }
    Ok(())
}
