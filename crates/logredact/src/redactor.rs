//! The redactor: its settings, and the order in which rules are applied.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::allow::Allowed;
use crate::anchors::Anchors;
use crate::home::Homes;
use crate::key::{Keys, Secret};
use crate::key_cache::KeyCache;
use crate::known::{Known, Locked};
use crate::learned::MAX_SEEN;
use crate::rule::{NAMES, RULE_BUDGET, Rule, RuleName};
use crate::scan::Scan;
use crate::splice::{Finding, splice};
use crate::stream::Stream;
use crate::{MASK, allow, command, value};

/// The maximum number of passes over a text.
const ROUNDS: usize = 4;

/// Masks secrets; see the [module](crate) for the built-in rules.
///
/// Create a redactor once and share it: [`text`](Redactor::text) takes `&self`, and may be called by
/// any thread.
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
    /// Caches which keys are secret, as decided by `keys`.
    key_cache: KeyCache,
    anchors: AnchorSet,
    known: Known,
    homes: Option<Homes>,
    allowed: Option<Allowed>,
    rules: Vec<Rule>,
    rule_budget: Duration,
    /// How many values each built-in rule has masked. Relaxed, like the counts of custom rules: no other
    /// memory depends on them.
    counts: [AtomicUsize; NAMES.len()],
}

/// The anchors that a redactor searches for.
enum AnchorSet {
    Empty,
    BuiltIn,
    Own(Anchors),
}

impl Default for Redactor {
    /// A redactor with all the rules that the [module](crate) lists.
    fn default() -> Redactor {
        Redactor {
            built_in: true,
            keys: Keys::built_in(),
            anchors: AnchorSet::BuiltIn,
            ..Redactor::none()
        }
    }
}

impl Redactor {
    /// Creates a redactor without rules. It masks only what is added to it.
    pub fn none() -> Redactor {
        Redactor {
            built_in: false,
            keys: Keys::none(),
            key_cache: KeyCache::new(),
            anchors: AnchorSet::Empty,
            known: Known::default(),
            homes: None,
            allowed: None,
            rules: Vec::new(),
            rule_budget: RULE_BUDGET,
            counts: [const { AtomicUsize::new(0) }; NAMES.len()],
        }
    }

    /// Creates a redactor that masks everything except numbers, the values of `keys`, and the formats
    /// of [`allow_format`](Redactor::allow_format). It is for programs under strict rules.
    ///
    /// The allowed text is still searched for secrets, as by [`default`](Redactor::default).
    ///
    /// # Examples
    ///
    /// ```
    /// let redactor = logredact::Redactor::allow_only(["user_id"])
    ///     .allow_format("connecting to {} failed after {} tries");
    /// assert_eq!(
    ///     redactor.text("connecting to db.internal failed after 3 tries"),
    ///     "connecting to [redacted] failed after 3 tries",
    /// );
    /// assert_eq!(redactor.text("user_id=ana name=Ana"), "user_id=ana [redacted]");
    /// assert_eq!(redactor.value("user_id", "ana"), "ana");
    /// assert_eq!(redactor.value("name", "Ana"), "[redacted]");
    /// ```
    pub fn allow_only<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Redactor {
        Redactor {
            allowed: Some(Allowed::of_keys(keys)),
            ..Redactor::default()
        }
    }

    /// Allows the literal parts of a format string in texts that match it. The text at each `{}` is
    /// masked unless it is a number. This has no effect on redactors that were not created by
    /// [`allow_only`](Redactor::allow_only).
    #[must_use = "returns the changed redactor"]
    pub fn allow_format(mut self, format: &str) -> Redactor {
        if let Some(allowed) = &mut self.allowed {
            allowed.add_format(format);
        }
        self
    }

    /// Masks the values of this key too, and of keys that contain its words: `licence_number`
    /// covers `userLicenceNumber`.
    #[must_use = "returns the changed redactor"]
    pub fn key(mut self, key: &str) -> Redactor {
        self.keys.add(key);
        self.key_cache = KeyCache::new();
        if self.keys.has_own() {
            self.anchors = AnchorSet::Own(Anchors::of_keys(self.built_in, &self.keys));
        }
        self
    }

    /// Masks this text wherever it occurs. An empty text is ignored.
    #[must_use = "returns the changed redactor"]
    pub fn literal(mut self, text: impl Into<String>) -> Redactor {
        self.known.add_literal(text.into());
        self
    }

    /// Replaces home directories by `~`: `/home/NAME`, `/Users/NAME`, `C:\Users\NAME`.
    #[must_use = "returns the changed redactor"]
    pub fn home_paths(mut self) -> Redactor {
        self.homes = Some(Homes::new());
        self
    }

    /// Adds a custom rule. It gets each text after the earlier rules, and returns the new text. Each
    /// text that it changes is counted once.
    ///
    /// If the rule panics or takes longer than [`rule_budget`](Redactor::rule_budget), the whole
    /// text is masked, and counts as `failed`. A rule that exceeds its budget ten times is not
    /// called any more; from then on every text is masked.
    #[must_use = "returns the changed redactor"]
    pub fn rule<F>(mut self, name: impl Into<String>, rule: F) -> Redactor
    where
        F: for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static,
    {
        self.rules.push(Rule::new(name.into(), rule));
        self
    }

    /// Sets how long a custom rule may take for one text. The default is half a second.
    #[must_use = "returns the changed redactor"]
    pub fn rule_budget(mut self, budget: Duration) -> Redactor {
        self.rule_budget = budget;
        self
    }

    /// Masks this value wherever it occurs from now on: as it is, percent-encoded, in base64, in
    /// hexadecimal digits, and escaped as in JSON or `Debug`.
    ///
    /// Returns `false` if the value is not learned, because it is shorter than 6 bytes, longer than 512
    /// bytes or very common. A short or common value would mask much that is not secret. At most 256
    /// values are kept; the oldest is forgotten first. They are kept only in memory and wiped when they
    /// are forgotten.
    ///
    /// Values of 8 to 512 bytes that are masked because of a key, a URL or an option, and that have
    /// letters and digits, are learned automatically; [`forget`](Redactor::forget) forgets these.
    ///
    /// # Examples
    ///
    /// ```
    /// let redactor = logredact::Redactor::default();
    /// assert!(redactor.learn("Fl1ght-Rec0rder"));
    /// assert_eq!(redactor.text("sent Fl1ght-Rec0rder to x"), "sent [redacted] to x");
    /// assert_eq!(redactor.text("?q=Fl1ght%2DRec0rder"), "?q=[redacted]");
    /// ```
    pub fn learn(&self, secret: &str) -> bool {
        self.known.learn(secret)
    }

    /// Masks the value of a [`secrecy::SecretString`]; see [`learn`](Redactor::learn).
    #[cfg(feature = "secrecy")]
    pub fn learn_secret(&self, secret: &secrecy::SecretString) -> bool {
        self.learn(secrecy::ExposeSecret::expose_secret(secret))
    }

    /// Forgets the values that were learned from texts, and wipes them from memory. Values given
    /// to [`learn`](Redactor::learn) stay.
    pub fn forget(&self) {
        self.known.forget_seen();
    }

    /// Returns the text with its secrets masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.fail_closed(text, || self.built_in_rules(text))
    }

    /// Masks the value of a structured field. If its key is secret, the whole value is masked.
    /// Otherwise it is masked like [`text`](Redactor::text).
    ///
    /// Values such as `None`, `***` and `${TOKEN}` are not masked, nor are numbers and words under keys
    /// that have other uses: `session = 7`, `auth = "none"`.
    pub fn value<'a>(&self, key: &str, value: &'a str) -> Cow<'a, str> {
        if let Some(allowed) = &self.allowed
            && !allowed.has_key(key)
        {
            return self.not_allowed(value);
        }
        let secret = self.class(key);
        let is_secret = |secret| value::is_secret(secret, value::Syntax::Assign, key, value);
        if secret.is_some_and(is_secret) {
            self.known.see(value);
            return Cow::Owned(self.mask_whole(RuleName::Key, value));
        }
        let in_text = || match &self.allowed {
            // The key is on the list.
            Some(_) => self.without_homes(self.without_secrets(value)),
            None => self.built_in_rules(value),
        };
        self.fail_closed(value, in_text)
    }

    /// Masks text that comes from the program's source code, such as the name of a function, a file or
    /// a log target. Only literals, learned values and home directories are masked, and custom rules
    /// are applied.
    pub fn code<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let current = match self.splice_known(text) {
            Ok(Some(masked)) => Cow::Owned(masked),
            Ok(None) => Cow::Borrowed(text),
            Err(Locked) => Cow::Owned(self.mask_whole(RuleName::Failed, text)),
        };
        self.own_rules(self.without_homes(current))
    }

    /// Masks the arguments of a process: each like [`text`](Redactor::text), and the value of an option
    /// by the option's name: `--password X`, `-p X`, `-pX`, `-u me:X`.
    ///
    /// # Examples
    ///
    /// ```
    /// let redactor = logredact::Redactor::default();
    /// assert_eq!(
    ///     redactor.args(&["app", "-p", "hunter2", "--user", "me:hunter2", "--jobs", "4"]),
    ///     ["app", "-p", "[redacted]", "--user", "me:[redacted]", "--jobs", "4"],
    /// );
    /// ```
    pub fn args<S: AsRef<str>>(&self, args: &[S]) -> Vec<String> {
        command::mask_args(self, args)
    }

    /// Returns a stream for texts that belong together, such as the records of a log. It also masks a
    /// private key that is logged line by line.
    pub fn stream(&self) -> Stream<'_> {
        Stream::new(self)
    }

    /// Whether this key is secret. Some keys, such as `session`, have other uses: for these,
    /// [`value`](Redactor::value) also checks the value.
    pub fn is_secret(&self, key: &str) -> bool {
        self.class(key).is_some()
    }

    /// How many values each rule has masked since the redactor was created. Rules that have masked none
    /// are left out.
    pub fn counts(&self) -> Vec<(String, u64)> {
        let built_in = NAMES.iter().copied().zip(&self.counts);
        let own = self.rules.iter().map(|rule| (&*rule.name, &rule.count));
        built_in
            .chain(own)
            .map(|(name, count)| (name.to_owned(), count.load(Ordering::Relaxed) as u64))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    pub(crate) fn class(&self, key: &str) -> Option<Secret> {
        self.key_cache.get_or_find(key, || self.keys.secret(key))
    }

    pub(crate) fn count(&self, rule: RuleName) {
        self.counts[rule as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Masks a whole text.
    pub(crate) fn mask_whole(&self, rule: RuleName, text: &str) -> String {
        if text.is_empty() || text == MASK {
            return text.to_owned();
        }
        self.count(rule);
        MASK.to_owned()
    }

    /// Applies the built-in rules by `rules`, and then the user's. If they panic, the whole text is
    /// masked.
    fn fail_closed<'a>(&self, text: &'a str, rules: impl FnOnce() -> Cow<'a, str>) -> Cow<'a, str> {
        match catch_unwind(AssertUnwindSafe(rules)) {
            Ok(masked) => self.own_rules(masked),
            Err(_) => Cow::Owned(self.mask_whole(RuleName::Failed, text)),
        }
    }

    fn built_in_rules<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut current = self.without_secrets(text);
        if let Some(allowed) = &self.allowed
            && let Some(masked) = allow::mask(allowed, &current, &mut |rule| self.count(rule))
        {
            current = Cow::Owned(masked);
        }
        self.without_homes(current)
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut current = Cow::Borrowed(text);
        // A mask can reveal another secret, so passes are repeated until nothing changes. One pass is
        // enough for almost every text; the limit is for the others.
        for _ in 0..ROUNDS {
            match self.once(&current) {
                Some(changed) => current = Cow::Owned(changed),
                None => break,
            }
        }
        current
    }

    /// One pass; `None` if it masks nothing.
    fn once(&self, text: &str) -> Option<String> {
        let Ok(known) = self.splice_known(text) else {
            return Some(self.mask_whole(RuleName::Failed, text));
        };
        let current = known.as_deref().unwrap_or(text);
        let anchors = match &self.anchors {
            AnchorSet::Empty => return known,
            AnchorSet::BuiltIn => Anchors::built_in(),
            AnchorSet::Own(anchors) => anchors,
        };
        let scan = Scan::new(current, &self.keys, self.built_in, anchors);
        let Ok(findings) = scan.run_all() else {
            return Some(self.mask_whole(RuleName::Failed, current));
        };
        if findings.is_empty() {
            return known;
        }
        self.learn_from(current, &findings);
        splice(current, findings, |rule| self.count(rule)).or(known)
    }

    fn learn_from(&self, text: &str, findings: &[Finding]) {
        findings
            .iter()
            .filter(|found| {
                matches!(
                    found.rule,
                    RuleName::Key | RuleName::Url | RuleName::Argument
                )
            })
            // Each further secret would only replace one of these.
            .take(MAX_SEEN)
            .filter_map(|found| text.get(found.range.clone()))
            .for_each(|secret| self.known.see(secret));
    }

    fn splice_known(&self, text: &str) -> Result<Option<String>, Locked> {
        let findings = self.known.find(text)?;
        if findings.is_empty() {
            return Ok(None);
        }
        Ok(splice(text, findings, |rule| self.count(rule)))
    }

    fn without_homes<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        match self.homes.as_ref().and_then(|homes| homes.replace(&text)) {
            Some(replaced) => {
                self.count(RuleName::Home);
                Cow::Owned(replaced)
            }
            None => text,
        }
    }

    fn not_allowed<'a>(&self, value: &'a str) -> Cow<'a, str> {
        if allow::survives(value) {
            return Cow::Borrowed(value);
        }
        Cow::Owned(self.mask_whole(RuleName::NotAllowed, value))
    }

    fn own_rules<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let failed = |text: &str| self.mask_whole(RuleName::Failed, text);
        self.rules.iter().fold(text, |text, rule| {
            rule.apply(text, self.rule_budget, failed)
        })
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without literals and learned values, because they are secrets.
        f.debug_struct("Redactor")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
