//! The first stack is kept through all conversions.

use stackerr::{Error, JoinExt, Result, ResultExt, Traced, err, stack_traces};
use std::error::Error as StdError;
use std::num::ParseIntError;

#[inline(never)]
fn create() -> Result<i32> {
    let number = std::hint::black_box("x").parse::<i32>()?;
    Ok(number)
}

/// Checks that there is one stack, and that it begins in `create`.
#[track_caller]
fn check(error: &(dyn StdError + 'static)) {
    let traces = stack_traces(error);
    assert_eq!(traces.len(), 1, "{traces}");
    let trace = traces.iter().next().unwrap();
    assert_eq!(trace.error(), "invalid digit found in string");
    // The complete path is known only with full debug information.
    assert_eq!(last_segment(trace.frames()[0].name()), "create", "{trace}");
    assert!(trace.trail()[0].file().ends_with("retention.rs"));
}

fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

#[test]
fn through_question_marks_stack_and_context() {
    fn outer() -> Result<i32> {
        let number = create().stack()?;
        Ok(number)
    }
    let err = outer().context("outer").stack().unwrap_err();
    check(err.as_std());
    check(err.context(String::from("owned")).context(42).as_std());
}

#[test]
fn through_joins_wrapped_joins_and_joins_of_wrapped_joins() {
    let two = || Error::join([create().unwrap_err(), create().unwrap_err()]).unwrap();
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
        .spawn(create);
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
    let handles: Vec<_> = (0..4).map(|_| std::thread::spawn(create)).collect();
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
    let boxed: Box<dyn StdError> = create().unwrap_err().context("outer").into();
    check(&*boxed);

    let boxed: Box<dyn StdError + Send + Sync> = create().unwrap_err().into();
    check(&*boxed);
    let err = Error::from_boxed(boxed);
    check(err.as_std());
    // This is the same error: its original value is found by type again.
    assert!(err.downcast_ref::<ParseIntError>().is_some());
    assert!(err.downcast::<ParseIntError>().is_ok());

    fn question_mark() -> std::result::Result<i32, Box<dyn StdError + Send + Sync>> {
        Ok(create()?)
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
    fn create() -> std::result::Result<i32, Traced<ParseIntError>> {
        std::hint::black_box("x").parse().traced()
    }
    create()
}

#[test]
fn through_custom_enums() {
    fn number() -> std::result::Result<i32, Mine> {
        Ok(traced()?)
    }
    let mine = number().unwrap_err();
    check(&mine);
    check(&Mine::Plain(traced().unwrap_err()));
    check(&Mine::Other(create().unwrap_err().into()));
    check(&Mine::Other(
        create().unwrap_err().context("in between").into(),
    ));
    check(&Mine::Through(create().unwrap_err().into()));
    check(Error::new(mine).context("outer").as_std());
    let join = Error::join([create().unwrap_err(), err!("b")]).unwrap();
    assert_eq!(stack_traces(&Mine::Other(join.into())).len(), 2);
}

#[test]
fn a_traced_error_is_shown_once() {
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
fn traced_by_question_mark() {
    #[inline(never)]
    fn create() -> std::result::Result<i32, Traced<ParseIntError>> {
        let number = std::hint::black_box("x").parse::<i32>()?;
        Ok(number)
    }
    let err = create().unwrap_err();
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
fn find_searches_every_branch() {
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
    let one = Error::join([create().unwrap_err()]).unwrap();
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
fn the_trail_has_every_place_in_order() {
    let line = line!() + 1;
    let err = create().stack().context("one").stack().unwrap_err();
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
fn any_error_type_is_accepted() {
    let text: std::result::Result<(), &'static str> = Err("text");
    assert_eq!(text.stack().unwrap_err().to_string(), "text");
    let text: std::result::Result<(), String> = Err("owned".to_owned());
    assert_eq!(format!("{:#}", text.context("c").unwrap_err()), "c: owned");
}
