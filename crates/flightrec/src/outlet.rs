//! Where dumps go: into the store or to a writer, then to the program's callbacks.

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;

use crate::dump::{Dump, collect};
use crate::incident::Incident;
use crate::lock::Lock;
use crate::recorder::Recorder;
use crate::say;
use crate::store::Store;
use crate::storm::{Storm, Verdict};

pub(crate) type Callback = Box<dyn Fn(&Dump, Option<&Path>) + Send + Sync>;

pub(crate) struct Outlet {
    pub(crate) place: Place,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) storm: Lock<Storm>,
}

pub(crate) enum Place {
    Store(Store),
    Writer(Lock<Box<dyn Write + Send>>),
}

thread_local! {
    /// This thread is making a dump; what fails meanwhile gets none of its own.
    static DUMPING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is making a dump.
pub(crate) fn is_dumping() -> bool {
    DUMPING.get()
}

impl Outlet {
    /// Makes a dump and hands it on, unless the storm says no. Failure is said on stderr.
    ///
    /// Returns the path, an earlier one if that dump tells of the same failure, or an empty one if
    /// dumps go to a writer.
    ///
    /// `incident` is called in here, since it may run code of the program's already.
    pub(crate) fn dump<'a>(
        &self,
        recorder: &Recorder,
        incident: impl FnOnce() -> Incident<'a>,
    ) -> io::Result<PathBuf> {
        if DUMPING.replace(true) {
            self.count();
            return Err(io::Error::other(
                "a failure while a dump is made gets no dump of its own",
            ));
        }
        let _reset = Reset;
        if !has_room() {
            self.count();
            let message = "there is too little memory left to make a dump";
            say::line(message);
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
        }
        let incident = incident();
        self.dump_incident(recorder, &incident)
    }

    fn dump_incident(&self, recorder: &Recorder, incident: &Incident<'_>) -> io::Result<PathBuf> {
        let suppressed = match self.storm()?.verdict(incident.key) {
            Verdict::Dump { suppressed } => suppressed,
            Verdict::Same(path) => return Ok(path),
            Verdict::TooMany => {
                return Err(io::Error::other(
                    "too many dumps in a short time; this one was counted only",
                ));
            }
        };
        // What the program gave us runs in here: redactors, callbacks, a writer, the errors' own
        // Display. None of it may take the program down.
        let dumped = catch_unwind(AssertUnwindSafe(|| {
            self.dump_new(recorder, incident, suppressed)
        }));
        let dumped = dumped.unwrap_or_else(|_| {
            let message = "making a dump panicked; there is none of this failure";
            say::line(message);
            Err(io::Error::other(message))
        });
        if let Ok(mut storm) = self.storm() {
            match &dumped {
                Ok(path) => storm.remember(incident.key, path),
                Err(_) => storm.failed(incident.key, suppressed),
            }
        }
        dumped
    }

    /// Counts a failure that has no dump, for the next one.
    pub(crate) fn count(&self) {
        if let Ok(mut storm) = self.storm() {
            storm.failed(None, 0);
        }
    }

    /// Removes what processes left that were killed while they wrote a dump.
    pub(crate) fn clear_up(&self) {
        if let Place::Store(store) = &self.place {
            store.clear_up();
        }
    }

    /// Hands on the dump of a process that died.
    #[cfg(feature = "crash-safe")]
    pub(crate) fn crash(&self, dump: Dump) -> io::Result<PathBuf> {
        let _reset = Reset;
        DUMPING.set(true);
        self.hand_on(&dump)
    }

    fn dump_new(
        &self,
        recorder: &Recorder,
        incident: &Incident<'_>,
        suppressed: u64,
    ) -> io::Result<PathBuf> {
        let mut dump = collect(recorder, incident);
        dump.suppressed_dumps = suppressed;
        self.hand_on(&dump)
    }

    fn hand_on(&self, dump: &Dump) -> io::Result<PathBuf> {
        let path = self.write(dump)?;
        for callback in &self.callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback(dump, path.as_deref()))).is_err() {
                say::line("a callback of `on_dump` panicked");
            }
        }
        Ok(path.unwrap_or_default())
    }

    fn write(&self, dump: &Dump) -> io::Result<Option<PathBuf>> {
        match &self.place {
            Place::Store(store) => {
                let written = store.write(dump);
                match &written {
                    Ok(path) => say::line(&told(dump, path)),
                    Err(error) => say::line(&format!(
                        "cannot write a dump to {}: {error}; name another directory with `dir` or XDG_STATE_HOME",
                        store.dir().display()
                    )),
                }
                written.map(Some)
            }
            Place::Writer(writer) => {
                // One write, so that lines of several programs do not mix.
                let mut line = Vec::new();
                dump.write(&mut line)?;
                line.push(b'\n');
                let mut writer = writer.lock().ok_or_else(forked)?;
                let written = writer.write_all(&line).and_then(|()| writer.flush());
                if let Err(error) = &written {
                    say::line(&format!(
                        "cannot write a dump to the writer of `dump_to`: {error}"
                    ));
                }
                written.map(|()| None)
            }
        }
    }

    fn storm(&self) -> io::Result<MutexGuard<'_, Storm>> {
        self.storm.lock().ok_or_else(forked)
    }
}

fn forked() -> io::Error {
    let message = "no dump: this process was forked while another thread began one";
    say::line(message);
    io::Error::other(message)
}

/// So much memory a dump may take, with the names for its stacks.
const ROOM: usize = 32 << 20;

/// Whether there is room for a dump: running out of memory while it is made would end the program.
pub(crate) fn has_room() -> bool {
    Vec::<u8>::new().try_reserve_exact(ROOM).is_ok()
}

/// The one line about a dump.
fn told(dump: &Dump, path: &Path) -> String {
    let path = path.display();
    if dump.crash.is_some() {
        return format!(
            "{}; what it did last is written down in {path}",
            dump.reason.message
        );
    }
    format!("what happened is written down in {path}")
}

struct Reset;

impl Drop for Reset {
    fn drop(&mut self) {
        DUMPING.set(false);
    }
}
