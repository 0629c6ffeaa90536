//! The spans around a record or a stack.

use std::collections::HashMap;

use flightrec_dump::{Dump, Span};

use crate::render::text;

/// How many spans around a record are shown: the innermost. A dump may be wrong about parents, up to
/// a circle.
const MAX_SPANS: usize = 4;

/// The same where the log is indented by spans.
const MAX_DEPTH: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Spans<'a>(HashMap<u64, &'a Span>);

impl<'a> Spans<'a> {
    pub(super) fn of(dump: &'a Dump) -> Spans<'a> {
        Spans(dump.spans.iter().map(|span| (span.id, span)).collect())
    }

    /// The spans around an id, outermost first.
    pub(super) fn around(&self, innermost: Option<u64>) -> Vec<&'a Span> {
        self.last(innermost, MAX_DEPTH)
    }

    /// `in request{id=7} > query`, unescaped
    pub(super) fn path(&self, innermost: Option<u64>) -> Option<String> {
        let names = self.last(innermost, MAX_SPANS);
        let names: Vec<String> = names.into_iter().map(name).collect();
        (!names.is_empty()).then(|| format!("in {}", names.join(" > ")))
    }

    fn last(&self, innermost: Option<u64>, most: usize) -> Vec<&'a Span> {
        let next = |span: &&'a Span| self.0.get(&span.parent?).copied();
        let first = innermost.and_then(|id| self.0.get(&id).copied());
        let mut spans: Vec<_> = std::iter::successors(first, next).take(most).collect();
        spans.reverse();
        spans
    }
}

/// `request{id=7}`, unescaped
pub(super) fn name(span: &Span) -> String {
    let fields = span.fields.iter();
    let fields: Vec<_> = fields
        .map(|(key, field)| text::key_value(key, field))
        .collect();
    match fields.is_empty() {
        true => span.name.clone(),
        false => format!("{}{{{}}}", span.name, fields.join(" ")),
    }
}
