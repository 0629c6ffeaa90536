//! The cases.

mod errors;
mod fan_out;
mod key_values;
mod lines;
mod loggers;
mod logtee;
mod memory;
mod naive;
mod ours;
mod peers;
mod slowest;
mod tracing;

use crate::measure::Sample;
use crate::stream;

pub(crate) use errors::{GROUP_20 as ERRORS_20, GROUP_50 as ERRORS_50};
pub(crate) use fan_out::{GROUP as FAN_OUT, sinks as fan_outs};
pub(crate) use key_values::GROUP as KEY_VALUES;
pub(crate) use lines::GROUP as LINES;
pub(crate) use ours::GROUP as RECORD;

/// The arguments of every case's message. The compiler must not know the values: it would format
/// them at compile time.
pub(crate) struct Values {
    pub(crate) total: u64,
    pub(crate) path: &'static str,
    pub(crate) micros: u32,
    pub(crate) attempt: u64,
}

impl Values {
    pub(crate) fn new() -> Values {
        std::hint::black_box(Values {
            total: 65_536,
            path: "registry/src/file-0001.rs",
            micros: 137,
            attempt: 3,
        })
    }
}

/// The message: about 70 bytes, four arguments. Uses `format_args!`, or `debug!` of a crate.
macro_rules! message {
    (format_args, $values:expr, $number:expr) => {
        format_args!(
            "read {} of {} bytes from {} in {} us",
            $number & 4095,
            $values.total,
            $values.path,
            $values.micros
        )
    };
    ($krate:ident, $values:expr, $number:expr) => {
        $krate::debug!(
            "read {} of {} bytes from {} in {} us",
            $number & 4095,
            $values.total,
            $values.path,
            $values.micros
        )
    };
}
pub(crate) use message;

/// A measurement, which runs in its own process.
pub(crate) struct Case {
    /// Unique.
    pub(crate) name: &'static str,
    /// The title of its table.
    pub(crate) group: &'static str,
    /// The numbers of threads to measure with.
    pub(crate) threads: &'static [usize],
    run: fn(usize) -> Sample,
}

pub(crate) const BOTH: &[usize] = &[1, 2];
pub(crate) const ONE: &[usize] = &[1];

/// All cases in the order of the tables; the cases of a group are adjacent.
const ALL: &[&[Case]] = &[
    ours::RECORDING,
    peers::CASES,
    tracing::CASES,
    naive::CASES,
    slowest::CASES,
    ours::OFF,
    lines::CASES,
    key_values::CASES,
    fan_out::CASES,
    errors::CASES,
    stream::CASES,
];

pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    ALL.iter().copied().flatten()
}

impl Case {
    pub(crate) const fn new(
        group: &'static str,
        name: &'static str,
        threads: &'static [usize],
        run: fn(usize) -> Sample,
    ) -> Case {
        Case {
            name,
            group,
            threads,
            run,
        }
    }

    pub(crate) fn named(name: &str) -> Option<&'static Case> {
        all().find(|case| case.name == name)
    }

    pub(crate) fn measure(&self, threads: usize) -> Sample {
        (self.run)(threads)
    }

    /// Additional environment variables of the case's process.
    pub(crate) fn environment(&self) -> &'static [(&'static str, &'static str)] {
        if errors::is_group(self.group) {
            &[("RUST_BACKTRACE", "1"), ("RUST_LIB_BACKTRACE", "1")]
        } else {
            &[]
        }
    }
}
