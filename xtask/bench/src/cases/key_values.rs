//! The same line with three key-values, against message, keys and values in a reused buffer.
//!
//! fern is not included: the format in its documentation has no key-values.

use std::fmt::Write;

use super::{Case, ONE, Values, loggers, logtee, memory, message};
use crate::measure::{Sample, Step, Work, alternate};

pub(crate) const GROUP: &str = "A line with three key-values to memory";

pub(super) const CASES: &[Case] = &[
    Case::new(GROUP, "logtee text, kv", ONE, logtee::text_key_values),
    Case::new(GROUP, "spdlog-rs text, kv", ONE, spdlog),
    Case::new(GROUP, "logforth text, kv", ONE, logforth_text),
    Case::new(GROUP, "tracing-subscriber text, kv", ONE, tracing_text),
    Case::new(GROUP, "logtee JSON, kv", ONE, logtee::json_key_values),
    Case::new(GROUP, "logforth JSON, kv", ONE, logforth_json),
    Case::new(GROUP, "tracing-subscriber JSON, kv", ONE, tracing_json),
    Case::new(GROUP, "logtee logfmt, kv", ONE, logtee::logfmt_key_values),
    Case::new(GROUP, "logforth logfmt, kv", ONE, logforth_logfmt),
];

/// Formats message, keys and values as text: the minimum for a line.
struct Format;

impl Work for Format {
    type State = (String, Values);
    fn start(&self) -> Self::State {
        (String::with_capacity(1024), Values::new())
    }
    #[inline]
    fn step(&self, (buffer, values): &mut Self::State, number: u64) {
        buffer.clear();
        // Writing to a string cannot fail.
        let _ = buffer.write_fmt(message!(format_args, values, number));
        let _ = write!(
            buffer,
            " request={} attempt={} bytes={}",
            number, values.attempt, values.total
        );
        std::hint::black_box(&*buffer);
    }
}

/// Logs the record through a macro that takes `key = value` first.
macro_rules! debug {
    ($krate:ident $between:tt) => {{
        let values = Values::new();
        Step(move |number| {
            $krate::debug!(
                request = number,
                attempt = values.attempt,
                bytes = values.total $between
                "read {} of {} bytes from {} in {} us",
                number & 4095, values.total, values.path, values.micros
            )
        })
    }};
}

fn against_format(case: &impl Work, threads: usize) -> Sample {
    let sample = alternate(&Format, case, threads);
    memory::assert_used();
    sample
}

pub(super) fn through_log(threads: usize) -> Sample {
    against_format(&debug!(log;), threads)
}

fn spdlog(threads: usize) -> Sample {
    loggers::spdlog();
    let values = Values::new();
    let case = Step(|number| {
        spdlog::debug!(
            "read {} of {} bytes from {} in {} us",
            number & 4095, values.total, values.path, values.micros,
            kv: { request = number, attempt = values.attempt, bytes = values.total }
        );
    });
    against_format(&case, threads)
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
    against_format(&debug!(tracing,), threads)
}

fn tracing_json(threads: usize) -> Sample {
    loggers::tracing_json();
    against_format(&debug!(tracing,), threads)
}
