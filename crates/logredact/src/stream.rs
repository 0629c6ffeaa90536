//! Masks a sequence of texts, which may have a private key that is logged line by line.

use std::borrow::Cow;
use std::fmt;

use crate::private_key::{self, Block};
use crate::redactor::Redactor;
use crate::rule::RuleName;
use crate::{MASK, words};

/// How many texts are searched for the rest of a private key.
const MOST_TEXTS: usize = 512;

/// Masks texts in the order in which they were written; made by [`Redactor::stream`].
///
/// A private key that is logged line by line begins in one text and continues in others, which can't be
/// recognised alone. Texts of other threads may be between them; these are not masked.
///
/// # Examples
///
/// ```
/// let redactor = logredact::Redactor::default();
/// let mut stream = redactor.stream();
/// stream.text("-----BEGIN PRIVATE KEY-----");
/// assert_eq!(stream.text("MIIEvAIBADANBgkqhkiG9w0BAQEFAASC"), "[redacted]");
/// assert_eq!(stream.text("GET / 200"), "GET / 200");
/// assert_eq!(stream.text("bzRLaGVsbG8="), "[redacted]");
/// stream.text("-----END PRIVATE KEY-----");
/// assert_eq!(stream.text("bzRLaGVsbG8="), "bzRLaGVsbG8=");
/// ```
pub struct Stream<'a> {
    redactor: &'a Redactor,
    open: Option<Open>,
}

/// A private key that continues in the next texts.
struct Open {
    block: Block,
    /// The text before each of its lines.
    prefix: String,
    left: usize,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(redactor: &'a Redactor) -> Stream<'a> {
        Stream {
            redactor,
            open: None,
        }
    }

    /// Returns the next text with its secrets masked.
    pub fn text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let Some(open) = &mut self.open else {
            self.open = begins(text);
            return self.redactor.text(text);
        };
        open.left -= 1;
        let ends = memchr::memmem::find(text.as_bytes(), open.block.end()).is_some()
            || (open.block == Block::Armour && text.contains("--END"));
        let masked = if ends {
            None
        } else {
            mask_lines(text, &open.prefix)
        };
        if ends || open.left == 0 {
            self.open = begins(text);
        }
        match masked {
            Some(masked) => {
                self.redactor.count(RuleName::PrivateKey);
                Cow::Owned(masked)
            }
            None => self.redactor.text(text),
        }
    }

    /// Masks the next value of a structured field; see [`Redactor::value`].
    pub fn value<'t>(&mut self, key: &str, value: &'t str) -> Cow<'t, str> {
        if self.redactor.is_secret(key) {
            return self.redactor.value(key, value);
        }
        self.text(value)
    }
}

fn begins(text: &str) -> Option<Open> {
    let block = private_key::open_block(text)?;
    let line = text
        .lines()
        .find(|line| line.contains("BEGIN ") || line.contains("Private-Lines"));
    let prefix = line.and_then(|line| line.find(['-', 'P'])).unwrap_or(0);
    Some(Open {
        block,
        prefix: line.unwrap_or_default()[..prefix].to_owned(),
        left: MOST_TEXTS,
    })
}

/// Masks those lines of a text that belong to a key. Returns `None` if there are none.
fn mask_lines(text: &str, prefix: &str) -> Option<String> {
    let mut masked = false;
    let lines: Vec<Cow<'_, str>> = text
        .split('\n')
        .map(|line| {
            let (head, body) = match line.strip_prefix(prefix) {
                Some(body) => (prefix, body),
                None => ("", line),
            };
            if is_key_line(body.trim()) {
                masked = true;
                Cow::Owned(format!("{head}{MASK}"))
            } else {
                mask_long_runs(line).map_or(Cow::Borrowed(line), |line| {
                    masked = true;
                    Cow::Owned(line)
                })
            }
        })
        .collect();
    masked.then(|| lines.join("\n"))
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

/// Whether the line is base64, and not a word.
fn is_key_line(line: &str) -> bool {
    let telling =
        |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'/' | b'=') || b.is_ascii_uppercase();
    line.len() >= 4
        && line.bytes().all(is_base64)
        && line.bytes().any(telling)
        && !line.starts_with('/')
        && !words::is_status(line)
}

/// Masks base64 within other text if it is as long as the lines of keys.
fn mask_long_runs(line: &str) -> Option<String> {
    const LINE: usize = 60;
    let mut run = 0;
    let mut found = None;
    for (at, b) in line.bytes().chain([b' ']).enumerate() {
        if is_base64(b) {
            run += 1;
            continue;
        }
        if run >= LINE {
            found = Some(at - run..at);
            break;
        }
        run = 0;
    }
    let range = found?;
    Some(format!(
        "{}{MASK}{}",
        &line[..range.start],
        &line[range.end..]
    ))
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("in_private_key", &self.open.is_some())
            .finish_non_exhaustive()
    }
}
