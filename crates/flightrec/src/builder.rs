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

/// The default number of records that are kept.
const KEEP_LINES: usize = 1_000;
/// The default number of ERROR records, and of WARN records, that are kept in addition.
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
    termination_is_failure: bool,
    dump_on: Option<Level>,
    pub(crate) is_off: bool,
    /// Messages about invalid environment variables.
    pub(crate) warnings: Vec<String>,
    dump_on_signals: Vec<i32>,
    rules: Vec<Rule>,
    gauges: bool,
    ignore_errors: Option<ErrorFilter>,
    pub(crate) panic_hook_first: bool,
    for_test: bool,
    spans: usize,
}

/// Returns a builder of a flight recorder for the program `app`.
///
/// Dumps go to `<state directory>/<app>/flightrec`; see [`Builder::dir`]. Characters that are not
/// allowed in file names are replaced.
///
/// # Errors of other crates
///
/// An error of `stackerr` has the stack of the place where it was created. An error of `anyhow`
/// (feature `anyhow`) has a stack only if an environment variable enables backtraces. Otherwise, and for
/// errors of other crates, the dump has the stack of the place where the error was passed to the recorder,
/// and says so. This line at the beginning of `main` enables backtraces:
///
/// ```no_run
/// // SAFETY: the process has no other thread yet.
/// unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "1") };
/// ```
///
/// Each backtrace then costs about twenty times as much as a stack of `stackerr`. A cheaper way is
/// `use stackerr::anyhow_compat as anyhow;`. The rest of the program's source stays the same, and its
/// errors are those of `stackerr`.
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
        termination_is_failure: false,
        dump_on: None,
        is_off: false,
        warnings: Vec::new(),
        dump_on_signals: Vec::new(),
        rules: Vec::new(),
        gauges: false,
        ignore_errors: None,
        panic_hook_first: false,
        for_test: false,
        spans: 0,
    }
}

/// Returns a builder of a flight recorder for the package that is being compiled.
///
/// Name, version and repository are taken from its `Cargo.toml`:
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
    /// `env!("CARGO_PKG_REPOSITORY")`. An empty address is the same as none. Default: none.
    ///
    /// `flightrec issue` makes the address of a prefilled issue there. The line with the path of a dump
    /// ends with `; to report it: flightrec issue`.
    pub fn repository(mut self, url: impl Into<String>) -> Builder {
        self.app.repository = Some(url.into()).filter(|url| !url.is_empty());
        self
    }

    /// Adds a key-value to every dump. It is redacted like a key-value of a record.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Builder {
        self.app.metadata.push((key.into(), value.into()));
        self
    }

    /// Sets the directory of the dumps. Use a separate directory, because its mode is set to 0700. It is
    /// created with the first dump.
    ///
    /// The default is `<app>/flightrec` in the user's state directory: `$XDG_STATE_HOME` or
    /// `~/.local/state` on Linux and macOS, `%LOCALAPPDATA%` on Windows.
    ///
    /// If the directory can't be written to, dumps go to `$STATE_DIRECTORY/flightrec` (systemd sets this
    /// variable for services), or else to a private directory below the one for temporary files. A line
    /// on stderr says so.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.dumps.dir = Some(dir.into());
        self
    }

    /// Sets how many dumps are kept in the directory. The default is 10. The newest one is always kept.
    /// Older dumps of repeated failures are removed first.
    pub fn keep_dumps(mut self, dumps: usize) -> Builder {
        self.dumps.retention.max_dumps = dumps;
        self
    }

    /// Sets how many bytes of dumps are kept in the directory. The default is 50 MiB. The newest dump is
    /// always kept.
    pub fn keep_dump_bytes(mut self, bytes: u64) -> Builder {
        self.dumps.retention.max_bytes = bytes;
        self
    }

    /// Sets how many records are kept. The default is the last 1,000.
    ///
    /// In addition, the last records of each thread, target and level are kept, so that a noisy one does
    /// not evict those of others: 32 of each thread, 8 of each target, and 200 of INFO, DEBUG and TRACE
    /// each, but at most `lines` each. See [which records are kept](crate#which-records-are-kept).
    pub fn keep_lines(mut self, lines: usize) -> Builder {
        self.kept.window.lines = lines;
        self
    }

    /// Sets how many bytes of records are kept. The default is 1 MiB.
    ///
    /// A message without arguments of at most 128 bytes usually does not count, because it is not copied
    /// into memory. The records that are kept for each thread, target and level are counted separately:
    /// they have at most nine times `bytes` in total, or more if the last record of a thread or target is
    /// longer than its limit. [`SharedTail`](tailwriter::SharedTail) documents how much memory is used.
    pub fn keep_bytes(mut self, bytes: usize) -> Builder {
        self.kept.window.bytes = bytes;
        self
    }

    /// Keeps all records that are younger than `age`, if they fit into [`keep_bytes`](Builder::keep_bytes),
    /// in addition to the last [`keep_lines`](Builder::keep_lines). By default, the age of records does
    /// not matter.
    ///
    /// To keep an hour of records, set `keep_bytes` to what the program logs in an hour. The dump of a
    /// process that was [killed](Builder::crash_safe) may also have older records.
    pub fn keep_age(mut self, age: Duration) -> Builder {
        self.kept.window.min_age = Some(age);
        self
    }

    /// Leaves out records that are older than `age` when a dump is made, even if another setting keeps
    /// them. No limit by default.
    pub fn dump_last(mut self, age: Duration) -> Builder {
        self.kept.max_age = Some(age);
        self
    }

    /// Sets how many WARN and how many ERROR records are kept, even if many other records follow them.
    /// The default is the last 100 each.
    pub fn keep_warnings(mut self, records: usize) -> Builder {
        self.kept.window.warnings = records;
        self
    }

    /// Sets which records are kept. The default is DEBUG and above.
    pub fn record(mut self, filter: impl Filter + 'static) -> Builder {
        self.record = RecordFilter::new(filter);
        self
    }

    /// Sets which records are printed to stderr, as text, with colours on a terminal. Secrets are not
    /// masked there. [`logtee::adjustable`] makes a filter that can be changed at run time.
    ///
    /// The default is INFO and above. Adding a [`sink`](Builder::sink) turns the built-in console
    /// off; call this method to keep it.
    pub fn console(mut self, filter: impl Filter + 'static) -> Builder {
        self.console = Some(Box::new(filter));
        self
    }

    /// Adds your own sink with its own filter. Every [`log::Log`] is a sink. Secrets are not masked there.
    ///
    /// `log::max_level` is set to the most verbose level of all filters. Give a logger that has its own
    /// level the same level as a filter, such as `.sink(logger.filter(), logger)` for `env_logger`.
    ///
    /// To change a level at run time, use the handle of [`logtee::adjustable`]. Do not use
    /// `log::set_max_level`: it also limits the recorder.
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
    /// The dump has the [last records](Builder::keep_lines) and those of
    /// [ERROR and WARN](Builder::keep_warnings). The records that are kept for each thread, target and
    /// level are in memory, and are lost with the process.
    ///
    /// A process that exits removes the file: at the end of [`run`](crate::FlightRecorder::run), in
    /// [`close`](crate::FlightRecorder::close), when `main` returns, and in [`std::process::exit`]. Call
    /// `close` before C's `_exit` and before `exec`. Otherwise the next start reports an end of unknown
    /// cause.
    ///
    /// SIGTERM, SIGINT and SIGHUP are requests to end, not crashes; see
    /// [`crash_on_termination`](Builder::crash_on_termination).
    ///
    /// A forked child gets its own file when it keeps its first record.
    ///
    /// On x86-64 Linux with glibc, the installed recorder handles SIGSEGV, SIGBUS, SIGILL, SIGFPE,
    /// SIGABRT, SIGTRAP and SIGSYS. The handler writes the stack of the crashed thread to the file. In
    /// the dump, its functions have names if the next process runs the same binary, compared by build-id.
    /// Then the signal has the same effect as without the recorder: earlier handlers are called. The stack
    /// of a forked child is not recorded.
    ///
    /// Before the process dies, the handler collects the stacks of the other threads, as for
    /// [`all_threads`](Builder::all_threads), for at most half a second. They are missing if an earlier
    /// handler ends the process.
    ///
    /// The file is in the directory of the dumps. Its length is about 16 MiB by default, and 22 MiB with
    /// `flightrec-tracing`, because of the spans. On Linux it takes about 0.7 MiB of disk space at first,
    /// and more when records fill it. The system writes the file to the disk from time to time, so records
    /// reach the disk even if nothing goes wrong. Only the user can read the file.
    ///
    /// The start of the program takes about half a millisecond longer, its whole run about a millisecond.
    ///
    /// Needs the feature `crash-safe` and Linux, macOS or Windows. Otherwise, or if the file can't be
    /// created, a line on stderr says so, and records are kept in memory.
    pub fn crash_safety(mut self, safety: CrashSafety) -> Builder {
        self.crash_safety = safety;
        self
    }

    /// Sets whether a process that was ended by SIGTERM, SIGINT (Ctrl-C) or SIGHUP counts as crashed, so
    /// that the next start makes a dump of its [file](Builder::crash_safety). The default is false.
    ///
    /// To know the signal, [`install`](Builder::install) installs handlers for those of the three signals
    /// that have no handler and are not ignored. The handlers write the number of the signal to the file,
    /// and then the signal ends the process as usual. A handler that the program installs later replaces
    /// them.
    pub fn crash_on_termination(mut self, yes: bool) -> Builder {
        self.termination_is_failure = yes;
        self
    }

    /// Makes a dump when a record of this level or above is logged. By default, records make no dumps.
    ///
    /// The thread that logs writes the dump. Records from one place in the source code make one dump per
    /// hour; the others are counted.
    pub fn dump_on(mut self, level: Level) -> Builder {
        self.dump_on = Some(level);
        self
    }

    /// Makes a dump when the rule fires. The program continues. May be called for several rules.
    ///
    /// The thread whose record makes a rule fire writes the dump. Rules about memory and silence need
    /// [`install`](Builder::install), which starts a thread that checks them. This thread does not exist in
    /// a forked child.
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

    /// Adds to a dump the records that follow its trigger, for at least this long. By default, a dump ends
    /// with its trigger.
    ///
    /// The dump is written immediately. After this time, a thread that was started for this purpose
    /// replaces the file by one with the later records, and calls [`on_dump`](Builder::on_dump). If the
    /// process exits before, the dump is completed at the exit. If it is killed, the first file remains. A
    /// dump for [`dump_to`](Builder::dump_to) is written only at the end of the time.
    ///
    /// Further triggers within the time make no separate dump. The waiting dump lists the first 32 of
    /// them in [`also`](Dump::also), with their stacks, and counts the others. A call that is such a
    /// trigger returns the path of the waiting dump. Hangs, and signals that request a dump, still make
    /// separate dumps, because these need the stacks of all threads at that moment.
    ///
    /// A failure that may end the program is dumped immediately, to a separate file: an error that
    /// [`run`](crate::FlightRecorder::run) returns, a panic of the main thread, any panic with
    /// `panic = "abort"`, and a crash.
    ///
    /// The later records do not evict those before the trigger, so the dump may have twice as many records
    /// as are kept. A forked child does not complete the dump of its parent.
    pub fn look_ahead(mut self, wait: Duration) -> Builder {
        self.dumps.look_ahead = Some(wait);
        self
    }

    /// Sets whether gauges are read every second: resident memory, threads, file descriptors, processor
    /// time, the memory of the cgroup and its limit, and the pressure on the machine (PSI). The default is
    /// false: [`gauges`](Dump::gauges) has only one reading, from the time of the dump.
    ///
    /// The last 120 readings are in every dump. If the recorder is
    /// [crash-safe](Builder::crash_safety), they outlive the process: if a process is killed because memory
    /// ran out, the dump shows how its memory grew.
    ///
    /// Only on Linux, and with [`install`](Builder::install), which starts a thread for this. The thread
    /// does not exist in a forked child.
    pub fn gauges(mut self, yes: bool) -> Builder {
        self.gauges = yes;
        self
    }

    /// Makes a dump with the stacks of all threads when the signal arrives. The program continues. May be
    /// called for several signals.
    ///
    /// The command `flightrec dump PID` sends the signal and shows the dump. Only the same user and root
    /// can do so.
    ///
    /// [`install`](Builder::install) installs the handler, which calls the previous one. A handler that the
    /// program installs later must call this one. If signals arrive while a dump is made, one more dump is
    /// made. A forked child ignores the signal.
    ///
    /// Only on Linux. On other systems, and for signals that can't be caught or that report errors such
    /// as SIGSEGV, a line on stderr says so. Stacks of threads are available on x86-64 with glibc.
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

    /// Sets which errors make no dump, such as usage errors. `ignore` is called for the error and its
    /// causes; if it returns true for one of them, no dump is made. [`run`](crate::FlightRecorder::run)
    /// still prints the error. By default, all errors make dumps.
    ///
    /// A tool that is often used as in `tool | head`, where the reader ends first, should ignore
    /// [`BrokenPipe`](std::io::ErrorKind::BrokenPipe). The panic of `println!` in such a pipe never makes a
    /// dump.
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
    ///         let io_error = error.downcast_ref::<io::Error>();
    ///         error.is::<ParseIntError>()
    ///             || io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
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

    /// Sets whether the frames of stacks in dumps have names, files and lines, if the program's debug
    /// information has them. The default is true.
    ///
    /// A dump is first written to the disk with addresses. Then names are looked up in a thread, for at
    /// most five seconds. The first lookup takes 0.2 to 50 ms and up to 40 MB of memory, depending on the
    /// size of the debug information. Names are left out if the process can't allocate 256 MiB, because a
    /// failed allocation would abort it. The command `flightrec symbolicate` can add the names later, from
    /// the binary, with the same result.
    pub fn symbolicate(mut self, yes: bool) -> Builder {
        self.dumps.symbolicate = yes;
        self
    }

    /// Sets whether every dump has the stacks of all threads, in [`Dump::threads`]. The default is false:
    /// only dumps of hangs, signals, [crashes](Builder::crash_safety), and rules about memory and silence
    /// have them.
    ///
    /// Each thread walks its own stack in the handler of a real-time signal, which interrupts system
    /// calls; [`stackwalk::threads`] lists those that are not restarted. A thread that blocks the signal
    /// or does not respond within a second is listed without a stack. Stacks are available on x86-64
    /// Linux with glibc, names and states of threads on all Linux systems.
    ///
    /// [`stackwalk::threads`]: https://docs.rs/stackwalk/latest/stackwalk/threads/index.html
    pub fn all_threads(mut self, yes: bool) -> Builder {
        self.dumps.all_threads = yes;
        self
    }

    /// Sets whether the recorder's panic hook runs before the previous hook. The default is false: it
    /// runs after it.
    ///
    /// Use this if the previous hook exits or aborts, because no hook after it would run.
    pub fn panic_hook_first(mut self, yes: bool) -> Builder {
        self.panic_hook_first = yes;
        self
    }

    /// Sets whether the recorder prints its own lines to stderr, such as the path of a dump. The default
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

    /// Calls `callback` with every dump and, if it was written to a file, its path. Use it to upload dumps,
    /// or to open a page where the user can report the failure.
    ///
    /// The callback is usually called by the thread that failed. For hangs and signals, and with
    /// [`look_ahead`](Builder::look_ahead), a thread of the recorder calls it. After a panic, another
    /// thread calls it, and the panicking thread waits for at most ten seconds. Panics of the callback are
    /// caught.
    pub fn on_dump(
        mut self,
        callback: impl Fn(&Dump, Option<&Path>) + Send + Sync + 'static,
    ) -> Builder {
        self.dumps.callbacks.push(Box::new(callback));
        self
    }

    /// Writes dumps to `writer` instead of a directory, each as one line of JSON in one write. In a
    /// container whose disk is temporary, write to stderr, for instance.
    pub fn dump_to(mut self, writer: impl Write + Send + 'static) -> Builder {
        self.dumps.writer = Some(Box::new(writer));
        self
    }

    /// Makes this a recorder for a `#[test]` function.
    ///
    /// - Each test can install one. The records and panics of a thread go to the recorder that this thread
    ///   has installed. Those of other threads go to the recorders of all running tests.
    /// - The test harness captures the console and the recorder's own lines, so they are shown for
    ///   tests that fail.
    /// - Dumps go to a directory of the test, next to its executable, unless [`dir`](Builder::dir) or
    ///   [`dump_to`](Builder::dump_to) is set. The directory is removed when the last handle of the recorder
    ///   is dropped. If the thread is panicking then, the test fails, and its dumps are kept until it runs
    ///   again. To look at the dumps of a test that passes or returns an error, set a directory.
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
