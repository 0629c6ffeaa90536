//! Closes recorders when the process exits normally.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use forklock::ForkMutex;

/// A value that is closed when the process exits.
pub trait AtExit: Send + Sync {
    /// Called on a normal exit. Completes waiting dumps, so that the next start finds nothing to report.
    fn close(&self);
}

static REGISTRY: ForkMutex<Registry> = ForkMutex::new(Registry {
    values: Vec::new(),
    is_hook_installed: false,
});

struct Registry {
    values: Vec<Weak<dyn AtExit>>,
    is_hook_installed: bool,
}

/// Registers a value that is closed when the process exits, unless it is dropped before.
pub fn close_at_exit(value: &Arc<impl AtExit + 'static>) {
    let value = Arc::downgrade(value);
    add(value);
}

fn add(value: Weak<dyn AtExit>) {
    REGISTRY.with(|registry| {
        let values = &mut registry.values;
        values.retain(|known| known.strong_count() > 0);
        if !values.iter().any(|known| Weak::ptr_eq(known, &value)) {
            values.push(value);
        }
        if !registry.is_hook_installed {
            // On systems without such a hook, the program must call `close`.
            registry.is_hook_installed = stackwalk::ending::at_exit(close_all).is_ok();
        }
    });
}

extern "C" fn close_all() {
    // A panic must not unwind into C.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // Cloned, because `close` runs code of the program, which must not run under the lock. `None` if
        // this thread exits while it registers a value.
        let values = REGISTRY.with(|registry| registry.values.clone());
        for value in values.iter().flatten().filter_map(Weak::upgrade) {
            value.close();
            // Dropping the last reference would run the destructors of callbacks.
            std::mem::forget::<Arc<dyn AtExit>>(value);
        }
    }));
}
