//! `flightrec list`

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{Common, List};
use crate::error::{CliError, Outcome, Result};
use crate::input::{self, Found, Head, note};
use crate::render::count;
use crate::render::screen::Screen;
use crate::render::style::{BOLD, DIM, ERROR, PLAIN};
use crate::render::table::{self, Column};
use crate::render::{text, time};

const fn column(name: &'static str, style: anstyle::Style, right: bool) -> Column {
    Column { name, style, right }
}

/// The first column has the number or the file.
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

/// The index of the error in `COLUMNS`.
const ERRORS: usize = 4;

/// The minimum width for the columns of the fingerprint, the size and the kind.
const FOR_FINGERPRINT: usize = 160;
const FOR_SIZE: usize = 100;
const FOR_KIND: usize = 80;

/// Dumps of one error, represented by the newest.
struct Entry {
    /// The argument for `show`: a number or a file.
    name: String,
    /// The program's directory; the file's name elsewhere.
    app: String,
    size: u64,
    /// The head, or why it could not be read.
    head: Result<Head>,
    times: u64,
    file: PathBuf,
}

pub(super) fn run(what: &[PathBuf], all: bool, common: &Common) -> Result {
    let (found, are_files) = find(what)?;
    let limits = common.limits();
    let paths: Vec<&Path> = found.iter().map(|(_, found)| &*found.path).collect();
    let heads = input::read_heads(&paths, limits);
    let mut entries = Vec::new();
    for ((number, found), heads) in found.into_iter().zip(heads) {
        let name = |head: Option<&Head>| match (head, number) {
            (_, Some(number)) => number.to_string(),
            (Some(head), None) => head.file(&found.path),
            (None, None) => found.path.to_string_lossy().into_owned(),
        };
        let entry = |name, head: Result<Head>| Entry {
            name,
            app: found.app.clone(),
            size: found.size,
            times: match &head {
                Ok(head) => 1 + head.summary.suppressed_dumps,
                Err(_) => 1,
            },
            head,
            file: found.path.clone(),
        };
        match heads {
            // The last dump in a file is the newest.
            Ok(heads) => entries.extend(
                heads
                    .into_iter()
                    .rev()
                    .map(|head| entry(name(Some(&head)), Ok(head))),
            ),
            Err(error) => entries.push(entry(name(None), Err(error))),
        }
    }
    if !all {
        entries = without_repeats(entries);
    }
    if entries.is_empty() {
        return nothing(what);
    }
    let mut screen = Screen::open(!common.no_pager);
    let width = screen.width();
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| row(entry, width, common))
        .collect();
    let mut columns = COLUMNS;
    if are_files {
        columns[0] = column("file", DIM, false);
    }
    table::print(&mut screen, &columns, ERRORS, &rows, width)?;
    if !are_files {
        let dir = input::state_dir()?.join("PROGRAM").join("flightrec");
        let dir = dir.to_string_lossy();
        let hint = format!(
            "`flightrec show #` shows one; the files are in {}",
            text::line(&dir)
        );
        writeln!(screen)?;
        for piece in text::wrap(&hint, width) {
            writeln!(screen, "{DIM}{piece}{DIM:#}")?;
        }
    }
    screen.close()?;
    Ok(Outcome::Done)
}

pub(super) fn command(args: List, common: &Common) -> Result {
    run(&args.what, args.all, common)
}

/// A file to list, with its number for `show`.
type Numbered = (Option<usize>, Found);

/// The files to list, and whether `what` names files.
fn find(what: &[PathBuf]) -> Result<(Vec<Numbered>, bool)> {
    let exists = |path: &&PathBuf| path.symlink_metadata().is_ok();
    if let Some(path) = what.iter().find(exists) {
        if let Some(app) = what.iter().find(|path| !exists(path)) {
            let path = path.to_string_lossy();
            return Err(CliError::at(
                app,
                format!(
                    "there is no such file, and programs cannot be listed together with {path}"
                ),
            ));
        }
        let mut files: Vec<Found> = Vec::new();
        for path in input::files(what)? {
            let size = path.metadata().map_or(0, |metadata| metadata.len());
            let app = path.file_name().unwrap_or_default().to_string_lossy();
            let app = app.into_owned();
            files.push(Found { path, app, size });
        }
        input::newest_first(&mut files);
        return Ok((files.into_iter().map(|found| (None, found)).collect(), true));
    }
    let found = input::all_dumps(&input::state_dir()?, None)?;
    // The numbers are those of the whole list, even if only some programs are listed.
    let found = (1..).zip(found).filter(|(_, found)| {
        what.is_empty() || what.iter().any(|app| app.as_os_str() == &*found.app)
    });
    let found = found.map(|(number, found)| (Some(number), found));
    Ok((found.collect(), false))
}

fn nothing(what: &[PathBuf]) -> Result {
    let state = input::state_dir()?;
    let state = state.to_string_lossy();
    let state = text::line(&state);
    match what {
        [] => note(&format!("{state}: there are no dumps of any program")),
        [path] if path.is_dir() => {
            let path = path.to_string_lossy();
            note(&format!("{}: there are no dumps in it", text::line(&path)));
        }
        [app, ..] => {
            let app = app.to_string_lossy();
            let app = text::line(&app);
            note(&format!(
                "{state}: there are no dumps of a program \"{app}\""
            ));
        }
    }
    Ok(Outcome::Nothing)
}

/// Keeps one entry, the newest, for dumps with the same message or of the same failure.
fn without_repeats(entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    let mut same: HashMap<(String, String, String), usize> = HashMap::new();
    let mut related: HashMap<(String, String), usize> = HashMap::new();
    for entry in entries {
        let Ok(head) = &entry.head else {
            kept.push(entry);
            continue;
        };
        let summary = &head.summary;
        if summary.fingerprint.is_empty() && summary.reason.message.is_empty() {
            // Without a head it can't be compared with others.
            kept.push(entry);
            continue;
        }
        // Dumps with different messages are listed separately, even if the stacks are the same.
        let error = (
            head.program(),
            head.group_key(),
            summary.reason.message.clone(),
        );
        let file = entry.file.file_name().unwrap_or_default();
        let file = (entry.app.clone(), file.to_string_lossy().into_owned());
        if related.contains_key(&file) {
            continue;
        }
        let at = *same.entry(error).or_insert(kept.len());
        for other in &summary.related_dumps {
            related.insert((entry.app.clone(), other.clone()), at);
        }
        match kept.get_mut(at) {
            Some(first) => first.times = first.times.saturating_add(entry.times),
            None => kept.push(entry),
        }
    }
    kept
}

fn row(entry: &Entry, width: Option<usize>, common: &Common) -> [String; COLUMNS.len()] {
    let fits = |least: usize| width.is_none_or(|width| width >= least);
    let if_fits = |least: usize, text: String| if fits(least) { text } else { String::new() };
    let name = text::line(&entry.name);
    let name = if fits(FOR_SIZE) {
        name.into_owned()
    } else {
        text::cut_start(&name, 20).into_owned()
    };
    let size = if_fits(FOR_SIZE, count::bytes(entry.size));
    let head = match &entry.head {
        Ok(head) => head,
        Err(error) => {
            // The line names the file already.
            let path = format!("{}: ", text::line(&entry.file.to_string_lossy()));
            let error = error.to_string();
            let error = error.strip_prefix(&path).unwrap_or(&error);
            return [
                name,
                "?".to_owned(),
                text::line(&entry.app).into_owned(),
                if_fits(FOR_KIND, "unreadable".to_owned()),
                text::line(error).into_owned(),
                String::new(),
                size,
                String::new(),
            ];
        }
    };
    let summary = &head.summary;
    let times = match entry.times {
        1 => String::new(),
        times => format!("{}×", count::grouped(times)),
    };
    let mut kind = text::line(summary.reason.kind.as_str()).into_owned();
    if head.damaged {
        kind.push_str(", damaged");
    }
    let ago = match time::known(summary.created_at) {
        Some(then) if fits(FOR_KIND) => time::ago(then, common.now()),
        Some(then) => time::short_ago(then, common.now()),
        None => "?".to_owned(),
    };
    [
        name,
        ago,
        text::line(&head.program()).into_owned(),
        if_fits(FOR_KIND, kind),
        text::in_one_line(&summary.reason.message),
        times,
        size,
        if_fits(
            FOR_FINGERPRINT,
            text::line(&summary.fingerprint).into_owned(),
        ),
    ]
}
