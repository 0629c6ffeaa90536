//! A record as a line of text in memory, against formatting only its message into a reused buffer.

use super::ours::log_step;
use super::peers::tracing_step;
use super::{BOTH, Case, Values, loggers, logtee, memory, message};
use crate::floor;
use crate::measure::{Sample, Step, Work, alternate};

pub(crate) const GROUP: &str = "A line to memory";

pub(super) const CASES: &[Case] = &[
    Case::new(GROUP, "logtee text", BOTH, logtee::text),
    Case::new(GROUP, "spdlog-rs text", BOTH, spdlog),
    Case::new(GROUP, "fern + humantime text", BOTH, fern),
    Case::new(GROUP, "logforth text", BOTH, logforth_text),
    Case::new(GROUP, "tracing-subscriber text", BOTH, tracing_text),
    Case::new(GROUP, "logtee JSON", BOTH, logtee::json),
    Case::new(GROUP, "logforth JSON", BOTH, logforth_json),
    Case::new(GROUP, "tracing-subscriber JSON", BOTH, tracing_json),
    Case::new(GROUP, "logtee logfmt", BOTH, logtee::logfmt),
    Case::new(GROUP, "logforth logfmt", BOTH, logforth_logfmt),
];

fn against_format(case: &impl Work, threads: usize) -> Sample {
    let sample = alternate(&floor::Format, case, threads);
    memory::assert_used();
    sample
}

pub(super) fn through_log(threads: usize) -> Sample {
    against_format(&log_step(), threads)
}

fn spdlog(threads: usize) -> Sample {
    loggers::spdlog();
    let values = Values::new();
    let case = Step(|number| message!(spdlog, values, number));
    against_format(&case, threads)
}

fn fern(threads: usize) -> Sample {
    loggers::fern();
    through_log(threads)
}

fn logforth_text(threads: usize) -> Sample {
    loggers::logforth(loggers::text_layout());
    through_log(threads)
}

fn logforth_json(threads: usize) -> Sample {
    loggers::logforth(logforth::layout::JsonLayout::default());
    through_log(threads)
}

fn logforth_logfmt(threads: usize) -> Sample {
    loggers::logforth(logforth::layout::LogfmtLayout::default());
    through_log(threads)
}

fn tracing_text(threads: usize) -> Sample {
    loggers::tracing_text();
    against_format(&tracing_step(), threads)
}

fn tracing_json(threads: usize) -> Sample {
    loggers::tracing_json();
    against_format(&tracing_step(), threads)
}
