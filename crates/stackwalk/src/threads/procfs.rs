//! Reads the states of this process's threads from `/proc`.

use super::{Outcome, Thread};
use std::fs;
use std::io;

/// A thread before it is asked for its stack.
pub(super) struct Listed {
    pub(super) thread: Thread,
    /// Bit n-1 is set if the thread blocks signal n. `None` if that is not known.
    #[cfg_attr(not(all(target_env = "gnu", target_arch = "x86_64")), allow(dead_code))]
    pub(super) blocked: Option<u64>,
}

#[cfg_attr(not(all(target_env = "gnu", target_arch = "x86_64")), allow(dead_code))]
impl Listed {
    /// Whether it can run, and so can answer a signal.
    pub(super) fn is_alive(&self) -> bool {
        ["running", "sleeping", "disk sleep", "idle"].contains(&&*self.thread.state)
    }

    pub(super) fn is_running(&self) -> bool {
        self.thread.state == "running"
    }

    pub(super) fn blocks(&self, signal: i32) -> bool {
        self.blocked
            .is_none_or(|blocked| blocked >> (signal - 1) & 1 != 0)
    }
}

/// The threads of this process, in the order of their ids.
pub(super) fn threads() -> io::Result<Vec<Listed>> {
    let mut ids: Vec<u32> = fs::read_dir("/proc/self/task")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    Ok(ids.into_iter().filter_map(listed).collect())
}

/// Reads the state of a thread. Returns `None` if it has ended.
pub(super) fn listed(id: u32) -> Option<Listed> {
    let status = match fs::read(format!("/proc/self/task/{id}/status")) {
        Ok(status) => String::from_utf8_lossy(&status).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        // ESRCH: the thread ended after the file was opened.
        Err(error) if error.raw_os_error() == Some(3) => return None,
        Err(_) => String::new(),
    };
    let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key));
    let state = field("State:").unwrap_or_default();
    let state = state
        .split_once('(')
        .map_or("unknown", |(_, word)| word.trim_end().trim_end_matches(')'));
    let blocked = field("SigBlk:").and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let system_call = fs::read_to_string(format!("/proc/self/task/{id}/syscall")).ok();
    // "running", or the number and the arguments; -1 outside of system calls.
    let system_call = system_call.and_then(|line| line.split(' ').next()?.parse().ok());
    Some(Listed {
        thread: Thread {
            id,
            name: field("Name:").unwrap_or_default().trim_start().to_owned(),
            state: state.to_owned(),
            system_call,
            waits_in: None,
            addresses: Vec::new(),
            outcome: Outcome::Unsupported,
        },
        blocked,
    })
}

/// The thread. If it has no stack, the kernel function in which it waits is added.
pub(super) fn described(listed: Listed) -> Thread {
    let mut thread = listed.thread;
    if thread.addresses.is_empty() {
        thread.waits_in = waits_in(thread.id);
    }
    thread
}

/// The kernel function in which a thread waits.
fn waits_in(id: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/self/task/{id}/wchan")).ok()?;
    (!name.is_empty() && name != "0").then_some(name)
}

/// The names of system calls in which threads usually wait.
pub(super) fn system_call_name(number: u64) -> Option<&'static str> {
    const NAMES: &[(libc::c_long, &str)] = &[
        (libc::SYS_futex, "futex"),
        (libc::SYS_read, "read"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_write, "write"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_accept, "accept"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_sendmsg, "sendmsg"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
        (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        (libc::SYS_sched_yield, "sched_yield"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_select, "select"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, "open"),
    ];
    let number = libc::c_long::try_from(number).ok()?;
    let known = NAMES.iter().find(|(its, _)| *its == number);
    known.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_thread_runs_and_is_listed_under_its_name() {
        let listed = std::thread::Builder::new()
            .name("a name with (more) than 15".to_owned())
            .spawn(threads)
            .unwrap();
        let listed = listed.join().unwrap().unwrap();
        let this = listed
            .iter()
            .find(|listed| listed.thread.name == "a name with (mo")
            .expect("this thread");
        assert_eq!(this.thread.state, "running");
        assert!(this.is_alive() && !this.blocks(34));
        let main = std::process::id();
        assert!(listed.iter().any(|listed| listed.thread.id == main));
    }
}
