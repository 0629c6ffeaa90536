//! Key-values that are added to every record of a thread, as long as a guard lives.
//!
//! They are like the fields of a span in `tracing`, or the MDC in Java. A [`Tee`](crate::Tee) adds the
//! key-values of the thread's contexts to each record. To formats, predicates and a flight recorder's
//! dump they look like the record's own key-values.
//!
//! ```
//! use logtee::{Context, Tee, testing::Memory};
//! use log::{Level, LevelFilter, Log, Record};
//!
//! let memory = Memory::new();
//! let tee = Tee::builder().sink(LevelFilter::Info, memory.clone()).build();
//! {
//!     let _entered = Context::new().with("request", 17).enter();
//!     tee.log(&Record::builder().level(Level::Info).args(format_args!("inside")).build());
//! }
//! tee.log(&Record::builder().level(Level::Info).args(format_args!("outside")).build());
//!
//! let records = memory.records();
//! assert_eq!(records[0].fields, [("request".to_owned(), 17.into())]);
//! assert!(records[1].fields.is_empty());
//! ```

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use log::Record;
use log::kv::{Error as KvError, Key, Source, ToValue, Value, VisitSource};

use crate::max_level;
use crate::owned_record::OwnedValue;

type Fields = Arc<Vec<(String, OwnedValue)>>;

/// Whether any thread ever entered a context. A tee reads it if more than one sink wants a level, and
/// when it determines which sinks want a level, but not if only one sink does.
static USED: AtomicBool = AtomicBool::new(false);
/// Whether tees have dropped the answers that they had cached before the first context.
static ANNOUNCED: AtomicBool = AtomicBool::new(false);

/// The contexts that a thread has entered, outermost first, each with a number that identifies it.
#[derive(Clone, Default)]
struct Layers(Vec<(u64, Fields)>);

thread_local! {
    /// Shared with a dispatch in progress: if a sink enters or leaves a context, the dispatch continues
    /// with the contexts that it began with.
    static ENTERED: RefCell<Option<Arc<Layers>>> = const { RefCell::new(None) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Key-values that are added to records. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Context {
    fields: Fields,
}

impl Context {
    /// Creates a context without key-values.
    pub fn new() -> Context {
        Context::default()
    }

    /// Adds a key-value.
    #[must_use = "returns the changed context"]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<OwnedValue>) -> Context {
        Arc::make_mut(&mut self.fields).push((key.into(), value.into()));
        self
    }

    /// Returns all contexts that this thread has entered, for instance to enter them in another thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let _entered = logtee::Context::new().with("job", "a").enter();
    /// let context = logtee::Context::current();
    /// std::thread::spawn(move || context.scope(|| log::info!("still job a")));
    /// ```
    pub fn current() -> Context {
        let layers = entered();
        let mut fields = Vec::new();
        if let Some(layers) = &layers {
            let _ = layers.each_unshadowed(
                |_| false,
                |key, value| {
                    fields.push((key.to_owned(), value.clone()));
                    Ok(())
                },
            );
        }
        Context {
            fields: Arc::new(fields),
        }
    }

    /// Adds the key-values to every record of this thread until the guard is dropped.
    ///
    /// Contexts nest. If several have a value for the same key, the innermost counts; the record's own
    /// value takes precedence over all. Guards may be dropped in any order.
    pub fn enter(&self) -> Entered {
        announce_use();
        let number = NEXT
            .try_with(|next| next.replace(next.get() + 1))
            .unwrap_or(0);
        change(|layers| layers.0.push((number, Arc::clone(&self.fields))));
        Entered {
            number,
            thread_bound: PhantomData,
        }
    }

    /// Runs `work`, and adds the key-values to all records that it logs on this thread.
    pub fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        work()
    }

    /// Wraps a future so that the key-values are added to all records that it logs, on any thread.
    pub fn wrap<F: Future>(&self, future: F) -> InContext<F> {
        InContext {
            context: self.clone(),
            future: Box::pin(future),
        }
    }
}

/// A guard that keeps a [`Context`] entered; made by [`Context::enter`]. It can't be sent to another
/// thread.
#[must_use = "the context is left when the guard is dropped"]
pub struct Entered {
    number: u64,
    thread_bound: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        change(|layers| layers.0.retain(|(number, _)| *number != self.number));
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

/// A future that is polled in a [`Context`]; made by [`Context::wrap`].
pub struct InContext<F> {
    context: Context,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let _entered = self.context.enter();
        self.future.as_mut().poll(task)
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

pub(crate) fn in_use() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Makes tees check [`in_use`] again. When this returns, they check it for each record of this thread.
fn announce_use() {
    if !ANNOUNCED.load(Ordering::Acquire) {
        // Relaxed: the generation advances with release ordering, and is read with acquire ordering.
        USED.store(true, Ordering::Relaxed);
        max_level::forget();
        // Release: a thread that sees this sees the new generation.
        ANNOUNCED.store(true, Ordering::Release);
    }
}

/// Passes on the record with the thread's key-values added.
pub(crate) fn join(record: &Record<'_>, emit: impl FnOnce(&Record<'_>)) {
    match entered().filter(|layers| !layers.0.is_empty()) {
        None => emit(record),
        Some(layers) => {
            let joined = Joined {
                record: record.key_values(),
                layers,
            };
            emit(&record.to_builder().key_values(&joined).build());
        }
    }
}

fn entered() -> Option<Arc<Layers>> {
    // If the thread is ending, it has no contexts any more.
    ENTERED
        .try_with(|entered| entered.borrow().clone())
        .ok()
        .flatten()
}

fn change(change: impl FnOnce(&mut Layers)) {
    // No code of the user runs while this is borrowed, not even a destructor: the change drops only
    // `Arc`s, strings and numbers.
    let _ = ENTERED.try_with(|entered| {
        change(Arc::make_mut(entered.borrow_mut().get_or_insert_default()));
    });
}

impl Layers {
    /// Visits the key-values, outermost first, without keys that an inner context or `shadowed` has.
    fn each_unshadowed<'a>(
        &'a self,
        shadowed: impl Fn(&str) -> bool,
        mut visit: impl FnMut(&'a str, &'a OwnedValue) -> Result<(), KvError>,
    ) -> Result<(), KvError> {
        let pairs = || self.0.iter().flat_map(|(_, fields)| fields.iter());
        for (at, (key, value)) in pairs().enumerate() {
            let again = pairs().skip(at + 1).any(|(inner, _)| inner == key);
            if !again && !shadowed(key) {
                visit(key, value)?;
            }
        }
        Ok(())
    }
}

/// The contexts' key-values, then the record's own.
struct Joined<'a> {
    record: &'a dyn Source,
    layers: Arc<Layers>,
}

impl Source for Joined<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        let own = |key: &str| self.record.get(Key::from_str(key)).is_some();
        self.layers.each_unshadowed(own, |key, value| {
            visitor.visit_pair(Key::from_str(key), value.to_value())
        })?;
        self.record.visit(visitor)
    }

    fn get(&self, key: Key<'_>) -> Option<Value<'_>> {
        if let Some(own) = self.record.get(key.clone()) {
            return Some(own);
        }
        let inner_first = self.layers.0.iter().rev();
        let mut pairs = inner_first.flat_map(|(_, fields)| fields.iter().rev());
        let (_, value) = pairs.find(|(known, _)| known == key.as_str())?;
        Some(value.to_value())
    }
}
