//! Runs of equal records, which are shown as one with a count.

use std::collections::HashSet;
use std::ops::Range;

use flightrec_dump::{Dump, LogRecord};

/// Splits `records` into runs of consecutive equal records. With `all`, each record is its own run.
///
/// A run ends where an error was created, because that is shown after the last record before it.
pub(crate) fn of(
    records: &[&LogRecord],
    dump: &Dump,
    all: bool,
) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
    let traces = dump.stack_traces.iter();
    let errors: HashSet<u64> = traces.filter_map(|trace| trace.log_seq).collect();
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, record) in records.iter().enumerate() {
        if let Some(run) = runs.last_mut()
            && !all
            && let Some(before) = records.get(run.end - 1)
            && !errors.contains(&before.seq)
            && are_equal(before, record)
        {
            run.end = at + 1;
        } else {
            runs.push(at..at + 1);
        }
    }
    runs.into_iter()
}

/// Whether they differ only in their times, and no record is missing between them.
fn are_equal(before: &LogRecord, record: &LogRecord) -> bool {
    let as_before = |record: &LogRecord| {
        let mut record = record.clone();
        (record.seq, record.time) = (before.seq, before.time);
        record
    };
    record.seq == before.seq.saturating_add(1)
        && record.msg == before.msg
        && as_before(record) == *before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_records_without_a_gap_are_a_run() {
        let record = |(seq, msg, target): (u64, &str, &str)| {
            let mut record = LogRecord::default();
            record.seq = seq;
            (record.msg, record.target) = (msg.to_owned(), target.to_owned());
            record
        };
        let records = [
            (0, "a", "t"),
            (1, "a", "t"),
            (2, "b", "t"),
            (3, "b", "u"),
            (4, "b", "u"),
            (6, "b", "u"),
            (7, "b", "u"),
            (8, "b", "u"),
        ]
        .map(record);
        let records: Vec<_> = records.iter().collect();
        let json = br#"{"schema":"flightrec/1","stack_traces":[{"log_seq":7}]}"#;
        let dump = Dump::from_json(json).unwrap();
        let runs: Vec<_> = of(&records, &dump, false).collect();
        assert_eq!(runs, [0..2, 2..3, 3..5, 5..7, 7..8]);
        assert_eq!(of(&records, &dump, true).count(), 8);
    }
}
