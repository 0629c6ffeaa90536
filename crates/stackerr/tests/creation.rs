//! A stack begins where the error was created, in debug and in release (`cargo test --release`).
#![expect(
    clippy::unnecessary_map_on_constructor,
    clippy::redundant_closure_call,
    reason = "each case is a usual way to create an error"
)]

use stackerr::{Error, JoinExt, ResultExt, StackTrace, Traced, bail, ensure, err};
use std::fmt;

/// Checks that the innermost frame is the given function of this file, at the given line.
#[track_caller]
fn check(trace: &StackTrace, function: &str, line: u32) {
    let first = &trace.frames()[0];
    // Only full debug information gives the path of a function.
    assert!(first.name().ends_with(function), "{trace}");
    assert!(first.file().unwrap().ends_with("creation.rs"), "{trace}");
    assert_eq!(first.line(), Some(line), "{trace}");
    assert_eq!(trace.trail()[0].line(), line);
}

macro_rules! creations {
    ($($name:ident: $body:expr;)*) => {$(
        mod $name {
            use super::*;

            #[inline(never)]
            fn create() -> (u32, Option<Error>) {
                // The line of the macro's argument is the same for both.
                let (line, result): (u32, Result<(), Error>) = (line!(), $body());
                // This must not be a tail call, which would replace this frame.
                (std::hint::black_box(line), result.err())
            }

            #[test]
            fn begins_where_it_was_created() {
                let (_, err) = create();
                let traces = err.unwrap().stack_traces();
                let first = &traces.iter().next().unwrap().frames()[0];
                assert!(first.file().unwrap().ends_with("creation.rs"), "{traces}");
                assert!(
                    first.name().ends_with("create") || first.name().contains("closure"),
                    "{traces}"
                );
            }
        }
    )*};
}

creations! {
    question_mark: || { Err(fmt::Error)?; Ok(()) };
    map_err: || Err(fmt::Error).map_err(Error::from);
    map_err_new: || Err(fmt::Error).map_err(Error::new);
    into: || Err(fmt::Error.into());
    macro_err: || Err(err!("x"));
    macro_err_value: || Err(err!(fmt::Error));
    macro_bail: || { bail!("x {}", 1) };
    macro_ensure: || { ensure!(std::hint::black_box(false)); Ok(()) };
    stack: || Err(fmt::Error).stack();
    context: || Err(fmt::Error).context("c");
    with_context: || Err(fmt::Error).with_context(|| "c");
    option: || None.context("c");
    option_ok_or_else: || None.ok_or_else(|| err!("c"));
    boxed: || Err(Error::from_boxed(Box::new(fmt::Error)));
    text: || Err("text").stack();
    join: || [Err::<(), _>(fmt::Error)].join_errors::<Vec<_>>().map(drop);
    join_of_a_map: || [1].iter().map(|_| Err::<(), _>(fmt::Error)).join_errors::<Vec<_>>().map(drop);
    traced: || { Err(fmt::Error).traced()?; Ok(()) };
    traced_question_mark: || {
        fn create() -> Result<(), Traced<fmt::Error>> { Err(fmt::Error)?; Ok(()) }
        let result = create();
        std::hint::black_box(());
        Ok(result?)
    };
    nested_closures: || (|| (|| Err(err!("deep")))())();
}

#[test]
fn name_file_and_line_are_right() {
    #[inline(never)]
    fn right_here() -> (Error, u32) {
        let (err, line) = (err!("x"), line!());
        (std::hint::black_box(err), line)
    }
    let (err, line) = right_here();
    check(
        err.stack_traces().iter().next().unwrap(),
        "right_here",
        line,
    );
}

#[test]
fn a_trace_of_the_present_begins_at_the_caller() {
    #[inline(never)]
    fn right_here() -> (StackTrace, u32) {
        let (trace, line) = (StackTrace::capture("now"), line!());
        (std::hint::black_box(trace), line)
    }
    let (trace, line) = right_here();
    assert_eq!(trace.error(), "now");
    check(&trace, "right_here", line);
}

#[test]
fn the_caller_follows() {
    #[inline(never)]
    fn inner() -> Error {
        std::hint::black_box(err!("x"))
    }
    #[inline(never)]
    fn outer() -> Error {
        std::hint::black_box(inner())
    }
    let traces = outer().stack_traces();
    let names: Vec<&str> = traces.iter().next().unwrap().frames()[..2]
        .iter()
        .map(|frame| frame.name().rsplit("::").next().unwrap())
        .collect();
    assert_eq!(names, ["inner", "outer"]);
}

#[test]
fn the_stack_of_an_error_created_while_a_panic_unwinds_begins_there() {
    struct Guard<'a>(&'a mut Option<Error>);
    impl Drop for Guard<'_> {
        #[inline(never)]
        fn drop(&mut self) {
            *self.0 = Some(err!("in a destructor"));
        }
    }
    let mut kept = None;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = Guard(&mut kept);
        std::panic::resume_unwind(Box::new("quietly"));
    }));
    assert!(caught.is_err());
    let traces = kept.unwrap().stack_traces();
    let first = &traces.iter().next().unwrap().frames()[0];
    assert!(first.name().contains("drop"), "{traces}");
    assert!(first.file().unwrap().ends_with("creation.rs"), "{traces}");
}
