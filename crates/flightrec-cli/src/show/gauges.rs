//! The resources that the process used, in one or two lines.

use flightrec_dump::{Dump, Gauge};
use jiff::SignedDuration;

use crate::render::count::{bytes, of};
use crate::render::time;

/// How many bars a curve has. With more readings, a bar is the largest of several.
const BARS: usize = 40;

/// `▁▃▅█ 8.2 MiB to 217.3 MiB in 4 s; its cgroup 174.9 MiB of 200 MiB`
pub(super) fn memory(dump: &Dump) -> Option<String> {
    let resident: Vec<u64> = dump
        .gauges
        .iter()
        .filter_map(|gauge| gauge.resident_bytes)
        .collect();
    let (first, last) = (resident.first()?, resident.last()?);
    let mut text = match resident.len() {
        1 => bytes(*last),
        _ => format!(
            "{} {} to {}{}",
            curve(&resident),
            bytes(*first),
            bytes(*last),
            within(dump)
        ),
    };
    if let Some(Gauge {
        cgroup_bytes: Some(used),
        cgroup_limit_bytes: Some(limit),
        ..
    }) = dump.gauges.last()
    {
        text += &format!("; its cgroup {} of {}", bytes(*used), bytes(*limit));
    }
    Some(text)
}

/// ` in 4s`
fn within(dump: &Dump) -> String {
    let time = |gauge: Option<&Gauge>| gauge.and_then(|gauge| time::known(gauge.time));
    let times = time(dump.gauges.first()).zip(time(dump.gauges.last()));
    let length = times.map(|(first, last)| last.duration_since(first));
    let length = length.filter(SignedDuration::is_positive);
    length.map_or_else(String::new, |length| {
        format!(" in {}", time::length(length))
    })
}

/// `4 threads, 12 open files, 3.200s of processor time, memory pressure 1.2%`
pub(super) fn others(dump: &Dump) -> Option<String> {
    let last = dump.gauges.last()?;
    let number = |number: u64, what| of(usize::try_from(number).unwrap_or(usize::MAX), what);
    let mut parts = Vec::new();
    parts.extend(last.threads.map(|threads| number(threads, "thread")));
    parts.extend(last.open_files.map(|files| number(files, "open file")));
    let processor = last.cpu_ms.and_then(|ms| i64::try_from(ms).ok());
    // The kernel counts in ticks of 10 ms.
    let processor = processor.map(|ms| match ms {
        0 => "under 10ms".to_owned(),
        ms => time::length(SignedDuration::from_millis(ms)),
    });
    parts.extend(processor.map(|length| format!("{length} of processor time")));
    let pressures = [
        ("memory", last.memory_pressure),
        ("CPU", last.cpu_pressure),
        ("I/O", last.io_pressure),
    ];
    for (what, share) in pressures {
        let share = share.filter(|share| *share >= 0.1);
        parts.extend(share.map(|share| format!("{what} pressure {share:.1}%")));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn curve(numbers: &[u64]) -> String {
    const BAR: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().max().copied().unwrap_or(0).max(1);
    let per_bar = numbers.len().div_ceil(BARS).max(1);
    let bars = numbers.chunks(per_bar).map(|some| {
        let number = some.iter().max().copied().unwrap_or(0);
        let height = (number as f64 / most as f64 * 7.0).round() as usize;
        BAR[height.min(7)]
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_curve_with_its_ends_and_the_limit() {
        let json = br#"{"schema":"flightrec/1","gauges":[
            {"time":"2026-01-02T03:04:05Z","resident_bytes":1048576},
            {"time":"2026-01-02T03:04:06Z","resident_bytes":4194304},
            {"time":"2026-01-02T03:04:07Z","resident_bytes":8388608,"cgroup_bytes":7340032,
             "cgroup_limit_bytes":8388608,"threads":1,"open_files":12,"cpu_ms":3200,
             "memory_pressure":1.25,"cpu_pressure":0.0}]}"#;
        let dump = Dump::from_json(json).unwrap();
        assert_eq!(
            memory(&dump).unwrap(),
            "▂▅█ 1 MiB to 8 MiB in 2.000s; its cgroup 7 MiB of 8 MiB"
        );
        let expected = "1 thread, 12 open files, 3.200s of processor time, memory pressure 1.2%";
        assert_eq!(others(&dump).unwrap(), expected);
        let json = br#"{"schema":"flightrec/1","gauges":[{"cpu_ms":0}]}"#;
        let quick = others(&Dump::from_json(json).unwrap()).unwrap();
        assert_eq!(quick, "under 10ms of processor time");
    }

    #[test]
    fn many_readings_are_not_wider() {
        let numbers: Vec<u64> = (0..1_000).collect();
        assert_eq!(curve(&numbers).chars().count(), BARS);
        assert_eq!(curve(&[0, 0]), "▁▁");
    }

    #[test]
    fn nothing_is_printed_if_nothing_is_known() {
        let dump = Dump::default();
        assert_eq!((memory(&dump), others(&dump)), (None, None));
    }
}
