//! Reads the gauges of this process.

use std::fs;

use flightrec_dump::{Gauge, Timestamp};

use super::memory;

/// Reads all gauges now. Those that the system does not provide are `None`.
pub fn read() -> Gauge {
    let mut gauge = Gauge::default();
    gauge.time = Timestamp::now();
    if !cfg!(target_os = "linux") {
        return gauge;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    gauge.resident_bytes = memory::kilobytes(&status, "VmRSS:");
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    gauge.threads = threads.and_then(|number| number.trim().parse().ok());
    // Reading the directory opens one more file.
    let files = fs::read_dir("/proc/self/fd").ok();
    gauge.open_files = files.map(|files| (files.count() as u64).saturating_sub(1));
    gauge.cpu_ms = cpu_ms();
    if let Some((used, limit)) = memory::cgroup_memory() {
        gauge.cgroup_bytes = Some(used);
        gauge.cgroup_limit_bytes = Some(limit);
    }
    gauge.memory_pressure = pressure("memory");
    gauge.cpu_pressure = pressure("cpu");
    gauge.io_pressure = pressure("io");
    gauge
}

/// User time plus system time. Linux reports both in hundredths of a second.
fn cpu_ms() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may contain spaces. The times are the 12th and 13th field after it.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let mut time = || fields.next()?.parse::<u64>().ok();
    Some((time()? + time()?) * 10)
}

/// Parses `some avg10=1.23 avg60=…`.
fn pressure(resource: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/pressure/{resource}")).ok()?;
    let average = text.lines().next()?.strip_prefix("some avg10=")?;
    average.split(' ').next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_threads_files_and_processor_time() {
        let gauge = read();
        assert!(gauge.resident_bytes > Some(1 << 20), "{gauge:?}");
        assert!(
            gauge.threads >= Some(1) && gauge.open_files >= Some(3),
            "{gauge:?}"
        );
        assert!(gauge.cpu_ms.is_some(), "{gauge:?}");
    }
}
