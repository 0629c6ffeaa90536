//! Closes what makes dumps when the process exits normally.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use forklock::ForkMutex;

/// What an exit of the process closes.
pub trait AtExit: Send + Sync {
    /// The process ends well: dumps that wait are completed, and nothing is left for the next start.
    fn close(&self);
}

/// What an exit closes.
static OPEN: ForkMutex<Open> = ForkMutex::new(Open {
    open: Vec::new(),
    is_hooked: false,
});

struct Open {
    open: Vec<Weak<dyn AtExit>>,
    is_hooked: bool,
}

/// Closes a value when the process exits, unless it is dropped before.
pub fn close_at_exit(value: &Arc<impl AtExit + 'static>) {
    let value = Arc::downgrade(value);
    add(value);
}

fn add(value: Weak<dyn AtExit>) {
    OPEN.with(|all| {
        all.open.retain(|open| open.strong_count() > 0);
        if !all.open.iter().any(|open| Weak::ptr_eq(open, &value)) {
            all.open.push(value);
        }
        if !all.is_hooked {
            // Where there is no such hook, the program must call `close`.
            all.is_hooked = stackwalk::ending::at_exit(close_all).is_ok();
        }
    });
}

extern "C" fn close_all() {
    // A panic must not unwind into C.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // Cloned, since closing writes to the user's writer. `None` if this thread exits while it
        // builds a recorder.
        let open = OPEN.with(|all| all.open.clone());
        for value in open.iter().flatten().filter_map(Weak::upgrade) {
            value.close();
            // Dropping the last handle would run the destructors of callbacks.
            std::mem::forget::<Arc<dyn AtExit>>(value);
        }
    }));
}
