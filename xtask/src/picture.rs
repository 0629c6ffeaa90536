//! Makes the picture in the README, as SVG: the output of a failing tool, and of `flightrec show`.

use std::fs;
use std::process::Command;

use anstyle_svg::Term;
use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::demo::Platform;
use crate::demo::stage::Stage;

/// The path of the picture in the workspace.
const PICTURE: &str = ".github/failing-tool.svg";
const COLUMNS: &str = "100";

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask picture");
    // A short and constant path, because the picture shows it.
    let dir = tempfile::Builder::new()
        .prefix("crates")
        .rand_bytes(0)
        .tempdir()
        .context("cannot create a directory for the crates that the census reads")?;
    let stage = Stage::build_in(dir, Platform::here(), None)?;
    let mut screen = prompt(&format!("census {}", stage.broken.display()));
    let mut census = stage.command(&stage.broken);
    // The dump shows the command line.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut census, "census");
    screen += &printed(&mut census)?;
    let dumps = stage.dumps()?;
    let [dump] = &dumps[..] else {
        anyhow::bail!("{} dumps were written, not one", dumps.len())
    };
    screen += "\n";
    screen += &prompt("flightrec show");
    screen += &printed(&mut stage.viewer(dump))?;
    let svg = Term::new().render_svg(&screen);
    let path = cargo::root().join(PICTURE);
    fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn prompt(command: &str) -> String {
    format!("\x1b[1m$ {command}\x1b[0m\n")
}

/// The output of a program on a terminal. The programs print either to stdout or to stderr.
fn printed(command: &mut Command) -> Result<String> {
    let output = command
        .env("CLICOLOR_FORCE", "1")
        .env("COLUMNS", COLUMNS)
        .env_remove("NO_COLOR")
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let text = [output.stderr, output.stdout].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}
