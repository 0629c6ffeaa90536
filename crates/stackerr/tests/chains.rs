//! Chains of `std::error::Error::source`, and messages that are written once.

use stackerr::{Error, ResultExt, StackOrigin, err};
use std::error::Error as StdError;
use std::fmt;
use std::io;

#[test]
fn source_below_a_context_is_the_foreign_error() {
    let err = Error::new(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
    let boxed: Box<dyn StdError> = err.into();
    let source = boxed.source().unwrap().downcast_ref::<io::Error>();
    assert_eq!(source.unwrap().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn downcast_sees_through_contexts_and_finds_contexts_and_messages() {
    let io = || {
        Error::new(io::Error::other("io"))
            .context("outer")
            .context(7)
    };
    assert!(io().downcast::<io::Error>().is_ok());
    assert_eq!(io().downcast::<i32>().unwrap(), 7);
    assert_eq!(io().downcast_ref::<&str>(), Some(&"outer"));
    assert!(io().downcast::<fmt::Error>().is_err());
    let result: Result<(), _> = Err(io::Error::other("io"));
    assert!(result.context("c").unwrap_err().is::<io::Error>());
    *io().downcast_mut::<i32>().unwrap() = 8;
}

#[test]
fn a_width_holds_for_messages() {
    assert_eq!(format!("{:>4}|{:<4}|", err!("x"), err!("y")), "   x|y   |");
    assert_eq!(format!("{:>4}", err!("x").context("c")), "   c");
}

#[test]
fn functions_passed_by_name_do_not_record_places_in_std() {
    let fails = || Err::<(), _>(fmt::Error);
    let errors = [
        fails().map_err(Error::new).unwrap_err(),
        fails().map_err(Into::<Error>::into).unwrap_err(),
        fails().map_err(Error::wrap).unwrap_err(),
    ];
    for err in errors {
        let err = err.context("here");
        for trace in &err.stack_traces() {
            let files: Vec<_> = trace.trail().iter().map(|place| place.file()).collect();
            assert!(
                files.iter().all(|file| file.ends_with("chains.rs")),
                "{files:?}"
            );
        }
    }
}

#[derive(Debug)]
struct Opening(io::Error);

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot open x: {}", self.0)
    }
}

impl StdError for Opening {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_cause_that_is_part_of_its_error_s_message_is_not_shown_again() {
    let err = Error::new(Opening(io::Error::other("gone"))).context("starting");
    let text = err.report().stacks(false).to_string();
    assert_eq!(text, "starting\ncaused by: cannot open x: gone");
    assert_eq!(format!("{err:#}"), "starting: cannot open x: gone");
    assert_eq!(err.chain().len(), 3);
}

#[derive(Debug)]
struct Circle;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round")
    }
}

impl StdError for Circle {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self)
    }
}

#[test]
fn a_cycle_of_causes_is_reported_in_a_few_lines() {
    let text = Error::new(Circle).report().stacks(false).to_string();
    assert!(text.lines().count() < 10, "{text}");
    assert!(text.ends_with("… the causes repeat (cut)"), "{text}");
}

#[test]
fn a_stack_from_a_conversion_is_marked() {
    let boxed: Box<dyn StdError + Send + Sync> = "created elsewhere".into();
    let err = Error::from_boxed(boxed);
    let traces = err.stack_traces();
    assert_eq!(
        traces.iter().next().unwrap().origin(),
        StackOrigin::Conversion
    );
    assert!(format!("{err:?}").contains("captured where the error was converted"));
    let made = err!("made").stack_traces();
    assert_eq!(made.iter().next().unwrap().origin(), StackOrigin::Creation);
}

#[test]
fn bail_and_ensure_are_inferred_in_closures() {
    let even = |n: i32| {
        stackerr::ensure!(n % 2 == 0);
        if n > 10 {
            stackerr::bail!("too large");
        }
        Ok(n)
    };
    assert_eq!(
        even(3).unwrap_err().to_string(),
        "Condition failed: `n % 2 == 0` (1 vs 0)"
    );
    assert!(even(12).is_err() && even(2).is_ok());
}
