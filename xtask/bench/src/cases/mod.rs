//! What is compared.

mod naive;
mod ours;
mod peers;

use crate::measure::Sample;
use crate::stream;

/// What the message of every case is made of. The compiler must not know the values: it would put
/// them into the text by itself.
pub(crate) struct Values {
    pub(crate) total: u64,
    pub(crate) path: &'static str,
    pub(crate) micros: u32,
}

impl Values {
    pub(crate) fn new() -> Values {
        std::hint::black_box(Values {
            total: 65_536,
            path: "registry/src/file-0001.rs",
            micros: 137,
        })
    }
}

/// The message: 70 bytes or so, four arguments. Through `format_args!`, or `debug!` of a crate.
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

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) threads: &'static [usize],
    run: fn(usize) -> Sample,
}

const BOTH: &[usize] = &[1, 2];
const ONE: &[usize] = &[1];

const RECORD: &str = "Keeping one DEBUG record that the console at INFO drops";
const OFF: &str = "A record that nobody wants";
const STREAM: &str = "The last 1,000 lines of a stream";

pub(crate) const ALL: &[Case] = &[
    Case {
        name: "format only",
        group: RECORD,
        threads: BOTH,
        run: ours::format_only,
    },
    Case {
        name: "flightrec",
        group: RECORD,
        threads: BOTH,
        run: ours::record,
    },
    Case {
        name: "flightrec, key-values",
        group: RECORD,
        threads: BOTH,
        run: ours::key_values,
    },
    Case {
        name: "flightrec, no arguments",
        group: RECORD,
        threads: BOTH,
        run: ours::no_arguments,
    },
    Case {
        name: "flightrec while snapshots are taken",
        group: RECORD,
        threads: ONE,
        run: ours::with_snapshots,
    },
    Case {
        name: "faultbox breadcrumb!",
        group: RECORD,
        threads: BOTH,
        run: peers::faultbox,
    },
    Case {
        name: "faultbox through tracing",
        group: RECORD,
        threads: BOTH,
        run: peers::faultbox_tracing,
    },
    Case {
        name: "sentry-log breadcrumbs",
        group: RECORD,
        threads: BOTH,
        run: peers::sentry,
    },
    Case {
        name: "tracing-flight-recorder",
        group: RECORD,
        threads: BOTH,
        run: peers::tracing_flight_recorder,
    },
    Case {
        name: "naive port of the talk, text",
        group: RECORD,
        threads: BOTH,
        run: naive::text,
    },
    Case {
        name: "naive port of the talk, JSON",
        group: RECORD,
        threads: BOTH,
        run: naive::json,
    },
    Case {
        name: "log itself, off",
        group: OFF,
        threads: ONE,
        run: ours::log_off,
    },
    Case {
        name: "flightrec, TRACE off",
        group: OFF,
        threads: ONE,
        run: ours::trace_off,
    },
    Case {
        name: "tailwriter, 64 KiB chunks",
        group: STREAM,
        threads: ONE,
        run: stream::chunks,
    },
    Case {
        name: "tailwriter, 80-byte lines",
        group: STREAM,
        threads: ONE,
        run: stream::lines,
    },
    Case {
        name: "tailwriter, byte by byte",
        group: STREAM,
        threads: ONE,
        run: stream::bytes,
    },
];

impl Case {
    pub(crate) fn named(name: &str) -> Option<&'static Case> {
        ALL.iter().find(|case| case.name == name)
    }

    pub(crate) fn measure(&self, threads: usize) -> Sample {
        (self.run)(threads)
    }
}
