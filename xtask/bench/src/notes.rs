//! Compares rows of a table in sentences.

use crate::cases;
use crate::table::Table;

/// Sentences below the table of a group.
pub(crate) fn of(group: &str, table: &Table) -> Vec<String> {
    match group {
        cases::RECORD => recording(table),
        cases::LINES => lines(table, ""),
        cases::KEY_VALUES => lines(table, ", kv"),
        cases::FAN_OUT => a_sink(table),
        cases::ERRORS_20 => errors(table, ""),
        cases::ERRORS_50 => errors(table, ", 50"),
        _ => Vec::new(),
    }
}

const RECORDERS: [&str; 6] = [
    "faultbox breadcrumb!",
    "faultbox through tracing",
    "sentry-log breadcrumbs",
    "tracing-flight-recorder",
    "naive port of the talk, text",
    "naive port of the talk, JSON",
];

fn recording(table: &Table) -> Vec<String> {
    let peers = || RECORDERS.iter().map(|&peer| (peer, peer.to_owned()));
    let one = times(table, "flightrec", peers(), 1);
    let two = times(table, "flightrec", peers(), 2);
    let snapshots = table.compare("flightrec while snapshots are taken", "flightrec", 1);
    let snapshots = snapshots.map(|ratio| {
        let percent = (1.0 - 1.0 / ratio) * 100.0;
        format!("While snapshots are taken, throughput falls by {percent:.0} %.")
    });
    [one, two, snapshots, crash_safe(table)]
        .into_iter()
        .flatten()
        .collect()
}

fn crash_safe(table: &Table) -> Option<String> {
    let ratio = |threads| table.compare("flightrec, crash-safe", "flightrec", threads);
    let one = ratio(1)?;
    let two = ratio(2).map_or_else(String::new, |two| format!(", {two:.2} × with two threads"));
    Some(format!(
        "Crash-safe recording takes {one:.2} × the time of recording in memory{two}."
    ))
}

/// Ratios of the other loggers' times to ours.
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
        times(table, &name("logtee"), names, 1)
    });
    notes.collect()
}

fn errors(table: &Table, suffix: &str) -> Vec<String> {
    let peers = ["anyhow", "eyre", "error-stack", "snafu", "rootcause"];
    let names = peers.iter().map(|peer| (*peer, format!("{peer}{suffix}")));
    times(table, &format!("stackerr{suffix}"), names, 1)
        .into_iter()
        .collect()
}

fn times<'a>(
    table: &Table,
    ours: &str,
    peers: impl Iterator<Item = (&'a str, String)>,
    threads: usize,
) -> Option<String> {
    let ratios: Vec<String> = peers
        .filter_map(|(peer, name)| {
            Some(format!(
                "{peer} {:.1} ×",
                table.compare(&name, ours, threads)?
            ))
        })
        .collect();
    if ratios.is_empty() {
        return None;
    }
    let at_once = if threads == 1 {
        ""
    } else {
        ", two threads at once"
    };
    let ratios = ratios.join(", ");
    Some(format!("Relative to {ours}{at_once}: {ratios}."))
}

fn a_sink(table: &Table) -> Vec<String> {
    let notes = cases::fan_outs().filter_map(|(name, sinks)| {
        let above = table.above_floor(name)? / sinks;
        Some(format!("{name}: {above:.1} ns each above the floor."))
    });
    notes.collect()
}
