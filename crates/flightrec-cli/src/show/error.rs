//! The error as a tree: causes below one another, and the errors of a join as branches.

use std::io::{self, Write};

use anstyle::Style;
use flightrec_dump::{Dump, ErrorNode};

use super::View;
use super::places::{self, Row, place_of};
use crate::render::style::{ERROR, PLAIN};
use crate::render::text;

/// How many errors are shown. Further ones are only counted.
const MAX_SHOWN: usize = 1_000;

/// How many joins within joins are shown.
const MAX_NESTED: usize = 16;

const INDENT: &str = "  ";

pub(super) fn print(out: &mut dyn Write, dump: &Dump, view: &View) -> io::Result<()> {
    let mut tree = Tree {
        rows: Vec::new(),
        shown: 0,
        view,
    };
    match &dump.error {
        Some(error) => tree.error(error, INDENT, INDENT, 0),
        None if dump.reason.message.is_empty() => return Ok(()),
        None => tree.text(
            super::message(dump),
            INDENT.to_owned(),
            INDENT.to_owned(),
            ERROR,
            None,
        ),
    }
    writeln!(out)?;
    places::print(out, &tree.rows, view, |_, _| Ok(()))
}

struct Tree<'a> {
    rows: Vec<Row>,
    shown: usize,
    view: &'a View,
}

impl Tree<'_> {
    /// The error, its causes, and its join if there is one. `first` is the prefix of its first line,
    /// `on` the prefix of the other lines.
    fn error(&mut self, error: &ErrorNode, first: &str, on: &str, nested: usize) {
        let mut at = error;
        let mut lead = first.to_owned();
        let mut causes = 0;
        loop {
            let style = if self.shown == 0 { ERROR } else { PLAIN };
            let lead_on = if causes == 0 {
                on.to_owned()
            } else {
                format!("{on}           ")
            };
            let place = at
                .location
                .as_ref()
                .map(|location| place_of(location, self.view));
            self.shown += 1;
            self.text(&at.message, lead, lead_on, style, place);
            match at.sources.as_slice() {
                [] => return,
                _ if self.shown >= MAX_SHOWN => return self.note(on, "… more causes (cut)"),
                [cause] => {
                    at = cause;
                    causes += 1;
                    lead = format!("{on}caused by: ");
                }
                errors => return self.branches(errors, on, nested),
            }
        }
    }

    fn branches(&mut self, errors: &[ErrorNode], on: &str, nested: usize) {
        for (n, error) in errors.iter().enumerate() {
            let left = errors.len() - n;
            if nested >= MAX_NESTED || self.shown >= MAX_SHOWN {
                return self.note(on, &format!("╰─ … {left} more errors (cut)"));
            }
            let (mark, below) = if left == 1 {
                ("╰─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.error(
                error,
                &format!("{on}{mark}"),
                &format!("{on}{below}"),
                nested + 1,
            );
        }
    }

    fn note(&mut self, lead: &str, what: &str) {
        self.rows.push(Row {
            lead: lead.to_owned(),
            text: what.to_owned(),
            ..Row::default()
        });
    }

    /// A message of one or more lines; the place is beside the first.
    fn text(
        &mut self,
        message: &str,
        lead: String,
        lead_on: String,
        style: Style,
        mut place: Option<String>,
    ) {
        let mut lead = lead;
        let (message, more) = text::shown(message, self.view.all);
        for line in text::lines(message).chain(more.map(Into::into)) {
            let lead = std::mem::replace(&mut lead, lead_on.clone());
            let text = line.into_owned();
            self.rows.push(Row {
                lead,
                lead_on: lead_on.clone(),
                text,
                style,
                place: place.take(),
            });
        }
    }
}
