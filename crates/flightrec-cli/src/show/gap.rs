//! The gap in the log: records that were evicted although older ones were kept.

use std::io::{self, Write};

use flightrec_dump::Dump;

use crate::render::count;
use crate::render::style::DIM;
use crate::render::text;

/// How many targets are named.
const TARGETS: usize = 3;

/// Whether the gap is before the record `next`, and after the record `last` if there is one.
pub(super) fn is_before(dump: &Dump, last: Option<u64>, next: u64) -> bool {
    let Some(unbroken) = dump.unbroken_from else {
        // No older record was kept. The heading has the number of evicted records.
        return false;
    };
    dump.evicted_logs > 0 && next >= unbroken && last.is_some_and(|last| last < unbroken)
}

/// `… 12,000 records of hyper::proto not kept`
pub(super) fn print(out: &mut dyn Write, dump: &Dump) -> io::Result<()> {
    let mut rest = dump.evicted_logs;
    let of_targets = dump.evictions.iter().filter_map(|eviction| {
        let target = eviction.target.as_deref()?;
        Some((target, eviction.count))
    });
    let mut is_named = false;
    for (target, evicted) in of_targets.take(TARGETS) {
        let records = records(evicted);
        writeln!(
            out,
            "{DIM}  … {records} of {} not kept{DIM:#}",
            text::line(target)
        )?;
        rest = rest.saturating_sub(evicted);
        is_named = true;
    }
    if rest > 0 {
        let others = if is_named { " of other targets" } else { "" };
        writeln!(out, "{DIM}  … {}{others} not kept{DIM:#}", records(rest))?;
    }
    Ok(())
}

fn records(number: u64) -> String {
    count::of(usize::try_from(number).unwrap_or(usize::MAX), "record")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: &str) -> String {
        let dump = Dump::from_json(json.as_bytes()).unwrap();
        let mut out = Vec::new();
        print(&mut out, &dump).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn the_targets_with_most_are_named_and_the_others_counted() {
        let text = printed(
            r#"{"schema":"flightrec/1","evicted_logs":12350,"evictions":[
                {"target":"hyper::proto","count":12000},{"target":"h2","count":300},
                {"target":"a\nb","count":30},{"target":"d","count":5},{"level":"DEBUG","count":9}
            ]}"#,
        );
        let expected = "  … 12,000 records of hyper::proto not kept\n  … 300 records of h2 not kept\n  \
                        … 30 records of a\\nb not kept\n  … 20 records of other targets not kept\n";
        assert_eq!(text, expected);
        // A dump of a crash ring has only the sum.
        assert_eq!(
            printed(r#"{"schema":"flightrec/1","evicted_logs":1}"#),
            "  … 1 record not kept\n"
        );
    }

    #[test]
    fn the_gap_is_where_the_unbroken_part_begins() {
        let json = br#"{"schema":"flightrec/1","evicted_logs":9,"unbroken_from":12}"#;
        let mut dump = Dump::from_json(json).unwrap();
        assert!(is_before(&dump, Some(11), 12) && is_before(&dump, Some(10), 14));
        assert!(!is_before(&dump, None, 12) && !is_before(&dump, Some(12), 13));
        assert!(!is_before(&dump, Some(10), 11));
        dump.unbroken_from = None;
        assert!(!is_before(&dump, Some(11), 12));
    }
}
