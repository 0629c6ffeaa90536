//! Middleware: looks at each record on its way to a sink, changes it, or keeps it back.

mod keys;
mod rewrite;
mod select;

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::sink::Sink;

pub use keys::{Enrich, RemoveKey, RenameKey, enrich, remove_key, rename_key};
pub use rewrite::{MapMessage, MapText, MapValues, map_message, map_text, map_values};
pub use select::{DropIf, Sample, drop_if, sample};

/// Something that stands before a sink.
///
/// Closures are middleware as they are: they get the record and the next sink, and pass on what
/// they like, or nothing.
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
    /// Takes one record; hands it on by `next.emit(…)`.
    ///
    /// # Errors
    ///
    /// What `next` returns, or an error of its own.
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()>;

    /// The most verbose level that could reach `next` through this, which wants `next`;
    /// that by default. A middleware that changes levels answers otherwise.
    fn max_level(&self, next: LevelFilter) -> LevelFilter {
        next
    }

    /// Whether a record with this metadata could reach `next`, or be of use otherwise; asks
    /// `next` by default.
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
}

/// Begins a pipe with its first middleware; [`then`](PipeBuilder::then) adds more, and
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
    PipeBuilder(vec![Box::new(middleware)])
}

/// Collects the middleware of a [`Pipe`]; made by [`pipe`].
#[must_use = "a builder does nothing until it has a sink"]
pub struct PipeBuilder(Vec<Box<dyn Middleware>>);

impl PipeBuilder {
    /// Adds a middleware behind those before it.
    pub fn then(mut self, middleware: impl Middleware + 'static) -> PipeBuilder {
        self.0.push(Box::new(middleware));
        self
    }

    /// Ends the pipe at `sink`.
    pub fn to(self, sink: impl Sink + 'static) -> Pipe {
        let mut middleware = self.0;
        let mut pipe = match middleware.pop() {
            Some(last) => Pipe {
                middleware: last,
                next: Box::new(sink),
            },
            // `pipe` has put one in.
            None => unreachable!(),
        };
        while let Some(before) = middleware.pop() {
            pipe = Pipe {
                middleware: before,
                next: Box::new(pipe),
            };
        }
        pipe
    }
}

impl fmt::Debug for PipeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeBuilder")
            .field("middleware", &self.0.len())
            .finish()
    }
}

/// Middleware and the sink that it stands before; made by [`pipe`].
pub struct Pipe {
    middleware: Box<dyn Middleware>,
    next: Box<dyn Sink>,
}

impl Sink for Pipe {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.middleware.handle(record, &*self.next)
    }

    fn flush(&self) -> io::Result<()> {
        self.next.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.middleware.max_level(self.next.max_level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.middleware.enabled(metadata, &*self.next)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}
