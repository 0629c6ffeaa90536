//! Our own formats.

use flightrec::logtee::{Format, Json, Logfmt, Tee, Text, WriteSink};
use log::LevelFilter;

use super::key_values;
use super::lines;
use super::memory::Memory;
use crate::measure::Sample;

fn install(format: impl Format + 'static) {
    Tee::builder()
        .sink(
            LevelFilter::Debug,
            WriteSink::new(format, Memory::default()),
        )
        .install()
        .expect("this process has no logger yet");
}

pub(super) fn text(threads: usize) -> Sample {
    install(Text::new());
    lines::through_log(threads)
}

pub(super) fn json(threads: usize) -> Sample {
    install(Json::new());
    lines::through_log(threads)
}

pub(super) fn logfmt(threads: usize) -> Sample {
    install(Logfmt::new());
    lines::through_log(threads)
}

pub(super) fn text_key_values(threads: usize) -> Sample {
    install(Text::new());
    key_values::through_log(threads)
}

pub(super) fn json_key_values(threads: usize) -> Sample {
    install(Json::new());
    key_values::through_log(threads)
}

pub(super) fn logfmt_key_values(threads: usize) -> Sample {
    install(Logfmt::new());
    key_values::through_log(threads)
}
