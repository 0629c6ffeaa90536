//! Masks secrets in text: in values by their key, and wherever text looks like a secret.
//!
//! ```
//! use logredact::Redactor;
//!
//! let redactor = Redactor::default();
//! assert_eq!(
//!     redactor.text("GET https://me:hunter2@example.org/?api_key=s3cr3t&page=2"),
//!     "GET https://me:[redacted]@example.org/?api_key=[redacted]&page=2",
//! );
//! assert_eq!(redactor.value("db_password", "hunter2"), "[redacted]");
//! assert_eq!(redactor.value("tokens_used", "512"), "512");
//! assert_eq!(redactor.counts(), [("key".to_owned(), 2), ("url".to_owned(), 1)]);
//! ```
//!
//! # What is masked
//!
//! | rule | what | for example |
//! |---|---|---|
//! | `key` | the value of a key that says secret, structured or within text, to the end of the line for headers such as `Authorization:` and `Cookie:` | `db_password=…`, `"apiKey": "…"`, `X-Api-Key: …`, `?token=…` |
//! | `authorization` | what follows `Bearer`, and what follows `Basic` if it looks encoded | `Bearer …` |
//! | `url` | the password in a URL | `postgres://me:…@host/` |
//! | `jwt` | what has the shape of a JSON Web Token | `eyJ….….…` |
//! | `token` | tokens that begin in a well-known way | `ghp_…`, `glpat-…`, `xoxb-…`, `sk_live_…`, `AKIA…` |
//! | `private-key` | PEM blocks of private keys, to the end of the text if the block has none | `-----BEGIN PRIVATE KEY-----…` |
//! | `literal` | texts that you name | |
//!
//! A key says secret if one of its words does (`password`, `secret`, `token`, `api_key`,
//! `cookie`, `session`, `auth`, …), whether they are joined by `_`, `-`, `.` or capitals, unless
//! its last word only describes the secret: `tokens_used`, `password_length`, `auth_method`.
//!
//! # What is not
//!
//! A secret that stands in prose without a key, or in a form that none of the rules knows, stays.
//! Rules prefer to mask too much: `token: expected` in a message becomes `token: [redacted]`.
//! Redacting takes time in proportion to the text, whatever it holds, and redacting twice is the
//! same as redacting once.

mod authorization;
mod key;
mod key_value;
mod pem;
mod splice;
#[cfg(test)]
mod tests;
mod token;
mod url;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use key::Keys;
use splice::Splice;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands in the place of a secret.
pub const MASK: &str = "[redacted]";

/// Masks secrets; see the [module](self) for what it knows by itself.
///
/// # Examples
///
/// ```
/// use std::borrow::Cow;
///
/// let redactor = logredact::Redactor::default()
///     .key("licence_number")
///     .literal("Project Bluebird")
///     .rule("email", |text| {
///         if text.contains('@') { Cow::Borrowed("[an address]") } else { Cow::Borrowed(text) }
///     });
/// assert_eq!(redactor.text("licence-number: 4711"), "licence-number: [redacted]");
/// assert_eq!(redactor.text("on Project Bluebird"), "on [redacted]");
/// assert_eq!(redactor.text("from me@example.org"), "[an address]");
/// ```
pub struct Redactor {
    built_in: bool,
    keys: Keys,
    literals: Vec<String>,
    rules: Vec<Rule>,
    /// Relaxed, as the rules' own: they are counts, and order nothing.
    counts: [AtomicUsize; BUILT_IN.len()],
}

/// The rules that are not the user's, in the order of the documentation.
const BUILT_IN: [&str; 7] = [
    "key",
    "authorization",
    "url",
    "jwt",
    "token",
    "private-key",
    "literal",
];

#[derive(Clone, Copy)]
enum BuiltIn {
    Key,
    Authorization,
    Url,
    Jwt,
    Token,
    PrivateKey,
    Literal,
}

type Apply = dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync;

struct Rule {
    name: String,
    apply: Box<Apply>,
    count: AtomicUsize,
}

impl Default for Redactor {
    /// With all the rules that the [module](self) lists.
    fn default() -> Redactor {
        Redactor {
            built_in: true,
            keys: Keys::built_in(),
            ..Redactor::none()
        }
    }
}

impl Redactor {
    /// Masks nothing but what is added.
    pub fn none() -> Redactor {
        Redactor {
            built_in: false,
            keys: Keys::none(),
            literals: Vec::new(),
            rules: Vec::new(),
            counts: [const { AtomicUsize::new(0) }; BUILT_IN.len()],
        }
    }

    /// Masks the values of this key too, and of keys that contain its words: `licence_number`
    /// covers `userLicenceNumber`.
    #[must_use = "returns the changed redactor"]
    pub fn key(mut self, key: &str) -> Redactor {
        self.keys.add(key);
        self
    }

    /// Masks this text wherever it stands. An empty text is ignored.
    #[must_use = "returns the changed redactor"]
    pub fn literal(mut self, text: impl Into<String>) -> Redactor {
        let text = text.into();
        if !text.is_empty() {
            // The longer come first: a literal within another must not take its middle out.
            let at = self
                .literals
                .partition_point(|there| there.len() >= text.len());
            self.literals.insert(at, text);
        }
        self
    }

    /// Adds a rule of your own. It sees each text after the rules before it, and returns what is
    /// to stand there; a text that it changes counts as one.
    ///
    /// A rule that panics has its text masked as a whole, and counts too.
    #[must_use = "returns the changed redactor"]
    pub fn rule<F>(mut self, name: impl Into<String>, rule: F) -> Redactor
    where
        F: for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static,
    {
        self.rules.push(Rule {
            name: name.into(),
            apply: Box::new(rule),
            count: AtomicUsize::new(0),
        });
        self
    }

    /// The text with the secrets in it masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut current = Cow::Borrowed(text);
        // What one rule masks can lay bare what an earlier one knows, so they go round until
        // nothing changes; once is enough for almost every text, and the bound is for the rest.
        for _ in 0..4 {
            match self.once(&current) {
                Some(changed) => current = Cow::Owned(changed),
                None => break,
            }
        }
        for rule in &self.rules {
            current = rule.apply(current);
        }
        current
    }

    /// The value of a structured field: masked as a whole if its key says secret, otherwise like
    /// [`text`](Redactor::text).
    pub fn value<'a>(&self, key: &str, value: &'a str) -> Cow<'a, str> {
        if !self.is_secret(key) {
            return self.text(value);
        }
        if value.is_empty() || value == MASK {
            return Cow::Borrowed(value);
        }
        self.count(BuiltIn::Key, 1);
        Cow::Borrowed(MASK)
    }

    /// Whether the values of this key are masked, for values that are no text.
    pub fn is_secret(&self, key: &str) -> bool {
        self.keys.is_secret(key)
    }

    /// How many values each rule has masked since the redactor was made; rules that masked none
    /// are left out.
    pub fn counts(&self) -> Vec<(String, u64)> {
        let built_in = BUILT_IN.iter().copied().zip(&self.counts);
        let own = self.rules.iter().map(|rule| (&*rule.name, &rule.count));
        built_in
            .chain(own)
            .map(|(name, count)| (name.to_owned(), count.load(Ordering::Relaxed) as u64))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    fn count(&self, rule: BuiltIn, masked: usize) {
        if masked > 0 {
            self.counts[rule as usize].fetch_add(masked, Ordering::Relaxed);
        }
    }

    /// Every rule but the user's; `None` if nothing was masked.
    #[inline(never)]
    fn once(&self, text: &str) -> Option<String> {
        let mut pass = Pass {
            redactor: self,
            text,
            changed: None,
        };
        for literal in &self.literals {
            pass.make(BuiltIn::Literal, &|text, out| literals(text, literal, out));
        }
        // Most texts lack what most rules look for, and one look tells. A pass may only take
        // bytes away, but for those of the mask, which no rule needs.
        let bytes = Bytes::of(text.as_bytes());
        if self.built_in {
            if bytes.has(b"-") {
                pass.make(BuiltIn::PrivateKey, &pem::find);
            }
            if bytes.has(b":/@") {
                pass.make(BuiltIn::Url, &url::find);
            }
            if bytes.has(b"b") || bytes.has(b"B") {
                pass.make(BuiltIn::Authorization, &authorization::find);
            }
            if bytes.has(b".eyJ") {
                pass.make(BuiltIn::Jwt, &token::find_jwt);
            }
            if text.len() >= token::SHORTEST {
                pass.make(BuiltIn::Token, &token::find_prefixed);
            }
        }
        if !self.keys.is_empty() && (bytes.has(b":") || bytes.has(b"=")) {
            pass.make(BuiltIn::Key, &|text, out| {
                key_value::find(text, &self.keys, out);
            });
        }
        pass.changed
    }
}

/// Each rule after the other, over what the one before has left.
struct Pass<'a> {
    redactor: &'a Redactor,
    text: &'a str,
    changed: Option<String>,
}

impl Pass<'_> {
    #[inline(never)]
    fn make(&mut self, rule: BuiltIn, find: &dyn Fn(&str, &mut Splice<'_>)) {
        let current = self.changed.as_deref().unwrap_or(self.text);
        let mut splice = Splice::new(current);
        find(current, &mut splice);
        self.redactor.count(rule, splice.masked());
        if let Some(masked) = splice.finish() {
            self.changed = Some(masked);
        }
    }
}

impl Rule {
    fn apply<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let outcome = catch_unwind(AssertUnwindSafe(|| match (self.apply)(&text) {
            // A rule may return a part of the text that it got.
            Cow::Borrowed(same) if same == &*text => None,
            Cow::Borrowed(other) => Some(other.to_owned()),
            Cow::Owned(other) => (other != *text).then_some(other),
        }));
        let replaced = outcome.unwrap_or_else(|_| Some(MASK.to_owned()));
        match replaced {
            None => text,
            Some(replaced) => {
                self.count.fetch_add(1, Ordering::Relaxed);
                Cow::Owned(replaced)
            }
        }
    }
}

/// Which bytes a text has, by their lower six bits: a `true` may be wrong.
#[derive(Clone, Copy)]
struct Bytes(u64);

impl Bytes {
    fn of(bytes: &[u8]) -> Bytes {
        Bytes(bytes.iter().fold(0, |all, byte| all | 1 << (byte % 64)))
    }

    fn has(self, all: &[u8]) -> bool {
        let wanted = Bytes::of(all).0;
        self.0 & wanted == wanted
    }
}

/// A literal that is part of the mask must not be found in masks that are there already.
fn literals(text: &str, literal: &str, out: &mut Splice<'_>) {
    let mut at = 0;
    for piece in text.split(MASK) {
        for (found, _) in piece.match_indices(literal) {
            out.mask(at + found..at + found + literal.len());
        }
        at += piece.len() + MASK.len();
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the literals: they are secrets.
        f.debug_struct("Redactor")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
