//! What a table's rows mean beside each other.

use crate::cases;
use crate::table::Table;

/// Sentences for below the table of a group.
pub(crate) fn of(group: &str, table: &Table) -> Vec<String> {
    match group {
        cases::RECORD => crash_safe(table).into_iter().collect(),
        cases::LINES => lines(table, ""),
        cases::KEY_VALUES => lines(table, ", kv"),
        cases::FAN_OUT => a_sink(table),
        cases::ERRORS_20 => errors(table, ""),
        cases::ERRORS_50 => errors(table, ", 50"),
        _ => Vec::new(),
    }
}

fn crash_safe(table: &Table) -> Option<String> {
    let ratio = |threads| table.compare("flightrec, crash-safe", "flightrec", threads);
    let one = ratio(1)?;
    let two = ratio(2).map_or_else(String::new, |two| format!(", {two:.2} × with two threads"));
    Some(format!(
        "Crash-safe costs {one:.2} × what memory alone costs{two}."
    ))
}

/// How many times as long as ours the others take.
fn lines(table: &Table, suffix: &str) -> Vec<String> {
    let formats = [
        (
            "text",
            &[
                "spdlog-rs",
                "fern + humantime",
                "logforth",
                "tracing-subscriber",
            ][..],
        ),
        ("JSON", &["logforth", "tracing-subscriber"]),
        ("logfmt", &["logforth"]),
    ];
    let notes = formats.iter().filter_map(|(format, peers)| {
        let name = |who: &str| format!("{who} {format}{suffix}");
        let names = peers.iter().map(|peer| (*peer, name(peer)));
        times(table, &name("logtee"), names)
    });
    notes.collect()
}

fn errors(table: &Table, suffix: &str) -> Vec<String> {
    let peers = ["anyhow", "eyre", "error-stack", "snafu", "rootcause"];
    let names = peers.iter().map(|peer| (*peer, format!("{peer}{suffix}")));
    times(table, &format!("stackerr{suffix}"), names)
        .into_iter()
        .collect()
}

fn times<'a>(
    table: &Table,
    ours: &str,
    peers: impl Iterator<Item = (&'a str, String)>,
) -> Option<String> {
    let ratios: Vec<String> = peers
        .filter_map(|(peer, name)| Some(format!("{peer} {:.1} ×", table.compare(&name, ours, 1)?)))
        .collect();
    if ratios.is_empty() {
        return None;
    }
    Some(format!("Against {ours}: {}.", ratios.join(", ")))
}

fn a_sink(table: &Table) -> Vec<String> {
    let notes = cases::fan_outs().filter_map(|(name, sinks)| {
        let above = table.above_floor(name)? / sinks;
        Some(format!("{name}: {above:.1} ns each above the floor."))
    });
    notes.collect()
}
