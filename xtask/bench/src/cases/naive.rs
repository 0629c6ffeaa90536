//! A direct port of the talk's design: a fan-out into a queue of lines behind a mutex.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record};

use super::ours::{floor_step, log_step};
use super::{BOTH, Case, RECORD};
use crate::measure::{Sample, alternate};

pub(super) const CASES: &[Case] = &[
    Case::new(RECORD, "naive port of the talk, text", BOTH, text),
    Case::new(RECORD, "naive port of the talk, JSON", BOTH, json),
];

const LINES: usize = 1_000;

struct Naive {
    lines: Mutex<VecDeque<String>>,
    format: fn(&Record<'_>) -> String,
}

impl Log for Naive {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (self.format)(record);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn flush(&self) {}
}

fn seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

fn text_line(record: &Record<'_>) -> String {
    format!(
        "{:.6} {} {}: {}",
        seconds(),
        record.level(),
        record.target(),
        record.args()
    )
}

fn json_line(record: &Record<'_>) -> String {
    serde_json::json!({
        "time": seconds(),
        "level": record.level().as_str(),
        "target": record.target(),
        "msg": record.args().to_string(),
    })
    .to_string()
}

fn run(format: fn(&Record<'_>) -> String, threads: usize) -> Sample {
    let naive = Naive {
        lines: Mutex::new(VecDeque::with_capacity(LINES)),
        format,
    };
    log::set_boxed_logger(Box::new(naive)).expect("this process has no logger yet");
    log::set_max_level(LevelFilter::Debug);
    alternate(&floor_step(), &log_step(), threads)
}

fn text(threads: usize) -> Sample {
    run(text_line, threads)
}

fn json(threads: usize) -> Sample {
    run(json_line, threads)
}
