//! Compares the reports with the log.

use std::collections::BTreeSet;

use crate::child::WRITERS;
use crate::line::identify;
use crate::peers::Keeps;

#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Lines that are missing although their call had returned and the ring had room for them.
    pub(crate) lost: u64,
    /// Lines that the log has, but that were never logged.
    pub(crate) torn: u64,
}

/// `told` is how many calls of each writer had returned; `found` is in the order of the log.
///
/// Lines that a ring evicted are not lost. Neither are lines whose room was taken by lines that were
/// being recorded; at this moment the room may be empty or still have the old line.
pub(crate) fn judge(told: [u64; WRITERS], found: &[String], keeps: Keeps) -> Verdict {
    let due = match keeps {
        Keeps::All => usize::MAX,
        Keeps::Last(lines) => lines - WRITERS,
    };
    let found: Vec<_> = found.iter().map(|line| identify(line)).collect();
    let torn = found.iter().filter(|line| line.is_none()).count() as u64;
    let shown = found.len() as u64 - torn;

    let mut numbers = [const { BTreeSet::new() }; WRITERS];
    for (writer, number) in found.into_iter().rev().flatten().take(due) {
        numbers[writer].insert(number);
    }
    let mut missing = 0;
    let mut returned = 0;
    for (told, numbers) in told.into_iter().zip(&numbers) {
        let first = match keeps {
            Keeps::All => Some(0),
            // Lines before this one may have been evicted, lines after it must exist.
            Keeps::Last(_) => numbers.first().copied(),
        };
        // The calls for all lines before the last one found had returned, too.
        let last = numbers.last().copied();
        let count = last.map_or(told, |last| told.max(last));
        returned += count;
        if let Some(first) = first {
            missing += count.saturating_sub(first) - numbers.range(..count).count() as u64;
        }
    }
    let short = match keeps {
        Keeps::All => 0,
        Keeps::Last(_) => returned.min(due as u64).saturating_sub(shown),
    };
    Verdict {
        lost: missing.max(short),
        torn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::line;

    fn lines(writer: usize, numbers: std::ops::Range<u64>) -> Vec<String> {
        numbers.map(|number| line(writer, number)).collect()
    }

    #[track_caller]
    fn check(told: [u64; 2], found: &[Vec<String>], keeps: Keeps, lost: u64, torn: u64) {
        assert_eq!(
            judge(told, &found.concat(), keeps),
            Verdict { lost, torn },
            "{told:?}"
        );
    }

    #[test]
    fn a_file_must_have_all_lines() {
        let other = lines(1, 0..3);
        check([5, 3], &[lines(0, 0..5), other.clone()], Keeps::All, 0, 0);
        check([5, 3], &[lines(0, 0..7), other.clone()], Keeps::All, 0, 0);
        check([5, 3], &[lines(0, 0..4), other.clone()], Keeps::All, 1, 0);
        check([5, 3], &[lines(0, 1..5), other.clone()], Keeps::All, 1, 0);
        check([5, 3], &[lines(0, 0..6), vec![]], Keeps::All, 3, 0);
        let gap = [lines(0, 0..6), lines(0, 8..9), other];
        check([5, 3], &gap, Keeps::All, 2, 0);
    }

    #[test]
    fn a_ring_may_evict_the_oldest() {
        let keeps = Keeps::Last(10);
        check([20, 20], &[lines(0, 15..20), lines(1, 15..20)], keeps, 0, 0);
        check([20, 20], &[lines(1, 12..22)], keeps, 0, 0);
        check([20, 20], &[lines(0, 16..20), lines(1, 16..20)], keeps, 0, 0);
        check([20, 20], &[lines(0, 16..20), lines(1, 17..20)], keeps, 1, 0);
        check([20, 20], &[lines(0, 10..20), lines(1, 15..17)], keeps, 3, 0);
        let gap = [lines(0, 11..17), lines(0, 18..20), lines(1, 18..20)];
        check([20, 20], &gap, keeps, 1, 0);
        check([20, 20], &[], keeps, 8, 0);
        // Line 3 was about to be overwritten.
        let due_to_go = [lines(0, 3..4), lines(0, 15..20), lines(1, 17..20)];
        check([20, 20], &due_to_go, keeps, 0, 0);
        let due_to_go = [lines(0, 3..4), lines(0, 15..20), lines(1, 16..20)];
        check([20, 20], &due_to_go, keeps, 0, 0);
        check([3, 2], &[lines(0, 0..3)], keeps, 2, 0);
    }

    #[test]
    fn a_line_that_was_never_logged_is_torn() {
        let torn = vec![line(0, 7).replace(' ', ""), String::from("x")];
        check([5, 0], &[lines(0, 0..5), torn], Keeps::All, 0, 2);
    }
}
