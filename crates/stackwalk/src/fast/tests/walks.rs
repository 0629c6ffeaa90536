//! Compares the fast walk with the system's unwinder on tens of thousands of stacks.

use crate::fast::walk;
use crate::system;
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

/// The number of stacks per thread, and of steps between the test and the deepest of them. A step may
/// be several calls.
const STACKS: u32 = 10_000;
const MAX_CALLS: u64 = 24;

/// Chooses at random which function is called next.
struct Draw {
    state: u64,
    calls: u64,
    compared: u32,
}

impl Draw {
    /// xorshift64
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

/// Runs both walks from here. They begin at two places of this function. The callers must be equal.
#[inline(never)]
fn compare(draw: &mut Draw) {
    let mut ours = [0; 1024];
    let mut theirs = [0; 1024];
    let len = walk(&mut ours).expect("the fast walk can go through this stack");
    let their_len = system::walk(&mut theirs);
    assert!(len < ours.len());
    assert_eq!(ours[1..len], theirs[1..their_len]);
    assert!(ours[0].abs_diff(theirs[0]) < 4096);
    // A shorter buffer gets the same first addresses.
    let mut cut = [0; 5];
    assert_eq!(walk(&mut cut), Some(cut.len().min(len)));
    assert_eq!(cut[1..], ours[1..cut.len()]);
    draw.compared += 1;
}

#[inline(never)]
fn go_on(draw: &mut Draw) {
    if draw.calls == 0 {
        return compare(draw);
    }
    draw.calls -= 1;
    match draw.next() % 14 {
        0 => go_on(draw),
        1 => large_frame::<100>(draw),
        2 => large_frame::<2_000>(draw),
        3 => generic(draw, |draw| {
            go_on(draw);
            black_box(());
        }),
        4 => generic(draw, go_on),
        5 => dynamic(draw).call(),
        6 => (0..1).for_each(|_| go_on(draw)),
        // musl has no tables for `qsort`, so both walks would end there.
        7 if cfg!(target_env = "musl") => go_on(draw),
        7 => through_c(draw),
        8 => caught(draw),
        9 => in_flight(draw),
        10 => polled(draw),
        11 => many_arguments(1, 2, 3, 4, 5, 6, 7, 8, draw),
        12 => aligned(draw),
        _ => recursion(draw, 5),
    }
    // Prevents tail calls.
    black_box(());
}

#[inline(never)]
fn large_frame<const N: usize>(draw: &mut Draw) {
    let mut words = [0_u64; N];
    black_box(&mut words);
    go_on(draw);
    black_box(&mut words);
}

#[inline(never)]
fn generic(draw: &mut Draw, call: impl FnOnce(&mut Draw)) {
    call(draw);
    black_box(());
}

trait Call {
    fn call(self: Box<Self>);
}

impl Call for &mut Draw {
    fn call(self: Box<Self>) {
        go_on(*self);
        black_box(());
    }
}

fn dynamic(draw: &mut Draw) -> Box<dyn Call + '_> {
    Box::new(draw)
}

/// Calls back from the C library: `qsort` compares two elements.
#[inline(never)]
fn through_c(draw: &mut Draw) {
    unsafe extern "C" {
        fn qsort_r(
            base: *mut c_void,
            count: usize,
            size: usize,
            compare: extern "C" fn(*const c_void, *const c_void, *mut c_void) -> c_int,
            context: *mut c_void,
        );
    }
    extern "C" fn compare(_: *const c_void, _: *const c_void, draw: *mut c_void) -> c_int {
        // SAFETY: it is the pointer that is passed below, which nothing else uses meanwhile.
        go_on(unsafe { &mut *draw.cast::<Draw>() });
        0
    }
    let mut items = [2_u8, 1];
    // SAFETY: two elements of one byte; the comparison reads none, and does not unwind.
    unsafe {
        let draw = (&raw mut *draw).cast();
        qsort_r(items.as_mut_ptr().cast(), 2, 1, compare, draw);
    }
}

#[inline(never)]
fn caught(draw: &mut Draw) {
    catch_unwind(AssertUnwindSafe(|| go_on(draw))).unwrap();
}

/// Continues in a destructor that runs while a panic unwinds.
#[inline(never)]
fn in_flight(draw: &mut Draw) {
    struct Guard<'a>(&'a mut Draw);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            go_on(self.0);
        }
    }
    let compared = draw.compared;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = Guard(draw);
        resume_unwind(Box::new("quietly"));
    }));
    assert!(caught.is_err());
    assert!(draw.compared > compared);
}

#[inline(never)]
fn polled(draw: &mut Draw) {
    async fn inner(draw: &mut Draw) {
        go_on(draw);
    }
    async fn outer(draw: &mut Draw) {
        inner(draw).await;
    }
    let future = pin!(outer(draw));
    assert!(
        future
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

#[inline(never)]
#[allow(clippy::too_many_arguments)]
fn many_arguments(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, draw: &mut Draw) {
    go_on(draw);
    black_box((a, b, c, d, e, f, g, h));
}

/// The compiler addresses this frame by the frame pointer, because of its alignment.
#[inline(never)]
fn aligned(draw: &mut Draw) {
    #[repr(align(128))]
    struct Aligned([u8; 128]);
    let mut block = Aligned([0; 128]);
    black_box(&mut block);
    go_on(draw);
    black_box(&mut block.0);
}

#[inline(never)]
fn recursion(draw: &mut Draw, depth: u32) {
    if depth == 0 {
        go_on(draw);
    } else {
        recursion(draw, depth - 1);
    }
    black_box(depth);
}

#[test]
fn the_fast_walk_finds_the_addresses_that_the_system_unwinder_finds() {
    std::thread::scope(|scope| {
        for seed in 1..=3 {
            scope.spawn(move || {
                let mut draw = Draw {
                    state: seed,
                    calls: 0,
                    compared: 0,
                };
                while draw.compared < STACKS {
                    draw.calls = draw.next() % MAX_CALLS;
                    go_on(&mut draw);
                }
            });
        }
    });
}
