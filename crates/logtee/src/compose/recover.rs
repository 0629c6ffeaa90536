//! A handler for the failures of a sink.

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::catch_panic::catch_panic;
use crate::sink::{IntoSink, Sink};

/// How a sink failed to take a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<'a> {
    /// It returned an error.
    Error(&'a io::Error),
    /// It panicked with this message.
    Panic(&'a str),
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => error.fmt(f),
            Failure::Panic(message) => f.pad(&format!("panicked: {message}")),
        }
    }
}

/// Begins a sink whose errors and panics are passed to `handler`, together with the record.
///
/// The error is still returned, so that an outer failover sees it. A panic becomes an error.
///
/// # Examples
///
/// ```
/// let sink = logtee::recover(|failure, record| {
///     eprintln!("lost a record at {}: {failure}", record.level());
/// })
/// .sink(logtee::from_fn(|_| Err(std::io::Error::other("disk full"))));
/// # drop(sink);
/// ```
pub fn recover<H>(handler: H) -> RecoverBuilder<H>
where
    H: Fn(&Failure<'_>, &Record<'_>) + Send + Sync,
{
    RecoverBuilder(handler)
}

/// A [`Recover`] without a sink yet; made by [`recover`].
#[must_use = "a builder does nothing until it has a sink"]
pub struct RecoverBuilder<H>(H);

impl<H> RecoverBuilder<H>
where
    H: Fn(&Failure<'_>, &Record<'_>) + Send + Sync,
{
    /// Sets the sink whose failures are handled.
    pub fn sink<S: IntoSink<Kind>, Kind>(self, sink: S) -> Recover<H, S::Sink> {
        Recover {
            handler: self.0,
            sink: sink.into_sink(),
        }
    }
}

impl<H> fmt::Debug for RecoverBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverBuilder").finish_non_exhaustive()
    }
}

/// A sink whose failures are handled; made by [`recover`].
pub struct Recover<H, S> {
    handler: H,
    sink: S,
}

impl<H, S> Sink for Recover<H, S>
where
    H: Fn(&Failure<'_>, &Record<'_>) + Send + Sync,
    S: Sink,
{
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        match catch_panic(|| self.sink.emit_if_enabled(record)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                (self.handler)(&Failure::Error(&error), record);
                Err(error)
            }
            Err(panic) => {
                let message = panic.message();
                (self.handler)(&Failure::Panic(message), record);
                Err(io::Error::other(format!("a sink panicked: {message}")))
            }
        }
    }

    fn flush(&self) -> io::Result<()> {
        self.sink.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.sink.max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.sink.enabled(metadata)
    }

    /// `emit` checks the sink itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl<H, S> fmt::Debug for Recover<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recover").finish_non_exhaustive()
    }
}
