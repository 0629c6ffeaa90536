//! The programs and directories of the demo.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::cargo;

/// The platform on which the demo's programs run. Their dumps are read on this machine.
pub(crate) struct Platform {
    /// Cargo's option for the target; empty for this machine.
    pub(crate) option: String,
    /// The directory of its programs, below the target directory.
    pub(crate) dir: &'static str,
    /// Environment variables for Cargo and the programs.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) has_crash_stacks: bool,
}

impl Platform {
    /// This machine.
    pub(crate) fn here() -> Platform {
        Platform {
            option: String::new(),
            dir: "",
            env: Vec::new(),
            has_crash_stacks: cfg!(all(
                target_os = "linux",
                target_env = "gnu",
                target_arch = "x86_64"
            )),
        }
    }
}

pub(crate) struct Stage {
    platform: Platform,
    census: PathBuf,
    bank: PathBuf,
    viewer: PathBuf,
    /// The state directory of the programs.
    state: PathBuf,
    pub(crate) downloaded: PathBuf,
    pub(crate) broken: PathBuf,
    pub(crate) impossible: PathBuf,
    endless: PathBuf,
    keep: Option<PathBuf>,
    _dir: TempDir,
}

/// How a program ended and what it printed.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct DumpFile {
    pub(crate) path: PathBuf,
    pub(crate) json: serde_json::Value,
}

impl Stage {
    pub(crate) fn build(platform: Platform, keep: Option<PathBuf>) -> Result<Stage> {
        Stage::build_in(tempfile::tempdir()?, platform, keep)
    }

    /// Builds the programs, and makes the sources that they read in `dir`.
    pub(crate) fn build_in(
        dir: TempDir,
        platform: Platform,
        keep: Option<PathBuf>,
    ) -> Result<Stage> {
        let env = platform.env.iter().map(|(name, value)| (&**name, &**value));
        cargo::run_with(
            &format!(
                "build --quiet --release -p examples --no-default-features --features census \
                 --example census --example bank{}",
                platform.option
            ),
            &env.collect::<Vec<_>>(),
        )?;
        cargo::run("build --quiet --release -p flightrec-cli")?;
        let viewer = cargo::target_dir().join("release").join(exe("flightrec"));
        let release = cargo::target_dir().join(platform.dir).join("release");
        let downloaded = downloaded()?;
        let state = match &keep {
            Some(keep) => std::path::absolute(keep)?,
            None => dir.path().join("state"),
        };
        fs::create_dir_all(&state).with_context(|| format!("cannot create {}", state.display()))?;
        Ok(Stage {
            platform,
            census: release.join("examples").join(exe("census")),
            bank: release.join("examples").join(exe("bank")),
            viewer,
            broken: broken(dir.path(), &downloaded)?,
            impossible: impossible(dir.path(), &downloaded)?,
            endless: endless(dir.path(), &downloaded)?,
            keep: keep.is_some().then(|| state.clone()),
            state,
            downloaded,
            _dir: dir,
        })
    }

    pub(crate) fn has_crash_stacks(&self) -> bool {
        self.platform.has_crash_stacks
    }

    pub(crate) fn title(&self, text: &str) {
        println!("\n== {text}\n");
    }

    pub(crate) fn census(&self, dir: &Path) -> Result<Run> {
        println!("$ census {}", dir.display());
        run(&mut self.command(dir))
    }

    /// Starts the census and kills it while it works. Returns its process id.
    ///
    /// One of the sources is a pipe. Opening it for writing blocks until the census opens it for
    /// reading; then the census is in the middle of its work.
    pub(crate) fn kill_census(&self) -> Result<u32> {
        let pipe = self.endless.join("zz-endless-1.0.0").join("lib.rs");
        let made = Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .context("cannot run mkfifo")?;
        anyhow::ensure!(made.success(), "mkfifo {}: {made}", pipe.display());
        println!("$ census {} & kill -KILL $!", self.endless.display());
        let mut child = self.command(&self.endless).spawn()?;
        let (done, wait) = mpsc::channel();
        let to_write = pipe.clone();
        thread::spawn(move || done.send(fs::OpenOptions::new().write(true).open(to_write)));
        let opened = loop {
            match wait.recv_timeout(Duration::from_millis(50)) {
                Ok(opened) => break opened,
                Err(_) if child.try_wait()?.is_some() => {
                    anyhow::bail!("the census ended before it was killed")
                }
                Err(_) => {}
            }
        };
        child.kill()?;
        child.wait()?;
        opened.with_context(|| format!("cannot open {}", pipe.display()))?;
        Ok(child.id())
    }

    /// Runs the bank with these arguments to its end.
    pub(crate) fn bank(&self, args: &[&str]) -> Result<Run> {
        println!("{}", format!("$ bank {}", args.join(" ")).trim_end());
        run(self.program(&self.bank).args(args))
    }

    /// Runs the bank until it prints that it wrote a dump and the dump is complete, and kills it.
    pub(crate) fn bank_until(
        &self,
        args: &[&str],
        is_complete: impl Fn(&DumpFile) -> bool,
    ) -> Result<Run> {
        println!("$ bank {}", args.join(" "));
        let mut command = self.program(&self.bank);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("no pipe")?;
        let mut said = String::new();
        for line in BufReader::new(stderr).lines() {
            said += &line?;
            said.push('\n');
            if said.contains(".json") {
                break;
            }
        }
        // A dump is first written with addresses, and again with names.
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until && !self.dumps_of("bank")?.iter().any(&is_complete) {
            thread::sleep(Duration::from_millis(20));
        }
        child.kill()?;
        let status = child.wait()?;
        Ok(Run {
            code: status.code(),
            signal: signal(status),
            stdout: String::new(),
            stderr: said,
        })
    }

    /// A command that runs the census of a directory.
    pub(crate) fn command(&self, dir: &Path) -> Command {
        let mut command = self.program(&self.census);
        command.arg(dir);
        command
    }

    fn program(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        // The user's settings and state must have no effect.
        command
            .envs(self.platform.env.iter().map(|(name, value)| (name, value)))
            .env("XDG_STATE_HOME", &self.state)
            .env("LOCALAPPDATA", &self.state)
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LOG");
        command
    }

    /// The files beside the dumps of the census.
    pub(crate) fn leftovers(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.state.join("census").join("flightrec"))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The dumps that the census has written so far, oldest first.
    pub(crate) fn dumps(&self) -> Result<Vec<DumpFile>> {
        self.dumps_of("census")
    }

    /// The dumps that a program has written so far, oldest first.
    pub(crate) fn dumps_of(&self, app: &str) -> Result<Vec<DumpFile>> {
        let mut dumps = Vec::new();
        let dir = self.state.join(app).join("flightrec");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(dumps),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot list {}", dir.display()));
            }
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read(&path)?;
            let json = serde_json::from_slice(&text)
                .with_context(|| format!("{} is not JSON", path.display()))?;
            dumps.push(DumpFile { path, json });
        }
        dumps.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(dumps)
    }

    /// Shows a dump as `flightrec show` does, with the last records.
    pub(crate) fn view(&self, dump: &DumpFile) -> Result<()> {
        let status = self
            .viewer(dump)
            .status()
            .with_context(|| format!("cannot run {}", self.viewer.display()))?;
        anyhow::ensure!(
            status.success(),
            "`flightrec show {}`: {status}",
            dump.path.display()
        );
        Ok(())
    }

    /// A command that runs `flightrec show` on a dump, with its last records.
    pub(crate) fn viewer(&self, dump: &DumpFile) -> Command {
        let mut command = Command::new(&self.viewer);
        command
            .args(["show", "--no-pager", "--last", "8"])
            .arg(&dump.path);
        command
    }

    pub(crate) fn kept(&self) -> Option<&Path> {
        self.keep.as_deref()
    }
}

fn run(command: &mut Command) -> Result<Run> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(Run {
        code: output.status.code(),
        signal: signal(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

impl Run {
    pub(crate) fn show(&self) {
        print!("{}{}", self.stderr, self.stdout);
        match (self.code, self.signal) {
            (Some(code), _) => println!("(exit code {code})"),
            (None, Some(signal)) => println!("(ended by signal {signal})"),
            (None, None) => println!("(no exit code)"),
        }
    }
}

impl DumpFile {
    #[cfg(unix)]
    pub(crate) fn is_private(&self) -> Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
        let dir = self.path.parent().unwrap_or(Path::new("."));
        Ok(mode(&self.path)? == 0o600 && mode(dir)? == 0o700)
    }

    #[cfg(not(unix))]
    pub(crate) fn is_private(&self) -> Result<bool> {
        // On Windows the state directory belongs to the user.
        Ok(true)
    }
}

/// The directory of the sources that Cargo downloaded.
fn downloaded() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .context("there is no home directory")?;
    let sources = cargo.join("registry").join("src");
    anyhow::ensure!(
        sources.is_dir(),
        "{} is not a directory; has Cargo downloaded no crates yet?",
        sources.display()
    );
    Ok(sources)
}

/// Some real crates, one crate whose manifest is not TOML, and one whose manifest is a directory.
fn broken(dir: &Path, downloaded: &Path) -> Result<PathBuf> {
    let broken = some_crates(&dir.join("broken"), downloaded)?;
    let malformed = broken.join("zz-malformed-1.0.0");
    fs::create_dir(&malformed)?;
    fs::write(
        malformed.join("Cargo.toml"),
        "[package]\nname = \"zz-malformed\nversion = 1.0\n",
    )?;
    fs::create_dir_all(broken.join("zz-unreadable-1.0.0").join("Cargo.toml"))?;
    Ok(broken)
}

fn impossible(dir: &Path, downloaded: &Path) -> Result<PathBuf> {
    let impossible = some_crates(&dir.join("impossible"), downloaded)?;
    let future = impossible.join("zz-future-1.0.0");
    fs::create_dir(&future)?;
    fs::write(
        future.join("Cargo.toml"),
        "[package]\nname = \"zz-future\"\nedition = \"2099\"\n",
    )?;
    Ok(impossible)
}

fn endless(dir: &Path, downloaded: &Path) -> Result<PathBuf> {
    let endless = some_crates(&dir.join("endless"), downloaded)?;
    let last = endless.join("zz-endless-1.0.0");
    fs::create_dir(&last)?;
    fs::write(
        last.join("Cargo.toml"),
        "[package]\nname = \"zz-endless\"\nedition = \"2024\"\n",
    )?;
    Ok(endless)
}

/// Copies a few crates of the registry: manifests, licences and sources.
fn some_crates(to: &Path, downloaded: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to)?;
    let mut crates = Vec::new();
    for registry in fs::read_dir(downloaded)? {
        for entry in fs::read_dir(registry?.path())? {
            crates.push(entry?.path());
        }
    }
    crates.sort();
    // Several registries may have the same crate.
    let mut seen = HashSet::new();
    crates.retain(|dir| seen.insert(dir.file_name().map(ToOwned::to_owned)));
    for dir in crates
        .iter()
        .filter(|dir| dir.join("Cargo.toml").is_file())
        .take(20)
    {
        let name = dir
            .file_name()
            .context("the directory of a crate has no name")?;
        copy_tree(dir, &to.join(name))?;
    }
    Ok(to.to_owned())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn exe(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}
