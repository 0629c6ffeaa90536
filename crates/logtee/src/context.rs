//! Key-values that join every record of a thread while they last.
//!
//! What `tracing` calls the fields of a span, and Java the MDC. A [`Tee`](crate::Tee) adds the
//! fields of the thread's contexts to each record that it is given, behind which they look like
//! the record's own: in every format, in predicates, in a flight recorder's dump.
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

/// Whether any thread ever entered a context. It is asked where more than one sink wants a level, and
/// when a tee finds out which do; not on the way to an only sink.
static USED: AtomicBool = AtomicBool::new(false);
/// Whether tees have been told so.
static ANNOUNCED: AtomicBool = AtomicBool::new(false);

/// What a thread has entered, outermost first, each with a number to leave it by.
#[derive(Clone, Default)]
struct Layers(Vec<(u64, Fields)>);

thread_local! {
    /// Shared with a dispatch under way, which goes on with what it began with when a sink enters
    /// or leaves a context.
    static ENTERED: RefCell<Option<Arc<Layers>>> = const { RefCell::new(None) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Key-values to be joined to records; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Context {
    fields: Fields,
}

impl Context {
    /// Without key-values yet.
    pub fn new() -> Context {
        Context::default()
    }

    /// Adds a key-value.
    #[must_use = "returns the changed context"]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<OwnedValue>) -> Context {
        Arc::make_mut(&mut self.fields).push((key.into(), value.into()));
        self
    }

    /// Everything that this thread has entered, to be entered in another one.
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

    /// Joins the key-values to every record of this thread until the guard is dropped.
    ///
    /// Contexts nest; of two values for one key the inner one counts, and a record's own most of
    /// all. Guards may be dropped in any order.
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

    /// Runs `work` with the key-values joined to what it logs on this thread.
    pub fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        work()
    }

    /// Wraps a future so that the key-values join what it logs, on whatever thread it is polled.
    pub fn wrap<F: Future>(&self, future: F) -> InContext<F> {
        InContext {
            context: self.clone(),
            future: Box::pin(future),
        }
    }
}

/// Keeps a [`Context`] entered; made by [`Context::enter`]. It cannot leave its thread.
#[must_use = "a context that is dropped at once joins nothing"]
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

/// Makes tees ask [`in_use`] again. When this returns, they do so for each record of this thread.
fn announce_use() {
    if !ANNOUNCED.load(Ordering::Acquire) {
        // Relaxed: the generation advances with release ordering, and is read with acquire ordering.
        USED.store(true, Ordering::Relaxed);
        max_level::forget();
        // Release: a thread that sees this sees the new generation.
        ANNOUNCED.store(true, Ordering::Release);
    }
}

/// Hands on the record with the thread's key-values joined to it.
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
    // The thread may be ending: then it has left everything.
    ENTERED
        .try_with(|entered| entered.borrow().clone())
        .ok()
        .flatten()
}

fn change(change: impl FnOnce(&mut Layers)) {
    // Nothing that runs while this is borrowed is the user's, values' destructors included:
    // what the change drops is a count of an `Arc`, or strings and numbers.
    let _ = ENTERED.try_with(|entered| {
        change(Arc::make_mut(entered.borrow_mut().get_or_insert_default()));
    });
}

impl Layers {
    /// Outermost first, without those that an inner one or `shadowed` has a value for.
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
