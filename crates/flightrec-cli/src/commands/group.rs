//! `flightrec group`

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::{Common, Group};
use crate::input::{self, Limits};
use crate::look::count::{self, grouped};
use crate::look::screen::Screen;
use crate::look::style::{BOLD, DIM, ERROR, PLAIN, WARN};
use crate::look::table::{self, Column};
use crate::look::{text, time};
use crate::outcome::{Outcome, Result, Trouble};
use crate::places;
use crate::summary::Summary;

/// Versions and hosts that are named for a kind of failure; more are counted.
const MAX_NAMED: usize = 32;

/// Directories in directories that are searched.
const MAX_DEPTH: usize = 32;

/// Failures of one kind.
#[derive(Debug, Default)]
struct Kind {
    dumps: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Of the newest dump.
    message: String,
    programs: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Kinds {
    kinds: HashMap<String, Kind>,
    read: usize,
    broken: usize,
    example: Option<Trouble>,
}

pub(super) fn run(args: Group, common: &Common) -> Result {
    let files = files(&args.paths)?;
    let kinds = read_all(&files, common.limits());
    if let Some(example) = &kinds.example {
        let broken = count::of(kinds.broken, "file");
        anstream::eprintln!(
            "{WARN}{broken} could not be read as a dump{WARN:#}, such as {example}"
        );
    }
    if kinds.read == 0 {
        return match kinds.example {
            Some(_) => Err(Trouble::new("none of the files is a dump")),
            None => {
                anstream::eprintln!("there are no dumps");
                Ok(Outcome::Nothing)
            }
        };
    }
    let mut screen = Screen::open(common);
    let width = screen.width();
    print(&mut screen, kinds, args.first, width)?;
    screen.close()?;
    Ok(Outcome::Done)
}

/// The dumps that are meant, each once.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if paths.is_empty() {
        let state = places::state_dir().unwrap_or_default();
        return Ok(places::find(&state, None)
            .into_iter()
            .map(|found| found.path)
            .collect());
    }
    let mut files = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path)
            .map_err(|error| Trouble::at(path, format!("cannot read it: {error}")))?;
        if metadata.is_dir() {
            search(path, &mut files, MAX_DEPTH)
        } else {
            files.push(path.clone())
        }
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

/// Every `*.json` in a directory, through no links.
fn search(dir: &Path, files: &mut Vec<PathBuf>, depth: usize) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            search(&path, files, depth - 1);
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
}

/// Reads the files with all processors; each holds one file in memory at a time.
fn read_all(files: &[PathBuf], limits: Limits) -> Kinds {
    // Relaxed: each number comes once; what is read is handed over by joining the threads.
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(files.len().max(1));
    let progress = io::stderr().is_terminal();
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let done = done.clone();
                let next = &next;
                scope.spawn(move || {
                    let kinds = read_some(files, next, limits);
                    drop(done);
                    kinds
                })
            })
            .collect();
        drop(done);
        if progress {
            // Nothing is ever sent: the channel ends when the last thread has.
            while let Err(mpsc::RecvTimeoutError::Timeout) =
                ended.recv_timeout(Duration::from_millis(200))
            {
                show_progress(next.load(Ordering::Relaxed).min(files.len()), files.len());
            }
            eprint!("\r\x1b[K");
        }
        let mut all = Kinds::default();
        for worker in workers {
            match worker.join() {
                Ok(some) => all.merge(some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

fn show_progress(read: usize, all: usize) {
    const WIDTH: usize = 30;
    let full = read * WIDTH / all.max(1);
    let bar = format!("{}{}", "━".repeat(full), "─".repeat(WIDTH - full));
    // A progress bar that can't be shown is no matter.
    let _ = write!(
        io::stderr(),
        "\r{bar} {} of {}",
        grouped(read as u64),
        grouped(all as u64)
    );
}

fn read_some(files: &[PathBuf], next: &AtomicUsize, limits: Limits) -> Kinds {
    let mut kinds = Kinds::default();
    let mut json = Vec::new();
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        match input::read_summary(file, limits, &mut json) {
            Ok(summary) => kinds.add(summary),
            Err(trouble) => {
                kinds.broken += 1;
                kinds.example.get_or_insert(trouble);
            }
        }
        // One huge dump among many small ones must not stay in memory.
        json.shrink_to(1 << 20);
    }
    kinds
}

impl Kinds {
    fn add(&mut self, summary: Summary) {
        self.read += 1;
        let kind = Kind {
            dumps: 1,
            first: summary.created_at,
            last: summary.created_at,
            programs: BTreeSet::from([summary.program()]),
            hosts: BTreeSet::from([text::line(&summary.host).into_owned()]),
            message: String::new(),
        };
        let likeness = summary.likeness();
        let kind = Kind {
            message: summary.message,
            ..kind
        };
        self.kinds.entry(likeness).or_default().merge(kind);
    }

    fn merge(&mut self, other: Kinds) {
        self.read += other.read;
        self.broken += other.broken;
        if let Some(example) = other.example {
            self.example.get_or_insert(example);
        }
        for (likeness, kind) in other.kinds {
            self.kinds.entry(likeness).or_default().merge(kind);
        }
    }
}

impl Kind {
    fn merge(&mut self, other: Kind) {
        if self.dumps == 0 || other.last > self.last {
            self.message = other.message;
        }
        self.dumps += other.dumps;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        merge_names(&mut self.programs, other.programs);
        merge_names(&mut self.hosts, other.hosts);
    }
}

fn merge_names(names: &mut BTreeSet<String>, others: BTreeSet<String>) {
    for name in others {
        // One more than are named, to know that there are more.
        if names.len() <= MAX_NAMED {
            names.insert(name);
        }
    }
}

const fn column(name: &'static str, style: anstyle::Style, right: bool) -> Column {
    Column { name, style, right }
}

const COLUMNS: [Column; 7] = [
    column("dumps", BOLD, true),
    column("first", PLAIN, false),
    column("last", PLAIN, false),
    column("program", PLAIN, false),
    column("on", DIM, false),
    column("error", ERROR, false),
    column("fingerprint", DIM, false),
];

/// With fewer columns than that, times and fingerprints give way to the error.
const NARROW: usize = 110;

/// The places of the hosts and of the error in `COLUMNS`.
const HOSTS: usize = 4;
const ERRORS: usize = 5;

fn print(
    out: &mut dyn Write,
    kinds: Kinds,
    first: Option<usize>,
    width: Option<usize>,
) -> io::Result<()> {
    let all = kinds.kinds.len();
    let mut sorted: Vec<(String, Kind)> = kinds.kinds.into_iter().collect();
    sorted.sort_by(|(a_key, a), (b_key, b)| {
        b.dumps
            .cmp(&a.dumps)
            .then(b.last.cmp(&a.last))
            .then_with(|| a_key.cmp(b_key))
    });
    sorted.truncate(first.unwrap_or(all));
    let is_narrow = width.is_some_and(|width| width < NARROW);
    let mut rows: Vec<_> = sorted
        .iter()
        .map(|(likeness, kind)| row(likeness, kind, is_narrow))
        .collect();
    // What is the same for all is said once.
    let host = rows
        .first()
        .map(|row| row[HOSTS].clone())
        .unwrap_or_default();
    let on = if rows.iter().all(|row| row[HOSTS] == host) && !host.is_empty() {
        rows.iter_mut().for_each(|row| row[HOSTS].clear());
        format!(", all on {host}")
    } else {
        String::new()
    };
    table::print(out, &COLUMNS, ERRORS, &rows, width)?;
    let shown = if rows.len() < all {
        format!("{} of ", grouped(rows.len() as u64))
    } else {
        String::new()
    };
    let (kinds, dumps) = (count::of(all, "kind"), count::of(kinds.read, "dump"));
    writeln!(out, "\n{DIM}{shown}{kinds} in {dumps}{on}{DIM:#}")
}

fn row(likeness: &str, kind: &Kind, is_narrow: bool) -> [String; COLUMNS.len()] {
    let print = if is_narrow { time::day } else { time::minute };
    let day = |time: Option<Timestamp>| time.map_or_else(|| "?".to_owned(), print);
    // Where the likeness is the message, it would be said twice.
    let fingerprint = if likeness.contains(' ') {
        String::new()
    } else {
        text::line(likeness).into_owned()
    };
    let fingerprint = text::cut(&fingerprint, if is_narrow { 9 } else { usize::MAX }).into_owned();
    [
        grouped(kind.dumps),
        day(kind.first),
        day(kind.last),
        named(&kind.programs),
        named(&kind.hosts),
        kind.message.clone(),
        fingerprint,
    ]
}

/// `census 0.1.0, census 0.2.0 and more`; names that a version follows are said once.
fn named(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 3;
    let mut text = String::new();
    let mut previous = "";
    for name in names.iter().take(SHOWN) {
        let (program, version) = name.split_once(' ').unwrap_or((name, ""));
        match (text.is_empty(), program == previous) {
            (true, _) => text.push_str(name),
            (false, true) => text.extend([", ", version]),
            (false, false) => text.extend([", ", name]),
        }
        previous = program;
    }
    if names.len() > SHOWN {
        text += " …";
    }
    text
}
