//! The names of the built-in rules, and custom rules.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The built-in rules, in the order of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleName {
    Key,
    Prose,
    Authorization,
    Argument,
    Url,
    Jwt,
    Token,
    PrivateKey,
    Card,
    Encoded,
    Literal,
    Learned,
    Home,
    NotAllowed,
    Failed,
}

/// The names of the rules, as in `counts`.
pub(crate) const NAMES: [&str; 15] = [
    "key",
    "prose",
    "authorization",
    "argument",
    "url",
    "jwt",
    "token",
    "private-key",
    "card",
    "encoded",
    "literal",
    "learned",
    "home",
    "not-allowed",
    "failed",
];

/// How long a custom rule may take for a text by default.
pub(crate) const RULE_BUDGET: Duration = Duration::from_millis(500);

/// How often a rule may exceed its budget before it is not called any more.
const MOST_FAILURES: u32 = 10;

type Apply = dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync;

/// A custom rule.
pub(crate) struct Rule {
    pub(crate) name: String,
    apply: Box<Apply>,
    /// Relaxed: only a count.
    pub(crate) count: AtomicUsize,
    /// How often the rule exceeded its budget.
    overruns: AtomicU32,
}

impl Rule {
    pub(crate) fn new<F>(name: String, apply: F) -> Rule
    where
        F: for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static,
    {
        Rule {
            name,
            apply: Box::new(apply),
            count: AtomicUsize::new(0),
            overruns: AtomicU32::new(0),
        }
    }

    /// Applies the rule to the text. If the rule panics or takes longer than `budget`, `failed` is
    /// called and its result is returned.
    pub(crate) fn apply<'a>(
        &self,
        text: Cow<'a, str>,
        budget: Duration,
        failed: impl Fn(&str) -> String,
    ) -> Cow<'a, str> {
        if self.overruns.load(Ordering::Relaxed) >= MOST_FAILURES {
            return Cow::Owned(failed(&text));
        }
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| match (self.apply)(&text) {
            // A rule may return a part of its input.
            Cow::Borrowed(same) if same == &*text => None,
            Cow::Borrowed(other) => Some(other.to_owned()),
            Cow::Owned(other) => (other != *text).then_some(other),
        }));
        let overran = start.elapsed() > budget;
        if overran {
            self.overruns.fetch_add(1, Ordering::Relaxed);
        }
        match outcome {
            Ok(None) if !overran => text,
            Ok(Some(replaced)) if !overran => {
                self.count.fetch_add(1, Ordering::Relaxed);
                Cow::Owned(replaced)
            }
            // On failure, the whole text is masked.
            _ => Cow::Owned(failed(&text)),
        }
    }
}
