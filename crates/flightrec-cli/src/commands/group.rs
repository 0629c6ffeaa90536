//! `flightrec group`

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use jiff::Timestamp;

use crate::cli::{Common, Group};
use crate::error::{CliError, Outcome, Result};
use crate::input::{self, Head, note};
use crate::render::count::{self, grouped};
use crate::render::screen::Screen;
use crate::render::style::{BOLD, DIM, ERROR, PLAIN};
use crate::render::table::{self, Column};
use crate::render::{text, time};

/// How many versions and machines of a kind are named. More are only counted.
const MAX_NAMED: usize = 32;

/// Failures of one kind.
#[derive(Debug, Default)]
struct Kind {
    dumps: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The message and the file of the newest dump.
    message: String,
    file: String,
    /// Whether dumps have different messages.
    messages_differ: bool,
    programs: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Kinds {
    kinds: HashMap<String, Kind>,
    dumps: usize,
}

pub(super) fn run(args: Group, common: &Common) -> Result {
    let files = input::files(&args.paths)?;
    let mut kinds = Kinds::default();
    let mut unreadable = 0;
    let mut first_error = None;
    for (file, heads) in files.iter().zip(input::read_heads(&files, common.limits())) {
        match heads {
            Ok(heads) => heads
                .into_iter()
                .for_each(|head| kinds.add(head.file(file), head)),
            Err(error) => {
                unreadable += 1;
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if kinds.dumps == 0 && unreadable == 1 => return Err(error),
        Some(error) if kinds.dumps == 0 => {
            return Err(CliError::new(format!(
                "none of {unreadable} files has a dump; for instance {error}"
            )));
        }
        Some(error) => {
            let files = count::of(unreadable, "file");
            note(&format!("{files} could not be read; for instance {error}"));
        }
        None if kinds.dumps == 0 => {
            note("there are no dumps");
            return Ok(Outcome::Nothing);
        }
        None => {}
    }
    let mut screen = Screen::open(!common.no_pager);
    let width = screen.width();
    print(&mut screen, kinds, &args, width)?;
    screen.close()?;
    Ok(Outcome::Done)
}

impl Kinds {
    fn add(&mut self, file: String, head: Head) {
        self.dumps += 1;
        let kind = self.kinds.entry(head.group_key()).or_default();
        let (program, summary) = (head.program(), head.summary);
        let at = time::known(summary.created_at);
        let host = format!("{} {}", summary.host.os, summary.host.arch);
        insert(&mut kind.programs, text::line(&program).into_owned());
        insert(&mut kind.hosts, text::line(host.trim()).into_owned());
        let message = text::in_one_line(&summary.reason.message);
        kind.messages_differ |= kind.dumps > 0 && message != kind.message;
        if kind.dumps == 0 || at > kind.last {
            kind.message = message;
            kind.file = file;
        }
        kind.dumps += 1;
        kind.first = [kind.first, at].into_iter().flatten().min();
        kind.last = kind.last.max(at);
    }
}

fn insert(names: &mut BTreeSet<String>, name: String) {
    // Keeps one more than are named, to know that there are more.
    if names.len() <= MAX_NAMED {
        names.insert(name);
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

/// The minimum width for the column of the fingerprint, for times of day, and for the first time.
const FOR_FINGERPRINT: usize = 140;
const FOR_TIMES: usize = 120;
const FOR_FIRST: usize = 80;

/// The indexes of the machines and of the error in `COLUMNS`.
const HOSTS: usize = 4;
const ERRORS: usize = 5;

fn print(out: &mut dyn Write, kinds: Kinds, args: &Group, width: Option<usize>) -> io::Result<()> {
    let all = kinds.kinds.len();
    let mut sorted: Vec<(String, Kind)> = kinds.kinds.into_iter().collect();
    sorted.sort_by(|(a_key, a), (b_key, b)| {
        b.dumps
            .cmp(&a.dumps)
            .then(b.last.cmp(&a.last))
            .then_with(|| a_key.cmp(b_key))
    });
    sorted.truncate(args.first.unwrap_or(all));
    let mut rows: Vec<_> = sorted
        .iter()
        .map(|(key, kind)| row(key, kind, width))
        .collect();
    // If all have the same host, it is printed once.
    let host = rows.first().map(|row| row[HOSTS].clone());
    let host = host.filter(|host| !host.is_empty() && rows.iter().all(|row| row[HOSTS] == *host));
    let on = host.map(|host| {
        rows.iter_mut().for_each(|row| row[HOSTS].clear());
        format!(", all on {host}")
    });
    table::print(out, &COLUMNS, ERRORS, &rows, width)?;
    let shown = if rows.len() < all {
        format!("{} of ", grouped(rows.len() as u64))
    } else {
        String::new()
    };
    let (groups, dumps) = (count::of(all, "kind"), count::of(kinds.dumps, "dump"));
    let on = on.unwrap_or_default();
    writeln!(out, "\n{DIM}{shown}{groups} in {dumps}{on}{DIM:#}")?;
    if args.files || width.is_none() {
        writeln!(out, "\nThe newest dump of each kind:")?;
        for (_, kind) in &sorted {
            writeln!(out, "  {}", text::line(&kind.file))?;
        }
    }
    Ok(())
}

fn row(key: &str, kind: &Kind, width: Option<usize>) -> [String; COLUMNS.len()] {
    let fits = |least: usize| width.is_none_or(|width| width >= least);
    let print = if fits(FOR_TIMES) {
        time::minute
    } else {
        time::day
    };
    let day = |time: Option<Timestamp>| time.map_or_else(|| "?".to_owned(), print);
    // Without a fingerprint the key is the message, which is shown already.
    let fingerprint = match key.contains(' ') || !fits(FOR_FINGERPRINT) {
        true => String::new(),
        false => text::line(key).into_owned(),
    };
    let differ = if kind.messages_differ {
        " (and other messages)"
    } else {
        ""
    };
    [
        grouped(kind.dumps),
        if fits(FOR_FIRST) {
            day(kind.first)
        } else {
            String::new()
        },
        day(kind.last),
        named(&kind.programs),
        if fits(FOR_TIMES) {
            named(&kind.hosts)
        } else {
            String::new()
        },
        format!("{}{differ}", kind.message),
        fingerprint,
    ]
}

/// `census 0.1.0, 0.2.0 …`: names a program once for several versions.
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
