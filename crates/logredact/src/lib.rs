#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod allow;
mod anchors;
mod brackets;
mod byte_set;
mod card;
mod command;
mod encoded;
mod finder;
mod forms;
mod found_key;
mod home;
mod key;
mod key_cache;
mod key_words;
mod known;
mod learned;
mod masking;
mod pair;
mod private_key;
mod prose;
mod protocol;
mod quote;
mod redactor;
mod rule;
mod scan;
mod splice;
mod stream;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod value;
mod word_list;
mod words;
mod yaml;

pub use redactor::Redactor;
pub use stream::Stream;

/// The text that replaces a secret.
pub const MASK: &str = "[redacted]";
