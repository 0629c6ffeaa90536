//! Setting a flight recorder up.

use std::error::Error as StdError;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use log::{Level, LevelFilter};
use logredact::Redactor;
use logtee::{Filter, IntoSink, Tee, TeeBuilder};
use tailwriter::SharedTail;

use crate::dump::{Dump, Start};
use crate::lock::Lock;
use crate::outlet::{Callback, Outlet, Place};
use crate::recorder::{About, Keep, Recorder, Switch, Wanted};
use crate::store::{Retention, Store};
use crate::storm::Storm;
use crate::tail::{CrashSafe, Tail};
use crate::{FlightRecorder, birth, panics, say};

/// How many records are kept unless told otherwise.
const KEEP_LINES: usize = 1_000;
/// How many of the records at WARN and above are kept besides, whatever else is logged.
const KEEP_WARNINGS: usize = 100;

/// Sets a flight recorder up; made by [`builder`](crate::builder()).
#[must_use = "nothing is recorded until the builder is installed or built"]
pub struct Builder {
    about: About,
    dir: Option<PathBuf>,
    retention: Retention,
    lines: usize,
    bytes: usize,
    age: Option<Duration>,
    warnings: usize,
    record: Wanted,
    console: Option<Box<dyn Filter>>,
    sinks: TeeBuilder,
    has_sinks: bool,
    redactor: Redactor,
    crash_safe: CrashSafe,
    dump_on: Option<Level>,
    symbolicate: bool,
    writer: Option<Box<dyn Write + Send>>,
    callbacks: Vec<Callback>,
}

/// Begins to set up a flight recorder for the program `app`.
///
/// The name says in which directory the dumps are: one below the state directory, also for a name
/// that no directory could have.
pub fn builder(app: impl Into<String>) -> Builder {
    Builder {
        about: About {
            app: app.into(),
            version: None,
            revision: None,
            metadata: Vec::new(),
            start: Start::now(),
        },
        dir: None,
        retention: Retention::default(),
        lines: KEEP_LINES,
        bytes: tailwriter::DEFAULT_MAX_BYTES,
        age: None,
        warnings: KEEP_WARNINGS,
        record: Wanted::Level(LevelFilter::Debug),
        console: None,
        sinks: Tee::builder(),
        has_sinks: false,
        redactor: Redactor::default(),
        crash_safe: CrashSafe::Off,
        dump_on: None,
        symbolicate: true,
        writer: None,
        callbacks: Vec::new(),
    }
}

impl Builder {
    /// The program's version, for the dump: `env!("CARGO_PKG_VERSION")`, say.
    pub fn version(mut self, version: impl Into<String>) -> Builder {
        self.about.version = Some(version.into());
        self
    }

    /// The revision of the program's sources, for the dump.
    pub fn revision(mut self, revision: impl Into<String>) -> Builder {
        self.about.revision = Some(revision.into());
        self
    }

    /// Something else that every dump should tell. Masked like the value of a record's key.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Builder {
        self.about.metadata.push((key.into(), value.into()));
        self
    }

    /// Where dumps are written; it is made, for the user alone, when there is a first one.
    ///
    /// By default that is `<app>/flightrec` in the user's state directory: `$XDG_STATE_HOME` or
    /// `~/.local/state` on Linux and macOS, `%LOCALAPPDATA%` on Windows. The directory should hold
    /// nothing else, since it is made private.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.dir = Some(dir.into());
        self
    }

    /// How many dumps stay in the directory, and how many bytes of them at most: the newest.
    ///
    /// The default is 10 dumps and 50 MiB. The one just written stays in any case.
    pub fn keep_dumps(mut self, dumps: usize, bytes: u64) -> Builder {
        self.retention = Retention {
            max_dumps: dumps,
            max_bytes: bytes,
        };
        self
    }

    /// How many records are kept: the last 1,000 by default.
    pub fn keep_lines(mut self, lines: usize) -> Builder {
        self.lines = lines;
        self
    }

    /// How many bytes of records are kept: 1 MiB by default. What memory that takes in all is said
    /// at [`SharedTail`].
    pub fn keep_bytes(mut self, bytes: usize) -> Builder {
        self.bytes = bytes;
        self
    }

    /// Leaves records out of dumps that are older than this; of any age by default.
    pub fn keep_age(mut self, age: Duration) -> Builder {
        self.age = Some(age);
        self
    }

    /// How many records at WARN and above are kept besides, however much else is logged after
    /// them: the last 100 by default.
    pub fn keep_warnings(mut self, records: usize) -> Builder {
        self.warnings = records;
        self
    }

    /// Which records are kept: DEBUG and above by default.
    pub fn record(mut self, filter: impl Filter + 'static) -> Builder {
        self.record = Wanted::new(filter);
        self
    }

    /// Which records go to stderr, as text and with colours on a terminal.
    ///
    /// INFO and above by default, if no [`sink`](Builder::sink) is added, and none otherwise.
    pub fn console(mut self, filter: impl Filter + 'static) -> Builder {
        self.console = Some(Box::new(filter));
        self
    }

    /// Adds a sink of your own with a filter of its own; any [`log::Log`] is one.
    pub fn sink<Kind>(
        mut self,
        filter: impl Filter + 'static,
        sink: impl IntoSink<Kind>,
    ) -> Builder {
        self.sinks = self.sinks.sink(filter, sink);
        self.has_sinks = true;
        self
    }

    /// What is masked in dumps; by default what [`Redactor::default`] masks.
    pub fn redact(mut self, redactor: Redactor) -> Builder {
        self.redactor = redactor;
        self
    }

    /// Keeps the records in a file that outlives the process, whatever ends it: SIGKILL, the
    /// out-of-memory killer, an abort, a segmentation fault.
    ///
    /// The next start of the program makes a dump of it, of kind `crash`, says so in one line on
    /// stderr, and removes the file. A process that ends well removes it itself: at the end of
    /// [`run`](FlightRecorder::run), or by [`close`](FlightRecorder::close) where `run` is not used
    /// or `std::process::exit` is called.
    ///
    /// The default is false. The file (some 4 MiB, as much again for warnings, reserved at the
    /// start in the directory of the dumps) is written to the disk by the system sooner or later,
    /// so that what is recorded touches the disk although nothing went wrong; that is not for us
    /// to decide. Values of secret keys are masked before they get there, texts when a dump is made
    /// of it; [`crash_safe_strict`](Builder::crash_safe_strict) masks texts before, too. The file is
    /// the user's alone.
    ///
    /// Needs the feature `crash-safe` and Linux or macOS. Without, or if the file can not be made,
    /// that is said in one line on stderr, and records are kept in memory.
    pub fn crash_safe(mut self, yes: bool) -> Builder {
        self.crash_safe = if yes { CrashSafe::On } else { CrashSafe::Off };
        self
    }

    /// The same, and nothing that the redactor masks gets into the file, not even for a moment.
    ///
    /// Each record is then formatted to a string and looked through as it is logged: some four to
    /// seven times what a crash-safe record costs otherwise (`cargo xtask bench` measures both).
    pub fn crash_safe_strict(mut self) -> Builder {
        self.crash_safe = CrashSafe::Strict;
        self
    }

    /// Makes a dump when a record of that level or above is logged; never by default.
    ///
    /// The dump is written by the thread that logs. Records from one place make one dump, see
    /// [`FlightRecorder::dump_error`].
    pub fn dump_on(mut self, level: Level) -> Builder {
        self.dump_on = Some(level);
        self
    }

    /// Whether names, files and lines are found for the frames of dumps, where the program has them.
    ///
    /// The default is true. Names are found after the error was shown. In a program built without
    /// debug information that takes its first dump a third of a millisecond, and in one that has
    /// 20 MB of it 4 to 7 ms. The memory is less than 100 KB of our own, and pages of the program's
    /// file, which the system can take back at any time; only debug information that is compressed
    /// (feature `zlib`) is kept inflated.
    ///
    /// With false a frame has its address and its module, and the program spends nothing on names;
    /// the trail of each error, by file and line, is there all the same. `flightrec symbolicate`, of
    /// the crate `flightrec-cli`, completes the dump with the binary: it is then the one that would
    /// have been written here.
    pub fn symbolicate(mut self, yes: bool) -> Builder {
        self.symbolicate = yes;
        self
    }

    /// Calls back with every dump and the path it was written to, if it was written to a file: to
    /// upload it, or to open a page where the user can report it.
    ///
    /// It is called by the thread that failed or, after a panic, by one that the panicking thread
    /// waits for, for five seconds. A callback that panics is passed over.
    pub fn on_dump(
        mut self,
        callback: impl Fn(&Dump, Option<&Path>) + Send + Sync + 'static,
    ) -> Builder {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Writes dumps to `writer` instead of a directory, each as one line of JSON in one write: to
    /// stderr, say, where a container's disk goes away with it.
    pub fn dump_to(mut self, writer: impl Write + Send + 'static) -> Builder {
        self.writer = Some(Box::new(writer));
        self
    }

    /// Makes the recorder the program's logger, and dumps panics from now on.
    ///
    /// The panic hook that was there before is still called, and first.
    ///
    /// # Errors
    ///
    /// If the program has a logger already; pass that one to [`sink`](Builder::sink) instead.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    pub fn install(self) -> Result<FlightRecorder, InstallError> {
        let wanted = self.record.max_level();
        #[cfg(feature = "crash-safe")]
        let crash_safe = self.crash_safe;
        let (flight, tee) = self.build();
        tee.install().map_err(InstallError)?;
        panics::hook(flight.clone());
        birth::mark_stacks();
        flight.recorder.outlet.clear_up();
        #[cfg(feature = "crash-safe")]
        if crash_safe != CrashSafe::Off
            && let Some(dir) = &flight.recorder.ring_dir
        {
            crate::ring::dump_orphans(&flight.recorder, dir);
        }
        if wanted > log::STATIC_MAX_LEVEL {
            say::line(&format!(
                "records at {wanted} were asked for, but a feature of the crate `log` \
                 (`max_level_…` or `release_max_level_…`, set by any dependency) removes all above {}",
                log::STATIC_MAX_LEVEL
            ));
        }
        Ok(flight)
    }

    /// Builds the recorder without touching what is global: neither logger nor panic hook.
    ///
    /// What is logged to the [`Tee`] is recorded.
    pub fn build(self) -> (FlightRecorder, Tee) {
        let mut bounds = SharedTail::builder()
            .max_lines(self.lines)
            .max_bytes(self.bytes)
            .max_line_bytes(packlog::MAX_LEN)
            .quota(1, self.warnings)
            .quota(2, self.warnings);
        if let Some(age) = self.age {
            bounds = bounds.max_age(age);
        }
        let store = Store::new(&self.about.app, self.dir, self.retention);
        let tail = Tail::make(self.crash_safe, bounds, &store);
        #[cfg(feature = "crash-safe")]
        let ring_dir = store.path().map(Path::to_owned);
        let place = match self.writer {
            Some(writer) => Place::Writer(Lock::new(writer)),
            None => Place::Store(store),
        };
        let redactor = Arc::new(self.redactor);
        let recorder = Arc::new(Recorder {
            about: self.about,
            tail,
            redactor: Arc::clone(&redactor),
            outlet: Outlet {
                place,
                callbacks: self.callbacks,
                storm: Lock::new(Storm::new()),
            },
            switch: Switch::on(),
            dump_on: self.dump_on,
            symbolicate: self.symbolicate,
            #[cfg(feature = "crash-safe")]
            ring_dir,
        });
        #[cfg(feature = "crash-safe")]
        recorder.outline_ring();
        let console = match self.console {
            None if !self.has_sinks => Some(Box::new(LevelFilter::Info) as Box<dyn Filter>),
            console => console,
        };
        let mut sinks = self.sinks;
        if let Some(filter) = console {
            sinks = sinks.sink(filter, logtee::stderr());
        }
        // The recorder comes last: what a sink logs about a record comes before the record.
        let keep = Keep(Arc::clone(&recorder));
        let sinks = match recorder.tail.mask_before(self.crash_safe, &redactor) {
            Some(mask) => self.record.add(sinks, mask.to(keep)),
            None => self.record.add(sinks, keep),
        };
        let tee = sinks.build();
        (FlightRecorder::new(recorder), tee)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("app", &self.about.app)
            .finish_non_exhaustive()
    }
}

/// The recorder could not be installed.
#[derive(Debug)]
pub struct InstallError(logtee::InstallError);

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot install the flight recorder")
    }
}

impl StdError for InstallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
