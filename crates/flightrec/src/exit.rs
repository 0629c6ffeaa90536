//! Closes the recorder when the process exits normally.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use forklock::ForkMutex;

use crate::recorder::Recorder;

/// The recorders that an exit closes.
static RECORDERS: ForkMutex<Recorders> = ForkMutex::new(Recorders {
    open: Vec::new(),
    is_hooked: false,
});

struct Recorders {
    open: Vec<Weak<Recorder>>,
    is_hooked: bool,
}

/// Closes the recorder when the process exits.
pub(crate) fn close_at_exit(recorder: &Arc<Recorder>) {
    RECORDERS.with(|recorders| {
        recorders.open.retain(|open| open.strong_count() > 0);
        let recorder = Arc::downgrade(recorder);
        if !recorders.open.iter().any(|open| open.ptr_eq(&recorder)) {
            recorders.open.push(recorder);
        }
        if !recorders.is_hooked {
            // Where there is no such hook, the program must call `close`.
            recorders.is_hooked = stackwalk::ending::at_exit(close_all).is_ok();
        }
    });
}

extern "C" fn close_all() {
    // A panic must not unwind into C.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // Cloned, since closing writes to the user's writer. `None` if this thread exits while it
        // builds a recorder.
        let open = RECORDERS.with(|recorders| recorders.open.clone());
        for recorder in open.iter().flatten().filter_map(Weak::upgrade) {
            recorder.close();
            // Dropping the last handle would run the destructors of callbacks.
            std::mem::forget(recorder);
        }
    }));
}
