//! Sinks: the trait [`Sink`], and the types that can be passed where a sink is expected.

use std::fmt;
use std::io;
use std::sync::Arc;

use log::{LevelFilter, Log, Metadata, Record};

/// A destination of records, which may fail to take one.
///
/// Wherever this crate expects a sink it also accepts a [`log::Log`] ([`IntoSink`]), so `env_logger`,
/// `fern` and other loggers can be used unchanged. Closures become sinks by [`from_fn`].
///
/// # For implementors
///
/// `emit` may be called by several threads at the same time, and recursively if formatting a record
/// logs another one. So format before you lock. If `emit` returns an error or panics, the
/// [`Tee`](crate::Tee) counts the failure; the other sinks are not affected.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Counter(AtomicU64);
///
/// impl logtee::Sink for Counter {
///     fn emit(&self, _record: &log::Record<'_>) -> std::io::Result<()> {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// let counter = Counter::default();
/// logtee::Sink::emit(&counter, &log::Record::builder().build()).unwrap();
/// assert_eq!(counter.0.load(Ordering::Relaxed), 1);
/// ```
pub trait Sink: Send + Sync {
    /// Takes one record.
    ///
    /// # Errors
    ///
    /// Fails if the record could not be delivered.
    fn emit(&self, record: &Record<'_>) -> io::Result<()>;

    /// Delivers buffered records. Does nothing by default.
    ///
    /// # Errors
    ///
    /// Fails if a buffered record could not be delivered.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// The most verbose level that this sink could want; `Trace` by default.
    ///
    /// Compositions cache the answer. If the answer changes, call
    /// [`reconfigured`](crate::global::reconfigured) afterwards.
    fn max_level(&self) -> LevelFilter {
        LevelFilter::Trace
    }

    /// Whether this sink wants records with this metadata; `true` by default.
    ///
    /// Compositions emit only records for which a sink is enabled.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let _ = metadata;
        true
    }

    /// Emits the record if this sink is [`enabled`](Sink::enabled) for it, and does nothing
    /// otherwise. Compositions call this.
    ///
    /// # Errors
    ///
    /// Fails if the record could not be delivered.
    #[inline]
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        if self.enabled(record.metadata()) {
            self.emit(record)
        } else {
            Ok(())
        }
    }
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<S: Sink + ?Sized> Sink for $pointer {
            fn emit(&self, record: &Record<'_>) -> io::Result<()> {
                (**self).emit(record)
            }

            fn flush(&self) -> io::Result<()> {
                (**self).flush()
            }

            fn max_level(&self) -> LevelFilter {
                (**self).max_level()
            }

            fn enabled(&self, metadata: &Metadata<'_>) -> bool {
                (**self).enabled(metadata)
            }

            fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
                (**self).emit_if_enabled(record)
            }
        }
    )+};
}

forward!(&S, Box<S>, Arc<S>);

/// Types that can be passed where a sink is expected: every [`Sink`] and every [`log::Log`].
///
/// `Kind` is [`FromSink`] or [`FromLogger`] and is inferred. There is no `impl Sink` for every
/// `Log`, because then `self.flush()` would be ambiguous in every logger that has both traits in
/// scope.
///
/// # Examples
///
/// A function that takes either:
///
/// ```
/// use log::LevelFilter;
/// use logtee::{IntoSink, Tee};
///
/// fn at_debug<Kind>(sink: impl IntoSink<Kind>) -> Tee {
///     Tee::builder().sink(LevelFilter::Debug, sink).build()
/// }
///
/// at_debug(env_logger::Builder::new().build());
/// at_debug(logtee::stderr());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a `logtee::Sink` nor a `log::Log`",
    label = "expected a sink or a logger",
    note = "a closure becomes a sink by `logtee::from_fn`"
)]
pub trait IntoSink<Kind> {
    /// The type of the sink.
    type Sink: Sink + 'static;

    /// Converts this into a sink.
    fn into_sink(self) -> Self::Sink;
}

/// The `Kind` of [`IntoSink`] for sinks.
#[derive(Debug)]
pub enum FromSink {}

/// The `Kind` of [`IntoSink`] for loggers.
#[derive(Debug)]
pub enum FromLogger {}

impl<S: Sink + 'static> IntoSink<FromSink> for S {
    type Sink = S;

    fn into_sink(self) -> S {
        self
    }
}

impl<L: Log + 'static> IntoSink<FromLogger> for L {
    type Sink = Logger<L>;

    fn into_sink(self) -> Logger<L> {
        logger(self)
    }
}

/// Makes a sink of a logger. [`max_level_by`](Logger::max_level_by) tells the sink the logger's maximum
/// level.
pub fn logger<L: Log>(logger: L) -> Logger<L> {
    Logger {
        logger,
        max_level: Box::new(|_| LevelFilter::Trace),
    }
}

type MaxLevel<L> = dyn Fn(&L) -> LevelFilter + Send + Sync;

/// A [`log::Log`] as a [`Sink`]; made by [`logger`].
///
/// It is enabled for the same metadata as the logger.
pub struct Logger<L> {
    logger: L,
    max_level: Box<MaxLevel<L>>,
}

impl<L: Log> Logger<L> {
    /// Sets a function that returns the most verbose level that the logger could want. The default is
    /// `Trace`.
    ///
    /// `log::Log` has no such method. Without this function, only the filter of the sink limits the
    /// level: `Tee::builder().sink(LevelFilter::Trace, logger)` sets `log::max_level` to `Trace` even if
    /// the logger drops nearly everything.
    ///
    /// # Examples
    ///
    /// ```
    /// use log::LevelFilter;
    ///
    /// let console = env_logger::Builder::new().parse_filters("warn,my_crate=info").build();
    /// let console = logtee::logger(console).max_level_by(env_logger::Logger::filter);
    /// let tee = logtee::Tee::builder().sink(LevelFilter::Trace, console).build();
    /// assert_eq!(tee.max_level(), LevelFilter::Info);
    /// ```
    #[must_use = "returns the changed sink"]
    pub fn max_level_by(
        self,
        max_level: impl Fn(&L) -> LevelFilter + Send + Sync + 'static,
    ) -> Logger<L> {
        Logger {
            max_level: Box::new(max_level),
            ..self
        }
    }
}

impl<L: Log> Sink for Logger<L> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        if self.logger.enabled(record.metadata()) {
            self.logger.log(record);
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.logger.flush();
        Ok(())
    }

    fn max_level(&self) -> LevelFilter {
        (self.max_level)(&self.logger)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl<L> fmt::Debug for Logger<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").finish_non_exhaustive()
    }
}

/// A closure as a [`Sink`]; made by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

/// Makes a sink of a closure.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// let sink = logtee::from_fn(|record: &log::Record<'_>| {
///     if record.args().as_str() == Some("no") {
///         return Err(io::Error::other("refused"));
///     }
///     Ok(())
/// });
/// # let _ = logtee::Tee::builder().sink(log::LevelFilter::Info, sink);
/// ```
pub fn from_fn<F>(function: F) -> FromFn<F>
where
    F: Fn(&Record<'_>) -> io::Result<()> + Send + Sync,
{
    FromFn(function)
}

impl<F> Sink for FromFn<F>
where
    F: Fn(&Record<'_>) -> io::Result<()> + Send + Sync,
{
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        (self.0)(record)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}
