//! `flightrec merge`

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use flightrec_dump::Dump;
use jiff::Timestamp;

use crate::cli::{Common, Merge};
use crate::error::{Outcome, Result};
use crate::input;
use crate::paths::Paths;
use crate::render::count;
use crate::render::screen::Screen;
use crate::render::style::{self, BOLD, DIM, ERROR};
use crate::render::{text, time};
use crate::select::Selection;
use crate::show::records::{Columns, Line};
use crate::show::{self, LogAmount, View};

/// An event of one of the processes.
enum Event<'a> {
    Record(Line<'a>),
    Failure(usize, Timestamp),
}

pub(super) fn run(args: Merge, common: &Common) -> Result {
    let mut dumps = Vec::new();
    for source in input::several(&args.dumps)? {
        dumps.push(input::read_dump(&source, common.limits())?);
    }
    let mut screen = Screen::open(!common.no_pager);
    let view = View {
        width: screen.width(),
        now: common.now(),
        all: args.all,
        spans: false,
        source: false,
        log: LogAmount::All,
        selection: args.selection,
        paths: Paths::default(),
        name: String::new(),
    };
    let shown = print(&mut screen, &dumps, &view)?;
    screen.close()?;
    Ok(Outcome::found(shown > 0))
}

pub(crate) fn print(out: &mut dyn Write, dumps: &[Dump], view: &View) -> io::Result<usize> {
    let names: Vec<String> = dumps.iter().map(name).collect();
    let failures: Vec<_> = dumps.iter().map(show::failed_at).collect();
    let first = failures.iter().flatten().min().copied();
    heading(out, dumps, &names, &failures, first, view)?;

    let mut events = in_order(dumps, &failures, view);
    let records = |events: &[(_, Event<'_>)]| {
        events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Record(_)))
            .count()
    };
    let matched = records(&events);
    if let Some(last) = view.selection.last {
        keep_last(&mut events, last);
    }
    let shown = records(&events);
    let of = if shown < matched {
        format!("the last {} of ", count::grouped(shown as u64))
    } else {
        String::new()
    };
    writeln!(
        out,
        "\n{BOLD}Log{BOLD:#}{DIM}: {of}{}{DIM:#}",
        count::of(matched, "record")
    )?;

    let lines: Vec<Line<'_>> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Record(line) => Some(*line),
            Event::Failure(..) => None,
        })
        .collect();
    let columns = Columns::fit(&lines, &names, first, None, view);
    for (_, event) in &events {
        match *event {
            Event::Record(line) => columns.record(out, &line)?,
            Event::Failure(process, at) => {
                columns.failure(out, process, at, show::message(&dumps[process]))?;
            }
        }
    }
    Ok(shown)
}

/// `census-4711`
fn name(dump: &Dump) -> String {
    let app = text::beginning(&dump.app, 100);
    text::line(&format!("{app}-{}", dump.process.pid)).into_owned()
}

fn heading(
    out: &mut dyn Write,
    dumps: &[Dump],
    names: &[String],
    failures: &[Option<Timestamp>],
    first: Option<Timestamp>,
    view: &View,
) -> io::Result<()> {
    let widest = names
        .iter()
        .map(|name| text::width(name))
        .max()
        .unwrap_or(0);
    for (n, dump) in dumps.iter().enumerate() {
        let (colour, name) = (style::thread(n), &names[n]);
        let when = match (failures[n], first) {
            (Some(own), Some(first)) if own == first => time::absolute(own),
            (Some(own), Some(first)) => time::relative(own, first),
            _ => "at an unknown time".to_owned(),
        };
        let message = text::in_one_line(show::message(dump));
        let gap = text::pad(name, widest);
        let kind = text::line(dump.reason.kind.as_str());
        let used = widest + kind.len() + when.len() + 6;
        let most = view.width.unwrap_or(usize::MAX).saturating_sub(used);
        let message = text::cut(&message, most.max(16));
        writeln!(
            out,
            "{colour}{name}{colour:#}{gap}  {DIM}{kind}, {when}{DIM:#}  {ERROR}{message}{ERROR:#}"
        )?;
    }
    Ok(())
}

/// The selected records of all dumps and their failures, by time. Records of one process keep their
/// order; between processes the clocks of the machines decide.
fn in_order<'a>(
    dumps: &'a [Dump],
    failures: &[Option<Timestamp>],
    view: &View,
) -> Vec<(Option<Timestamp>, Event<'a>)> {
    let mut events = Vec::new();
    let mut seen = HashSet::new();
    for (process, dump) in dumps.iter().enumerate() {
        let same_process = |earlier: &Dump| is_of_one_process(earlier, dump);
        let first_dump = dumps[..process].iter().position(same_process);
        let first_dump = first_dump.unwrap_or(process);
        let mut latest = None;
        let mut equal = HashMap::<_, u32>::new();
        // `--last` applies to all dumps together.
        let selection = Selection {
            last: None,
            ..view.selection.clone()
        };
        for record in selection.select(dump).records {
            // Dumps of one process overlap. Sequence numbers may differ between dumps, so the n-th of
            // several equal records in one dump is taken for the n-th in another.
            let same = (record.time, record.thread.as_str(), record.msg.as_str());
            let nth = equal.entry(same).and_modify(|nth| *nth += 1).or_insert(0);
            if !seen.insert((first_dump, same, *nth)) {
                continue;
            }
            // The order within a process does not change, even if its clock was set back.
            latest = latest.max(time::known(record.time));
            events.push((latest, Event::Record(Line { process, record })));
        }
        if let Some(at) = failures[process] {
            events.push((latest.max(Some(at)), Event::Failure(process, at)));
        }
    }
    events.sort_by_key(|(time, _)| *time);
    events
}

fn is_of_one_process(a: &Dump, b: &Dump) -> bool {
    let started = a.process.started_at;
    time::known(started).is_some()
        && (started, a.process.pid) == (b.process.started_at, b.process.pid)
        && (&a.app, &a.host) == (&b.app, &b.host)
}

/// Removes all events before the last `last` records.
fn keep_last(events: &mut Vec<(Option<Timestamp>, Event<'_>)>, last: usize) {
    let mut left = last;
    let start = events.iter().rposition(|(_, event)| match event {
        Event::Record(_) if left == 0 => true,
        Event::Record(_) => {
            left -= 1;
            false
        }
        Event::Failure(..) => false,
    });
    events.drain(..start.map_or(0, |start| start + 1));
}
