//! `flightrec list`

use std::collections::HashMap;
use std::io::Write;

use crate::cli::{Common, List};
use crate::input;
use crate::look::count;
use crate::look::screen::Screen;
use crate::look::style::{BOLD, DIM, ERROR, PLAIN};
use crate::look::table::{self, Column};
use crate::look::{text, time};
use crate::outcome::{Outcome, Result, Trouble};
use crate::places::{self, Found};
use crate::summary::Summary;

const fn column(name: &'static str, style: anstyle::Style, right: bool) -> Column {
    Column { name, style, right }
}

const COLUMNS: [Column; 8] = [
    column("#", DIM, true),
    column("when", PLAIN, false),
    column("program", BOLD, false),
    column("kind", PLAIN, false),
    column("error", ERROR, false),
    column("times", PLAIN, true),
    column("size", DIM, true),
    column("fingerprint", DIM, false),
];

/// With fewer columns than that, what is least asked for gives way to the error.
const NARROW: usize = 100;

/// The place of the error in `COLUMNS`.
const ERRORS: usize = 4;

/// Failures of one kind, the newest for all.
struct Entry {
    number: usize,
    found: Found,
    /// Or why it could not be read.
    summary: std::result::Result<Summary, Trouble>,
    times: u64,
}

pub(super) fn run(args: Option<List>, common: &Common) -> Result {
    let (app, all) = args.map_or((None, false), |args| (args.app, args.all));
    let state = places::state_dir().ok_or_else(|| Trouble::new("there is no home directory"))?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut kinds: HashMap<(String, String), usize> = HashMap::new();
    let mut json = Vec::new();
    // Numbers are those that `show` takes, whichever program is asked for.
    for (n, found) in places::find(&state, None).into_iter().enumerate() {
        if app.as_ref().is_some_and(|app| *app != found.app) {
            continue;
        }
        let summary = input::read_summary(&found.path, common.limits(), &mut json);
        let times = summary.as_ref().map_or(1, |summary| 1 + summary.suppressed);
        if let (false, Ok(summary)) = (all, &summary) {
            let kind = (found.app.clone(), summary.likeness());
            if let Some(&entry) = kinds.get(&kind) {
                let entry: &mut Entry = &mut entries[entry];
                entry.times = entry.times.saturating_add(times);
                continue;
            }
            kinds.insert(kind, entries.len());
        }
        entries.push(Entry {
            number: n + 1,
            found,
            summary,
            times,
        });
    }
    if entries.is_empty() {
        let whose = app.map_or_else(
            || "no program".to_owned(),
            |app| format!("no program `{}`", text::line(&app)),
        );
        let state = state.to_string_lossy();
        anstream::eprintln!("{whose} has dumps in {}", text::line(&state));
        return Ok(Outcome::Nothing);
    }
    let mut screen = Screen::open(common);
    let width = screen.width();
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| row(entry, width, common))
        .collect();
    table::print(&mut screen, &COLUMNS, ERRORS, &rows, width)?;
    let dir = state.join("PROGRAM").join("flightrec");
    writeln!(
        screen,
        "\n{DIM}`flightrec show #` shows one; they are files in {}{DIM:#}",
        text::line(&dir.to_string_lossy())
    )?;
    screen.close()?;
    Ok(Outcome::Done)
}

fn row(entry: &Entry, width: Option<usize>, common: &Common) -> [String; COLUMNS.len()] {
    let number = entry.number.to_string();
    let is_narrow = width.is_some_and(|width| width < NARROW);
    let size = if is_narrow {
        String::new()
    } else {
        count::bytes(entry.found.size)
    };
    let summary = match &entry.summary {
        Ok(summary) => summary,
        Err(trouble) => {
            let app = text::line(&entry.found.app).into_owned();
            // The file's name would leave no room for what is wrong with it.
            let path = format!("{}: ", text::line(&entry.found.path.to_string_lossy()));
            let trouble = trouble.to_string();
            let trouble = trouble.strip_prefix(&path).unwrap_or(&trouble);
            let trouble = text::line(trouble).into_owned();
            return [
                number,
                "?".to_owned(),
                app,
                "broken".to_owned(),
                trouble,
                String::new(),
                size,
                String::new(),
            ];
        }
    };
    let times = if entry.times > 1 {
        format!("{}×", count::grouped(entry.times))
    } else {
        String::new()
    };
    [
        number,
        summary
            .created_at
            .map_or_else(|| "?".to_owned(), |then| time::ago(then, common.now())),
        summary.program(),
        text::line(&summary.kind).into_owned(),
        summary.message.clone(),
        times,
        size,
        text::cut(
            &text::line(&summary.fingerprint),
            if is_narrow { 9 } else { usize::MAX },
        )
        .into_owned(),
    ]
}
