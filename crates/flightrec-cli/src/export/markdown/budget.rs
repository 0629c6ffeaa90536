//! Limits the length of the output.

use std::str::FromStr;

/// A number of tokens of a language model.
///
/// A token counts as three bytes of UTF-8. Models differ; for logs and stacks most of them need fewer
/// tokens than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens(pub(crate) usize);

/// Bytes in a token.
const BYTES: usize = 3;

impl Tokens {
    /// Fits into an issue on GitHub, which may have 65,536 characters.
    pub(crate) const ISSUE: Tokens = Tokens(20_000);

    /// The minimum, which has room for an error and what was masked.
    pub(crate) const LEAST: usize = 400;

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Tokens {
        Tokens(text.len().div_ceil(BYTES))
    }
}

impl FromStr for Tokens {
    type Err = String;

    fn from_str(text: &str) -> Result<Tokens, String> {
        match text.replace([',', '_'], "").parse() {
            Ok(tokens) if tokens >= Tokens::LEAST => Ok(Tokens(tokens)),
            _ => Err(format!(
                "expected a number of tokens, {} or more",
                Tokens::LEAST
            )),
        }
    }
}

/// The rest of a budget, in bytes.
#[derive(Debug)]
pub(super) struct Budget {
    all: usize,
    left: usize,
}

impl Budget {
    pub(super) fn new(tokens: Tokens) -> Budget {
        let bytes = tokens.0.saturating_mul(BYTES);
        Budget {
            all: bytes,
            left: bytes,
        }
    }

    /// The whole budget, in bytes.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn reserve(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    pub(super) fn spend(&mut self, text: &str) {
        self.reserve(text.len());
    }

    /// Spends the bytes. Returns false if there are not enough.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_of_tokens() {
        assert_eq!("4000".parse(), Ok(Tokens(4000)));
        assert_eq!("4,000".parse(), Ok(Tokens(4000)));
        assert!("4".parse::<Tokens>().is_err());
        assert!("many".parse::<Tokens>().is_err());
        assert_eq!(Tokens::of("seven by"), Tokens(3));
    }
}
