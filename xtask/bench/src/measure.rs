//! Measures a case and the floor alternately.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Nanoseconds per step, of the floor and of the case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) floor: f64,
    pub(crate) case: f64,
}

/// The approximate duration of a turn.
const TURN: Duration = Duration::from_millis(4);
const TURNS: usize = 15;

/// Work in many small steps, with a state for each thread.
pub(crate) trait Work: Sync {
    type State;
    fn start(&self) -> Self::State;
    fn step(&self, state: &mut Self::State, number: u64);
}

/// A closure without state.
pub(crate) struct Step<F>(pub(crate) F);

impl<F: Fn(u64) + Sync> Work for Step<F> {
    type State = ();
    fn start(&self) {}
    #[inline]
    fn step(&self, (): &mut (), number: u64) {
        (self.0)(number);
    }
}

/// Medians of alternating turns of both, with `threads` threads at once.
pub(crate) fn alternate(floor: &impl Work, case: &impl Work, threads: usize) -> Sample {
    alternate_at_depth(0, floor, case, threads)
}

/// Like [`alternate`], with `depth` more frames on the stack.
pub(crate) fn alternate_at_depth(
    depth: usize,
    floor: &impl Work,
    case: &impl Work,
    threads: usize,
) -> Sample {
    let steps = (calibrate(floor), calibrate(case));
    let start = Barrier::new(threads);
    let times = thread::scope(|scope| {
        let run = || {
            let mut floor_state = floor.start();
            let mut case_state = case.start();
            let mut times = Vec::new();
            at_depth(depth, &mut || {
                for _ in 0..TURNS {
                    start.wait();
                    let floor_ns = turn(floor, &mut floor_state, steps.0);
                    start.wait();
                    let case_ns = turn(case, &mut case_state, steps.1);
                    times.push((floor_ns, case_ns));
                }
            });
            times
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect::<Vec<_>>()
    });
    Sample {
        floor: median(times.iter().map(|time| time.0).collect()),
        case: median(times.iter().map(|time| time.1).collect()),
    }
}

/// Runs something with `depth` more frames on the stack.
#[inline(never)]
fn at_depth(depth: usize, run: &mut dyn FnMut()) {
    if depth == 0 {
        run();
    } else {
        at_depth(depth - 1, run);
    }
    // Work after the call prevents a tail call.
    std::hint::black_box(depth);
}

fn turn<W: Work>(work: &W, state: &mut W::State, steps: u64) -> f64 {
    let start = Instant::now();
    for number in 0..steps {
        work.step(state, number);
    }
    start.elapsed().as_nanos() as f64 / steps as f64
}

/// How many steps fit into a turn.
fn calibrate<W: Work>(work: &W) -> u64 {
    let mut state = work.start();
    let mut steps = 64;
    loop {
        // The better of two: one may have been interrupted.
        let once = turn(work, &mut state, steps);
        let ns = once.min(turn(work, &mut state, steps)) * steps as f64;
        if ns >= TURN.as_nanos() as f64 / 4.0 {
            return (steps as f64 * TURN.as_nanos() as f64 / ns).max(1.0) as u64;
        }
        steps *= 2;
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
