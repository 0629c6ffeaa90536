//! Checks that the recorder changes nothing that the users of a program see, and writes a dump if it
//! fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flightrec_dump::{Dump, StackOrigin};

use super::{PROGRAMS, Program, Variant, dir, fixtures};

struct Case {
    bin: &'static str,
    args: &'static [&'static str],
    code: i32,
    dump: Option<Expected>,
}

/// The dump that a failure must write.
struct Expected {
    /// A part of the message of its reason.
    cause: &'static str,
    /// A function on the stack where the error was created. `None` for a stripped program.
    function: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case {
        bin: "rg",
        args: &["--no-config", "--sort=path", "fn", "small"],
        code: 0,
        dump: None,
    },
    Case {
        bin: "rg",
        args: &["--no-config", "absent", "small"],
        code: 1,
        dump: None,
    },
    Case {
        bin: "rg",
        args: &[
            "--no-config",
            "--debug",
            "--sort=path",
            "-j1",
            "fn",
            "small",
        ],
        code: 0,
        dump: None,
    },
    Case {
        bin: "rg",
        args: &["--help"],
        code: 0,
        dump: None,
    },
    Case {
        bin: "rg",
        args: &["--no-config", "(", "small"],
        code: 2,
        dump: Some(Expected {
            cause: "unclosed group",
            function: Some("matcher"),
        }),
    },
    Case {
        bin: "oxipng",
        args: &["--stdout", "good.png"],
        code: 0,
        dump: None,
    },
    Case {
        bin: "oxipng",
        args: &["bad.png"],
        code: 1,
        dump: Some(Expected {
            cause: "bad.png: ",
            function: None,
        }),
    },
    Case {
        bin: "bore",
        args: &["--help"],
        code: 0,
        dump: None,
    },
    Case {
        bin: "bore",
        args: &["local", "80", "--to", "127.0.0.1"],
        code: 1,
        dump: Some(Expected {
            cause: "could not connect to 127.0.0.1",
            // The functions between are inlined, and the program has no debug information.
            function: Some("bore::main"),
        }),
    },
];

/// The results of a run.
struct Ran {
    stdout: Vec<u8>,
    stderr: String,
    code: Option<i32>,
    dumps: Vec<Dump>,
}

pub(super) fn run() -> Result<()> {
    let work = dir().join("work");
    fixtures::make(&work)?;
    for program in PROGRAMS {
        for case in CASES.iter().filter(|case| case.bin == program.bin) {
            let words = case.args.join(" ");
            let shown = format!("{} {words}", case.bin);
            check(program, case, &work).with_context(|| shown.clone())?;
            println!("unchanged: {shown}");
        }
    }
    Ok(())
}

fn check(program: &Program, case: &Case, work: &Path) -> Result<()> {
    let plain = start(program, Variant::Plain, case, work)?;
    ensure!(
        plain.code == Some(case.code),
        "the exit code is {:?}",
        plain.code
    );
    for &variant in &program.variants()[1..] {
        let ran = start(program, variant, case, work)?;
        let name = variant.name();
        ensure!(
            ran.code == plain.code,
            "{name}: the exit code is {:?}",
            ran.code
        );
        ensure!(ran.stdout == plain.stdout, "{name}: another output");
        // A `main` that returns the error prints it with `{:?}`, whose format differs in stackerr.
        let compared = match variant {
            Variant::Compat => |text: &str| text.lines().next().map(str::to_owned),
            _ => |text: &str| Some(text.to_owned()),
        };
        ensure!(
            compared(&ran.stderr) == compared(&plain.stderr),
            "{name}: the messages are\n{}\ninstead of\n{}",
            ran.stderr,
            plain.stderr
        );
        match (&case.dump, &ran.dumps[..]) {
            (None, []) => {}
            (Some(expected), [dump]) => {
                compare(program, variant, expected, dump).with_context(|| name.to_owned())?;
            }
            (_, dumps) => bail!("{name}: {} dumps", dumps.len()),
        }
    }
    Ok(())
}

fn compare(program: &Program, variant: Variant, expected: &Expected, dump: &Dump) -> Result<()> {
    let message = &dump.reason.message;
    ensure!(
        message.contains(expected.cause),
        "its reason is {message:?}"
    );
    ensure!(
        !dump.latest_logs.is_empty() || program.bin == "bore",
        "no records"
    );
    let [stack, ..] = &dump.stack_traces[..] else {
        bail!("no stack");
    };
    let is_known = stack.origin == StackOrigin::Creation;
    let is_expected = !program.uses_anyhow || variant == Variant::Compat;
    ensure!(
        is_known == is_expected,
        "the stack is from {}",
        stack.origin
    );
    let names: Vec<_> = stack.frames.iter().map(|frame| &frame.name).collect();
    if let Some(function) = expected.function.filter(|_| is_expected) {
        let is_there = names.iter().any(|name| name.contains(function));
        ensure!(is_there, "no {function} on its stack: {names:?}");
    }
    Ok(())
}

/// A command that runs a program without the user's environment.
pub(super) fn command(program: &Program, variant: Variant, work: &Path, state: &Path) -> Command {
    let mut command = Command::new(program.executable(variant));
    command
        .current_dir(work)
        .env_clear()
        .env("XDG_STATE_HOME", state);
    command
}

fn start(program: &Program, variant: Variant, case: &Case, work: &Path) -> Result<Ran> {
    let state = tempfile::tempdir()?;
    let mut command = command(program, variant, work, state.path());
    let output = command.args(case.args).output().with_context(|| {
        format!(
            "{:?}: run `cargo xtask adopt build` first",
            command.get_program()
        )
    })?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines = stderr
        .lines()
        .filter(|line| !line.starts_with("flightrec: "));
    Ok(Ran {
        stderr: lines.map(|line| format!("{line}\n")).collect(),
        stdout: output.stdout,
        code: output.status.code(),
        dumps: dumps(&state.path().join(program.bin).join("flightrec"))?,
    })
}

/// The dumps in a directory, which may have no other files.
fn dumps(dir: &Path) -> Result<Vec<Dump>> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Ok(Vec::new());
    };
    let paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let read = |path: &PathBuf| {
        Dump::from_json(&fs::read(path)?).with_context(|| path.display().to_string())
    };
    paths.iter().map(read).collect()
}
