//! `flightrec show`

use std::io::Write;
use std::path::Path;

use flightrec_dump::Dump;

use crate::cli::{Common, Show};
use crate::error::{CliError, Outcome, Result};
use crate::input::{self, Source, note};
use crate::paths::Paths;
use crate::render::screen::Screen;
use crate::render::style::DIM;
use crate::render::text;
use crate::show::diff::Side;
use crate::show::{self, LogAmount, View};

/// How many records are shown by default.
const RECORDS: usize = 20;

pub(super) fn run(args: Show, common: &Common) -> Result {
    if let Some(other) = &args.diff {
        return diff(&args, other, common);
    }
    let sources = input::several(&args.dumps)?;
    let mut dumps = Vec::new();
    for source in sources {
        let dump = input::read_dump(&source, common.limits())?;
        dumps.push(match source.is_newest {
            true => richest(source, dump, common),
            false => (source, dump),
        });
    }
    print(&dumps, &args, common)
}

fn diff(args: &Show, other: &Path, common: &Common) -> Result {
    let [old, new] = match &args.dumps[..] {
        [] => [input::one(None)?, input::one(Some(other))?],
        [dump] => [input::one(Some(dump))?, input::one(Some(other))?],
        _ => return Err(CliError::new("--diff compares one dump with one other")),
    };
    let dumps = [
        input::read_dump(&old, common.limits())?,
        input::read_dump(&new, common.limits())?,
    ];
    let mut screen = Screen::open(!common.no_pager);
    let width = screen.width();
    let (old, new) = (old.name(), new.name());
    let side = |n: usize, name| Side {
        dump: &dumps[n],
        name,
    };
    show::diff::print(&mut screen, side(0, &old), side(1, &new), width)?;
    screen.close()?;
    Ok(Outcome::Done)
}

/// Shows dumps that were read already.
pub(super) fn print(dumps: &[(Source, Dump)], args: &Show, common: &Common) -> Result {
    let mut screen = Screen::open(!common.no_pager);
    let mut shown = 0;
    let are_several = dumps.len() > 1;
    for (n, (source, dump)) in dumps.iter().enumerate() {
        let name = source.name();
        if are_several {
            let gap = if n > 0 { "\n\n" } else { "" };
            writeln!(screen, "{gap}{DIM}── {name} ──{DIM:#}")?;
        }
        let view = View {
            width: screen.width(),
            now: common.now(),
            all: args.all,
            source: !args.no_source,
            spans: args.spans,
            log: args.log.unwrap_or(LogAmount::Last(RECORDS)),
            selection: args.selection.clone(),
            paths: Paths::of(dump),
            name,
        };
        let records = show::dump(&mut screen, dump, &view)?;
        shown += records;
        if records == 0
            && let Some(why) = args.selection.explain_nothing(dump)
        {
            // Printed to the screen, so that it comes after the dump, in a pager too.
            writeln!(screen, "{DIM}{}{DIM:#}", text::line(&why))?;
        }
    }
    screen.close()?;
    Ok(Outcome::found(shown > 0 || !args.selection.is_filter()))
}

/// The dump of the same failure that has the most information.
fn richest(source: Source, dump: Dump, common: &Common) -> (Source, Dump) {
    let dir = source.path.parent().unwrap_or(Path::new(""));
    let related = dump.related_dumps.iter().filter(|name| {
        // Only a name in the same directory is accepted, because a path could lead anywhere.
        !name.contains(['/', '\\']) && name.ends_with(".json")
    });
    let related = related.filter_map(|name| {
        let source = Source::newest(dir.join(name));
        let dump = input::read_dump(&source, common.limits()).ok()?;
        Some((source, dump))
    });
    let best = related.max_by_key(|(_, dump)| richness(dump));
    match best {
        Some((best, other)) if richness(&other) > richness(&dump) => {
            note(&format!(
                "{}: shown in place of {}: a dump of the same failure that has more",
                best.name(),
                source.name()
            ));
            (best, other)
        }
        _ => (source, dump),
    }
}

/// How many errors, frames of the program, and records a dump has.
fn richness(dump: &Dump) -> (usize, usize, usize) {
    let frames = dump.stack_traces.iter().flat_map(|trace| &trace.frames);
    let frames = frames.filter(|frame| !frame.noise && frame.is_named());
    let errors = match &dump.error {
        Some(error) => 1 + error.sources.len(),
        None => 0,
    };
    (errors, frames.count(), dump.latest_logs.len())
}
