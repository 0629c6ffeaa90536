//! What a dump tells of the process and the machine.

use std::env;
use std::process;
#[cfg(not(target_os = "linux"))]
use std::thread;
use std::time::{Instant, SystemTime};

use super::collect::rfc3339;
use super::mask::Mask;
use super::{Host, Process};

/// When recording began, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    system: SystemTime,
    instant: Instant,
}

impl Start {
    pub(crate) fn now() -> Start {
        Start {
            system: SystemTime::now(),
            instant: Instant::now(),
        }
    }
}

pub(super) fn process(start: Start, thread: &str, mask: &Mask<'_>) -> Process {
    let executable = env::current_exe().ok();
    let args: Vec<String> = env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    Process {
        pid: process::id(),
        started_at: rfc3339(start.system),
        uptime: start.instant.elapsed().as_secs_f64(),
        executable: executable.map(|path| mask.text(&path.to_string_lossy())),
        args: mask.args(&args),
        thread: mask.text(thread),
    }
}

pub(super) fn host() -> Host {
    Host {
        os: env::consts::OS.to_owned(),
        arch: env::consts::ARCH.to_owned(),
        cpus: cpus(),
    }
}

/// How many processors the process could use; 0 if the system does not tell.
#[cfg(not(target_os = "linux"))]
fn cpus() -> u32 {
    thread::available_parallelism().map_or(0, |cpus| cpus.get() as u32)
}

/// As the kernel tells them: a bit each in `Cpus_allowed:\tff,ffffffff` of `/proc/self/status`.
///
/// `available_parallelism` would look through the control groups' quotas, too, with kilobytes of code.
#[cfg(target_os = "linux")]
fn cpus() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"));
    let digits = mask.unwrap_or_default().chars();
    digits
        .filter_map(|digit| digit.to_digit(16))
        .map(u32::count_ones)
        .sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_processors_are_counted() {
        let counted = std::thread::available_parallelism().unwrap().get() as u32;
        // A quota may allow fewer at a time.
        assert!(super::cpus() >= counted, "{} {counted}", super::cpus());
        assert!(super::cpus() <= 8192);
    }
}
