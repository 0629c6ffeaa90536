//! Conversions to and from other error crates.

use stackerr::{Error, Result, ResultExt, stack_traces};
use std::error::Error as StdError;

#[inline(never)]
fn create() -> Result<i32> {
    let number = std::hint::black_box("x").parse::<i32>()?;
    Ok(number)
}

#[track_caller]
fn check(error: &(dyn StdError + 'static)) {
    let traces = stack_traces(error);
    assert_eq!(traces.len(), 1, "{traces}");
    let trace = traces.iter().next().unwrap();
    assert_eq!(trace.error(), "invalid digit found in string");
    assert!(trace.frames()[0].name().ends_with("create"), "{trace}");
}

#[cfg(feature = "anyhow")]
mod anyhow_both_ways {
    use super::*;
    use anyhow::Context;
    use stackerr::err;
    use std::num::ParseIntError;

    fn theirs() -> anyhow::Result<i32> {
        Ok(create()?)
    }

    #[test]
    fn from_ours() {
        let error = theirs().unwrap_err();
        assert_eq!(error.to_string(), "invalid digit found in string");
        check(error.as_ref());
        let error = Context::context(theirs(), "theirs").unwrap_err();
        check(error.as_ref());
        assert_eq!(
            format!("{error:#}"),
            "theirs: invalid digit found in string"
        );
        // anyhow's box hides our type.
        let boxed: Box<dyn StdError + Send + Sync> = theirs().unwrap_err().into();
        check(&*boxed);
        let boxed: Box<dyn StdError + Send + Sync> = error.into();
        check(&*boxed);
        check(Error::from_boxed(boxed).as_std());
    }

    #[test]
    fn into_ours_and_back() {
        let err = ResultExt::context(theirs(), "ours").unwrap_err();
        check(err.as_std());
        // This is the same error again.
        let same = ResultExt::stack(theirs()).unwrap_err();
        assert!(same.downcast_ref::<ParseIntError>().is_some());

        let context = Context::context(theirs(), "theirs");
        let err = ResultExt::context(context, "ours").unwrap_err();
        assert_eq!(
            format!("{err:#}"),
            "ours: theirs: invalid digit found in string"
        );
        check(err.as_std());
        assert!(err.find::<ParseIntError>().is_some());

        let again = anyhow::Error::from(err).context("last");
        check(again.as_ref());
        check(Error::wrap(again).as_std());
    }

    #[test]
    fn a_join_keeps_all_its_stacks() {
        let join = Error::join([create().unwrap_err(), err!("b")]).unwrap();
        let error = anyhow::Error::from(join).context("theirs");
        assert_eq!(stack_traces(error.as_ref()).len(), 2);
        assert_eq!(stackerr::errors(error.as_ref()).len(), 2);
        let err = Error::wrap(error);
        assert_eq!(err.stack_traces().len(), 2);
        assert_eq!(err.errors().len(), 2);
    }

    #[test]
    fn an_anyhow_report_has_the_causes_of_each_branch() {
        let read = err!("error i").context("error k");
        let join = Error::join([err!("error a"), read]).unwrap();
        let report = format!("{:?}", anyhow::Error::from(join).context("theirs"));
        for message in ["theirs", "error a", "error k", "error i"] {
            assert!(report.contains(message), "{message} is missing:\n{report}");
        }
    }

    #[test]
    fn an_anyhow_error_is_found_by_type() {
        let error = anyhow::Error::new("x".parse::<i32>().unwrap_err());
        let err = Error::wrap(error);
        assert!(err.is::<ParseIntError>());
        assert!(err.downcast_ref::<ParseIntError>().is_some());
        assert!(
            err.downcast::<std::fmt::Error>()
                .unwrap_err()
                .downcast::<ParseIntError>()
                .is_ok()
        );
    }
}

#[test]
fn anyhow_without_the_feature() {
    // Through the conversion to a box, which every build has.
    let error: anyhow::Error = anyhow::anyhow!("theirs");
    let err = Err::<(), _>(error).context("ours").unwrap_err();
    assert_eq!(format!("{err:#}"), "ours: theirs");
    assert_eq!(err.stack_traces().len(), 1);
    let boxed: Box<dyn StdError + Send + Sync> = create().unwrap_err().into();
    check(anyhow::Error::from_boxed(boxed).as_ref());
}

#[test]
fn through_eyre() {
    use eyre::WrapErr;

    #[derive(Debug, thiserror::Error)]
    #[error("mine")]
    struct Mine(#[source] Box<dyn StdError + Send + Sync>);

    fn theirs() -> eyre::Result<i32> {
        create().map_err(|err| eyre::Report::new(Mine(err.into())))
    }
    let report = theirs().wrap_err("theirs").unwrap_err();
    let root: &(dyn StdError + 'static) = report.as_ref();
    check(root);
    assert_eq!(
        stackerr::report(root).stacks(false).to_string(),
        "theirs\ncaused by: mine\ncaused by: invalid digit found in string"
    );
    let boxed: Box<dyn StdError + Send + Sync> = report.into();
    check(Error::from_boxed(boxed).as_std());
}
