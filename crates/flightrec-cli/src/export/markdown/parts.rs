//! The title, the errors, the facts, and the list of what was masked.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use flightrec_dump::{Dump, ErrorNode};

use super::budget::Budget;
use super::code::{BLOCK, block, span};
use crate::paths::Paths;
use crate::render::count::of;
use crate::render::text;
use crate::show::{self, facts};

/// The maximum length of a message or value, in characters.
pub(super) const MAX_TEXT: usize = 800;

/// The maximum length of the title, which is one line, in characters.
pub(super) const MAX_TITLE: usize = 120;

/// The maximum number of errors in the tree, and of nested joins.
const MAX_ERRORS: usize = 100;
const MAX_NESTED: usize = 16;

/// `census 0.1.0 failed: the census of /srv/crates is incomplete`, without markup
pub(crate) fn plain_title(dump: &Dump) -> String {
    let (what, _) = show::what_happened(dump);
    let title = format!("{} {}", show::program(dump), text::line(&what));
    let message = text::in_one_line(show::message(dump));
    match &*message {
        "" => brief(&title).into_owned(),
        message => format!("{}: {}", brief(&title), brief(message)),
    }
}

/// The same in code.
pub(super) fn title(dump: &Dump) -> String {
    let (what, _) = show::what_happened(dump);
    let message = text::in_one_line(show::message(dump));
    let message = brief(&message);
    let title = format!("{} {what}", show::program(dump));
    let title = brief(&title);
    match &*message {
        "" => span(&title),
        message => format!("{}: {}", span(&title), span(message)),
    }
}

/// The beginning of a text, for a title or a name.
pub(super) fn brief(text: &str) -> Cow<'_, str> {
    match text::head(text, MAX_TITLE) {
        (text, 0) => text.into(),
        (text, _) => format!("{text}…").into(),
    }
}

/// The error with its causes, one per line. It uses at most half of the budget.
pub(super) fn error(dump: &Dump, budget: &mut Budget) -> String {
    let mut lines = Vec::new();
    match &dump.error {
        Some(error) => {
            let paths = Paths::of(dump);
            tree(error, "", "", 0, &paths, &mut lines);
        }
        None => lines.extend(message_lines(show::message(dump))),
    }
    let most = budget
        .left()
        .min(budget.all() / 2)
        .saturating_sub(BLOCK + 1);
    let lines = fitting(lines, most, "line");
    let text = block(&lines) + "\n";
    budget.spend(&text);
    text
}

fn tree(
    error: &ErrorNode,
    first: &str,
    on: &str,
    nested: usize,
    paths: &Paths,
    lines: &mut Vec<String>,
) {
    let mut at = error;
    let mut lead = first.to_owned();
    loop {
        let mut place = at.location.as_ref().map(|location| {
            let file = text::line(paths.short(&location.file)).into_owned();
            format!("  ({file}:{})", location.line)
        });
        for line in message_lines(&at.message) {
            let place = place.take().unwrap_or_default();
            lines.push(format!("{lead}{line}{place}"));
            lead = format!("{on}  ");
        }
        if lines.len() > MAX_ERRORS || nested > MAX_NESTED {
            return lines.push(format!("{on}…"));
        }
        match at.sources.as_slice() {
            [] => return,
            [cause] => {
                at = cause;
                lead = format!("{on}caused by: ");
            }
            errors => {
                for (n, error) in errors.iter().enumerate() {
                    let is_last = n + 1 == errors.len();
                    let (mark, below) = if is_last {
                        ("╰─ ", "   ")
                    } else {
                        ("├─ ", "│  ")
                    };
                    let (first, on) = (format!("{on}{mark}"), format!("{on}{below}"));
                    tree(error, &first, &on, nested + 1, paths, lines);
                    if lines.len() > MAX_ERRORS {
                        return;
                    }
                }
                return;
            }
        }
    }
}

/// The lines of a message, escaped and cut.
pub(super) fn message_lines(message: &str) -> Vec<String> {
    let (message, more) = text::head(message, MAX_TEXT);
    let mut lines: Vec<String> = text::lines(message).map(|line| line.into_owned()).collect();
    if more > 0 {
        lines.push(format!("… {}", of(more, "more character")));
    }
    lines
}

/// The first lines, up to `most` bytes, and how many more there are.
pub(super) fn fitting(lines: Vec<String>, most: usize, what: &str) -> String {
    const ROOM: usize = 30;
    let all: usize = lines.iter().map(|line| line.len() + 1).sum();
    let most = if all <= most {
        all
    } else {
        most.saturating_sub(ROOM)
    };
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        if text.len() + line.len() + 1 > most {
            let more = of(lines.len() - n, &format!("more {what}"));
            let _ = writeln!(text, "… {more}");
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// A list of facts about the process and the machine. If there is no room, the last ones are left out.
pub(super) fn facts(dump: &Dump, budget: &mut Budget) -> String {
    let mut text = program(dump);
    budget.spend(&text);
    let mut half = budget.left() / 2;
    let modules = unnamed_modules(dump);
    let modules = modules.into_iter().map(|text| ("without symbols", text));
    let facts = facts::list(dump, None, false).into_iter();
    for (name, fact) in facts
        .chain(modules)
        .filter(|(name, _)| *name != facts::MASKED)
    {
        let (fact, more) = text::head(&fact, MAX_TEXT / 4);
        let more = if more > 0 { "…" } else { "" };
        let name = if name.is_empty() { "and" } else { name };
        let line = format!("- {name}: {}\n", span(&format!("{fact}{more}")));
        if line.len() <= half && budget.take(line.len()) {
            half -= line.len();
            text.push_str(&line);
        }
    }
    text.push('\n');
    text
}

/// `- program: census 0.1.0`
fn program(dump: &Dump) -> String {
    format!("- program: {}\n", span(&brief(&show::program(dump))))
}

/// The modules of frames without a name, with their build-ids.
fn unnamed_modules(dump: &Dump) -> Vec<String> {
    let traces = dump.stack_traces.iter().map(|trace| &trace.frames);
    let threads = dump.threads.iter().map(|thread| &thread.frames);
    let frames = traces.chain(threads).flatten();
    let unnamed = frames.filter(|frame| !frame.noise && !frame.is_named());
    let names: BTreeSet<&str> = unnamed
        .filter_map(|frame| frame.module.as_deref())
        .collect();
    let known = dump.modules.iter();
    known
        .filter(|module| names.contains(module.name.as_str()))
        .take(8)
        .map(|module| {
            let id = module.build_id.as_deref().unwrap_or("none");
            format!("{}, build-id {id}", file_name(&module.name))
        })
        .collect()
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Says what was masked, so that a reader knows what is missing.
pub(super) fn masked(dump: &Dump) -> String {
    let masked = facts::masked(dump);
    let masked = masked.map_or_else(
        || "nothing looked like a secret or like personal data".to_owned(),
        |masked| span(&brief(&masked)),
    );
    format!("Masked before this was written: {masked}.\n")
}
