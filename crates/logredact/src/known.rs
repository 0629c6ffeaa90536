//! Texts that are known to be secret: literals, and values that were learned.

use std::collections::{HashMap, VecDeque};
use std::sync::RwLock;

use memchr::memmem::Finder;

use crate::MASK;
use crate::forms::forms;
use crate::rule::RuleName;
use crate::splice::Finding;

/// The shortest value that `learn` takes, and that is learned from a text.
const MIN_TOLD: usize = 6;
const MIN_SEEN: usize = 8;

/// The longest value that is learned.
const MAX_LEN: usize = 512;

/// How many values are kept of each kind.
const MAX_TOLD: usize = 256;
pub(crate) const MAX_SEEN: usize = 64;

/// Forms of a value are found by their last bytes.
const WINDOW: usize = 6;

/// How many forms with the same last bytes are kept.
const MAX_SAME: usize = 16;

#[derive(Default)]
pub(crate) struct Known {
    literals: Vec<Finder<'static>>,
    learned: RwLock<Learned>,
}

impl Known {
    pub(crate) fn add_literal(&mut self, text: String) {
        if !text.is_empty() {
            // The longer come first: a literal within another must not take its middle out.
            let at = self
                .literals
                .partition_point(|there| there.needle().len() >= text.len());
            self.literals.insert(at, Finder::new(&text).into_owned());
        }
    }

    /// Learns a value that the program named.
    pub(crate) fn learn(&self, value: &str) -> bool {
        let fits =
            (MIN_TOLD..=MAX_LEN).contains(&value.len()) && !is_common(value) && value != MASK;
        if fits {
            self.write(|learned| learned.add(value, true));
        }
        fits
    }

    /// Learns a value that was masked in a text, if it is unlikely to be anything else.
    pub(crate) fn see(&self, value: &str) {
        let telling = value.bytes().any(|b| b.is_ascii_digit())
            && value.bytes().any(|b| b.is_ascii_alphabetic())
            && value.bytes().all(|b| b > b' ');
        let fits = (MIN_SEEN..=MAX_LEN).contains(&value.len())
            && telling
            && !is_common(value)
            && !value.contains(MASK);
        if fits && !self.read(|learned| learned.has(value)) {
            self.write(|learned| learned.add(value, false));
        }
    }

    pub(crate) fn forget_seen(&self) {
        self.write(Learned::forget_seen);
    }

    /// Where literals and learned values are.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for literal in &self.literals {
            literals(text, literal, &mut findings);
        }
        self.read(|learned| learned.find(text, &mut findings));
        findings
    }

    fn read<T>(&self, look: impl FnOnce(&Learned) -> T) -> T {
        // A panic while it was held left nothing half done that matters.
        look(
            &self
                .learned
                .read()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        )
    }

    fn write(&self, change: impl FnOnce(&mut Learned)) {
        change(
            &mut self
                .learned
                .write()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        );
    }
}

/// A literal that is part of the mask must not be found in masks that are there already.
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

/// Words that stand in logs for many reasons.
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

/// The values, and their forms by their last bytes.
#[derive(Default)]
struct Learned {
    told: VecDeque<String>,
    seen: VecDeque<String>,
    forms: HashMap<[u8; WINDOW], Vec<String>>,
    /// How many windows in `forms` have each hash; empty if nothing was learned yet.
    filter: Vec<u16>,
}

const FILTER_LEN: usize = 1 << 14;

/// The hash of the last `WINDOW` bytes in `word`.
fn hash(word: u64) -> usize {
    let window = word & ((1 << (8 * WINDOW)) - 1);
    (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize % FILTER_LEN
}

fn hash_of(window: &[u8; WINDOW]) -> usize {
    hash(
        window
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    )
}

impl Learned {
    fn has(&self, value: &str) -> bool {
        self.told
            .iter()
            .chain(&self.seen)
            .any(|there| there == value)
    }

    fn add(&mut self, value: &str, told: bool) {
        if self.has(value) {
            return;
        }
        let (list, max) = if told {
            (&mut self.told, MAX_TOLD)
        } else {
            (&mut self.seen, MAX_SEEN)
        };
        let oldest = if list.len() >= max {
            list.pop_front()
        } else {
            None
        };
        list.push_back(value.to_owned());
        if let Some(oldest) = oldest {
            self.remove_forms(&oldest);
            wipe(oldest);
        }
        self.index(value);
    }

    fn remove_forms(&mut self, value: &str) {
        for form in forms(value, WINDOW) {
            if let Some(window) = form.as_bytes().last_chunk::<WINDOW>()
                && let Some(same) = self.forms.get_mut(window)
            {
                if let Some(at) = same.iter().position(|there| *there == form) {
                    wipe(same.remove(at));
                }
                if same.is_empty() {
                    self.forms.remove(window);
                    self.filter[hash_of(window)] -= 1;
                }
            }
            wipe(form);
        }
    }

    fn forget_seen(&mut self) {
        if !self.seen.is_empty() {
            self.seen.drain(..).for_each(wipe);
            self.index_all();
        }
    }

    fn index_all(&mut self) {
        self.forms
            .drain()
            .flat_map(|(_, forms)| forms)
            .for_each(wipe);
        self.filter.clear();
        let values: Vec<String> = self.told.iter().chain(&self.seen).cloned().collect();
        for value in values {
            self.index(&value);
            wipe(value);
        }
    }

    fn index(&mut self, value: &str) {
        if self.filter.is_empty() {
            self.filter = vec![0; FILTER_LEN];
        }
        for form in forms(value, WINDOW) {
            let Some(window) = form.as_bytes().last_chunk::<WINDOW>().copied() else {
                continue;
            };
            let same = self.forms.entry(window).or_insert_with(|| {
                self.filter[hash_of(&window)] += 1;
                Vec::new()
            });
            if same.len() < MAX_SAME && !same.contains(&form) {
                // The longest is tried first.
                let at = same.partition_point(|there| there.len() >= form.len());
                same.insert(at, form);
            }
        }
    }

    fn find(&self, text: &str, findings: &mut Vec<Finding>) {
        if self.filter.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        let mut word = 0;
        for (at, byte) in bytes.iter().enumerate() {
            word = word << 8 | u64::from(*byte);
            if self.filter[hash(word)] == 0 {
                continue;
            }
            let end = at + 1;
            let Some(key) = bytes[..end].last_chunk::<WINDOW>() else {
                continue;
            };
            let forms = self.forms.get(key).map_or(&[][..], Vec::as_slice);
            if let Some(form) = forms
                .iter()
                .find(|form| bytes[..end].ends_with(form.as_bytes()))
            {
                findings.push(Finding {
                    range: end - form.len()..end,
                    rule: RuleName::Learned,
                });
            }
        }
    }
}

/// Overwrites a secret before its memory is freed.
fn wipe(secret: String) {
    let mut bytes = secret.into_bytes();
    bytes.fill(0);
    // Keeps the compiler from leaving the writes out.
    std::hint::black_box(&bytes);
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
        for n in 0..MAX_TOLD + 1 {
            assert!(redactor.learn(&format!("secret-{n:06}")));
        }
        assert_eq!(redactor.text("secret-000000"), "secret-000000");
        assert_eq!(redactor.text("secret-000001"), MASK);
    }
}
