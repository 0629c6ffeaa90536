//! A segmentation fault in a callback that C calls, and a deadlock of two threads.

use anyhow::{Result, bail};
use serde_json::Value;

use super::checks::Checks;
use super::stage::{DumpFile, Stage};

const SIGSEGV: i32 = 11;

pub(crate) fn crashes(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title(
        "Act 5: the program `bank` sorts accounts with C's qsort, whose callback in Rust reads a null \
         pointer. Then it is started again.",
    );
    let run = stage.bank(&["sort"])?;
    run.show();
    checks.that("SIGSEGV ends the program, as without the recorder", {
        run.signal == Some(SIGSEGV)
    });
    checks.that("the crashing process writes no dump", {
        stage.dumps_of("bank")?.is_empty()
    });
    let next = stage.bank(&[])?;
    next.show();
    checks.that(
        "the next start reports the crash in one line",
        next.stderr.matches("SIGSEGV").count() == 1,
    );
    let dumps = stage.dumps_of("bank")?;
    let [dump] = &dumps[..] else {
        bail!("{} dumps were written, not one", dumps.len())
    };
    stage.title("What the maintainer sees in the dump:");
    stage.view(dump)?;
    let json = &dump.json;
    let frames = &json["stack_traces"][0]["frames"];
    let names = names(frames);
    let at = |name: &str| names.iter().position(|its| its.contains(name));
    checks.that(
        "the stack begins in the function that read the null pointer",
        // Except for inlined functions of the standard library.
        at("bank::balance").is_some_and(|at| (0..at).all(|at| frames[at]["noise"] == true)),
    );
    let (callback, caller) = (at("bank::by_balance"), at("bank::sort_by_balance"));
    checks.that(
        "the stack continues through the frames of C to the caller in Rust",
        callback.is_some() && caller > callback.map(|at| at + 1),
    );
    let message = json["reason"]["message"].as_str().unwrap_or_default();
    checks.that(
        "the dump suggests that the pointer was null",
        message.contains("null pointer?"),
    );
    let last = json["latest_logs"].as_array().and_then(|logs| logs.last());
    checks.that(
        "the last record is the one before the crash",
        last.is_some_and(|log| log["msg"] == "comparing two accounts"),
    );
    Ok(())
}

pub(crate) fn hangs(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.title(
        "Act 6: two threads lock two accounts in opposite order. A watch notices the deadlock. \
         (Then the demo kills the program.)",
    );
    let is_hang = |dump: &&DumpFile| dump.json["reason"]["kind"] == "hang";
    let is_complete = |dump: &DumpFile| {
        is_hang(&dump)
            && names(&dump.json["stack_traces"][0]["frames"]).contains(&"bank::pay_salary")
    };
    let run = stage.bank_until(&["transfer"], is_complete)?;
    run.show();
    let dumps = stage.dumps_of("bank")?;
    let Some(dump) = dumps.iter().find(is_hang) else {
        bail!("there is no dump of the deadlock")
    };
    stage.title("What the maintainer sees in the dump:");
    stage.view(dump)?;
    let threads = dump.json["threads"].as_array();
    let waits = |thread: &str, function: &str| {
        threads.into_iter().flatten().any(|its| {
            let names = names(&its["frames"]);
            its["name"] == thread && names.iter().any(|name| name.contains(function))
        })
    };
    checks.that(
        "the dump has the stacks of both functions that wait for each other",
        waits("salary", "bank::pay_salary") && waits("rent", "bank::pay_rent"),
    );
    Ok(())
}

fn names(frames: &Value) -> Vec<&str> {
    let frames = frames.as_array().into_iter().flatten();
    frames
        .map(|frame| frame["name"].as_str().unwrap_or_default())
        .collect()
}
