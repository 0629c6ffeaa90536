//! Work in a thread of its own, for which another waits only so long.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The thread could not be started.
    NotStarted(io::Error),
    /// The work takes longer. It goes on, and its result is dropped.
    TimedOut,
    /// The work panicked.
    Panicked,
}

/// Runs `work` in a new thread and waits for its result.
///
/// Not by a channel of the standard library: its three kinds of queue add tens of kilobytes to each
/// program.
pub(crate) fn run<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Missing> {
    let shared = Arc::new(Shared {
        slot: Mutex::new(Slot {
            result: None,
            has_ended: false,
        }),
        ended: Condvar::new(),
    });
    let worker = Worker(Arc::clone(&shared));
    thread::Builder::new()
        .name("flightrec".to_owned())
        .spawn(move || {
            let result = work();
            worker.0.lock().result = Some(result);
            drop(worker);
        })
        .map_err(Missing::NotStarted)?;
    let (mut slot, _) = shared
        .ended
        .wait_timeout_while(shared.lock(), timeout, |slot| !slot.has_ended)
        .unwrap_or_else(PoisonError::into_inner);
    match slot.result.take() {
        Some(result) => Ok(result),
        None if slot.has_ended => Err(Missing::Panicked),
        None => Err(Missing::TimedOut),
    }
}

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    ended: Condvar,
}

struct Slot<T> {
    result: Option<T>,
    has_ended: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side of the thread. When it is dropped, also by a panic, the wait ends.
struct Worker<T>(Arc<Shared<T>>);

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_result_comes_back() {
        assert_eq!(run(LONG, || 7).unwrap(), 7);
    }

    #[test]
    fn a_panic_ends_the_wait() {
        let missing = run(LONG, || panic!("for the test")).map(|()| 0);
        assert!(matches!(missing, Err(Missing::Panicked)), "{missing:?}");
    }

    #[test]
    fn work_that_takes_too_long_goes_on_and_its_result_is_dropped() {
        struct Tells(mpsc::Sender<()>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let missing = run(Duration::from_millis(1), move || {
            let _ = may_go_on.recv();
            Tells(tell)
        });
        assert!(matches!(missing, Err(Missing::TimedOut)));
        go_on.send(()).unwrap();
        told.recv_timeout(LONG).unwrap();
    }
}
