//! Selects the records of a dump.

use std::time::{Duration, SystemTime};

use flightrec_dump::{Dump, Level};

/// Selects which of the kept records are in a dump.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The number of last records in a dump, of any age.
    pub lines: usize,
    /// The number of last ERROR records that are in a dump in any case. The same for WARN.
    pub warnings: usize,
    /// Records that are younger than this are also in a dump, as many as fit into `bytes`.
    pub min_age: Option<Duration>,
    /// How many bytes of records are kept.
    pub bytes: usize,
}

impl Window {
    /// Returns the maximum number of records that the tail must keep.
    pub fn max_lines(&self) -> usize {
        match self.min_age {
            Some(_) => usize::MAX,
            None => self.lines,
        }
    }

    /// Removes the records that the tail kept only because of `min_age` and that are now older.
    /// `has_share` says for each record whether the share of its thread, target or level keeps it.
    pub fn apply(&self, dump: &mut Dump, now: SystemTime, has_share: &[bool]) {
        let Some(min_age) = self.min_age else {
            return;
        };
        let mut count = 0;
        // Static messages take no space in the tail, but they do in a dump, so they are counted here.
        let mut bytes = 0_usize;
        let mut errors = 0;
        let mut warnings = 0;
        let mut kept: Vec<bool> = dump
            .latest_logs
            .iter()
            .zip(has_share)
            .rev()
            .map(|(record, has_share)| {
                let of_level = match record.level {
                    Level::Error => Some(&mut errors),
                    Level::Warn => Some(&mut warnings),
                    _ => None,
                };
                let has_quota = of_level.is_some_and(|seen| {
                    *seen += 1;
                    *seen <= self.warnings
                });
                count += 1;
                bytes = bytes.saturating_add(record.msg.len());
                // If the clock was set back, the record is from the future, and counts as new.
                let age = now.duration_since(record.time.into()).unwrap_or_default();
                let is_new = age <= min_age && bytes <= self.bytes;
                count <= self.lines || has_quota || *has_share || is_new
            })
            .collect();
        let omitted = kept.iter().filter(|is_kept| !**is_kept).count();
        dump.latest_logs.retain(|_| kept.pop().unwrap_or(true));
        dump.evicted_logs = dump.evicted_logs.saturating_add(omitted as u64);
    }
}

#[cfg(test)]
mod tests {
    use flightrec_dump::LogRecord;

    use super::*;

    #[test]
    fn the_last_the_new_and_the_severe_records_are_kept() {
        let now = SystemTime::now();
        let record = |(seq, level, age): (u64, Level, u64)| {
            let mut record = LogRecord::default();
            record.seq = seq;
            record.level = level;
            record.time = (now - Duration::from_secs(age)).into();
            record.msg = "ten bytes.".to_owned();
            record
        };
        let records = [
            (0, Level::Error, 90),
            (1, Level::Error, 80),
            (2, Level::Debug, 70),
            (3, Level::Debug, 50),
            (4, Level::Debug, 40),
        ];
        let kept = |lines, min_age, has_share, bytes| {
            let mut dump = Dump::default();
            dump.latest_logs = records.map(record).to_vec();
            let window = Window {
                lines,
                warnings: 1,
                min_age: Some(Duration::from_secs(min_age)),
                bytes,
            };
            window.apply(&mut dump, now, &[false, false, has_share, false, false]);
            let seqs: Vec<_> = dump.latest_logs.iter().map(|record| record.seq).collect();
            assert_eq!(dump.evicted_logs + seqs.len() as u64, 5);
            seqs
        };
        assert_eq!(kept(1, 0, false, 1_000), [1, 4]);
        assert_eq!(kept(1, 0, true, 1_000), [1, 2, 4]);
        assert_eq!(kept(1, 60, false, 1_000), [1, 3, 4]);
        assert_eq!(kept(4, 0, false, 1_000), [1, 2, 3, 4]);
        assert_eq!(kept(0, 3_600, false, 1_000), [0, 1, 2, 3, 4]);
        // The oldest does not fit into the bytes. The next one has a quota.
        assert_eq!(kept(0, 3_600, false, 49), [1, 2, 3, 4]);
        assert_eq!(kept(0, 3_600, false, 20), [1, 3, 4]);
    }
}
