//! Describes the program, its process and the machine.

use std::env;
use std::process;
use std::thread;
use std::time::{Instant, SystemTime};

use flightrec_dump::{Dump, Host, Process, SCHEMA, Timestamp};

/// A description of the program, for its dumps.
#[derive(Clone, Debug)]
pub struct AppInfo {
    /// The name of the program.
    pub name: String,
    /// The version of the program.
    pub version: Option<String>,
    /// The revision of the source code.
    pub revision: Option<String>,
    /// The address of the repository.
    pub repository: Option<String>,
    /// More keys and values, in order.
    pub metadata: Vec<(String, String)>,
    /// When recording began.
    pub started: Started,
}

impl AppInfo {
    /// Adds the description to a dump, and sets the dump's time to now.
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

/// When recording began, on the wall clock and on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    system: SystemTime,
    instant: Instant,
}

impl Started {
    /// Recording begins now.
    #[must_use]
    pub fn now() -> Started {
        Started {
            system: SystemTime::now(),
            instant: Instant::now(),
        }
    }
}

/// Describes this process. Its arguments are not masked. `thread` is the name of the thread that failed.
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

/// Describes this machine.
#[must_use]
pub fn host() -> Host {
    let mut host = Host::default();
    host.os = env::consts::OS.to_owned();
    host.arch = env::consts::ARCH.to_owned();
    host.cpus = thread::available_parallelism().map_or(0, |cpus| cpus.get() as u32);
    host
}
