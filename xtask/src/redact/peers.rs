//! The peers: downloaded from their registries when first called, and never committed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo;

/// Another redactor or scanner.
pub(super) struct Peer {
    pub(super) name: &'static str,
    from: From,
    /// How it is called.
    pub(super) called: &'static str,
}

#[derive(Clone, Copy)]
enum From {
    PyPi,
    Npm,
    CratesIo,
}

/// The results of a peer.
#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) version: String,
    /// The time to mask all texts.
    pub(super) ms: f64,
    /// The masked texts, in the order of the input.
    pub(super) masked: Vec<String>,
}

pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: "gitleaks",
        from: From::PyPi,
        called: "its rules as `maskerlogger` ships them, by RE2, with keywords, entropy and allow-lists",
    },
    Peer {
        name: "detect-secrets",
        from: From::PyPi,
        called: "`scan_file` with the default settings, each text a file",
    },
    Peer {
        name: "presidio",
        from: From::PyPi,
        called: "`AnalyzerEngine` without a language model, only kinds that the corpus has",
    },
    Peer {
        name: "secretlint",
        from: From::Npm,
        called: "`lintSource` with the recommended rules",
    },
    Peer {
        name: "faultbox",
        from: From::CratesIo,
        called: "`BasicRedactor::redact`, e-mail addresses not counted",
    },
    Peer {
        name: "secretscan",
        from: From::CratesIo,
        called: "`scan_text_line`, `postprocess`",
    },
    Peer {
        name: "redact-core",
        from: From::CratesIo,
        called: "`AnalyzerEngine::analyze`, only credentials and cards",
    },
    Peer {
        name: "tracing-flight-recorder",
        from: From::CratesIo,
        called: "the message of an event; it masks fields by name only",
    },
];

const PYPI: [&str; 4] = [
    "detect-secrets==1.5.0",
    "maskerlogger==1.1.1",
    "presidio-analyzer==2.2.366",
    "google-re2",
];
const NPM: [&str; 2] = [
    "@secretlint/core",
    "@secretlint/secretlint-rule-preset-recommend",
];

impl Peer {
    /// Masks the texts with this peer.
    ///
    /// # Errors
    ///
    /// If it fails or cannot be installed; the first call needs a network.
    pub(super) fn run(&self, texts: &[String]) -> Result<Run> {
        let command = match self.from {
            From::PyPi => python(self.name),
            From::Npm => node(),
            From::CratesIo => rust("rust", &[self.name]),
        }?;
        call(command, texts)
    }
}

/// Masks the texts with ours, in a release build.
pub(super) fn ours(texts: &[String]) -> Result<Run> {
    call(rust("ours", &[])?, texts)
}

fn sources() -> PathBuf {
    cargo::root().join("xtask/peers")
}

/// A directory below `target` for installed and built files.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = cargo::target_dir().join("redact-peers").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn python(name: &str) -> Result<Command> {
    let folder = folder("python")?;
    let python = folder.join("bin/python");
    let done = folder.join("installed");
    if !done.exists() {
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--retries", "1"]);
        quiet(pip.args(PYPI))?;
        fs::write(done, "")?;
    }
    let mut command = Command::new(python);
    command.arg(sources().join("peers.py")).arg(name);
    Ok(command)
}

fn node() -> Result<Command> {
    let folder = folder("npm")?;
    let done = folder.join("installed");
    if !done.exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit"]);
        // Without a manifest npm would search for one in parent directories.
        npm.arg("--prefix").arg(&folder).current_dir(&folder);
        quiet(npm.args(NPM))?;
        fs::write(done, "")?;
    }
    let mut command = Command::new("node");
    command
        .arg(sources().join("secretlint.mjs"))
        .current_dir(folder);
    Ok(command)
}

/// A program whose manifest and source are in `xtask/peers/NAME`.
fn rust(name: &str, args: &[&str]) -> Result<Command> {
    let folder = folder(name)?;
    let logredact = cargo::root().join("crates/logredact");
    let manifest = fs::read_to_string(sources().join(name).join("Cargo.toml"))?
        .replace("LOGREDACT", &logredact.display().to_string());
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(sources().join(name).join("main.rs"), folder.join("main.rs"))?;
    let target = folder.join("target");
    let mut build = cargo::cargo();
    build
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(&folder);
    quiet(&mut build)?;
    let binary = if name == "rust" { "peers" } else { name };
    let mut command = Command::new(target.join("release").join(binary));
    command.args(args);
    Ok(command)
}

fn quiet(command: &mut Command) -> Result<()> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", last_line(&output.stderr));
    }
    Ok(())
}

/// Passes the texts to a program and reads the masked texts.
fn call(mut command: Command, texts: &[String]) -> Result<Run> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start it")?;
    let input = serde_json::to_vec(texts)?;
    let mut stdin = child.stdin.take().context("it has no input")?;
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    // If the program ends early, its stderr says why.
    let _ = writer.join();
    if !output.status.success() {
        bail!("{}", last_line(&output.stderr));
    }
    let run: Run = serde_json::from_slice(&output.stdout)?;
    if run.masked.len() != texts.len() {
        bail!("{} texts in, {} out", texts.len(), run.masked.len());
    }
    Ok(run)
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.next_back().unwrap_or("it failed").to_owned()
}
