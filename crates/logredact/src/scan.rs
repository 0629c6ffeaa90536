//! One pass over a text: finds the anchors, and calls the parser for each.

use std::cell::Cell;
use std::ops::Range;

use crate::anchors::{Anchor, Anchors, Found};
use crate::encoded;
use crate::key::{Keys, Secret};
use crate::pair;
use crate::private_key;
use crate::protocol;
use crate::rule::RuleName;
use crate::splice::Finding;
use crate::token;
use crate::url;
use crate::{MASK, card, command, prose};

/// How many steps a pass may take: so many for each byte of a text, and a constant. A step is about 10
/// instructions. A text of 400 KB may be full of secrets. If a text of 10 MB is, it is masked as a whole,
/// because masking each secret would take too long.
const BUDGET_PER_BYTE: usize = 2;
const BASE_BUDGET: usize = 14_000_000;

/// The steps for each key, each secret, and each key that was not classified before.
pub(crate) const KEY: usize = 120;
const FINDING: usize = 300;
const CLASSIFICATION: usize = 300;

/// How deep texts within texts are decoded.
const MAX_DEPTH: u8 = 2;

/// The longest text in base64 that is decoded.
const MAX_ENCODED: usize = 64 * 1024;

/// How many classified keys are cached.
const CLASSIFIED: usize = 16;

/// The state of a pass.
pub(crate) struct Scan<'a> {
    pub(crate) text: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) keys: &'a Keys,
    built_in: bool,
    anchors: &'a Anchors,
    found: Vec<Finding>,
    /// Keys before this position were handled.
    pub(crate) keys_done: usize,
    /// Members of objects before this position were handled.
    pub(crate) groups_done: usize,
    /// URLs before this position were handled, and paths before the next.
    pub(crate) url_done: usize,
    pub(crate) paths_done: usize,
    /// JSON Web Keys before this position were handled.
    pub(crate) jwk_done: usize,
    /// Programs before this position were searched for. The next field is the last one found.
    pub(crate) programs_done: usize,
    pub(crate) program: Range<usize>,
    steps: Cell<usize>,
    depth: u8,
    /// A cache of classified keys, by their hash, because the keys of a text repeat.
    classified: [(Range<usize>, Option<Secret>); CLASSIFIED],
}

/// The pass took more steps than its budget allows.
#[derive(Debug)]
pub(crate) struct OverBudget;

/// The steps for an anchor, in addition to those that its parser counts.
fn cost(anchor: Anchor) -> usize {
    match anchor {
        Anchor::Key => 0,
        Anchor::Token(_) => 30,
        Anchor::Url => 800,
        Anchor::Wallet => 600,
        _ => 250,
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn new(
        text: &'a str,
        keys: &'a Keys,
        built_in: bool,
        anchors: &'a Anchors,
    ) -> Scan<'a> {
        Scan {
            text,
            bytes: text.as_bytes(),
            keys,
            built_in,
            anchors,
            found: Vec::new(),
            keys_done: 0,
            groups_done: 0,
            url_done: 0,
            paths_done: 0,
            jwk_done: 0,
            programs_done: 0,
            program: 0..0,
            steps: Cell::new(0),
            depth: 0,
            classified: [const { (0..0, None) }; CLASSIFIED],
        }
    }

    /// The class of the key in a range.
    pub(crate) fn secret(&mut self, key: Range<usize>) -> Option<Secret> {
        let bytes = &self.bytes[key.clone()];
        let hash = |hash: usize, byte: &u8| hash.wrapping_mul(31).wrapping_add((*byte).into());
        let slot = bytes.iter().fold(0, hash) % CLASSIFIED;
        let (last, secret) = &self.classified[slot];
        if !bytes.is_empty() && self.bytes.get(last.clone()) == Some(bytes) {
            return *secret;
        }
        self.step(CLASSIFICATION);
        let secret = self.keys.secret(self.str(key.clone()));
        self.classified[slot] = (key, secret);
        secret
    }

    /// Finds all secrets in the text.
    pub(crate) fn run_all(mut self) -> Result<Vec<Finding>, OverBudget> {
        self.pass()?;
        Ok(self.found)
    }

    fn pass(&mut self) -> Result<(), OverBudget> {
        let mut at = 0;
        while let Some(found) = self.anchors.next(self.bytes, at) {
            self.step(cost(found.anchor));
            at = match self.parse(&found) {
                Some(next) => next.max(found.end).min(self.bytes.len()),
                // `-password` begins like `-p`.
                None if found.anchor == Anchor::ShortOption => found.start + 2,
                None => found.end,
            };
            if self.is_over_budget() {
                break;
            }
        }
        if self.built_in && !self.is_over_budget() {
            self.tokens_by_dot();
            card::find(self);
        }
        #[cfg(test)]
        crate::tests::STEPS.set(crate::tests::STEPS.get() + self.steps.get());
        if self.is_over_budget() {
            return Err(OverBudget);
        }
        Ok(())
    }

    /// Finds tokens that are recognised by the positions of their dots.
    fn tokens_by_dot(&mut self) {
        let mut at = 0;
        while let Some(next) = memchr::memchr(b'.', &self.bytes[at..]) {
            at += next;
            // Of several consecutive dots, only the last may be before a part of a token.
            while self.get(at + 1) == Some(b'.') {
                at += 1;
            }
            if self.get(at + 7) == Some(b'.') {
                token::discord(self, at);
            }
            if at >= 17 && self.bytes[at - 17..].starts_with(b"pat") {
                token::two_parts(self, at, 17, 1);
            }
            at += 1;
        }
    }

    /// Calls the parser for an anchor. Returns where to continue, if that is not after the anchor.
    fn parse(&mut self, found: &Found) -> Option<usize> {
        let Found { anchor, start, end } = *found;
        match anchor {
            Anchor::Key => pair::key(self, start, end),
            Anchor::Token(index) => {
                token::prefixed(self, index, start).or_else(|| pair::key(self, start, end))
            }
            Anchor::Url => url::url(self, start),
            Anchor::EncodedUrl => url::encoded(self, end),
            Anchor::Armour => private_key::armour(self, start),
            Anchor::Putty => private_key::putty(self, end),
            Anchor::Der => private_key::der(self, start),
            Anchor::Base64Json => token::base64_json(self, start),
            Anchor::Base64Word => encoded::around(self, start),
            Anchor::Scheme => {
                prose::scheme(self, start, end).or_else(|| pair::key(self, start, end))
            }
            Anchor::ShortOption => command::short_option(self, start, end),
            Anchor::SlashOption => command::attached(self, end),
            Anchor::AfterUser => command::after_user(self, end),
            Anchor::Htpasswd => command::htpasswd(self, end),
            Anchor::GoDsn => url::go_dsn(self, start),
            Anchor::Oracle => url::oracle(self, start, end),
            Anchor::IdentifiedBy => protocol::identified_by(self, end),
            Anchor::Pgpass => url::pgpass(self, end),
            Anchor::Jwk => private_key::jwk(self, start),
            Anchor::Telegram => token::telegram(self, start),
            Anchor::Mailchimp => token::mailchimp(self, start),
            Anchor::Azure => token::azure(self, start),
            Anchor::Terraform => token::two_parts(self, start, 14, 9),
            Anchor::PasswordHash(skip) => token::password_hash(self, start, skip),
            Anchor::OpensslPass => {
                command::openssl_pass(self, start, end).or_else(|| pair::key(self, start, end))
            }
            Anchor::Login => protocol::login(self, start, end),
            Anchor::AuthCommand => {
                protocol::auth_command(self, start, end).or_else(|| pair::key(self, start, end))
            }
            Anchor::AuthArguments => protocol::auth_arguments(self, end),
            Anchor::Wifi => protocol::wifi(self, end),
            Anchor::Word => protocol::word(self, end),
            Anchor::Wallet => prose::wallet(self, end),
        }
    }

    /// Marks a range as secret.
    pub(crate) fn mask(&mut self, range: Range<usize>, rule: RuleName) {
        let is_masked = range.len() <= MASK.len()
            && self
                .bytes
                .get(range.start..)
                .is_some_and(|rest| rest.starts_with(MASK.as_bytes()));
        if range.start < range.end && !is_masked {
            self.step(FINDING);
            self.found.push(Finding { range, rule });
        }
    }

    /// How many consecutive bytes from `from` on satisfy `of`.
    pub(crate) fn run(&self, from: usize, of: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let len = rest.iter().position(|b| !of(*b)).unwrap_or(rest.len());
        self.step(len + 1);
        len
    }

    /// How many consecutive bytes before `end` satisfy `of`, at most `limit`.
    pub(crate) fn run_back(&self, end: usize, limit: usize, of: impl Fn(u8) -> bool) -> usize {
        let before = &self.bytes[end.saturating_sub(limit)..end];
        let len = before
            .iter()
            .rev()
            .position(|b| !of(*b))
            .unwrap_or(before.len());
        self.step(len + 1);
        len
    }

    /// Whether the byte before `at` belongs to a word.
    pub(crate) fn is_word_before(&self, at: usize) -> bool {
        at > 0 && self.bytes[at - 1].is_ascii_alphanumeric() && !self.is_escape_before(at)
    }

    /// Whether `at` follows `\n`, `%22` or a similar escape, whose letters do not belong to a word.
    pub(crate) fn is_escape_before(&self, at: usize) -> bool {
        let before = &self.bytes[at.saturating_sub(6)..at];
        match before {
            [.., b'\\', b'n' | b't' | b'r' | b'0'] => true,
            [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
            [.., b'\\', b'x', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
            [b'\\', b'u', hex @ ..] => hex.iter().all(u8::is_ascii_hexdigit),
            _ => false,
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(crate) fn starts_with(&self, at: usize, text: &str) -> bool {
        let part = self.bytes.get(at..at + text.len());
        part.is_some_and(|part| part.eq_ignore_ascii_case(text.as_bytes()))
    }

    /// The text of a range; only a part of it if the range cuts a character.
    pub(crate) fn str(&self, range: Range<usize>) -> &'a str {
        // The fast path, which almost always succeeds.
        let text: &'a str = self.text;
        if let Some(part) = text.get(range.clone()) {
            return part;
        }
        let bytes: &'a [u8] = self.bytes;
        let part = &bytes[range.start.min(bytes.len())
            ..range.end.clamp(range.start.min(bytes.len()), bytes.len())];
        match std::str::from_utf8(part) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&part[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// Whether the text took so many steps that it must be masked as a whole.
    pub(crate) fn is_over_budget(&self) -> bool {
        let budget = self.bytes.len() * BUDGET_PER_BYTE + BASE_BUDGET;
        #[cfg(test)]
        let budget = crate::tests::BUDGET.get().unwrap_or(budget);
        self.steps.get() > budget
    }

    /// Counts `count` steps.
    pub(crate) fn step(&self, count: usize) {
        self.steps.set(self.steps.get() + count);
    }

    /// Masks a text in base64 if the decoded text contains secrets.
    pub(crate) fn decode(&mut self, range: Range<usize>) -> Option<usize> {
        let end = range.end;
        if self.depth >= MAX_DEPTH || range.len() > MAX_ENCODED || range.len() < 16 {
            return None;
        }
        self.step(4 * range.len());
        let decoded = encoded::decode(&self.bytes[range.clone()])?;
        let mut inner = Scan::new(&decoded, self.keys, self.built_in, self.anchors);
        inner.depth = self.depth + 1;
        let outcome = inner.pass();
        self.step(inner.steps.get());
        if outcome.is_err() || !inner.found.is_empty() {
            self.mask(range, RuleName::Encoded);
            return Some(end);
        }
        None
    }
}
