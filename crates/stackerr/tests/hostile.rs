//! Errors that misbehave, or are deep, cyclic or many: each has a defined result.

use stackerr::{Error, JoinExt, Traced, err, message_of, report, stack_traces, tree};
use std::error::Error as StdError;
use std::fmt;
use std::sync::OnceLock;

/// An error that is formatted by a function, and may have a cause.
struct Odd {
    show: fn(&mut fmt::Formatter<'_>) -> fmt::Result,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Odd {
    fn new(show: fn(&mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        Self { show, cause: None }
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Odd")
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.show)(f)
    }
}

impl StdError for Odd {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Checks a message inside all kinds of output.
#[track_caller]
fn check_message(odd: Odd, expected: &str) {
    assert_eq!(message_of(&odd), expected);
    let err = Error::join([Error::new(odd).context("c"), err!("b")]).unwrap();
    let traces = err.stack_traces();
    assert_eq!(traces.iter().next().unwrap().error(), expected);
    assert!(traces.to_string().starts_with(expected));
    assert_eq!(err.tree().sources[0].sources[0].message, expected);
    assert_eq!(
        err.report().stacks(false).to_string(),
        format!("2 errors\n├─ c\n│  caused by: {expected}\n╰─ b")
    );
    assert_eq!(format!("{err:#}"), format!("[c: {expected}; b]"));
    assert!(format!("{err:?}").contains(expected));
    assert!(format!("{err:#?}").contains("ErrorTree"));
}

#[test]
fn a_display_that_panics() {
    std::panic::set_hook(Box::new(|_| assert!(stackerr::is_guarding())));
    check_message(Odd::new(|_| panic!("in Display")), "<Display panicked>");
    check_message(
        Odd::new(|f| {
            f.write_str("half a")?;
            panic!("in Display")
        }),
        "half a <Display panicked>",
    );
    let _ = std::panic::take_hook();
    assert!(!stackerr::is_guarding());
}

#[test]
fn a_display_that_is_empty_or_fails() {
    check_message(Odd::new(|_| Ok(())), "<no message>");
    check_message(Odd::new(|_| Err(fmt::Error)), "<no message>");
}

#[test]
fn a_display_that_makes_errors_itself() {
    check_message(
        Odd::new(|f| {
            let inner = Error::new(Traced::new(fmt::Error)).context("inner");
            write!(f, "{inner:#}: {}", inner.stack_traces().len())
        }),
        "inner: an error occurred when formatting an argument: 1",
    );
}

#[test]
fn a_display_without_end() {
    let odd = Odd::new(|f| {
        loop {
            f.write_str("again and again ")?;
        }
    });
    let text = message_of(&odd);
    assert!(text.len() <= 64 * 1024 + 16, "{}", text.len());
    assert!(text.ends_with("… (cut)"));
    let exact = Odd::new(|f| f.write_str(&"é".repeat(32 * 1024)));
    assert_eq!(message_of(&exact).len(), 64 * 1024);
}

#[test]
fn control_characters_are_escaped_for_people_and_kept_in_data() {
    let err = err!("a\u{1b}[31mred\u{7} \u{202e}txt\u{9b}1m\r").context("ok\ttab");
    let safe = "a\\u{1b}[31mred\\u{7} \\u{202e}txt\\u{9b}1m\\u{d}";
    let report = format!("{err:?}");
    assert!(
        report.starts_with(&format!("ok\ttab\ncaused by: {safe}\n")),
        "{report}"
    );
    assert!(!report.contains('\u{1b}') && !report.contains('\u{202e}'));
    assert!(err.stack_traces().to_string().starts_with(safe));
    let traces = err.stack_traces();
    assert!(traces.iter().next().unwrap().error().contains('\u{1b}'));
}

#[test]
fn ten_thousand_joined() {
    let err = (0..10_000)
        .map(|n| Err::<(), _>(err!("number {n}")))
        .join_errors::<Vec<_>>()
        .unwrap_err()
        .context("all of them");
    assert_eq!(err.errors().len(), 10_000);
    assert_eq!(err.errors()[9_999].to_string(), "number 9999");
    let traces = err.stack_traces();
    assert_eq!(traces.len(), 10_000);
    assert_eq!(traces.iter().last().unwrap().error(), "number 9999");

    let text = err.report().stacks(false).to_string();
    assert_eq!(text.lines().count(), 1_001);
    assert!(text.ends_with("\n╰─ … 9002 more errors (cut)"), "{text}");
    let whole = format!("{err:?}");
    assert!(whole.ends_with("\n\n… 9900 more stacks (cut)"));
    let line = format!("{err:#}");
    assert!(
        line.ends_with("; … 9002 more]"),
        "{}",
        &line[line.len() - 40..]
    );
    let tree = err.tree();
    let branches = &tree.sources[0].sources;
    assert_eq!(branches.last().unwrap().message, "… (2 more errors, cut)");
    assert_eq!(branches.len(), 9_999);
}

#[test]
fn ten_thousand_contexts() {
    let mut err = err!("root");
    for n in 0..10_000 {
        err = err.context(n);
    }
    let traces = err.stack_traces();
    assert_eq!(traces.len(), 1);
    assert_eq!(traces.iter().next().unwrap().error(), "root");
    assert_eq!(err.chain().count(), 10_001);
    assert_eq!(err.errors().len(), 1);
    let text = err.report().stacks(false).to_string();
    assert!(text.ends_with("\n… more causes (cut)"));
    assert_eq!(
        text.lines().count(),
        66,
        "the error, 64 causes and a line for the others"
    );
    assert!(format!("{err:#}").ends_with(": … (cut)"));
    assert!(format!("{err:#?}").contains("more causes, cut"));
    assert_eq!(depth(&err.tree()), 51);
    // Dropped at the end of this test, whose thread has 2 MiB of stack.
}

#[test]
fn ten_thousand_joins_in_joins() {
    let mut err = err!("root");
    for n in 0..10_000 {
        err = Error::join([err!("{n}"), err]).unwrap();
    }
    assert_eq!(err.errors().len(), 10_001);
    assert_eq!(err.stack_traces().len(), 10_001);
    assert!(err.report().stacks(false).to_string().contains("(cut)"));
    assert!(format!("{err:#}").contains("cut"));
    assert_eq!(depth(&err.tree()), 51);
    assert!(format!("{err}").len() > 10_000);
}

fn depth(tree: &stackerr::ErrorTree) -> usize {
    1 + tree.sources.iter().map(depth).max().unwrap_or(0)
}

#[test]
fn a_foreign_chain_of_ten_thousand() {
    let mut error: Box<dyn StdError + Send + Sync> = err!("root").into();
    for n in 0..10_000 {
        // A message that equals that of its cause would be shown once.
        let mut odd = match n % 2 {
            0 => Odd::new(|f| f.write_str("link")),
            _ => Odd::new(|f| f.write_str("ring")),
        };
        odd.cause = Some(error);
        error = Box::new(odd);
    }
    let traces = stack_traces(&*error);
    assert_eq!(traces.iter().next().unwrap().error(), "root");
    let text = report(&*error).stacks(false).to_string();
    assert!(
        text.ends_with("… more causes (cut)"),
        "{}",
        &text[text.len() - 100..]
    );
    assert_eq!(depth(&tree(&*error)), 51);
    let err = Error::from_boxed(error);
    assert_eq!(err.stack_traces().len(), 1);
    assert_eq!(err.chain().count(), 10_001);
    // The drop of such a foreign chain recurses and would overflow the stack.
    std::mem::forget(err);
}

/// Its cause is itself.
#[derive(Debug)]
struct Cyclic;

impl fmt::Display for Cyclic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round")
    }
}

impl StdError for Cyclic {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        static NEXT: OnceLock<Odd> = OnceLock::new();
        let next = NEXT.get_or_init(|| Odd {
            show: |f| f.write_str("and round"),
            cause: Some(Box::new(Cyclic)),
        });
        Some(next)
    }
}

#[test]
fn a_cyclic_chain() {
    let err = Error::new(Cyclic).context("outer");
    assert_eq!(err.stack_traces().len(), 1);
    assert!(err.chain().count() <= 20_001);
    assert_eq!(err.errors().len(), 1);
    assert!(!err.is::<std::io::Error>());
    let text = err.report().stacks(false).to_string();
    assert!(text.starts_with("outer\ncaused by: round\ncaused by: and round\n"));
    assert!(text.ends_with("… the causes repeat (cut)"), "{text}");
    assert!(text.lines().count() < 10, "{text}");
}

/// `source()` of this error panics.
#[derive(Debug)]
struct BadSource;

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad source")
    }
}

impl StdError for BadSource {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        std::panic::resume_unwind(Box::new("in source"))
    }
}

#[test]
fn a_source_that_panics_ends_the_chain() {
    let err = Error::new(BadSource);
    assert_eq!(err.stack_traces().len(), 1);
    assert_eq!(format!("{err:#}"), "bad source");
}

#[test]
fn errors_created_in_source_are_not_in_the_chain() {
    #[derive(Debug)]
    struct Maker(fmt::Error);
    impl fmt::Display for Maker {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("maker")
        }
    }
    impl StdError for Maker {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            // Creates errors that are not in this chain.
            drop(Error::new(Traced::new(fmt::Error)));
            assert!(StdError::source(&*err!("x")).is_none());
            Some(&self.0)
        }
    }
    assert!(stack_traces(&Maker(fmt::Error)).is_empty());
}

#[test]
fn a_found_stack_is_kept_if_source_creates_errors() {
    #[derive(Debug)]
    struct Asks(Traced<fmt::Error>);
    impl fmt::Display for Asks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(&self.0, f)
        }
    }
    impl StdError for Asks {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            let source = self.0.source();
            // Walks a chain of its own after the answer, before the outer walk reads it.
            drop(Error::new(Traced::new(fmt::Error)));
            source
        }
    }
    assert_eq!(stack_traces(&Asks(Traced::new(fmt::Error))).len(), 1);
}

#[test]
fn a_stack_that_two_branches_share_is_listed_once() {
    #[derive(Clone, Debug)]
    struct Shared(std::sync::Arc<Traced<fmt::Error>>);
    impl fmt::Display for Shared {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("shared")
        }
    }
    impl StdError for Shared {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&*self.0)
        }
    }
    let shared = Shared(Traced::new(fmt::Error).into());
    let join = Error::join([Error::new(shared.clone()), err!("b"), Error::new(shared)]).unwrap();
    assert_eq!(join.errors().len(), 3);
    let traces = join.stack_traces();
    let texts: Vec<&str> = traces.iter().map(|trace| trace.error()).collect();
    assert_eq!(
        texts,
        ["an error occurred when formatting an argument", "b"]
    );
}
