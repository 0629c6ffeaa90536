//! Changes the message.

use std::fmt;
use std::io;

use log::Record;

use crate::compose::Middleware;
use crate::sink::Sink;
use crate::value;

/// Puts what `function` makes of the message in its place.
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

/// Changes the message; made by [`map_message`].
#[derive(Clone, Copy)]
pub struct MapMessage<F>(F);

impl<F> Middleware for MapMessage<F>
where
    F: Fn(String) -> String + Send + Sync,
{
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let message = (self.0)(value::message(record));
        next.emit(&record.to_builder().args(format_args!("{message}")).build())
    }
}

impl<F> fmt::Debug for MapMessage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapMessage").finish_non_exhaustive()
    }
}
