//! The main thread gets a signal while another thread exits. It has no test harness, because that runs
//! tests on other threads.

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
fn main() {
    use std::process::{self, Command};
    use std::sync::Mutex;
    use std::{env, thread};

    use stackwalk::signal::{self, Listener};

    static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

    /// Runs after the standard library has unmapped the alternate stack of the main thread.
    extern "C" fn signal_main() {
        // SAFETY: the handler of `listen` is installed.
        unsafe {
            libc::syscall(
                libc::SYS_tgkill,
                process::id(),
                process::id(),
                libc::SIGUSR1,
            )
        };
        if let Ok(mut listener) = LISTENER.lock() {
            listener.iter_mut().for_each(Listener::wait);
        }
    }

    if env::var_os("EXITS").is_none() {
        let mut child = Command::new(env::current_exe().unwrap());
        let status = child.env("EXITS", "1").status().unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    *LISTENER.lock().unwrap() = Some(signal::listen(libc::SIGUSR1).unwrap());
    // SAFETY: the function does not unwind.
    unsafe { libc::atexit(signal_main) };
    thread::spawn(|| process::exit(0));
    loop {
        thread::park();
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
fn main() {}
