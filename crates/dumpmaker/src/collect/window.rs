//! Which of the kept records get into a dump.

use std::time::{Duration, SystemTime};

use flightrec_dump::{Dump, Level};

/// Which of the records that a tail keeps get into a dump. Without an age, the tail keeps no more than
/// the lines.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The last records that are in a dump, however old.
    pub lines: usize,
    /// How many more there are of ERROR and WARN each.
    pub warnings: usize,
    /// Younger records are in a dump, however many, as far as they fit into the bytes.
    pub min_age: Option<Duration>,
    /// How many bytes of records are kept.
    pub bytes: usize,
}

impl Window {
    /// How many records the tail must keep, if they fit into its bytes.
    pub fn max_lines(&self) -> usize {
        match self.min_age {
            Some(_) => usize::MAX,
            None => self.lines,
        }
    }

    /// Leaves out what the tail kept only because it might still have been young. `has_share` tells for
    /// each record whether its thread, its target or its level keeps it.
    pub fn apply(&self, dump: &mut Dump, now: SystemTime, has_share: &[bool]) {
        let Some(min_age) = self.min_age else {
            return;
        };
        let mut before = 0;
        // A message that is static takes no bytes of the tail. In a dump it does.
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
                before += 1;
                bytes = bytes.saturating_add(record.msg.len());
                // A record of the future is young.
                let age = now.duration_since(record.time.into()).unwrap_or_default();
                let is_young = age <= min_age && bytes <= self.bytes;
                before <= self.lines || has_quota || *has_share || is_young
            })
            .collect();
        let left_out = kept.iter().filter(|is_kept| !**is_kept).count();
        dump.latest_logs.retain(|_| kept.pop().unwrap_or(true));
        dump.evicted_logs = dump.evicted_logs.saturating_add(left_out as u64);
    }
}

#[cfg(test)]
mod tests {
    use flightrec_dump::LogRecord;

    use super::*;

    #[test]
    fn the_last_the_young_and_the_severe_records_stay() {
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
        // The oldest has no room any more, and the next one a quota.
        assert_eq!(kept(0, 3_600, false, 49), [1, 2, 3, 4]);
        assert_eq!(kept(0, 3_600, false, 20), [1, 3, 4]);
    }
}
