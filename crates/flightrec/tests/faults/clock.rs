//! The clock was set back by an hour since the last dumps were written.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use flightrec::logtee::Time;

use super::host::Host;
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

/// So many new dumps that the ten old ones are removed.
const NEW: usize = 15;

pub(crate) fn host(_: &str) -> ExitCode {
    let host = Host::start(|builder| builder);
    let flight = host.flight.as_ref().expect("with the recorder");
    for number in 0..NEW {
        log::debug!("record {number}");
        flight.dump(format!("number {number}")).expect("a dump");
    }
    ExitCode::SUCCESS
}

pub(crate) fn put_back(row: &mut Row) {
    for _ in 0..row::tries(1, 20) {
        let dir = tempfile::tempdir().expect("a directory");
        let later = SystemTime::now() + Duration::from_secs(60 * 60);
        for number in 0..10 {
            let time = Time::utc()
                .digits(6)
                .text(later + Duration::from_millis(number));
            let time: String = time
                .chars()
                .filter(|char| !matches!(char, '-' | ':'))
                .collect();
            let dump = "{\"schema\":\"flightrec/1\",\"fingerprint\":\"\",\"reason\":{\"message\":\"old\"}}";
            fs::write(
                dir.path().join(format!("{time}-error-1-{number}.json")),
                dump,
            )
            .expect("a dump");
        }
        row.tries += NEW as u64;
        let Some(ended) = watch::run(&mut watch::host("clock:back", dir.path(), true)) else {
            row.hung("with the clock put back");
            continue;
        };
        if !ended.status.success() {
            row.harmed(format!("{ended:?}"));
        }
        let dumps = dumps(dir.path());
        let messages: Vec<_> = dumps
            .iter()
            .map(|(_, dump)| dump.reason.message.clone())
            .collect();
        // There are two failures with many dumps each. The newest dump of each is kept, then the newest of
        // all.
        let expected: Vec<_> = ["old".to_owned()]
            .into_iter()
            .chain((NEW - 9..NEW).map(|number| format!("number {number}")))
            .collect();
        if messages != expected {
            row.lost(format!("{messages:?} are kept, in this order"));
        }
        for (path, dump) in dumps {
            let is_in_order = dump.latest_logs.is_sorted_by_key(|log| (log.seq, log.time));
            if !is_in_order {
                row.torn(format!("records of {}", path.display()));
            }
        }
    }
}
