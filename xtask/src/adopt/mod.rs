//! Adds the recorder to real programs from crates.io, and checks what changes.

mod abort;
mod build;
mod check;
mod cost;
mod fixtures;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::cargo;

/// A program. The patch `xtask/adopt/NAME.patch` adds the recorder.
struct Program {
    name: &'static str,
    version: &'static str,
    /// Its executable.
    bin: &'static str,
    /// Our crates that the patch needs: names and features.
    needs: &'static [(&'static str, &'static str)],
    /// Whether it uses anyhow. Then it is also built with stackerr in place of anyhow.
    uses_anyhow: bool,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "ripgrep",
        version: "15.2.0",
        bin: "rg",
        needs: &[("flightrec", "\"crash-safe\", \"anyhow\"")],
        uses_anyhow: true,
    },
    Program {
        name: "oxipng",
        version: "10.2.1",
        bin: "oxipng",
        needs: &[("flightrec", "\"crash-safe\"")],
        uses_anyhow: false,
    },
    Program {
        name: "bore-cli",
        version: "0.6.0",
        bin: "bore",
        needs: &[
            ("flightrec", "\"crash-safe\", \"anyhow\""),
            ("flightrec-tracing", ""),
        ],
        uses_anyhow: true,
    },
];

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// As its authors publish it.
    Plain,
    /// With the patch.
    Recorded,
    /// With the patch, and a line in its manifest that replaces anyhow by stackerr.
    Compat,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Variant::Plain => "plain",
            Variant::Recorded => "recorded",
            Variant::Compat => "compat",
        }
    }
}

impl Program {
    fn variants(&self) -> &'static [Variant] {
        if self.uses_anyhow {
            &[Variant::Plain, Variant::Recorded, Variant::Compat]
        } else {
            &[Variant::Plain, Variant::Recorded]
        }
    }

    /// Where its executable is after the build.
    fn executable(&self, variant: Variant) -> PathBuf {
        // Some programs print the name of their executable.
        dir().join("bin").join(variant.name()).join(self.bin)
    }
}

/// The directory of sources and builds.
fn dir() -> PathBuf {
    cargo::target_dir().join("adopt")
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    match args {
        [task] if task == "build" => {
            build::run()?;
            abort::build()
        }
        [task] if task == "check" => {
            check::run()?;
            abort::check()?;
            cost::run()
        }
        _ => bail!("usage: cargo xtask adopt build|check"),
    }
}
