//! Counts how many stacks are captured.

use stackerr::{Error, ResultExt, Traced, err, set_capture_stamp};
use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;

thread_local! {
    static CAPTURES: Cell<u64> = const { Cell::new(0) };
}

/// The hook runs at each capture, on the thread that captures.
fn count() -> u64 {
    CAPTURES.set(CAPTURES.get() + 1);
    CAPTURES.get()
}

#[track_caller]
fn check<T>(expected: u64, case: impl FnOnce() -> T) {
    set_capture_stamp(count);
    let before = CAPTURES.get();
    let value = case();
    assert_eq!(CAPTURES.get() - before, expected);
    drop(value);
}

#[derive(Debug)]
struct Holder(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("holder")
    }
}

impl StdError for Holder {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn one_for_each_created_error() {
    check(1, || err!("x"));
    check(1, || Error::new(fmt::Error));
    check(1, || Error::from(fmt::Error));
    check(1, || Error::from_boxed(Box::new(fmt::Error)));
    check(1, || Error::wrap("text"));
    check(1, || None::<()>.context("none"));
    check(1, || Err::<(), _>(fmt::Error).with_context(|| "none"));
    check(1, || Traced::new(fmt::Error));
}

#[test]
fn none_for_an_error_with_a_stack() {
    check(1, || err!("x").context("a").context("b"));
    check(1, || Err::<(), _>(err!("x")).stack().context("c").stack());
    check(2, || {
        Error::join([err!("a"), err!("b")]).unwrap().context("c")
    });
    check(1, || Error::new(Traced::new(fmt::Error)));
    check(1, || Traced::new(Traced::new(fmt::Error)));
    check(1, || Error::new(Holder(err!("x").into())));
    check(1, || {
        Error::new(Holder(Box::new(Holder(Box::new(Traced::new(fmt::Error))))))
    });
    check(1, || {
        let boxed: Box<dyn StdError + Send + Sync> = err!("x").into();
        Error::from_boxed(boxed)
    });
    check(1, || {
        let boxed: Box<dyn StdError + Send + Sync> = err!("x").into();
        Err::<(), _>(boxed).context("again")
    });
    check(2, || {
        let join = Error::join([err!("a"), err!("b")]).unwrap().context("c");
        Error::new(Holder(join.into())).context("d")
    });
}

#[cfg(feature = "anyhow")]
#[test]
fn none_through_anyhow() {
    check(1, || {
        let error = anyhow::Error::from(err!("x")).context("theirs");
        Err::<(), _>(error).context("ours").unwrap_err()
    });
    check(1, || {
        let error = anyhow::Error::from(err!("x"));
        Err::<(), _>(error).stack().unwrap_err()
    });
}

#[test]
fn symbols_are_found_once() {
    check(1, || {
        let err = err!("x");
        let first = err.stack_traces().into_iter().next().unwrap();
        let again = err.stack_traces().into_iter().next().unwrap();
        assert!(std::ptr::eq(first.frames(), again.clone().frames()));
    });
}
