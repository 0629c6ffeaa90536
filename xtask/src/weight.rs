//! Measures what each crate adds to an empty program: bytes, crates and build time, optionally compared
//! with other crates for the same work. Too many bytes or crates are an error; the time depends on the
//! machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::cargo;

struct Case {
    name: &'static str,
    dependencies: &'static [&'static str],
    main: &'static str,
    /// The maximum number of crates that it may add, besides itself.
    max_crates: usize,
    /// The maximum number of bytes that it may add, on x86-64 Linux.
    max_bytes: u64,
}

/// For the crates that are used alone.
const MAX_BYTES: u64 = 900_000;

const HELLO: Case = Case {
    name: "hello-world",
    dependencies: &[],
    main: "println!(\"hello\");",
    max_crates: 0,
    max_bytes: 0,
};

const CASES: &[Case] = &[
    Case {
        name: "tailwriter",
        dependencies: &["tailwriter"],
        main: "use std::io::Write;
            let mut tail = tailwriter::TailWriter::new(100);
            let shared = tailwriter::SharedTail::new(100);
            for arg in std::env::args() { writeln!(tail, \"{arg}\").unwrap(); shared.push(arg.as_bytes()); }
            println!(\"{tail}{}\", shared.snapshot());",
        max_crates: 3,
        max_bytes: MAX_BYTES,
    },
    Case {
        name: "stackerr",
        dependencies: &["stackerr"],
        main: "use stackerr::ResultExt;
            let parsed = std::env::args().count().to_string().parse::<i32>().context(\"not a number\");
            match parsed { Ok(count) => println!(\"{count}\"), Err(error) => println!(\"{error:?}\") }",
        max_crates: 12,
        max_bytes: MAX_BYTES,
    },
    Case {
        name: "logtee",
        dependencies: &["logtee", "log"],
        main: "logtee::Tee::builder()
                .sink(log::LevelFilter::Info, logtee::stderr())
                .sink(log::LevelFilter::Debug, logtee::WriteSink::new(logtee::Json::new(), std::io::stdout()))
                .install().unwrap();
            log::info!(args = std::env::args().count(); \"hello\");",
        max_crates: 12,
        max_bytes: MAX_BYTES,
    },
    Case {
        name: "flightrec",
        dependencies: &["flightrec", "log"],
        main: "flightrec::builder(\"hello\").install().unwrap().run(|| {
                log::debug!(\"counting\");
                std::env::args().count().to_string().parse::<i32>().map(|count| log::info!(\"{count}\"))
            });",
        // Slightly more than the current size, so that growth is noticed.
        max_crates: 34,
        max_bytes: 2_000_000,
    },
];

/// Other crates for the same kind of work. They have no bounds.
const PEERS: &[Case] = &[
    Case {
        name: "env_logger",
        dependencies: &["env_logger", "log"],
        main: "env_logger::init(); log::info!(\"hello\");",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "backtrace",
        dependencies: &["backtrace"],
        main: "println!(\"{:?}\", backtrace::Backtrace::new());",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "color-eyre",
        dependencies: &["color-eyre"],
        main: "color_eyre::install().unwrap();
            println!(\"{:?}\", color_eyre::eyre::eyre!(\"{}\", std::env::args().count()));",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "human-panic",
        dependencies: &["human-panic"],
        main: "human_panic::setup_panic!(); println!(\"hello\");",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "tracing and fmt",
        dependencies: &["tracing", "tracing-subscriber"],
        main: "tracing_subscriber::fmt().init(); tracing::info!(\"hello\");",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "tracing-flight-recorder",
        dependencies: &["tracing", "tracing-subscriber", "tracing-flight-recorder"],
        main: "use tracing_subscriber::prelude::*;
            use tracing_flight_recorder::{FlightRecorder, FlightRecorderLayer};
            let layer = FlightRecorderLayer::new(FlightRecorder::new(1_000));
            tracing_subscriber::registry().with(layer).with(tracing_subscriber::fmt::layer()).init();
            tracing::info!(\"hello\");",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "faultbox",
        dependencies: &["faultbox"],
        main: "faultbox::init(faultbox::Config::new(\"hello\", \"0\", std::env::temp_dir().join(\"faultbox\")));
            faultbox::breadcrumb!(Debug, \"main\", String::from(\"hello\"));",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
    Case {
        name: "sentry",
        dependencies: &["sentry"],
        main: "let _guard = sentry::init(sentry::ClientOptions::default());
            sentry::capture_message(\"hello\", sentry::Level::Info);",
        max_crates: usize::MAX,
        max_bytes: u64::MAX,
    },
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    let cases = match args {
        [] => CASES.iter().chain(&[]),
        [option] if option == "--peers" => CASES.iter().chain(PEERS),
        [option] if option == "--features" => return features(),
        _ => anyhow::bail!("usage: cargo xtask weight [--peers|--features]"),
    };
    let dir = tempfile::tempdir()?;
    let hello = measure(&HELLO, &dir)?;
    println!(
        "{:<24} {:>10} {:>14} {:>12}",
        "", "adds", "crates below", "clean build"
    );
    println!(
        "{:<24} {:>7} KB {:>14} {:>10.1} s",
        HELLO.name,
        hello.bytes / 1000,
        0,
        hello.seconds
    );
    let mut too_heavy = Vec::new();
    for case in cases {
        let weight = measure(case, &dir)?;
        let (bytes, crates) = (weight.bytes.saturating_sub(hello.bytes), weight.crates - 1);
        println!(
            "{:<24} {:>7} KB {crates:>14} {:>10.1} s",
            case.name,
            bytes / 1000,
            weight.seconds
        );
        if crates > case.max_crates {
            too_heavy.push(format!(
                "{}: more than {} crates",
                case.name, case.max_crates
            ));
        }
        let is_bounded = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if is_bounded && bytes > case.max_bytes {
            let most = case.max_bytes / 1000;
            too_heavy.push(format!("{}: more than {most} KB", case.name));
        }
    }
    println!(
        "\nStripped release builds with default features. \"adds\" is relative to hello-world."
    );
    ensure!(too_heavy.is_empty(), "too heavy: {}", too_heavy.join("; "));
    Ok(())
}

/// The features of `flightrec`, and calls that use them.
const FEATURES: &[(&str, &str)] = &[
    ("", ""),
    (
        "env-filter",
        ".record(flightrec::logtee::Directives::parse(\"debug\").unwrap())",
    ),
    ("crash-safe", ".crash_safe(true)"),
    ("nested-values", ""),
    ("anyhow", ""),
];

/// What each feature of `flightrec` adds to a program that uses it.
fn features() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let package = dir.path().join("features");
    println!("{:<24} {:>10} {:>14}", "", "adds", "crates more");
    let mut bare = None;
    for (feature, call) in FEATURES {
        let path = cargo::root().join("crates/flightrec");
        let features = if feature.is_empty() {
            String::new()
        } else {
            format!("{feature:?}")
        };
        let dependencies = format!(
            "flightrec = {{ path = '{}', default-features = false, features = [{features}] }}\n\
             anyhow = \"1\"\nlog = {{ version = \"*\", features = [\"kv\"] }}\n",
            path.display()
        );
        // The program itself uses anyhow, so that only our additions are counted.
        let main = format!(
            "flightrec::builder(\"hello\"){call}.install().unwrap().run(|| {{
                log::debug!(\"counting\");
                anyhow::ensure!(std::env::args().count() < 9, \"too many\");
                Ok(())
            }});"
        );
        let weight = build(&package, &dependencies, &main, true)?;
        let &mut (bytes, crates) = bare.get_or_insert((weight.bytes, weight.crates));
        println!(
            "{:<24} {:>7} KB {:>14}",
            if feature.is_empty() {
                "without features"
            } else {
                feature
            },
            (weight
                .bytes
                .saturating_sub(if feature.is_empty() { 0 } else { bytes }))
                / 1000,
            weight.crates - if feature.is_empty() { 0 } else { crates },
        );
    }
    println!("\nStripped release builds. The first row is the whole program with its crates.");
    Ok(())
}

struct Weight {
    bytes: u64,
    crates: usize,
    seconds: f64,
}

fn measure(case: &Case, dir: &TempDir) -> Result<Weight> {
    let dependencies = case.dependencies.iter().map(|name| dependency(name));
    let dependencies: String = dependencies.collect();
    // Uses the versions that the workspace is tested with. It has no versions of peers.
    let is_ours = case.max_bytes < u64::MAX;
    build(
        &dir.path().join(case.name),
        &dependencies,
        case.main,
        is_ours,
    )
}

/// Builds a program in its package directory.
fn build(package: &Path, dependencies: &str, main: &str, is_ours: bool) -> Result<Weight> {
    fs::create_dir_all(package.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"weighed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\
         [profile.release]\nstrip = true\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest)?;
    fs::write(
        package.join("src").join("main.rs"),
        format!("fn main() {{ {main} }}\n"),
    )?;
    if is_ours {
        fs::copy(cargo::root().join("Cargo.lock"), package.join("Cargo.lock"))?;
    }
    let in_package = |words: &[&str]| -> Result<String> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(words)
            .current_dir(package)
            .env("CARGO_TARGET_DIR", package.join("target"))
            .output()
            .context("cannot start cargo")?;
        ensure!(
            output.status.success(),
            "cargo {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    in_package(&["fetch"])?;
    let start = Instant::now();
    in_package(&["build", "--release"])?;
    let seconds = start.elapsed().as_secs_f64();
    let tree = in_package(&[
        "tree",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--no-dedupe",
    ])?;
    let mut crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let binary = package
        .join("target/release")
        .join(format!("weighed{}", std::env::consts::EXE_SUFFIX));
    Ok(Weight {
        bytes: len(&binary)?,
        crates: crates.len() - 1,
        seconds,
    })
}

fn dependency(name: &str) -> String {
    let path = cargo::root().join("crates").join(name);
    if path.is_dir() {
        // A literal string, because Windows paths have backslashes.
        format!("{name} = {{ path = '{}' }}\n", path.display())
    } else {
        let features = if name == "log" { "\"kv\"" } else { "" };
        format!("{name} = {{ version = \"*\", features = [{features}] }}\n")
    }
}

fn len(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)
        .with_context(|| format!("cannot read the size of {}", path.display()))?
        .len())
}
