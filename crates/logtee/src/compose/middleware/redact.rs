//! Masks secrets on the way.

use std::io;
use std::sync::Arc;

use log::Record;

use crate::compose::Middleware;
use crate::format;
use crate::redact::{MASK, Redactor};
use crate::sink::Sink;
use crate::value::{self, Fields, OwnedValue};

/// Masks secrets in messages and key-values by a [`Redactor`], given as it is or in an `Arc`.
///
/// # Examples
///
/// ```
/// use logtee::redact::Redactor;
///
/// let sink = logtee::pipe(logtee::redact(Redactor::default())).to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn redact(redactor: impl Into<Arc<Redactor>>) -> Redact {
    Redact(redactor.into())
}

/// Masks secrets; made by [`redact`].
#[derive(Clone, Debug)]
pub struct Redact(Arc<Redactor>);

impl Middleware for Redact {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let message = value::message(record);
        let message = self.0.text(&message);
        let mut fields = Vec::new();
        format::each_pair(record, |key, value| {
            let value = match OwnedValue::capture(value) {
                OwnedValue::Str(text) => self.0.value(key, &text).into_owned().into(),
                OwnedValue::Null => OwnedValue::Null,
                // A number may be a secret too.
                _ if self.0.is_secret(key) => MASK.into(),
                other => other,
            };
            fields.push((key.to_owned(), value));
        });
        let fields = Fields(&fields);
        let mut builder = record.to_builder();
        next.emit(
            &builder
                .args(format_args!("{message}"))
                .key_values(&fields)
                .build(),
        )
    }
}
