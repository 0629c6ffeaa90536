//! Middleware: sees each record on its way to a sink, and changes it or drops it.

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

/// Stands before a sink and decides what the sink gets.
///
/// Closures are middleware: they get the record and the next sink, and emit to it what they want,
/// or nothing. A closure is not asked by [`enabled`](Middleware::enabled), because it may change
/// the target; a middleware that changes levels has to implement this trait.
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
    /// `next` drops records that the sink is not [`enabled`](Sink::enabled) for.
    ///
    /// # Errors
    ///
    /// What `next` returns, or an error of its own.
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()>;

    /// The most verbose level that could reach the next sink, which wants `next` at most.
    ///
    /// The default is `next`. A middleware that changes levels returns something else.
    fn max_level(&self, next: LevelFilter) -> LevelFilter {
        next
    }

    /// Whether a record with this metadata is of use: to this middleware, or to the next sink.
    ///
    /// The default asks `next`. A middleware that changes levels or targets returns something
    /// else. Records for which this is false do not reach [`handle`](Middleware::handle).
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
    /// Adds a middleware, which gets what the one before passes on.
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

/// Middleware and the sink that it stands before; made by [`pipe`].
pub struct Pipe {
    middleware: Box<dyn Middleware>,
    next: Next,
}

/// The sink as the middleware sees it: it takes only what it is enabled for.
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

    /// `emit` asks the middleware itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}
