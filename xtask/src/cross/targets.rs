//! The targets, and the tools that this machine needs to build and run their programs.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use super::{find_program, wine};
use crate::cargo;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Cargo's default target.
    Host,
    /// This machine runs its programs.
    Native,
    /// The kernel runs its programs with `qemu-user`, also when they start each other.
    Emulated {
        /// The name of the emulator's entry in `binfmt_misc`.
        binfmt: &'static str,
        /// The libraries of the target.
        libraries: &'static str,
    },
    /// Wine runs its programs.
    Wine,
    /// Nothing runs its programs here.
    Checked,
}

pub(super) struct Target {
    pub(super) name: &'static str,
    /// The table's column.
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    linker: Option<&'static str>,
    pub(super) runner: Option<&'static str>,
    /// Programs or files, and the Debian packages that have them.
    needs: &'static [(&'static str, &'static str)],
    /// Packages whose tests are not run, as written in the list of tests.
    pub(super) skips: &'static [&'static str],
}

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "x86_64-unknown-linux-gnu",
        column: "x86-64, glibc",
        kind: Kind::Host,
        linker: None,
        runner: None,
        needs: &[],
        // `cargo xtask ci` runs all of its tests.
        skips: &["-p "],
    },
    Target {
        name: "x86_64-unknown-linux-musl",
        column: "x86-64, static musl",
        kind: Kind::Native,
        linker: None,
        runner: None,
        needs: &[],
        // Its C dependencies need another compiler or minutes, and its code is the same on any Linux.
        skips: &["-p flightrec-cli"],
    },
    Target {
        name: "aarch64-unknown-linux-gnu",
        column: "aarch64, glibc",
        kind: Kind::Emulated {
            binfmt: "qemu-aarch64",
            libraries: "/usr/aarch64-linux-gnu",
        },
        linker: Some("aarch64-linux-gnu-gcc"),
        runner: None,
        needs: &[
            ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            // The compiler's package only recommends it.
            ("/usr/aarch64-linux-gnu/lib/crti.o", "libc6-dev-arm64-cross"),
            ("qemu-aarch64", "qemu-user"),
        ],
        // Its C dependencies need another compiler or minutes, and its code is the same on any Linux.
        skips: &["-p flightrec-cli"],
    },
    Target {
        name: "armv7-unknown-linux-gnueabihf",
        column: "armv7, glibc",
        kind: Kind::Emulated {
            binfmt: "qemu-arm",
            libraries: "/usr/arm-linux-gnueabihf",
        },
        linker: Some("arm-linux-gnueabihf-gcc"),
        runner: None,
        needs: &[
            ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
            (
                "/usr/arm-linux-gnueabihf/lib/crti.o",
                "libc6-dev-armhf-cross",
            ),
            ("qemu-arm", "qemu-user"),
        ],
        // Its C dependencies need another compiler or minutes, and its code is the same on any Linux.
        skips: &["-p flightrec-cli"],
    },
    Target {
        name: "x86_64-pc-windows-gnu",
        column: "Windows x86-64 (Wine)",
        kind: Kind::Wine,
        linker: None,
        runner: Some("wine"),
        needs: &[
            ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
            ("wine", "wine wine64"),
        ],
        skips: &[],
    },
    Target {
        name: "x86_64-pc-windows-msvc",
        column: "Windows x86-64 (MSVC)",
        kind: Kind::Checked,
        linker: None,
        runner: None,
        needs: &[],
        skips: &[],
    },
    Target {
        name: "aarch64-apple-darwin",
        column: "macOS",
        kind: Kind::Checked,
        linker: None,
        runner: None,
        needs: &[],
        skips: &[],
    },
];

/// The machine that runs this task.
pub(super) const HERE: Target = Target {
    name: "this machine",
    column: "",
    kind: Kind::Host,
    linker: None,
    runner: None,
    needs: &[],
    skips: &[],
};

pub(super) fn find(name: &str) -> Result<&'static Target> {
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            anyhow!(
                "unknown target {name}; the targets are {}",
                names.join(", ")
            )
        })
}

impl Target {
    /// Installs missing tools. The error says what is still missing and how to install it.
    pub(super) fn prepare(&self) -> Result<()> {
        let added = Command::new("rustup")
            .args(["target", "add", self.name])
            .output()
            .context("cannot start rustup")?;
        if !added.status.success() {
            bail!("rustup cannot add the target");
        }
        let missing = self.missing();
        if !missing.is_empty() {
            println!("$ apt-get install {}", missing.join(" "));
            // The check below reports failures.
            let _ = Command::new("apt-get")
                .args(["install", "--yes", "--no-install-recommends"])
                .args(&missing)
                .output();
        }
        if !self.missing().is_empty() {
            bail!("install the Debian packages {}", missing.join(" "));
        }
        match self.kind {
            Kind::Emulated { binfmt, .. } => register(binfmt),
            Kind::Wine => wine::complete(),
            Kind::Host | Kind::Native | Kind::Checked => Ok(()),
        }
    }

    /// Cargo's option for the target.
    pub(super) fn option(&self) -> String {
        match self.kind {
            Kind::Host => String::new(),
            _ => format!(" --target {}", self.name),
        }
    }

    /// The suffix of the names of its programs.
    pub(super) fn suffix(&self) -> &'static str {
        match self.kind {
            Kind::Host => EXE_SUFFIX,
            Kind::Wine => ".exe",
            Kind::Native | Kind::Emulated { .. } | Kind::Checked => "",
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        let missing = self
            .needs
            .iter()
            .filter(|(program, _)| find_program(program).is_none());
        missing
            .flat_map(|(_, packages)| packages.split(' '))
            .collect()
    }

    pub(super) fn env(&self) -> Vec<(String, String)> {
        let upper = self.name.replace('-', "_").to_uppercase();
        // Without incremental compilation a target needs half the space.
        let mut env = vec![("CARGO_INCREMENTAL".to_owned(), "0".to_owned())];
        if let Some(linker) = self.linker {
            env.push((format!("CARGO_TARGET_{upper}_LINKER"), linker.to_owned()));
        }
        if let Some(runner) = self.runner {
            env.push((format!("CARGO_TARGET_{upper}_RUNNER"), runner.to_owned()));
        }
        match self.kind {
            Kind::Emulated { libraries, .. } => {
                env.push(("QEMU_LD_PREFIX".to_owned(), libraries.to_owned()));
            }
            Kind::Wine => {
                let prefix = cargo::target_dir().join("wine");
                env.push((
                    "WINEPREFIX".to_owned(),
                    prefix.to_string_lossy().into_owned(),
                ));
                env.push(("WINEDEBUG".to_owned(), "-all".to_owned()));
                let dlls = format!("Z:{}", wine::dlls().display());
                env.push(("WINEPATH".to_owned(), dlls));
            }
            Kind::Host | Kind::Native | Kind::Checked => {}
        }
        env
    }
}

/// Makes the kernel run programs of the target with their emulator, so that they can start each
/// other. Needs root, once after each boot.
fn register(binfmt: &str) -> Result<()> {
    let entries = Path::new("/proc/sys/fs/binfmt_misc");
    if entries.join(binfmt).exists() {
        return Ok(());
    }
    let help = "as root, mount binfmt_misc at /proc/sys/fs/binfmt_misc and install the Debian \
                package qemu-user-binfmt";
    if !entries.join("register").exists() {
        let _ = Command::new("mount")
            .args(["-t", "binfmt_misc", "none"])
            .arg(entries)
            .output();
    }
    let configuration = format!("/usr/lib/binfmt.d/{binfmt}.conf");
    if !Path::new(&configuration).exists() {
        let _ = Command::new("apt-get")
            .args([
                "install",
                "--yes",
                "--no-install-recommends",
                "qemu-user-binfmt",
            ])
            .output();
    }
    let line = fs::read_to_string(&configuration).context(help)?;
    if !entries.join(binfmt).exists() {
        fs::write(entries.join("register"), line.trim_end()).context(help)?;
    }
    Ok(())
}
