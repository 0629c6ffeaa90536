//! Sets up a flight recorder.

mod build;

use std::error::Error as StdError;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dumpmaker::Settings;
use dumpmaker::collect::{AppInfo, Bounds, Started, Window};
use dumpmaker::rules::Rule;
use dumpmaker::write::Notices;
use flightrec_dump::Dump;
use forklock::ForkMutex;
use log::{Level, LevelFilter};
use logredact::Redactor;
use logtee::{Filter, IntoSink, Tee, TeeBuilder};

use crate::record_filter::RecordFilter;
use crate::recorder::ErrorFilter;
use crate::tail::CrashSafety;

/// How many records are kept by default.
const KEEP_LINES: usize = 1_000;
/// How many records at ERROR, and how many at WARN, are kept besides, by default.
const KEEP_WARNINGS: usize = 100;

/// Sets up a flight recorder; made by [`builder`](crate::builder()).
#[must_use = "nothing is recorded until the builder is installed or built"]
pub struct Builder {
    app: AppInfo,
    dumps: Settings,
    kept: Bounds,
    pub(crate) record: RecordFilter,
    console: Option<Box<dyn Filter>>,
    sinks: TeeBuilder,
    has_sinks: bool,
    crash_safety: CrashSafety,
    reports_termination: bool,
    dump_on: Option<Level>,
    pub(crate) is_off: bool,
    /// What is wrong with the environment variables.
    pub(crate) complaints: Vec<String>,
    dump_on_signals: Vec<i32>,
    rules: Vec<Rule>,
    gauges: bool,
    ignore_errors: Option<ErrorFilter>,
    pub(crate) panic_hook_first: bool,
    for_test: bool,
    spans: usize,
}

/// Begins to set up a flight recorder for the program `app`.
///
/// Dumps go to `<state directory>/<app>/flightrec`; see [`Builder::dir`]. Characters that are not
/// allowed in file names are replaced.
///
/// # Errors of other crates
///
/// An error of `stackerr` has the stack of the place where it was created. An error of `anyhow`
/// (feature `anyhow`) has one only if the environment asks for it. Otherwise, and for errors of
/// other crates, the dump has the stack of the place where the error was passed to the recorder,
/// and says so. One line at the beginning of `main` asks for them:
///
/// ```no_run
/// // SAFETY: the process has no other thread yet.
/// unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "1") };
/// ```
///
/// Each such error then costs about twenty times what a stack of `stackerr` costs. The cheaper way
/// is `use stackerr::anyhow_compat as anyhow;`: the program's source stays as it is, and its errors
/// are those of `stackerr`.
pub fn builder(app: impl Into<String>) -> Builder {
    Builder {
        app: AppInfo {
            name: app.into(),
            version: None,
            revision: None,
            repository: None,
            metadata: Vec::new(),
            started: Started::now(),
        },
        dumps: Settings::default(),
        kept: Bounds {
            window: Window {
                lines: KEEP_LINES,
                warnings: KEEP_WARNINGS,
                min_age: None,
                bytes: tailwriter::DEFAULT_MAX_BYTES,
            },
            max_age: None,
        },
        record: RecordFilter::Level(LevelFilter::Debug),
        console: None,
        sinks: Tee::builder(),
        has_sinks: false,
        crash_safety: CrashSafety::Off,
        reports_termination: false,
        dump_on: None,
        is_off: false,
        complaints: Vec::new(),
        dump_on_signals: Vec::new(),
        rules: Vec::new(),
        gauges: false,
        ignore_errors: None,
        panic_hook_first: false,
        for_test: false,
        spans: 0,
    }
}

/// Begins to set up a flight recorder for the package that is being compiled.
///
/// Name, version and repository are those of its `Cargo.toml`:
///
/// ```
/// let builder = flightrec::builder!();
/// let same = flightrec::builder(env!("CARGO_PKG_NAME"))
///     .version(env!("CARGO_PKG_VERSION"))
///     .repository(env!("CARGO_PKG_REPOSITORY"));
/// # let _ = (builder, same);
/// ```
#[macro_export]
macro_rules! builder {
    () => {
        $crate::builder(env!("CARGO_PKG_NAME"))
            .version(env!("CARGO_PKG_VERSION"))
            .repository(env!("CARGO_PKG_REPOSITORY"))
    };
}

impl Builder {
    /// Sets the program's version for the dump, such as `env!("CARGO_PKG_VERSION")`.
    pub fn version(mut self, version: impl Into<String>) -> Builder {
        self.app.version = Some(version.into());
        self
    }

    /// Sets the revision of the program's sources for the dump.
    pub fn revision(mut self, revision: impl Into<String>) -> Builder {
        self.app.revision = Some(revision.into());
        self
    }

    /// Sets the address of the program's repository for the dump, such as
    /// `env!("CARGO_PKG_REPOSITORY")`. Default: none, and an empty address is none, too.
    ///
    /// `flightrec issue` makes the address of a prefilled issue there, and the line that tells
    /// where a dump was written ends with `; to report it: flightrec issue`.
    pub fn repository(mut self, url: impl Into<String>) -> Builder {
        self.app.repository = Some(url.into()).filter(|url| !url.is_empty());
        self
    }

    /// Adds a key-value pair to every dump. It is redacted like a key-value of a record.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Builder {
        self.app.metadata.push((key.into(), value.into()));
        self
    }

    /// Sets the directory of the dumps. Use a directory of its own: its mode is set to 0700. It is
    /// made when the first dump is.
    ///
    /// The default is `<app>/flightrec` in the user's state directory: `$XDG_STATE_HOME` or
    /// `~/.local/state` on Linux and macOS, `%LOCALAPPDATA%` on Windows.
    ///
    /// If the directory can't be written to, dumps go to `$STATE_DIRECTORY/flightrec` (a systemd
    /// service's own), or else to a private directory below the one for temporary files. The
    /// recorder says so on stderr.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.dumps.dir = Some(dir.into());
        self
    }

    /// Sets how many dumps stay in the directory. The default is 10. The newest always stays; of
    /// repeated failures the older dumps go first.
    pub fn keep_dumps(mut self, dumps: usize) -> Builder {
        self.dumps.retention.max_dumps = dumps;
        self
    }

    /// Sets how many bytes of dumps stay in the directory. The default is 50 MiB. The newest dump
    /// always stays.
    pub fn keep_dump_bytes(mut self, bytes: u64) -> Builder {
        self.dumps.retention.max_bytes = bytes;
        self
    }

    /// Sets how many records are kept. The default is the last 1,000.
    ///
    /// Beside them, the last records of each thread, target and level are kept, so that one that is
    /// noisy evicts its own records first: 32 of each thread, 8 of each target, and 200 of INFO, DEBUG
    /// and TRACE each, but no more than `lines`. The [front page](crate#which-records-are-kept) has the
    /// whole rule.
    pub fn keep_lines(mut self, lines: usize) -> Builder {
        self.kept.window.lines = lines;
        self
    }

    /// Sets how many bytes of records are kept. The default is 1 MiB.
    /// In memory, a message of up to 128 bytes without arguments counts nothing in most cases: it is
    /// not copied.
    /// [`SharedTail`](tailwriter::SharedTail) documents how much memory that takes in all. What is kept
    /// for threads, targets and levels comes on top, and is nine times `bytes` at most.
    pub fn keep_bytes(mut self, bytes: usize) -> Builder {
        self.kept.window.bytes = bytes;
        self
    }

    /// Keeps records that are younger than `age` even if more than [`keep_lines`](Builder::keep_lines)
    /// came after them, as far as they fit into [`keep_bytes`](Builder::keep_bytes). By default only
    /// their number counts.
    ///
    /// A dump then has a record if it is one of the last `keep_lines`, or is younger than `age`, or is
    /// kept for its level, its thread or its target; older ones that still fit into the bytes
    /// are left out. A dump that is made of the file of a dead process has all that fit into the
    /// bytes.
    ///
    /// To keep an hour of records, `keep_bytes` must hold what the program logs in an hour.
    pub fn keep_age(mut self, age: Duration) -> Builder {
        self.kept.window.min_age = Some(age);
        self
    }

    /// Leaves records out of a dump that are older than `age` when it is made, even if another setting
    /// keeps them. No limit by default.
    ///
    /// An age that is less than that of [`keep_age`](Builder::keep_age) wins.
    pub fn dump_last(mut self, age: Duration) -> Builder {
        self.kept.max_age = Some(age);
        self
    }

    /// Sets how many WARN and how many ERROR records are kept in addition, however many others come
    /// after them. The default is the last 100 each.
    pub fn keep_warnings(mut self, records: usize) -> Builder {
        self.kept.window.warnings = records;
        self
    }

    /// Sets which records are kept. The default is DEBUG and above.
    pub fn record(mut self, filter: impl Filter + 'static) -> Builder {
        self.record = RecordFilter::new(filter);
        self
    }

    /// Sets which records go to stderr, as text, with colours on a terminal. Secrets are not masked
    /// there. [`logtee::adjustable`] makes a filter that can be changed at run time.
    ///
    /// The default is INFO and above. Adding a [`sink`](Builder::sink) turns the built-in console
    /// off; call this method to keep it.
    pub fn console(mut self, filter: impl Filter + 'static) -> Builder {
        self.console = Some(Box::new(filter));
        self
    }

    /// Adds a sink of your own with its own filter. Every [`log::Log`] is a sink. Secrets are not
    /// masked there.
    ///
    /// `log::max_level` becomes what the most verbose filter asks for, so give a logger that has a
    /// level no more than that: `.sink(logger.filter(), logger)` for `env_logger`.
    ///
    /// To change a level at run time, use the handle of [`logtee::adjustable`].
    /// `log::set_max_level` would take the records away from the recorder, too.
    pub fn sink<Kind>(
        mut self,
        filter: impl Filter + 'static,
        sink: impl IntoSink<Kind>,
    ) -> Builder {
        self.sinks = self.sinks.sink(filter, sink);
        self.has_sinks = true;
        self
    }

    /// Sets what is masked in dumps. The default is what [`Redactor::default`] masks.
    pub fn redact(mut self, redactor: Redactor) -> Builder {
        self.dumps.redactor = redactor;
        self
    }

    /// Whether records outlive the process: `true` is [`CrashSafety::On`].
    pub fn crash_safe(self, yes: bool) -> Builder {
        self.crash_safety(if yes {
            CrashSafety::On
        } else {
            CrashSafety::Off
        })
    }

    /// Sets whether records are kept in a file that outlives the process, whatever ends it: SIGKILL,
    /// the out-of-memory killer, an abort, a segmentation fault. The default is
    /// [`CrashSafety::Off`].
    ///
    /// The next start of the program makes a dump of the file, of kind `crash`, and removes the file.
    /// That dump has the [last records](Builder::keep_lines) and those of
    /// [ERROR and WARN](Builder::keep_warnings). What is kept beside them of each thread, target and
    /// level lies in memory, and is lost with the process.
    /// A process that exits removes the file itself: at the end of
    /// [`run`](crate::FlightRecorder::run), in [`close`](crate::FlightRecorder::close), when `main`
    /// returns, or in [`std::process::exit`]. After C's `_exit`, and when the program replaces itself
    /// by `exec`, the file stays, and the dump says that the cause is unknown: call
    /// [`close`](crate::FlightRecorder::close) before these.
    ///
    /// SIGTERM, SIGINT and SIGHUP are requests to end, not crashes; see
    /// [`crash_on_termination`](Builder::crash_on_termination).
    ///
    /// A forked child that records gets a file of its own at its first record.
    ///
    /// On x86-64 Linux with glibc, the installed recorder also handles SIGSEGV, SIGBUS, SIGILL,
    /// SIGFPE, SIGABRT, SIGTRAP and SIGSYS: the stack of the thread that crashes goes into the file
    /// and into that dump. Its functions have names if the next process runs the same binary, by the
    /// build-id. Then the signal does what it would have done without the recorder, which includes
    /// handlers that were installed before. The stack of a forked child is not recorded.
    ///
    /// Just before the process dies of the signal, the other threads are asked for their stacks, as
    /// for [`all_threads`](Builder::all_threads), for half a second at most. They are missing if an
    /// earlier handler ends the process.
    ///
    /// The file is in the directory of the dumps. Its length is about 16 MiB by default; on Linux it takes
    /// about half a MiB of disk space at first, and more only as records fill it. The system writes it to
    /// the disk sooner or later, so records touch the disk although nothing went wrong. Only the user can
    /// read it.
    ///
    /// It adds about half a millisecond to the start of the program, and about a millisecond to its
    /// whole run.
    ///
    /// Needs the feature `crash-safe` and Linux, macOS or Windows. Otherwise, or if the file can't be made, a
    /// line on stderr says so, and records are kept in memory.
    pub fn crash_safety(mut self, safety: CrashSafety) -> Builder {
        self.crash_safety = safety;
        self
    }

    /// Sets whether a process that SIGTERM, SIGINT (Ctrl-C) or SIGHUP ended counts as crashed, so that
    /// the next start makes a dump of its [file](Builder::crash_safety). The default is false.
    ///
    /// To tell, [`install`](Builder::install) installs handlers for those of the three signals that
    /// have none and are not ignored. They write down which signal it was, and let it end the process
    /// as it would have without them. A handler that the program installs later replaces them.
    pub fn crash_on_termination(mut self, yes: bool) -> Builder {
        self.reports_termination = yes;
        self
    }

    /// Makes a dump when a record of that level or above is logged. By default no record does.
    ///
    /// The thread that logs writes the dump. Records from one place in the source code make one dump
    /// an hour; later ones are counted.
    pub fn dump_on(mut self, level: Level) -> Builder {
        self.dump_on = Some(level);
        self
    }

    /// Makes a dump when the rule comes true, and the program goes on. May be called for several
    /// rules.
    ///
    /// The thread whose record makes a rule come true writes the dump. Rules about memory and silence
    /// need [`install`](Builder::install), which starts a thread that looks at them; it does not exist
    /// in a forked child.
    ///
    /// ```
    /// use std::time::Duration;
    /// use flightrec::Rule;
    /// use log::Level;
    ///
    /// let builder = flightrec::builder("my-service")
    ///     .dump_when(Rule::rate(Level::Warn, 20, Duration::from_secs(10)))
    ///     .dump_when(Rule::memory_above(0.8));
    /// # drop(builder);
    /// ```
    pub fn dump_when(mut self, rule: Rule) -> Builder {
        self.rules.push(rule);
        self
    }

    /// Lets a dump have the records that follow its trigger for at least this long. By default it has
    /// none.
    ///
    /// The dump is written when the trigger comes, as always. When the time is over, a thread that was
    /// started for it replaces the file by one that has the records since, and calls
    /// [`on_dump`](Builder::on_dump). If the process exits before, the dump is completed at the exit;
    /// if it is killed, the first file is there. A dump for [`dump_to`](Builder::dump_to) is written
    /// at the end of the time only.
    ///
    /// Further triggers within the time make no dump of their own: the dump names them in
    /// [`also`](Dump::also), with their stacks, and its path is their outcome. A hang, and a signal
    /// that asks for a dump, still make dumps of their own: those are for the stacks of all threads at that
    /// moment.
    ///
    /// A failure that may end the program is dumped at once, to a file of its own: an error that
    /// [`run`](crate::FlightRecorder::run) returns, a panic of the main thread, any panic with
    /// `panic = "abort"`, and a crash.
    ///
    /// The records before the trigger stay in the dump, however many follow: it may have twice as
    /// many records as are kept. A forked child does not complete the dump of its parent.
    pub fn look_ahead(mut self, wait: Duration) -> Builder {
        self.dumps.look_ahead = Some(wait);
        self
    }

    /// Whether to read every second what the process uses: resident memory, threads, file descriptors,
    /// processor time, the memory of its cgroup with the limit, and the pressure on the machine (PSI).
    /// The default is false: [`gauges`](Dump::gauges) has one reading, of the time of the dump.
    ///
    /// The last 120 readings are in every dump. If the recorder is
    /// [crash-safe](Builder::crash_safety), they outlive the process: the dump of one that was killed
    /// because memory ran out shows how it grew, and says how much there was.
    ///
    /// Needs [`install`](Builder::install), which starts a thread for it; it does not exist in a forked
    /// child. On Linux only.
    pub fn gauges(mut self, yes: bool) -> Builder {
        self.gauges = yes;
        self
    }

    /// Makes a dump when the signal arrives, with the stacks of all threads, and the program goes on.
    /// May be called for several signals.
    ///
    /// `flightrec dump PID`, of the crate `flightrec-cli`, sends the signal and shows the dump. Only the
    /// same user and root can do so.
    ///
    /// [`install`](Builder::install) installs the handler, which calls the one that was there before.
    /// If the program installs another one later, that one must call this one. Signals that arrive
    /// while a dump is made lead to one more dump. A forked child ignores the signal.
    ///
    /// Linux only; elsewhere, and for signals that can't be caught or that report errors such as
    /// SIGSEGV, a line on stderr says so. Stacks exist on x86-64 with glibc.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// const SIGUSR1: i32 = 10; // `libc::SIGUSR1`
    /// let recorder = flightrec::builder("my-server").dump_on_signal(SIGUSR1).init();
    /// ```
    pub fn dump_on_signal(mut self, signal: i32) -> Builder {
        if !self.dump_on_signals.contains(&signal) {
            self.dump_on_signals.push(signal);
        }
        self
    }

    /// Sets which errors make no dump, such as usage errors: those for which `ignore` returns true,
    /// or returns true for one of their causes. [`run`](crate::FlightRecorder::run) still shows them. By
    /// default all errors make dumps.
    ///
    /// A tool whose output is often read by another program that ends early, as in `tool | head`, ignores
    /// [`BrokenPipe`](std::io::ErrorKind::BrokenPipe). The panic of `println!` in such a pipe makes no
    /// dump in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use flightrec::DumpOutcome;
    /// use std::io;
    /// use std::num::ParseIntError;
    ///
    /// let (recorder, _tee) = flightrec::builder("doc")
    ///     .dump_to(std::io::sink())
    ///     .ignore_errors(|error| {
    ///         let error_of_io = error.downcast_ref::<io::Error>();
    ///         error.is::<ParseIntError>()
    ///             || error_of_io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    ///     })
    ///     .build();
    /// let usage = stackerr::Error::new("x".parse::<u16>().unwrap_err()).context("--port");
    /// assert_eq!(recorder.dump_error(&usage)?, DumpOutcome::Suppressed);
    /// # Ok::<(), flightrec::DumpError>(())
    /// ```
    pub fn ignore_errors(
        mut self,
        ignore: impl Fn(&(dyn StdError + 'static)) -> bool + Send + Sync + 'static,
    ) -> Builder {
        self.ignore_errors = Some(Box::new(ignore));
        self
    }

    /// Whether dumps have names, files and lines for the frames of stacks, where the program's debug
    /// information has them. The default is true.
    ///
    /// Names are looked up after the dump is on the disk with addresses, in a thread that is given
    /// five seconds. The first lookup takes 0.2 to 50 ms and up to 40 MB of memory, depending on
    /// the size of the debug information. `flightrec symbolicate`, of the crate `flightrec-cli`, can
    /// add the names later, from the binary; the result is the same.
    pub fn symbolicate(mut self, yes: bool) -> Builder {
        self.dumps.symbolicate = yes;
        self
    }

    /// Whether every dump has the stacks of all threads, in [`Dump::threads`]. The default is false:
    /// only dumps of hangs, of signals and of [crashes](Builder::crash_safety) have them.
    ///
    /// Each thread walks its own stack in the handler of a real-time signal, which interrupts system
    /// calls; [`stackwalk::threads`] lists those that are not restarted. A thread that blocks the
    /// signal or does not answer within a second is listed without a stack. Stacks exist on x86-64
    /// Linux with glibc, names and states of threads on all Linux systems.
    ///
    /// [`stackwalk::threads`]: https://docs.rs/stackwalk/latest/stackwalk/threads/index.html
    pub fn all_threads(mut self, yes: bool) -> Builder {
        self.dumps.all_threads = yes;
        self
    }

    /// Whether the recorder's panic hook runs before the hook that was there. The default is false:
    /// it runs after it.
    ///
    /// Set this if the other hook exits or aborts, so that nothing after it would run.
    pub fn panic_hook_first(mut self, yes: bool) -> Builder {
        self.panic_hook_first = yes;
        self
    }

    /// Whether the recorder prints its own lines to stderr, such as the path of a dump. The default
    /// is true.
    pub fn notice(mut self, yes: bool) -> Builder {
        self.dumps.notices = if yes { Notices::Stderr } else { Notices::Off };
        self
    }

    /// Writes the recorder's own lines, such as the path of a dump, to `writer` instead of stderr.
    pub fn notice_to(mut self, writer: impl Write + Send + 'static) -> Builder {
        self.dumps.notices = Notices::Writer(ForkMutex::new(Box::new(writer)));
        self
    }

    /// Calls `callback` with every dump and, if it was written to a file, with its path: to upload
    /// it, or to open a page where the user can report it.
    ///
    /// The thread that failed calls it. After a panic another thread does, and the panicking thread
    /// waits for it for up to ten seconds. Panics of the callback are caught.
    pub fn on_dump(
        mut self,
        callback: impl Fn(&Dump, Option<&Path>) + Send + Sync + 'static,
    ) -> Builder {
        self.dumps.callbacks.push(Box::new(callback));
        self
    }

    /// Writes dumps to `writer` instead of a directory, each as one line of JSON in one write: to
    /// stderr, for instance, where the disk of a container is lost with it.
    pub fn dump_to(mut self, writer: impl Write + Send + 'static) -> Builder {
        self.dumps.writer = Some(Box::new(writer));
        self
    }

    /// Makes the recorder one for a test, a function with `#[test]`.
    ///
    /// - Each test can install one. Records and panics of a thread go to the recorder that this
    ///   thread has installed, and those of a thread that has installed none go to the recorders of
    ///   all tests that run.
    /// - The test harness captures the console and the recorder's own lines, so they are shown for
    ///   tests that fail.
    /// - Dumps go to a directory of the test beside its executable, unless [`dir`](Builder::dir) or
    ///   [`dump_to`](Builder::dump_to) says otherwise. It is removed when the last handle of the
    ///   recorder is dropped, but not if the thread panics at that time: then the test fails, and its
    ///   dumps stay until it runs again. To look at dumps of a test that returns an error, or that
    ///   passes, set a directory.
    /// - There are no signal handlers, and no dumps of earlier processes.
    ///
    /// # Examples
    ///
    /// ```
    /// // #[test]
    /// fn reads_the_port() {
    ///     let recorder = flightrec::builder("my-tool").for_test().install().unwrap();
    ///     log::debug!("if the test fails, its dump has this");
    ///     let port: u16 = "8080".parse().unwrap();
    ///     assert_eq!(port, 8080);
    ///     drop(recorder);
    /// }
    /// # reads_the_port();
    /// ```
    pub fn for_test(mut self) -> Builder {
        self.for_test = true;
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("app", &self.app.name)
            .finish_non_exhaustive()
    }
}
