//! Shows what the recorder does: a real tool succeeds, fails, panics and is killed; a smaller program
//! crashes and hangs.

mod bank;
mod checks;
pub(crate) mod stage;

use anyhow::{Result, bail};

use checks::Checks;
pub(crate) use stage::Platform;
use stage::Stage;

/// Runs the demo, and fails if one of its checks fails.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let keep = match args {
        [] => None,
        [option, dir] if option == "--keep" => Some(dir.into()),
        _ => bail!("usage: cargo xtask demo [--keep DIR]"),
    };
    play(&Stage::build(Platform::here(), keep)?)
}

/// Runs the demo with programs for another platform, and reads their dumps on this machine.
pub(crate) fn run_on(platform: Platform) -> Result<()> {
    play(&Stage::build(platform, None)?)
}

fn play(stage: &Stage) -> Result<()> {
    let mut checks = Checks::default();
    succeeds(stage, &mut checks)?;
    fails_twice(stage, &mut checks)?;
    panics(stage, &mut checks)?;
    is_killed(stage, &mut checks)?;
    if stage.has_crash_stacks() {
        bank::crashes(stage, &mut checks)?;
        bank::hangs(stage, &mut checks)?;
    } else {
        stage.title(
            "Acts 5 and 6 (a crash and a hang) are skipped: they need Linux on x86-64 with glibc.",
        );
    }
    checks.conclude(stage)
}

fn succeeds(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 1: the census succeeds. The console shows INFO, and no dump is written.");
    let run = stage.census(&stage.downloaded)?;
    run.show();
    checks.that("the census succeeds", run.code == Some(0));
    checks.that("the console shows INFO", run.stderr.contains("INFO"));
    checks.that(
        "the console does not show DEBUG",
        !run.stderr.contains("DEBUG"),
    );
    checks.that("no dump is written", stage.dumps()?.is_empty());
    Ok(())
}

fn fails_twice(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 2: some of these sources, and two manifests that cannot be read.");
    let run = stage.census(&stage.broken)?;
    run.show();
    let dumps = stage.dumps()?;
    checks.that("the census fails with exit code 1", run.code == Some(1));
    checks.that(
        "the console shows both errors",
        run.stderr.matches("cannot read ").count() == 2,
    );
    checks.that(
        "the console still does not show DEBUG",
        !run.stderr.contains("DEBUG"),
    );
    let [dump] = &dumps[..] else {
        bail!("{} dumps were written, not one", dumps.len())
    };
    checks.that(
        "the console shows the path of the one dump",
        run.stderr.matches(".json").count() == 1
            && run.stderr.contains(&*dump.path.to_string_lossy()),
    );

    stage.title("What the maintainer sees in the dump:");
    stage.view(dump)?;
    let json = &dump.json;
    let traces = json["stack_traces"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    checks.that("the dump has the stacks of both errors", traces.len() == 2);
    let created_here = |trace: &serde_json::Value| {
        trace["frames"][0]["name"]
            .as_str()
            .is_some_and(|name| name.contains("census::crates::read"))
    };
    checks.that(
        "each stack begins where the error was created",
        traces.iter().all(created_here),
    );
    let logs = json["latest_logs"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let names = |name: &str| {
        logs.iter().any(|log| {
            log["level"] == "DEBUG" && log["msg"].as_str().is_some_and(|msg| msg.contains(name))
        })
    };
    checks.that(
        "the last DEBUG records name both manifests",
        names("zz-malformed") && names("zz-unreadable"),
    );
    checks.that("the schema is flightrec/1", json["schema"] == "flightrec/1");
    checks.that("other users cannot read the dump", dump.is_private()?);
    Ok(())
}

fn panics(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 3: the census panics at a manifest with an unknown edition.");
    let before = stage.dumps()?.len();
    let run = stage.census(&stage.impossible)?;
    run.show();
    let dumps = stage.dumps()?;
    checks.that(
        "the census exits with a panic's exit code",
        run.code == Some(101),
    );
    checks.that(
        "the console shows the panic's message",
        run.stderr
            .contains("internal error: entered unreachable code"),
    );
    checks.that("one more dump is written", dumps.len() == before + 1);
    let Some(dump) = dumps.last() else {
        bail!("there is no dump")
    };
    stage.title("What the maintainer sees in the dump:");
    stage.view(dump)?;
    checks.that(
        "the dump's kind is panic",
        dump.json["reason"]["kind"] == "panic",
    );
    let thread = dump.json["process"]["thread"].as_str().unwrap_or_default();
    checks.that(
        "the dump names the worker's thread",
        thread.starts_with("census-"),
    );
    let first = dump.json["stack_traces"][0]["frames"][0]["name"]
        .as_str()
        .unwrap_or_default();
    checks.that(
        "the dump's stack begins at the panic",
        first.contains("census::crates::edition"),
    );
    Ok(())
}

fn is_killed(stage: &Stage, checks: &mut Checks) -> Result<()> {
    if cfg!(windows) {
        stage.title("Act 4 (a killed process) needs Linux or macOS.");
        return Ok(());
    }
    stage.title("Act 4: the census is killed (SIGKILL) while it works, and started again.");
    let before = stage.dumps()?.len();
    let pid = stage.kill_census()?;
    println!("(process {pid} was killed)\n");
    checks.that(
        "a killed process writes nothing",
        stage.dumps()?.len() == before,
    );
    let run = stage.census(&stage.broken)?;
    run.show();
    let line = run
        .stderr
        .lines()
        .find(|line| line.contains(&format!("process {pid} ended without closing the recorder")));
    checks.that("the next start reports it in one line", line.is_some());
    let dumps = stage.dumps()?;
    let Some(dump) = dumps
        .iter()
        .find(|dump| dump.json["reason"]["kind"] == "crash")
    else {
        bail!("there is no dump of the killed process")
    };
    stage.title("What the maintainer sees in the dump:");
    stage.view(dump)?;
    checks.that(
        "the dump is of the killed process",
        dump.json["process"]["pid"] == pid,
    );
    let logs = dump.json["latest_logs"].as_array().map_or(0, Vec::len);
    checks.that("the dump has its last DEBUG records", logs > 10);
    checks.that(
        "no record is damaged",
        dump.json["crash"]["damaged_records"] == 0,
    );
    checks.that("no other files are left", stage.leftovers()?.is_empty());
    Ok(())
}
