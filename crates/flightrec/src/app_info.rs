//! Describes the program, its process and the machine.

use std::env;
use std::process;
use std::thread;
use std::time::{Instant, SystemTime};

use flightrec_dump::{Dump, Host, Process, SCHEMA, Timestamp};

/// What a dump says about the program.
pub(crate) struct AppInfo {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) started: Started,
}

/// When recording began, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    system: SystemTime,
    instant: Instant,
}

impl Started {
    pub(crate) fn now() -> Started {
        Started {
            system: SystemTime::now(),
            instant: Instant::now(),
        }
    }
}

/// This process, with its arguments unredacted.
pub(crate) fn process(started: Started, thread: &str) -> Process {
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
pub(crate) fn host() -> Host {
    let mut host = Host::default();
    host.os = env::consts::OS.to_owned();
    host.arch = env::consts::ARCH.to_owned();
    host.cpus = thread::available_parallelism().map_or(0, |cpus| cpus.get() as u32);
    host
}

/// The name of the current thread, or `ThreadId(n)`.
pub(crate) fn thread_name() -> String {
    let thread = thread::current();
    let name = thread.name().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:?}", thread.id()))
}

/// What every dump of this program says.
pub(crate) fn describe_app(app: &AppInfo, dump: &mut Dump) {
    dump.schema = SCHEMA.to_owned();
    dump.app = app.name.clone();
    dump.version = app.version.clone();
    dump.revision = app.revision.clone();
    dump.repository = app.repository.clone();
    dump.created_at = Timestamp::now();
    dump.metadata = app.metadata.iter().cloned().collect();
}
