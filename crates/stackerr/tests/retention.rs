//! The first stack is kept, however the error is converted.

use stackerr::{Error, JoinExt, Result, ResultExt, Traced, err, stack_traces};
use std::error::Error as StdError;
use std::num::ParseIntError;

#[inline(never)]
fn born() -> Result<i32> {
    let number = std::hint::black_box("x").parse::<i32>()?;
    Ok(number)
}

/// Checks that there is one stack, and that it begins in `born`.
#[track_caller]
fn check(error: &(dyn StdError + 'static)) {
    let traces = stack_traces(error);
    assert_eq!(traces.len(), 1, "{traces}");
    let trace = traces.iter().next().unwrap();
    assert_eq!(trace.error(), "invalid digit found in string");
    // The complete path is known only with full debug information.
    assert_eq!(last_segment(trace.frames()[0].name()), "born", "{trace}");
    assert!(trace.trail()[0].file().ends_with("retention.rs"));
}

fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

#[test]
fn through_question_marks_stack_and_context() {
    fn way_up() -> Result<i32> {
        let number = born().stack()?;
        Ok(number)
    }
    let err = way_up().context("outer").stack().unwrap_err();
    check(err.as_std());
    check(err.context(String::from("owned")).context(42).as_std());
}

#[test]
fn through_joins_wrapped_joins_and_joins_of_wrapped_joins() {
    let two = || Error::join([born().unwrap_err(), born().unwrap_err()]).unwrap();
    assert_eq!(two().stack_traces().len(), 2);

    let wrapped = two().context("wrapped");
    assert_eq!(wrapped.stack_traces().len(), 2);

    let mut all = vec![wrapped, err!("between"), two().context("again")];
    all.insert(0, err!("first"));
    let whole = Error::join(all).unwrap().context("whole");
    let texts: Vec<String> = whole
        .stack_traces()
        .into_iter()
        .map(|trace| trace.error().to_owned())
        .collect();
    let digit = "invalid digit found in string";
    assert_eq!(texts, ["first", digit, digit, "between", digit, digit]);
    let leaves: Vec<String> = whole.errors().iter().map(ToString::to_string).collect();
    assert_eq!(leaves, texts);
}

#[test]
fn through_a_thread() {
    let handle = std::thread::Builder::new()
        .name("worker".into())
        .spawn(born);
    let err = handle
        .unwrap()
        .join()
        .unwrap()
        .context("worker")
        .unwrap_err();
    check(err.as_std());
}

#[test]
fn through_many_threads_joined() {
    let handles: Vec<_> = (0..4).map(|_| std::thread::spawn(born)).collect();
    let err = handles
        .into_iter()
        .map(|handle| handle.join().unwrap())
        .join_errors::<Vec<_>>()
        .unwrap_err();
    assert_eq!(err.stack_traces().len(), 4);
    for leaf in err.errors() {
        check(leaf.as_std());
    }
}

#[test]
fn through_a_box_and_back() {
    let boxed: Box<dyn StdError> = born().unwrap_err().context("outer").into();
    check(&*boxed);

    let boxed: Box<dyn StdError + Send + Sync> = born().unwrap_err().into();
    check(&*boxed);
    let err = Error::from_boxed(boxed);
    check(err.as_std());
    // This is the same error: its original value is found by type again.
    assert!(err.downcast_ref::<ParseIntError>().is_some());
    assert!(err.downcast::<ParseIntError>().is_ok());

    fn question_mark() -> std::result::Result<i32, Box<dyn StdError + Send + Sync>> {
        Ok(born()?)
    }
    let boxed = question_mark().unwrap_err();
    check(&*boxed);
    check(question_mark().context("again").unwrap_err().as_std());
}

#[derive(Debug, thiserror::Error)]
enum Mine {
    #[error("the number is wrong")]
    Number(#[from] Traced<ParseIntError>),
    #[error(transparent)]
    Plain(Traced<ParseIntError>),
    #[error("something else")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
    #[error(transparent)]
    Through(Box<dyn StdError + Send + Sync>),
}

#[inline(never)]
fn traced() -> std::result::Result<i32, Traced<ParseIntError>> {
    #[inline(never)]
    fn born() -> std::result::Result<i32, Traced<ParseIntError>> {
        std::hint::black_box("x").parse().traced()
    }
    born()
}

#[test]
fn through_enums_of_ones_own() {
    fn number() -> std::result::Result<i32, Mine> {
        Ok(traced()?)
    }
    let mine = number().unwrap_err();
    check(&mine);
    check(&Mine::Plain(traced().unwrap_err()));
    check(&Mine::Other(born().unwrap_err().into()));
    check(&Mine::Other(
        born().unwrap_err().context("in between").into(),
    ));
    check(&Mine::Through(born().unwrap_err().into()));
    check(Error::new(mine).context("outer").as_std());
    let join = Error::join([born().unwrap_err(), err!("b")]).unwrap();
    assert_eq!(stack_traces(&Mine::Other(join.into())).len(), 2);
}

#[test]
fn a_traced_error_shows_once() {
    let err = Error::new(Mine::Number(traced().unwrap_err()));
    assert_eq!(
        format!("{err:#}"),
        "the number is wrong: invalid digit found in string"
    );
    let texts: Vec<String> = err.chain().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["the number is wrong", "invalid digit found in string"]
    );
    assert!(err.chain().last().unwrap().is::<ParseIntError>());

    let plain = Error::new(Mine::Plain(traced().unwrap_err()));
    assert_eq!(format!("{plain:#}"), "invalid digit found in string");

    // The same for code that walks the chain with std's own `source()`.
    let mine = Mine::Number(traced().unwrap_err());
    let cause = StdError::source(&mine).unwrap();
    assert_eq!(cause.to_string(), "invalid digit found in string");
    assert!(cause.source().is_none());
}

#[test]
fn traced_by_question_mark_alone() {
    #[inline(never)]
    fn born() -> std::result::Result<i32, Traced<ParseIntError>> {
        let number = std::hint::black_box("x").parse::<i32>()?;
        Ok(number)
    }
    let err = born().unwrap_err();
    check(&err);
    assert_eq!(err.kind(), err.inner().kind());
    assert_eq!(*err, err.clone_inner());
}

trait CloneInner {
    fn clone_inner(&self) -> ParseIntError;
}

impl CloneInner for Traced<ParseIntError> {
    fn clone_inner(&self) -> ParseIntError {
        self.inner().clone()
    }
}

#[test]
fn find_looks_into_every_branch() {
    let deep = Error::join([
        err!("a"),
        Error::join([err!("b"), Error::new(Mine::Number(traced().unwrap_err()))])
            .unwrap()
            .context("inner"),
    ])
    .unwrap()
    .context("outer");
    assert!(deep.find::<Mine>().is_some());
    assert!(deep.find::<ParseIntError>().is_some());
    assert!(deep.find::<Traced<ParseIntError>>().is_some());
    assert!(deep.find::<std::io::Error>().is_none());
    assert!(deep.downcast_ref::<Mine>().is_none() && !deep.is::<Mine>());
    let boxed: Box<dyn StdError> = deep.into();
    assert!(stackerr::find::<ParseIntError>(&*boxed).is_some());
}

#[test]
fn a_join_of_none_and_of_one() {
    assert!(Error::join([] as [Error; 0]).is_none());
    let one = Error::join([born().unwrap_err()]).unwrap();
    check(one.as_std());
    assert!(one.is::<ParseIntError>());
    assert_eq!(one.errors().len(), 1);
}

#[test]
fn an_error_without_a_stack_has_none() {
    assert!(stack_traces(&std::fmt::Error).is_empty());
    assert_eq!(stack_traces(&std::fmt::Error).to_string(), "");
}

#[test]
fn the_trail_holds_every_hop_in_order() {
    let line = line!() + 1;
    let err = born().stack().context("one").stack().unwrap_err();
    let err = Error::join([err, err!("b")]).unwrap();
    let err = err.context("two");
    let traces = err.stack_traces();
    let lines: Vec<u32> = traces.iter().next().unwrap().trail()[1..]
        .iter()
        .map(|place| place.line())
        .collect();
    assert_eq!(lines, [line, line, line, line + 1, line + 2]);
    let columns: Vec<u32> = traces.iter().next().unwrap().trail()[1..4]
        .iter()
        .map(|place| place.column())
        .collect();
    assert!(columns.is_sorted_by(|a, b| a < b), "{columns:?}");
}

#[test]
fn the_trail_is_bounded_and_counts_the_rest() {
    let mut err = err!("x");
    for _ in 0..100 {
        err = Err::<(), _>(err).stack().unwrap_err();
        err = Err::<(), _>(err).stack().unwrap_err();
    }
    let traces = err.stack_traces();
    let trace = traces.iter().next().unwrap();
    assert_eq!(trace.trail().len(), 32);
    assert_eq!(trace.trail_dropped(), 201 - 32);
}

#[test]
fn options() {
    let none: Option<i32> = None;
    assert_eq!(none.stack().unwrap_err().to_string(), "no value");
    assert_eq!(none.context("no job").unwrap_err().to_string(), "no job");
    let err = none.with_context(|| 7).unwrap_err();
    assert_eq!(format!("{err:#}"), "7");
    assert_eq!(err.stack_traces().iter().next().unwrap().error(), "7");
    assert_eq!(none.traced().unwrap_err().to_string(), "no value");
    assert_eq!(Some(1).context("x").unwrap(), 1);
}

#[test]
fn any_error_type_is_taken() {
    let text: std::result::Result<(), &'static str> = Err("text");
    assert_eq!(text.stack().unwrap_err().to_string(), "text");
    let text: std::result::Result<(), String> = Err("owned".to_owned());
    assert_eq!(format!("{:#}", text.context("c").unwrap_err()), "c: owned");
}
