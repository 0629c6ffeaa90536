//! `RUST_LOG`-style directives.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use log::{LevelFilter, Metadata, Record};

use super::Filter;

/// `RUST_LOG`-style directives: `info,my_crate=debug,noisy::module=off`.
///
/// The syntax is that of the crate `env_filter`, and so of `env_logger`: a comma-separated list of
/// `level`, `target` or `target=level`. `/text` at the end selects messages that contain the text.
///
/// # Examples
///
/// ```
/// let filter = logtee::Directives::parse("info,my_crate=debug")?;
/// assert_eq!(logtee::Filter::max_level(&filter), log::LevelFilter::Debug);
///
/// let same: logtee::Directives = "info,my_crate=debug".parse()?;
/// # Ok::<(), logtee::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Directives(env_filter::Filter);

impl Directives {
    /// Parses directives.
    ///
    /// # Errors
    ///
    /// Fails if `text` is not a list of directives.
    pub fn parse(text: &str) -> Result<Directives, ParseError> {
        let mut builder = env_filter::Builder::new();
        match builder.try_parse(text) {
            Ok(builder) => Ok(Directives(builder.build())),
            Err(error) => Err(ParseError {
                text: text.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Parses the environment variable `name`, or `fallback` if it is unset or empty.
    ///
    /// # Errors
    ///
    /// Fails if the variable is not a list of directives, or not Unicode.
    ///
    /// # Examples
    ///
    /// ```
    /// use logtee::{Directives, Tee};
    ///
    /// let filter = Directives::from_env("RUST_LOG", "warn,my_crate=info")?;
    /// let tee = Tee::builder().sink(filter, logtee::stderr()).build();
    /// # drop(tee);
    /// # Ok::<(), logtee::ParseError>(())
    /// ```
    pub fn from_env(name: &str, fallback: &str) -> Result<Directives, ParseError> {
        match std::env::var_os(name) {
            Some(text) if !text.is_empty() => {
                let text = text.into_string().map_err(|text| ParseError {
                    text: text.to_string_lossy().into_owned(),
                    reason: format!("the environment variable {name} is not Unicode"),
                })?;
                Directives::parse(&text)
            }
            _ => Directives::parse(fallback),
        }
    }
}

impl FromStr for Directives {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Directives, ParseError> {
        Directives::parse(text)
    }
}

impl Filter for Directives {
    fn max_level(&self) -> LevelFilter {
        self.0.filter()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        self.0.matches(record)
    }
}

/// The directives could not be parsed.
#[derive(Debug)]
pub struct ParseError {
    text: String,
    reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParseError { text, reason } = self;
        write!(
            f,
            "cannot parse the log directives {text:?}: {reason}; expected a list such as \
             `info,my_crate=debug`"
        )
    }
}

impl Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_tried() {
        let error = Directives::parse("info,my_crate=loud")
            .unwrap_err()
            .to_string();
        assert!(error.contains("info,my_crate=loud"), "{error}");
        assert!(error.contains("loud"), "{error}");
    }

    #[test]
    fn directives_are_asked_by_target_and_message() {
        let filter = Directives::parse("warn,net=debug/refused").unwrap();
        let record = |target, level, message| {
            let args = format_args!("{message}");
            filter.matches(
                &Record::builder()
                    .target(target)
                    .level(level)
                    .args(args)
                    .build(),
            )
        };
        assert!(record("net::tcp", log::Level::Debug, "connection refused"));
        assert!(!record("net::tcp", log::Level::Debug, "connected"));
        assert!(!record("disk", log::Level::Info, "refused"));
        assert_eq!(filter.max_level(), LevelFilter::Debug);
    }

    #[test]
    fn an_unset_variable_means_the_fallback() {
        let filter = Directives::from_env("LOGTEE_TEST_SURELY_UNSET", "warn").unwrap();
        assert_eq!(filter.max_level(), LevelFilter::Warn);
    }
}
