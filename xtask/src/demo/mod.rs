//! The main job, shown: a real tool runs well, fails, panics, and is killed; a smaller program crashes
//! and hangs.

mod bank;
mod checks;
pub(crate) mod stage;

use anyhow::{Result, bail};

use checks::Checks;
pub(crate) use stage::Platform;
use stage::Stage;

/// Runs the demo and fails if anything was not as promised.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let keep = match args {
        [] => None,
        [option, dir] if option == "--keep" => Some(dir.into()),
        _ => bail!("usage: cargo xtask demo [--keep DIR]"),
    };
    play(&Stage::build(Platform::here(), keep)?)
}

/// The same with programs of another platform, whose dumps are read on this one.
pub(crate) fn run_on(platform: Platform) -> Result<()> {
    play(&Stage::build(platform, None)?)
}

fn play(stage: &Stage) -> Result<()> {
    let mut checks = Checks::default();
    runs_well(stage, &mut checks)?;
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

fn runs_well(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 1: the census runs well. The console shows INFO, and nothing is written.");
    let run = stage.census(&stage.downloaded)?;
    run.show();
    checks.that("it succeeds", run.code == Some(0));
    checks.that("the console shows INFO", run.stderr.contains("INFO"));
    checks.that("and nothing below", !run.stderr.contains("DEBUG"));
    checks.that("no dump is written", stage.dumps()?.is_empty());
    Ok(())
}

fn fails_twice(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 2: the same sources, and two manifests that can not be read.");
    let run = stage.census(&stage.broken)?;
    run.show();
    let dumps = stage.dumps()?;
    checks.that("it fails with exit code 1", run.code == Some(1));
    checks.that(
        "the console shows both errors",
        run.stderr.matches("cannot read ").count() == 2,
    );
    checks.that("and one path", run.stderr.matches(".json").count() == 1);
    checks.that("and nothing of DEBUG", !run.stderr.contains("DEBUG"));
    let [dump] = &dumps[..] else {
        bail!("{} dumps were written, not one", dumps.len())
    };
    checks.that(
        "the path is the dump's",
        run.stderr.contains(&*dump.path.to_string_lossy()),
    );

    stage.title("What the maintainer sees in it:");
    stage.view(dump)?;
    let json = &dump.json;
    let traces = json["stack_traces"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    checks.that("the dump has the stacks of both errors", traces.len() == 2);
    let born_here = |trace: &serde_json::Value| {
        trace["frames"][0]["name"]
            .as_str()
            .is_some_and(|name| name.contains("census::crates::read"))
    };
    checks.that(
        "each stack begins where the error was born",
        traces.iter().all(born_here),
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
        "the last DEBUG records name the malformed manifest",
        names("zz-malformed"),
    );
    checks.that("and the unreadable one", names("zz-unreadable"));
    checks.that("the schema is flightrec/1", json["schema"] == "flightrec/1");
    checks.that("nobody else can read it", dump.is_private()?);
    Ok(())
}

fn panics(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title("Act 3: a manifest with an edition that the census takes for impossible.");
    let before = stage.dumps()?.len();
    let run = stage.census(&stage.impossible)?;
    run.show();
    let dumps = stage.dumps()?;
    checks.that("it dies with a panic's exit code", run.code == Some(101));
    checks.that(
        "the panic's message is shown",
        run.stderr
            .contains("internal error: entered unreachable code"),
    );
    checks.that("one more dump is written", dumps.len() == before + 1);
    let Some(dump) = dumps.last() else {
        bail!("there is no dump")
    };
    stage.title("What the maintainer sees in it:");
    stage.view(dump)?;
    checks.that("its kind is panic", dump.json["reason"]["kind"] == "panic");
    let thread = dump.json["process"]["thread"].as_str().unwrap_or_default();
    checks.that(
        "it names the worker's thread",
        thread.starts_with("census-"),
    );
    let first = dump.json["stack_traces"][0]["frames"][0]["name"]
        .as_str()
        .unwrap_or_default();
    checks.that(
        "its stack begins where it panicked",
        first.contains("census::crates::edition"),
    );
    Ok(())
}

fn is_killed(stage: &Stage, checks: &mut Checks) -> Result<()> {
    if cfg!(windows) {
        stage.title("Act 4 (a killed process) needs Linux or macOS.");
        return Ok(());
    }
    stage.title(
        "Act 4: the census is killed in the middle of its work (SIGKILL), and started again.",
    );
    let before = stage.dumps()?.len();
    let pid = stage.kill_census()?;
    println!("(process {pid} was killed)\n");
    checks.that(
        "a killed process writes nothing",
        stage.dumps()?.len() == before,
    );
    let run = stage.census(&stage.broken)?;
    run.show();
    let said = run
        .stderr
        .lines()
        .find(|line| line.contains(&format!("process {pid} ended without closing the recorder")));
    checks.that(
        "the next start says in one line what became of it",
        said.is_some(),
    );
    let dumps = stage.dumps()?;
    let Some(dump) = dumps
        .iter()
        .find(|dump| dump.json["reason"]["kind"] == "crash")
    else {
        bail!("there is no dump of the killed process")
    };
    stage.title("What the maintainer sees in it:");
    stage.view(dump)?;
    checks.that(
        "the dump is of the process that was killed",
        dump.json["process"]["pid"] == pid,
    );
    let logs = dump.json["latest_logs"].as_array().map_or(0, Vec::len);
    checks.that("its last DEBUG records are there", logs > 10);
    checks.that(
        "none of them is damaged",
        dump.json["crash"]["damaged_records"] == 0,
    );
    checks.that("nothing else is left behind", stage.leftovers()?.is_empty());
    Ok(())
}
