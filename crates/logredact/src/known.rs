//! Known secrets: literals, and learned values.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use forklock::{ForkMutex, ForkMutexGuard, LockError};
use memchr::memmem::Finder;

use crate::MASK;
use crate::learned::{Learned, wipe};
use crate::rule::RuleName;
use crate::splice::Finding;

/// The shortest value that `learn` accepts, and the shortest that is learned from a text.
const MIN_GIVEN: usize = 6;
const MIN_SEEN: usize = 8;

/// The longest value that is learned.
const MAX_LEN: usize = 512;

/// How many values the program may pass to `learn`.
pub(crate) const MAX_GIVEN: usize = 256;

/// This thread holds the lock already, because this is a signal handler that interrupted it.
#[derive(Debug)]
pub(crate) struct Locked;

#[derive(Default)]
pub(crate) struct Known {
    literals: Vec<Finder<'static>>,
    /// The values that the program passed to `learn`. A change replaces the whole list, so that a child
    /// that is forked meanwhile has either the old or the new one.
    given: ForkMutex<Arc<VecDeque<String>>>,
    learned: ForkMutex<Arc<Learned>>,
}

impl Known {
    pub(crate) fn add_literal(&mut self, text: String) {
        if !text.is_empty() {
            // Longer literals come first, because a literal may contain another.
            let at = self
                .literals
                .partition_point(|there| there.needle().len() >= text.len());
            self.literals.insert(at, Finder::new(&text).into_owned());
        }
    }

    /// Learns a value that the program passed.
    pub(crate) fn learn(&self, value: &str) -> bool {
        let fits =
            (MIN_GIVEN..=MAX_LEN).contains(&value.len()) && !is_common(value) && value != MASK;
        fits && self.add_given(value).is_ok()
    }

    fn add_given(&self, value: &str) -> Result<(), Locked> {
        let mut learned = self.learned()?;
        let mut given = match self.given.lock() {
            // The list is consistent, even if its lock was held at a fork.
            Ok(given) | Err(LockError::Orphaned(given)) => given,
            Err(_) => return Err(Locked),
        };
        if given.iter().any(|there| there == value) {
            return Ok(());
        }
        let mut changed = VecDeque::clone(&given);
        changed.push_back(value.to_owned());
        let oldest = if changed.len() > MAX_GIVEN {
            changed.pop_front()
        } else {
            None
        };
        let index = Arc::make_mut(&mut learned);
        if let Some(oldest) = &oldest {
            index.remove(oldest);
        }
        index.add_given(value);
        let old = mem::replace(&mut *given, Arc::new(changed));
        drop((given, learned));
        if let Ok(old) = Arc::try_unwrap(old) {
            old.into_iter().chain(oldest).for_each(wipe);
        }
        Ok(())
    }

    /// Learns a value that was masked in a text, if it is unlikely to be anything but a secret.
    pub(crate) fn see(&self, value: &str) {
        let telling = value.bytes().any(|b| b.is_ascii_digit())
            && value.bytes().any(|b| b.is_ascii_alphabetic())
            && value.bytes().all(|b| b > b' ');
        let fits = (MIN_SEEN..=MAX_LEN).contains(&value.len())
            && telling
            && !is_common(value)
            && !value.contains(MASK);
        if fits
            && let Ok(mut learned) = self.learned()
            && !learned.has(value)
        {
            Arc::make_mut(&mut learned).add_seen(value);
        }
    }

    pub(crate) fn forget_seen(&self) {
        if let Ok(mut learned) = self.learned()
            && learned.has_seen()
        {
            Arc::make_mut(&mut learned).forget_seen();
        }
    }

    /// Finds literals and learned values.
    pub(crate) fn find(&self, text: &str) -> Result<Vec<Finding>, Locked> {
        let mut findings = Vec::new();
        for literal in &self.literals {
            literals(text, literal, &mut findings);
        }
        // A clone, so that other threads can learn while this one searches.
        let learned = Arc::clone(&*self.learned()?);
        learned.find(text, &mut findings);
        Ok(findings)
    }

    fn learned(&self) -> Result<ForkMutexGuard<'_, Arc<Learned>>, Locked> {
        match self.learned.lock() {
            Ok(learned) => Ok(learned),
            Err(LockError::Orphaned(mut learned)) => {
                let given = match self.given.lock() {
                    Ok(given) | Err(LockError::Orphaned(given)) => Arc::clone(&given),
                    Err(_) => return Err(Locked),
                };
                let whole = Arc::new(Learned::of(given.iter()));
                // The thread that held the lock may have left the index half changed: it must neither be
                // used nor freed.
                mem::forget(mem::replace(&mut *learned, whole));
                Ok(learned)
            }
            Err(_) => Err(Locked),
        }
    }
}

/// Finds a literal. A literal that is part of the mask must not be found in existing masks.
fn literals(text: &str, literal: &Finder<'_>, findings: &mut Vec<Finding>) {
    let mut from = 0;
    for piece in text.split(MASK) {
        for at in literal.find_iter(piece.as_bytes()) {
            let start = from + at;
            findings.push(Finding {
                range: start..start + literal.needle().len(),
                rule: RuleName::Literal,
            });
        }
        from += piece.len() + MASK.len();
    }
}

/// Whether the value is a common word in logs.
fn is_common(value: &str) -> bool {
    const COMMON: [&str; 16] = [
        "administrator",
        "application",
        "changeme",
        "default",
        "development",
        "example",
        "localhost",
        "password",
        "password1",
        "postgres",
        "production",
        "secret",
        "staging",
        "testing",
        "username",
        "anonymous",
    ];
    let first = value.as_bytes().first();
    COMMON.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.bytes().all(|b| Some(&b) == first)
        || value.bytes().all(|b| b.is_ascii_digit()) && value.len() < 12
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Redactor, encoded};

    #[test]
    fn a_learned_value_is_masked_in_every_form() {
        let redactor = Redactor::none();
        let secret = "p@ss \"w0rd\"/x";
        assert!(redactor.learn(secret));
        for text in [
            secret.to_owned(),
            format!("{secret:?}"),
            "a=p%40ss%20%22w0rd%22%2Fx".to_owned(),
            "a=p%40ss+%22w0rd%22%2Fx".to_owned(),
            "7040737320227730726422 2f78".replace(' ', ""),
            // JavaScript's `encodeURIComponent`, a segment of a path, and a form.
            "a=p%40ss%20%22w0rd%22%2Fx&b".to_owned(),
            "/p@ss%20%22w0rd%22%2Fx/".to_owned(),
            "a=p%40ss+%22w0rd%22%2fx".to_owned(),
        ] {
            let masked = redactor.text(&text);
            assert!(masked.contains(MASK), "{text} became {masked}");
        }
        for before in ["", "u", "us"] {
            let encoded = encoded::encode(format!("{before}{secret}: and more").as_bytes());
            assert!(redactor.text(&encoded).contains(MASK), "{encoded}");
        }
    }

    #[test]
    fn a_value_is_masked_as_json_escapes_it() {
        let redactor = Redactor::none();
        assert!(redactor.learn("schl\u{fc}ssel-\u{1f511}-7"));
        for text in [
            "schl\u{fc}ssel-\u{1f511}-7",
            r"schl\u00fcssel-\ud83d\udd11-7",
            "schl%C3%BCssel-%F0%9F%94%91-7",
        ] {
            assert_eq!(redactor.text(text), MASK, "{text}");
        }
    }

    #[test]
    fn values_whose_forms_end_alike_are_all_found() {
        let redactor = Redactor::none();
        let secret = |n: usize| format!("{n:04}-{:04}-same-end", n * 7919 % 10_000);
        for n in 0..64 {
            assert!(redactor.learn(&secret(n)));
        }
        for n in 0..64 {
            assert_eq!(redactor.text(&secret(n)), MASK, "{n}");
        }
    }

    #[cfg(feature = "secrecy")]
    #[test]
    fn the_value_of_a_secret_string_is_masked() {
        let redactor = Redactor::none();
        assert!(redactor.learn_secret(&"Xk9-mQ2v-77".into()));
        assert_eq!(redactor.text("tried Xk9-mQ2v-77"), "tried [redacted]");
    }

    #[test]
    fn a_value_seen_under_a_key_is_masked_elsewhere_until_it_is_forgotten() {
        let redactor = Redactor::default();
        assert_eq!(redactor.text("password=Xk9-mQ2v-77"), "password=[redacted]");
        assert_eq!(
            redactor.text("tried Xk9-mQ2v-77 twice"),
            "tried [redacted] twice"
        );
        redactor.forget();
        assert_eq!(
            redactor.text("tried Xk9-mQ2v-77 twice"),
            "tried Xk9-mQ2v-77 twice"
        );
        assert_eq!(redactor.counts().last(), Some(&("learned".to_owned(), 1)));
    }

    #[test]
    fn short_and_common_values_are_not_learned() {
        let redactor = Redactor::default();
        for value in [
            "",
            "abc12",
            "password",
            "production",
            "aaaaaaaa",
            "12345678",
            MASK,
        ] {
            assert!(!redactor.learn(value), "{value}");
        }
        assert_eq!(redactor.text("password=hunter2"), "password=[redacted]");
        assert_eq!(redactor.text("hunter2"), "hunter2");
    }

    #[test]
    fn only_so_many_values_are_kept() {
        let redactor = Redactor::none();
        for n in 0..MAX_GIVEN + 1 {
            assert!(redactor.learn(&format!("secret-{n:06}")));
        }
        assert_eq!(redactor.text("secret-000000"), "secret-000000");
        assert_eq!(redactor.text("secret-000001"), MASK);
    }
}
