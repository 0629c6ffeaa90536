//! Describes the program, its process and the machine.

use std::env;
use std::process;
use std::thread;
use std::time::{Instant, SystemTime};

use flightrec_dump::{Dump, Host, Process, SCHEMA, Timestamp};

/// What each dump says about the program.
#[derive(Clone, Debug)]
pub struct AppInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The revision of its source code.
    pub revision: Option<String>,
    /// The address of its repository.
    pub repository: Option<String>,
    /// Keys and values that it has added, in order.
    pub metadata: Vec<(String, String)>,
    /// When recording began.
    pub started: Started,
}

impl AppInfo {
    /// Adds to a dump what each dump of the program says, and sets its time to now.
    pub fn describe(&self, dump: &mut Dump) {
        dump.schema = SCHEMA.to_owned();
        dump.app = self.name.clone();
        dump.version = self.version.clone();
        dump.revision = self.revision.clone();
        dump.repository = self.repository.clone();
        dump.created_at = Timestamp::now();
        dump.metadata = self.metadata.iter().cloned().collect();
    }
}

/// When recording began, on the wall clock and on the clock that is never set.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    system: SystemTime,
    instant: Instant,
}

impl Started {
    /// This moment.
    #[must_use]
    pub fn now() -> Started {
        Started {
            system: SystemTime::now(),
            instant: Instant::now(),
        }
    }
}

/// This process, with its arguments as they are. `thread` is the name of the thread that failed.
#[must_use]
pub fn process(started: Started, thread: &str) -> Process {
    let executable = env::current_exe().ok();
    let mut process = Process::default();
    process.pid = process::id();
    process.started_at = started.system.into();
    process.uptime = started.instant.elapsed().as_secs_f64();
    process.executable = executable.map(|path| path.to_string_lossy().into_owned());
    process.args = env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    process.thread = thread.to_owned();
    process
}

/// This machine.
#[must_use]
pub fn host() -> Host {
    let mut host = Host::default();
    host.os = env::consts::OS.to_owned();
    host.arch = env::consts::ARCH.to_owned();
    host.cpus = thread::available_parallelism().map_or(0, |cpus| cpus.get() as u32);
    host
}
