//! Works around the interest that a callsite caches when it is first reached.
//!
//! While there is one subscriber in the process, `tracing-core` asks the default subscriber of the
//! thread that first reaches a callsite. If that thread has none, the callsite is disabled for good, in
//! all threads. With two subscribers it asks both, on any thread.

use forklock::ForkMutex;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, LevelFilter, Metadata, Subscriber};

/// Adds a subscriber that is never the default.
pub(crate) fn ask_all_subscribers() {
    static SECOND: ForkMutex<Option<Dispatch>> = ForkMutex::new(None);
    SECOND.with(|second| {
        second.get_or_insert_with(|| Dispatch::new(Second));
    });
}

struct Second;

impl Subscriber for Second {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The same answer as the recorder's layer. Another one would change "always" to "sometimes".
        Interest::always()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
