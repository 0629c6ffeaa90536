//! Masks secrets on the way.

use std::io;
use std::sync::Arc;

use log::Record;

use crate::compose::Middleware;
use crate::format;
use crate::sink::Sink;
use crate::value::{self, Fields, OwnedValue};
use logredact::{MASK, Redactor};

/// Masks secrets in messages and key-values by a [`Redactor`], given as it is or in an `Arc`.
///
/// # Examples
///
/// ```
/// use logredact::Redactor;
///
/// let sink = logtee::pipe(logtee::redact(Redactor::default())).to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn redact(redactor: impl Into<Arc<Redactor>>) -> Redact {
    Redact {
        redactor: redactor.into(),
        keys_only: false,
    }
}

/// Masks secrets; made by [`redact`].
#[derive(Clone, Debug)]
pub struct Redact {
    redactor: Arc<Redactor>,
    keys_only: bool,
}

impl Redact {
    /// Masks the values of secret keys only, and looks into no text: for a place that is to cost
    /// next to nothing, before another that looks closer. A record without key-values passes
    /// untouched.
    #[must_use = "returns the changed middleware"]
    pub fn keys_only(mut self) -> Redact {
        self.keys_only = true;
        self
    }

    /// A key is a text like any other.
    fn key(&self, key: &str) -> String {
        if self.keys_only {
            key.to_owned()
        } else {
            self.redactor.text(key).into_owned()
        }
    }

    fn value(&self, key: &str, value: OwnedValue) -> OwnedValue {
        match value {
            OwnedValue::Str(text) if !self.keys_only => {
                self.redactor.value(key, &text).into_owned().into()
            }
            OwnedValue::Null => OwnedValue::Null,
            // A number may be a secret too.
            _ if self.redactor.is_secret(key) => MASK.into(),
            other => other,
        }
    }
}

impl Middleware for Redact {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let mut fields = Vec::new();
        format::each_pair(record, |key, value| {
            fields.push((self.key(key), self.value(key, OwnedValue::capture(value))));
        });
        if self.keys_only && fields.is_empty() {
            return next.emit(record);
        }
        let fields = Fields(&fields);
        let mut builder = record.to_builder();
        let builder = builder.key_values(&fields);
        if self.keys_only {
            return next.emit(&builder.build());
        }
        let message = value::message(record);
        let message = self.redactor.text(&message);
        let target = self.redactor.text(record.target());
        let builder = builder.target(&target);
        next.emit(&builder.args(format_args!("{message}")).build())
    }
}
