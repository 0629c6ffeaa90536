//! Creating and dropping an error with its stack, against the system unwinder's walk over that stack.
//!
//! All except rootcause's collector store addresses and look up names later.

use std::backtrace::Backtrace;
use std::hint::black_box;

use flightrec::stackerr;

use super::{BOTH, Case, ONE};
use crate::measure::{Sample, Step, Work, alternate_at_depth};
use crate::unwinder;

pub(crate) const GROUP_20: &str = "An error with its stack, 20 calls deep";
pub(crate) const GROUP_50: &str = "An error with its stack, 50 calls deep";

pub(super) const CASES: &[Case] = &[
    Case::new(GROUP_20, "stackerr", BOTH, stackerr::<20>),
    Case::new(GROUP_20, "std's Backtrace, no error", BOTH, std::<20>),
    Case::new(GROUP_20, "anyhow", BOTH, anyhow::<20>),
    Case::new(GROUP_20, "eyre", BOTH, eyre::<20>),
    Case::new(GROUP_20, "error-stack", BOTH, error_stack::<20>),
    Case::new(GROUP_20, "snafu", BOTH, snafu::<20>),
    Case::new(GROUP_20, "rootcause", BOTH, rootcause::<20>),
    Case::new(GROUP_50, "stackerr, 50", ONE, stackerr::<50>),
    Case::new(GROUP_50, "std's Backtrace, no error, 50", ONE, std::<50>),
    Case::new(GROUP_50, "anyhow, 50", ONE, anyhow::<50>),
    Case::new(GROUP_50, "eyre, 50", ONE, eyre::<50>),
    Case::new(GROUP_50, "error-stack, 50", ONE, error_stack::<50>),
    Case::new(GROUP_50, "snafu, 50", ONE, snafu::<50>),
    Case::new(GROUP_50, "rootcause, 50", ONE, rootcause::<50>),
];

/// Whether the cases of a group need backtraces switched on.
pub(super) fn is_group(group: &str) -> bool {
    group == GROUP_20 || group == GROUP_50
}

fn against_walk(depth: usize, case: impl Work, threads: usize) -> Sample {
    let floor = Step(|_| {
        black_box(unwinder::walk());
    });
    alternate_at_depth(depth, &floor, &case, threads)
}

fn stackerr<const DEPTH: usize>(threads: usize) -> Sample {
    // Keeps all frames, as the others do.
    stackerr::set_max_depth(100);
    let case = Step(|_| drop(black_box(stackerr::err!("refused"))));
    against_walk(DEPTH, case, threads)
}

fn std<const DEPTH: usize>(threads: usize) -> Sample {
    let case = Step(|_| drop(black_box(Backtrace::force_capture())));
    against_walk(DEPTH, case, threads)
}

fn anyhow<const DEPTH: usize>(threads: usize) -> Sample {
    let case = Step(|_| drop(black_box(anyhow::anyhow!("refused"))));
    against_walk(DEPTH, case, threads)
}

fn eyre<const DEPTH: usize>(threads: usize) -> Sample {
    let case = Step(|_| drop(black_box(eyre::eyre!("refused"))));
    against_walk(DEPTH, case, threads)
}

fn error_stack<const DEPTH: usize>(threads: usize) -> Sample {
    let case = Step(|_| drop(black_box(error_stack::Report::new(std::fmt::Error))));
    against_walk(DEPTH, case, threads)
}

fn snafu<const DEPTH: usize>(threads: usize) -> Sample {
    fn fail() -> Result<(), snafu::Whatever> {
        snafu::whatever!("refused")
    }
    let case = Step(|_| drop(black_box(fail())));
    against_walk(DEPTH, case, threads)
}

fn rootcause<const DEPTH: usize>(threads: usize) -> Sample {
    rootcause::hooks::Hooks::new()
        .report_creation_hook(rootcause_backtrace::BacktraceCollector::new_from_env())
        .install()
        .expect("this process has no hooks yet");
    let case = Step(|_| drop(black_box(rootcause::report!("refused"))));
    against_walk(DEPTH, case, threads)
}
