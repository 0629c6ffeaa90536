//! Middleware that rewrites messages, other text, and values.

use std::borrow::Cow;
use std::fmt;
use std::io;

use log::{Metadata, Record};

use super::Middleware;
use crate::format;
use crate::owned_record::{self, Fields, OwnedValue};
use crate::sink::Sink;

/// Makes a middleware that replaces each message by the result of `function`.
///
/// # Examples
///
/// ```
/// let sink = logtee::pipe(logtee::map_message(|message| message.replace("foo", "bar")))
///     .to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn map_message<F>(function: F) -> MapMessage<F>
where
    F: Fn(String) -> String + Send + Sync,
{
    MapMessage(function)
}

/// Replaces messages; made by [`map_message`].
#[derive(Clone, Copy)]
pub struct MapMessage<F>(F);

impl<F> Middleware for MapMessage<F>
where
    F: Fn(String) -> String + Send + Sync,
{
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let message = (self.0)(owned_record::message(record));
        next.emit(&record.to_builder().args(format_args!("{message}")).build())
    }
}

/// Makes a middleware that replaces every text of a record by the result of `function`: the
/// message, the target, the keys, and the values that are strings.
///
/// Use it to mask secrets in text. Each message is formatted to a string first.
///
/// # Examples
///
/// ```
/// use std::borrow::Cow;
///
/// let sink = logtee::pipe(logtee::map_text(|text| match text.contains("hunter2") {
///     true => Cow::Owned(text.replace("hunter2", "*******")),
///     false => Cow::Borrowed(text),
/// }))
/// .to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn map_text<F>(function: F) -> MapText<F>
where
    F: for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync,
{
    MapText(function)
}

/// Replaces every text of a record; made by [`map_text`].
#[derive(Clone, Copy)]
pub struct MapText<F>(F);

impl<F> Middleware for MapText<F>
where
    F: for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync,
{
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let mut fields = Vec::new();
        format::each_pair(record, |key, value| {
            let value = match OwnedValue::capture(value) {
                OwnedValue::Str(text) => (self.0)(&text).into_owned().into(),
                other => other,
            };
            fields.push(((self.0)(key).into_owned(), value));
        });
        let message = owned_record::message(record);
        next.emit(
            &record
                .to_builder()
                .target(&(self.0)(record.target()))
                .key_values(&Fields(&fields))
                .args(format_args!("{}", (self.0)(&message)))
                .build(),
        )
    }

    /// True, because the next sink must be asked about the rewritten target.
    fn enabled(&self, _: &Metadata<'_>, _: &dyn Sink) -> bool {
        true
    }
}

/// Makes a middleware that replaces the value of each key-value by the result of `function`,
/// which gets the key and the value.
///
/// A record without key-values passes unchanged. Messages are not changed.
///
/// # Examples
///
/// ```
/// let sink = logtee::pipe(logtee::map_values(|key, value| match key {
///     "password" => "*******".into(),
///     _ => value,
/// }))
/// .to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn map_values<F>(function: F) -> MapValues<F>
where
    F: Fn(&str, OwnedValue) -> OwnedValue + Send + Sync,
{
    MapValues(function)
}

/// Replaces values; made by [`map_values`].
#[derive(Clone, Copy)]
pub struct MapValues<F>(F);

impl<F> Middleware for MapValues<F>
where
    F: Fn(&str, OwnedValue) -> OwnedValue + Send + Sync,
{
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let mut fields = Vec::new();
        format::each_pair(record, |key, value| {
            fields.push((key.to_owned(), (self.0)(key, OwnedValue::capture(value))));
        });
        if fields.is_empty() {
            return next.emit(record);
        }
        next.emit(&record.to_builder().key_values(&Fields(&fields)).build())
    }
}

impl<F> fmt::Debug for MapMessage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapMessage").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for MapText<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapText").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for MapValues<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapValues").finish_non_exhaustive()
    }
}
