//! Looking up the names of a dump's frames, without trusting the symboliser.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use stackerr::StackTraces;

/// How long a dump waits for its names.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much memory must be left. Debug information is mapped as a whole and partly copied, and the
/// process aborts if an allocation fails.
const ROOM: usize = 256 << 20;

/// Looks names up so that [`frames`](stackerr::StackTrace::frames) has them.
pub(crate) type Symboliser = fn(&StackTraces);

pub(crate) fn look_up(stacks: &StackTraces) {
    for stack in stacks {
        let _ = stack.frames();
    }
}

/// Runs a lookup of names in a thread of its own, which is abandoned if it takes too long.
///
/// # Errors
///
/// One sentence for people, if the names were not found.
pub(crate) fn run<T: Send + 'static>(
    look_up: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    if Vec::<u8>::new().try_reserve_exact(ROOM).is_err() {
        return Err("names are missing: less than 256 MiB of memory is left");
    }
    let (done, wait) = mpsc::channel();
    let thread = thread::Builder::new().name("flightrec".to_owned());
    let spawned = thread.spawn(move || {
        // The receiver is gone if the dump did not wait.
        let _ = done.send(look_up());
    });
    if spawned.is_err() {
        return Err("names are missing: no thread could be started to look them up");
    }
    wait.recv_timeout(TIMEOUT).map_err(|error| match error {
        RecvTimeoutError::Timeout => "names are missing: looking them up took longer than 5 s",
        RecvTimeoutError::Disconnected => "names are missing: looking them up panicked",
    })
}
