//! Where records go: the trait, and what makes loggers, closures, boxes and `Arc`s sinks.

use std::fmt;
use std::io;
use std::sync::Arc;

use log::{LevelFilter, Log, Metadata, Record};

/// A place that records go to, which may fail to take one.
///
/// Every [`log::Log`] is a sink as it stands, so `env_logger`, `fern` and the like plug in
/// unchanged. Closures become sinks by [`from_fn`], an `Arc<dyn Sink>` by [`Shared`].
///
/// # For implementors
///
/// `emit` is called from any thread, several at once, and perhaps from within itself when
/// formatting a record logs another one. Format first, lock afterwards. What `emit` returns as
/// an error, and a panic out of it, is counted by the [`Tee`](crate::Tee) above and harms
/// nobody else.
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
    /// When the record could not be delivered.
    fn emit(&self, record: &Record<'_>) -> io::Result<()>;

    /// Delivers what is buffered. Does nothing by default.
    ///
    /// # Errors
    ///
    /// When something buffered could not be delivered.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// The most verbose level that this sink could ever want; `Trace` by default.
    ///
    /// Compositions ask once and remember the answer; a sink whose answer changes calls
    /// [`reconfigured`](crate::reconfigured) afterwards.
    fn max_level(&self) -> LevelFilter {
        LevelFilter::Trace
    }

    /// Whether a record with this metadata may be wanted; `true` by default.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let _ = metadata;
        true
    }
}

/// A logger knows no maximum level of its own, so it is taken to want everything; its own
/// `enabled` still decides.
impl<L: Log> Sink for L {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        if Log::enabled(self, record.metadata()) {
            Log::log(self, record);
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Log::flush(self);
        Ok(())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Log::enabled(self, metadata)
    }
}

impl Sink for Box<dyn Sink> {
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
}

/// A sink with several owners: `Arc<S>` as a [`Sink`].
///
/// A newtype because the coherence rules leave no room for `impl Sink for Arc<dyn Sink>` beside
/// the one for every logger.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// let sink: Arc<dyn logtee::Sink> = Arc::new(logtee::from_fn(|_| Ok(())));
/// let tee = logtee::Tee::builder()
///     .sink(log::LevelFilter::Info, logtee::Shared(sink.clone()))
///     .build();
/// # drop(tee);
/// ```
pub struct Shared<S: ?Sized>(
    /// The sink.
    pub Arc<S>,
);

impl<S: ?Sized> Shared<S> {
    /// Shares `sink`.
    pub fn new(sink: S) -> Shared<S>
    where
        S: Sized,
    {
        Shared(Arc::new(sink))
    }
}

impl<S: ?Sized> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<S: ?Sized> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<S: Sink + ?Sized> Sink for Shared<S> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.emit(record)
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
