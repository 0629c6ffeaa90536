//! Middleware: gets each record before a sink does, and can change or drop it.

mod keys;
mod rewrite;
mod select;

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::sink::{IntoSink, Sink};

pub use keys::{Enrich, RemoveKey, RenameKey, enrich, remove_key, rename_key};
pub use rewrite::{MapMessage, MapText, MapValues, map_message, map_text, map_values};
pub use select::{DropIf, Sample, drop_if, sample};

/// Processes records before a sink, and decides what the sink gets.
///
/// Closures are middleware: they get the record and the next sink, and emit any number of records to
/// it. A closure gets all records, even those for which the next sink is not
/// [`enabled`](Middleware::enabled), because it may change the target. A middleware that changes levels
/// must implement this trait.
///
/// # Examples
///
/// ```
/// use log::Record;
/// use logtee::Sink;
///
/// let sink = logtee::pipe(|record: &Record<'_>, next: &dyn Sink| {
///     let message = record.args().to_string().to_uppercase();
///     next.emit(&record.to_builder().args(format_args!("{message}")).build())
/// })
/// .to(logtee::stderr());
/// # drop(sink);
/// ```
pub trait Middleware: Send + Sync {
    /// Takes one record, and passes it on by `next.emit(…)`.
    ///
    /// `next` drops records for which the sink is not [`enabled`](Sink::enabled).
    ///
    /// # Errors
    ///
    /// Returns the error of `next`, or an error of its own.
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()>;

    /// The most verbose level of records that this middleware wants, if `next` is the most verbose level
    /// that the next sink wants.
    ///
    /// The default is `next`. A middleware that changes levels returns another level.
    fn max_level(&self, next: LevelFilter) -> LevelFilter {
        next
    }

    /// Whether this middleware or the next sink wants records with this metadata.
    ///
    /// The default is the answer of `next`. A middleware that changes levels or targets must answer
    /// itself. Records for which this is false do not reach [`handle`](Middleware::handle).
    fn enabled(&self, metadata: &Metadata<'_>, next: &dyn Sink) -> bool {
        next.enabled(metadata)
    }
}

impl<F> Middleware for F
where
    F: Fn(&Record<'_>, &dyn Sink) -> io::Result<()> + Send + Sync,
{
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        self(record, next)
    }

    fn enabled(&self, _: &Metadata<'_>, _: &dyn Sink) -> bool {
        true
    }
}

/// Begins a pipe with its first middleware. [`then`](PipeBuilder::then) adds more, and
/// [`to`](PipeBuilder::to) ends it with the sink.
///
/// # Examples
///
/// ```
/// let sink = logtee::pipe(logtee::enrich("service", "census"))
///     .then(logtee::remove_key("password"))
///     .to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn pipe(middleware: impl Middleware + 'static) -> PipeBuilder {
    PipeBuilder {
        before: Vec::new(),
        last: Box::new(middleware),
    }
}

/// Collects the middleware of a [`Pipe`]; made by [`pipe`].
#[must_use = "a builder does nothing until it has a sink"]
pub struct PipeBuilder {
    before: Vec<Box<dyn Middleware>>,
    last: Box<dyn Middleware>,
}

impl PipeBuilder {
    /// Adds a middleware, which gets the records that the previous one passes on.
    pub fn then(mut self, middleware: impl Middleware + 'static) -> PipeBuilder {
        let before = std::mem::replace(&mut self.last, Box::new(middleware));
        self.before.push(before);
        self
    }

    /// Ends the pipe at `sink`.
    pub fn to<Kind>(self, sink: impl IntoSink<Kind>) -> Pipe {
        let last = Pipe {
            middleware: self.last,
            next: Next(Box::new(sink.into_sink())),
        };
        let before = self.before.into_iter().rev();
        before.fold(last, |next, middleware| Pipe {
            middleware,
            next: Next(Box::new(next)),
        })
    }
}

impl fmt::Debug for PipeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeBuilder")
            .field("middleware", &(self.before.len() + 1))
            .finish()
    }
}

/// A sink with middleware before it; made by [`pipe`].
pub struct Pipe {
    middleware: Box<dyn Middleware>,
    next: Next,
}

/// The sink that a middleware gets: it drops records for which it is not enabled.
struct Next(Box<dyn Sink>);

impl Sink for Next {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.emit_if_enabled(record)
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.0.max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.emit_if_enabled(record)
    }
}

impl Sink for Pipe {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        if self.middleware.enabled(record.metadata(), &self.next) {
            self.middleware.handle(record, &self.next)
        } else {
            Ok(())
        }
    }

    fn flush(&self) -> io::Result<()> {
        self.next.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.middleware.max_level(self.next.max_level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.middleware.enabled(metadata, &self.next)
    }

    /// `emit` checks the middleware itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}
