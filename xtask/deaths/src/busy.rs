//! Threads that do many kinds of work when a fault happens.

use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Starts the threads, and sends them SIGSEGV in turn, at random moments, until the process ends.
pub(crate) fn until_a_fault() {
    let works: &[fn()] = &[
        log,
        log,
        allocate,
        load_libraries,
        unwind,
        fork,
        walk,
        start_threads,
    ];
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    for &work in works {
        thread::spawn(move || {
            work();
            STARTED.fetch_add(1, Ordering::SeqCst);
            loop {
                work();
            }
        });
    }
    while STARTED.load(Ordering::SeqCst) < works.len() {
        thread::yield_now();
    }
    let mut random = Random::new();
    loop {
        for _ in 0..random.below(200_000) {
            std::hint::spin_loop();
        }
        let threads: Vec<i32> = std::fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        let thread = threads[random.below(threads.len() as u64) as usize];
        // SAFETY: no preconditions. The call fails for a thread that has ended.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGSEGV) };
    }
}

struct Random(u64);

impl Random {
    fn new() -> Random {
        // SAFETY: the processor has this instruction.
        let ticks = unsafe { std::arch::x86_64::_rdtsc() };
        Random(ticks ^ u64::from(std::process::id()) << 32 | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

fn log() {
    log::debug!("a record of {:?} with {}", thread::current().id(), 4711);
}

fn allocate() {
    let blocks: Vec<Vec<u8>> = (0..64).map(|n| vec![1; 1 << (n % 18)]).collect();
    black_box(blocks);
}

fn load_libraries() {
    // Static programs cannot load libraries.
    #[cfg(not(target_feature = "crt-static"))]
    // SAFETY: the names are C strings, and the libraries' constructors do nothing.
    unsafe {
        for name in [c"libutil.so.1", c"libanl.so.1", c"libBrokenLocale.so.1"] {
            let library = libc::dlopen(name.as_ptr(), libc::RTLD_NOW);
            if !library.is_null() {
                libc::dlclose(library);
            }
        }
    }
}

fn unwind() {
    if cfg!(panic = "unwind") {
        let nested = |depth: usize| {
            let _first =
                panic::catch_unwind(AssertUnwindSafe(|| panic::resume_unwind(Box::new(depth))));
        };
        (0..8).for_each(nested);
    }
}

fn fork() {
    // SAFETY: the child only exits.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        libc::waitpid(child, &raw mut *black_box(&mut 0), 0);
    }
}

fn walk() {
    let error = flightrec::stackerr::Error::msg("an error with a stack");
    black_box(error);
}

fn start_threads() {
    let _ = thread::spawn(|| black_box(7)).join();
}
