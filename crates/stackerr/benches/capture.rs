//! Compares the cost of an error with its stack to a bare walk of the system's unwinder in the same
//! run: `cargo bench -p stackerr`.

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this benchmark needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{c_int, c_void};
    use std::hint::black_box;
    use std::sync::{Barrier, Mutex};
    use std::time::Instant;

    type Visit = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;

    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: Visit, data: *mut c_void) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    struct Ips {
        len: usize,
        ips: [usize; 256],
    }

    unsafe extern "C" fn visit(context: *mut c_void, data: *mut c_void) -> c_int {
        // SAFETY: `data` is the pointer to the live array that `bare` passed.
        let found = unsafe { &mut *data.cast::<Ips>() };
        if let Some(slot) = found.ips.get_mut(found.len) {
            // SAFETY: the context is valid during the callback.
            *slot = unsafe { _Unwind_GetIP(context) };
            found.len += 1;
        }
        0
    }

    fn bare() -> usize {
        let mut found = Ips {
            len: 0,
            ips: [0; 256],
        };
        // SAFETY: the callback uses the array only during this call.
        unsafe { _Unwind_Backtrace(visit, (&raw mut found).cast()) };
        black_box(&found.ips);
        found.len
    }

    #[inline(never)]
    fn at_depth(depth: u32, run: &mut dyn FnMut()) {
        if depth == 0 {
            run();
        } else {
            at_depth(depth - 1, run);
        }
        black_box(depth);
    }

    /// Runs per round. There are many short rounds, so that some are undisturbed on a busy machine.
    const RUNS: u32 = 200;
    const ROUNDS: u32 = 1_000;

    /// Prints the nanoseconds per run of the best round. The cases run alternately.
    fn compare(depth: u32, cases: &mut [(&str, &mut dyn FnMut())]) {
        let mut best = vec![f64::MAX; cases.len()];
        for _ in 0..ROUNDS {
            for ((_, case), best) in cases.iter_mut().zip(&mut best) {
                at_depth(depth, &mut || {
                    let start = Instant::now();
                    (0..RUNS).for_each(|_| case());
                    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(RUNS);
                    *best = best.min(each);
                });
            }
        }
        for ((name, _), time) in cases.iter().zip(&best) {
            println!(
                "{depth:>5}  {name:<38} {time:>7.0} ns  {:>5.2} x",
                time / best[0]
            );
        }
    }

    /// The throughput of two threads divided by that of one.
    fn throughput(case: impl Fn() + Sync) -> f64 {
        2.0 * threads(1, &case) / threads(2, &case)
    }

    /// The seconds from the first thread's start to the last thread's end, while all run at the same
    /// time. The best of many rounds.
    fn threads(count: usize, case: &(impl Fn() + Sync)) -> f64 {
        let together = Barrier::new(count);
        let rounds = Mutex::new(vec![None::<(Instant, Instant)>; ROUNDS as usize]);
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    at_depth(20, &mut || {
                        for round in 0..ROUNDS as usize {
                            together.wait();
                            let start = Instant::now();
                            (0..10 * RUNS).for_each(|_| case());
                            let end = Instant::now();
                            let mut rounds = rounds.lock().unwrap();
                            let (first, last) = rounds[round].unwrap_or((start, end));
                            rounds[round] = Some((first.min(start), last.max(end)));
                        }
                    });
                });
            }
        });
        let rounds = rounds.into_inner().unwrap();
        let times = rounds.into_iter().flatten();
        times
            .map(|(first, last)| (last - first).as_secs_f64())
            .fold(f64::MAX, f64::min)
    }

    pub(super) fn main() {
        stackerr::set_max_depth(100);
        println!("depth");
        for depth in [20, 50] {
            let held = stackerr::err!("held");
            let mut held = Some(held);
            compare(
                depth,
                &mut [
                    ("bare walk of the system's unwinder", &mut || {
                        black_box(bare());
                    }),
                    ("err!(\"…\"), created and dropped", &mut || {
                        drop(black_box(stackerr::err!("x")));
                    }),
                    ("Error::new(std error)", &mut || {
                        drop(black_box(stackerr::Error::new(std::fmt::Error)));
                    }),
                    ("into a box and back: no capture", &mut || {
                        let boxed = held.take().map(stackerr::Error::into_boxed);
                        held = boxed.map(stackerr::Error::from_boxed);
                    }),
                ],
            );
        }
        println!(
            "two threads at once: {:.2} x one; bare walks {:.2} x",
            throughput(|| drop(black_box(stackerr::err!("x")))),
            throughput(|| {
                black_box(bare());
            }),
        );
    }
}
