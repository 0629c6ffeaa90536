//! The spans around a record or a stack.

use std::collections::HashMap;

use flightrec_dump::{Dump, Span};

use crate::render::text;

/// How many of the innermost spans around a record are shown. In a damaged dump, the parents may form
/// a cycle.
const MAX_SPANS: usize = 4;

/// The same where the log is indented by spans.
const MAX_DEPTH: usize = 32;

/// Names, keys and values are repeated for each record in a span, so long ones are always cut.
const MAX_TEXT: usize = 200;

#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) span: &'a Span,
    /// `request{id=7}`, unescaped
    pub(crate) name: String,
}

#[derive(Debug, Default)]
pub(crate) struct Spans<'a>(HashMap<u64, Named<'a>>);

impl<'a> Spans<'a> {
    pub(crate) fn of(dump: &'a Dump) -> Spans<'a> {
        let named = |span: &'a Span| Named {
            span,
            name: name(span),
        };
        Spans(
            dump.spans
                .iter()
                .map(|span| (span.id, named(span)))
                .collect(),
        )
    }

    /// The spans around an id, outermost first.
    pub(crate) fn around(&self, innermost: Option<u64>) -> Vec<&Named<'a>> {
        self.last(innermost, MAX_DEPTH)
    }

    /// `in request{id=7} > query`, unescaped
    pub(crate) fn path(&self, innermost: Option<u64>) -> Option<String> {
        let names = self.last(innermost, MAX_SPANS);
        let names: Vec<&str> = names.into_iter().map(|it| &*it.name).collect();
        (!names.is_empty()).then(|| format!("in {}", names.join(" > ")))
    }

    fn last(&self, innermost: Option<u64>, most: usize) -> Vec<&Named<'a>> {
        let next = |it: &&Named<'a>| self.0.get(&it.span.parent?);
        let first = innermost.and_then(|id| self.0.get(&id));
        let mut spans: Vec<_> = std::iter::successors(first, next).take(most).collect();
        spans.reverse();
        spans
    }
}

/// `request{id=7}`, unescaped
fn name(span: &Span) -> String {
    let fields = span.fields.iter();
    let fields: Vec<_> = fields
        .map(|(key, field)| text::brief_key_value(key, field, MAX_TEXT))
        .collect();
    let name = text::beginning(&span.name, MAX_TEXT);
    match fields.is_empty() {
        true => name.into_owned(),
        false => format!("{name}{{{}}}", text::beginning(&fields.join(" "), MAX_TEXT)),
    }
}
