//! Watches: a missing heartbeat makes a dump.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dumpmaker::failures::Failure;
use dumpmaker::heartbeats::{self, Hang, Heartbeat, Watcher, Watches};

use crate::FlightRecorder;
use crate::recorder::Recorder;

impl FlightRecorder {
    /// Watches something that must happen regularly, such as the iterations of a loop. If
    /// [`beat`](Heartbeat::beat) is not called within `limit`, a dump of kind `hang` is made, with the
    /// stacks of all threads. The stack of the thread that called `beat` last comes first.
    ///
    /// The dump is made after 1 to 1¼ times `limit`. There is a further dump only if `beat` was called in
    /// between. Of many dumps, the first ten are made, then at most one every 30 seconds. The program
    /// continues.
    ///
    /// Time in which the whole process is stopped does not count. In a forked child, the watch starts with
    /// the first call of `beat` there.
    ///
    /// Stacks are available on x86-64 Linux with glibc; see
    /// [`Builder::all_threads`](crate::Builder::all_threads).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    /// let heartbeat = recorder.watch("worker", Duration::from_secs(30));
    /// for job in ["one", "two"] {
    ///     heartbeat.beat();
    ///     println!("{job}");
    /// }
    /// drop(heartbeat);
    /// ```
    pub fn watch(&self, name: impl Into<String>, limit: Duration) -> Heartbeat {
        let recorder: Arc<Recorder> = Arc::clone(&self.recorder);
        heartbeats::watch(recorder, name.into(), limit)
    }
}

impl Watcher for Recorder {
    fn watches(&self) -> &Watches {
        &self.watches
    }

    fn on_hang(&self, hang: Hang) {
        // A failure to make the dump has been reported on stderr.
        let _ = self.dump(|| Failure::hang(hang.message, hang.incident, hang.thread));
    }

    fn on_start_error(&self, error: io::Error) {
        let message = format!("hangs are not detected: cannot start a thread: {error}");
        self.pipeline.notices.say(&message);
    }
}
