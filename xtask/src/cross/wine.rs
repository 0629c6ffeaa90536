//! Makes a library that std links to and Wine lacks before version 9, and tests colours on a Windows
//! console.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::files::write;

/// The only function that std uses, which returns random bytes.
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
        bail!("the compiler cannot build a library that Wine lacks");
    }
    Ok(())
}

/// Checks that a recorder and the program `flightrec` print colours on a console, and none if
/// `NO_COLOR` is set. Wine's console is a terminal of this system, which `script` makes.
pub(super) fn colours(recorder: &Path, flightrec: &Path, env: &[(String, String)]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let printed = |program: &Path, args: &str, variable: (&str, &str)| -> Result<String> {
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("wine '{}' {args}", program.display()))
            .arg("/dev/null")
            .stdin(Stdio::null())
            .envs(env.iter().map(|(name, value)| (name, value)))
            // Not set on Windows.
            .env_remove("TERM")
            .env("SCENARIO", "console")
            .env("DUMPS", dir.path())
            .env(variable.0, variable.1)
            .output()
            .context("cannot start `script`")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (program, args, colour) in [
        (recorder, "", "\x1b[31mERROR"),
        (flightrec, "--help", "\x1b[1mshow"),
    ] {
        let text = printed(program, args, ("LANG", "C"))?;
        if !text.contains(colour) {
            bail!(
                "{} prints no colours on a console: {text:?}",
                program.display()
            );
        }
        if printed(program, args, ("NO_COLOR", "1"))?.contains(colour) {
            bail!("{} prints colours with NO_COLOR", program.display());
        }
    }
    println!("colours on a console: yes; with NO_COLOR: none");
    Ok(())
}
