//! Runs work in another thread, with a timeout.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The thread could not be started.
    NotStarted(io::Error),
    /// The work takes longer than the timeout. It continues, and its result is dropped.
    TimedOut,
    /// The work panicked.
    Panicked,
}

/// Runs `work` in a new thread and waits for its result.
///
/// Does not use a channel of the standard library: its three kinds of queues add tens of kilobytes to a
/// program.
pub(crate) fn run<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
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
        .map_err(RunError::NotStarted)?;
    let (mut slot, _) = shared
        .ended
        .wait_timeout_while(shared.lock(), timeout, |slot| !slot.has_ended)
        .unwrap_or_else(PoisonError::into_inner);
    match slot.result.take() {
        Some(result) => Ok(result),
        None if slot.has_ended => Err(RunError::Panicked),
        None => Err(RunError::TimedOut),
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

/// Held by the worker thread. When it is dropped, also by a panic, the wait ends.
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
    fn the_result_is_returned() {
        assert_eq!(run(LONG, || 7).unwrap(), 7);
    }

    #[test]
    fn a_panic_ends_the_wait() {
        let error = run(LONG, || panic!("for the test")).map(|()| 0);
        assert!(matches!(error, Err(RunError::Panicked)), "{error:?}");
    }

    #[test]
    fn after_a_timeout_work_continues_and_its_result_is_dropped() {
        struct SendOnDrop(mpsc::Sender<()>);
        impl Drop for SendOnDrop {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (resume, resumed) = mpsc::channel::<()>();
        let (drop_sender, dropped) = mpsc::channel();
        let error = run(Duration::from_millis(1), move || {
            let _ = resumed.recv();
            SendOnDrop(drop_sender)
        });
        assert!(matches!(error, Err(RunError::TimedOut)));
        resume.send(()).unwrap();
        dropped.recv_timeout(LONG).unwrap();
    }
}
