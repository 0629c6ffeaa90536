//! The stacks of threads. Threads with equal stacks are a group, and the interesting groups come first.

use std::io::{self, Write};

use flightrec_dump::{Dump, Kind, LogRecord, Thread};

use super::records::{Columns, Line};
use super::stack::{MAX_NAME, Stacks};
use crate::render::count;
use crate::render::style::{BOLD, DIM};
use crate::render::text;

/// How many different stacks are shown without `--all`.
const MAX_THREADS: usize = 6;

/// How many threads of a group are named.
const MAX_NAMED: usize = 4;

/// How many records of a group are shown beside its stack.
const RECORDS: usize = 3;

/// The kernel cuts the names of threads to this length.
const MAX_SYSTEM_NAME: usize = 15;

/// Threads with the same stack.
pub(crate) struct Group<'a> {
    pub(crate) threads: Vec<&'a Thread>,
    rank: Rank,
}

/// The order of groups, interesting ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Crashed,
    /// Its heartbeat stopped.
    Stalled,
    Running,
    InProgram,
    WithoutStack,
    /// It has only frames of the runtime, so it is waiting for work.
    Idle,
}

/// The threads of a dump, the interesting ones first.
pub(crate) fn groups(dump: &Dump) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (n, thread) in dump.threads.iter().enumerate() {
        let rank = rank(thread, n == 0 && dump.reason.kind == Kind::Hang);
        let alike = groups.iter_mut().find(|group| {
            let first = group.threads[0];
            group.rank == rank
                && first.frames == thread.frames
                && first.stack_ended == thread.stack_ended
        });
        match alike {
            Some(group) => group.threads.push(thread),
            None => groups.push(Group {
                threads: vec![thread],
                rank,
            }),
        }
    }
    // The sort is stable: within a rank, the order of the dump is kept.
    groups.sort_by_key(|group| group.rank);
    groups
}

fn rank(thread: &Thread, is_stalled: bool) -> Rank {
    let is_idle = thread.frames.iter().all(|frame| frame.noise);
    match thread.state.as_deref() {
        _ if thread.crashed => Rank::Crashed,
        _ if is_stalled => Rank::Stalled,
        _ if thread.frames.is_empty() => Rank::WithoutStack,
        Some("running") if !is_idle => Rank::Running,
        _ if is_idle => Rank::Idle,
        _ => Rank::InProgram,
    }
}

pub(super) fn print<'a>(out: &mut dyn Write, stacks: &mut Stacks<'a>) -> io::Result<()> {
    let (dump, view) = (stacks.dump, stacks.view);
    let groups = groups(dump);
    // A single thread is the one that failed. Its stack and records are shown elsewhere.
    let are_several = dump.threads.len() > 1;
    let (idle, busy): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|group| group.rank == Rank::Idle && !view.all);
    let most = if view.all { usize::MAX } else { MAX_THREADS };
    for group in busy.iter().take(most) {
        heading(out, group, stacks)?;
        let first = group.threads[0];
        let is_shown = dump
            .stack_traces
            .iter()
            .any(|trace| !trace.frames.is_empty() && trace.frames == first.frames);
        if is_shown {
            writeln!(out, "{DIM}      the stack above{DIM:#}")?;
        } else {
            let is_cause = matches!(group.rank, Rank::Crashed | Rank::Stalled);
            stacks.frames(out, &first.frames, is_cause)?;
        }
        if let Some(why) = &first.stack_ended {
            let what = if first.frames.is_empty() {
                "no stack"
            } else {
                "stack ends"
            };
            let why = text::shown_in_one(why, view.all);
            let why = format!("{what}: {}", text::line(&why));
            let most = view.width.map(|width| width.saturating_sub(6));
            for piece in text::wrap(&why, most) {
                writeln!(out, "{DIM}      {piece}{DIM:#}")?;
            }
        }
        if are_several {
            records(out, group, stacks)?;
        }
    }
    if busy.len() > most {
        let more = count::of(busy.len() - most, "more stack");
        writeln!(out, "\n{DIM}… {more} of threads (--all shows them){DIM:#}")?;
    }
    let waiting: usize = idle.iter().map(|group| group.threads.len()).sum();
    if waiting > 0 {
        let waiting = count::of(waiting, "thread");
        writeln!(
            out,
            "\n{DIM}… {waiting} in the runtime only (--all shows them){DIM:#}"
        )?;
    }
    Ok(())
}

/// `Thread worker-1, worker-2 and 3 others with the same stack (4711, sleeping in futex)`
fn heading(out: &mut dyn Write, group: &Group<'_>, stacks: &Stacks<'_>) -> io::Result<()> {
    let first = group.threads[0];
    let names: Vec<&str> = group
        .threads
        .iter()
        .map(|thread| thread.name.as_deref().unwrap_or("without a name"))
        .take(MAX_NAMED)
        .collect();
    let others = group.threads.len() - names.len();
    let more = match (others, names.len()) {
        (0, 1) => String::new(),
        (0, _) => " with the same stack".to_owned(),
        _ => format!(" and {} with the same stack", count::of(others, "other")),
    };
    let state = first.state.as_deref().unwrap_or_default();
    let state = match (group.rank, state) {
        (Rank::Crashed, _) => "crashed".to_owned(),
        (Rank::Stalled, "") => "no heartbeat".to_owned(),
        (Rank::Stalled, state) => format!("no heartbeat, {state}"),
        (_, "") => first.id.to_string(),
        (_, state) => format!("{}, {state}", first.id),
    };
    let word = if group.threads.len() == 1 {
        "Thread"
    } else {
        "Threads"
    };
    let heading = format!("{}{more} ({state})", names.join(", "));
    let most = stacks
        .view
        .width
        .map_or(MAX_NAME, |width| width.saturating_sub(word.len() + 1));
    let heading = text::line(&heading);
    let heading = text::cut(&heading, most);
    writeln!(out, "\n{BOLD}{word}{BOLD:#} {heading}")
}

/// The last records of the group's threads.
fn records(out: &mut dyn Write, group: &Group<'_>, stacks: &Stacks<'_>) -> io::Result<()> {
    let (dump, view) = (stacks.dump, stacks.view);
    let is_of = |record: &&LogRecord| {
        let mut threads = group.threads.iter();
        threads.any(|thread| is_named(thread, &record.thread))
    };
    let mut records: Vec<_> = dump.latest_logs.iter().rev().filter(is_of).collect();
    records.truncate(RECORDS);
    if records.is_empty() {
        return Ok(());
    }
    records.reverse();
    // Records have the name of their thread only.
    let mut others = dump.threads.iter().filter(|other| {
        let mut threads = group.threads.iter();
        threads.all(|thread| !std::ptr::eq(*thread, *other))
    });
    let is_shared = others.any(|other| {
        let mut records = records.iter();
        records.any(|record| is_named(other, &record.thread))
    });
    let whose = if is_shared {
        "the last records of all threads of that name:"
    } else {
        "its last records:"
    };
    let lines: Vec<Line<'_>> = records
        .into_iter()
        .map(|record| Line { process: 0, record })
        .collect();
    writeln!(out, "{DIM}      {whose}{DIM:#}")?;
    let columns = Columns::fit(&lines, &[], stacks.failure, dump, view);
    lines.iter().try_for_each(|line| columns.record(out, line))
}

/// Whether a thread has this name from the records. The kernel cuts long names.
fn is_named(thread: &Thread, name: &str) -> bool {
    thread.name.as_deref().is_some_and(|its| {
        its == name || its.len() == MAX_SYSTEM_NAME && !name.is_empty() && name.starts_with(its)
    })
}
