//! Environment variables by which an operator configures the recorder.

use std::env;
use std::ffi::OsString;

use crate::builder::Builder;

impl Builder {
    /// Reads environment variables, which replace the previous settings of the builder. By default, no
    /// variable is read.
    ///
    /// | variable | effect |
    /// |---|---|
    /// | `FLIGHTREC=off` | no records are kept until [`start`](crate::FlightRecorder::start) is called |
    /// | `FLIGHTREC_DIR` | as [`dir`](Builder::dir) |
    /// | `FLIGHTREC_RECORD` | as [`record`](Builder::record), with the syntax of `RUST_LOG` (feature `env-filter`) |
    /// | `FLIGHTREC_RULES` | adds [rules](crate::Rule#as-text), separated by semicolons |
    ///
    /// An empty variable has no effect. An invalid one has no effect, either, and a line on stderr says what
    /// is wrong.
    ///
    /// ```console
    /// $ FLIGHTREC_RULES="rate(warn, 20, 10s); memory > 80%" my-service
    /// ```
    pub fn env_overrides(self) -> Builder {
        self.with_variables(|name| env::var_os(name))
    }

    fn with_variables(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Builder {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        match text("FLIGHTREC").as_deref().map(str::trim) {
            Some("off") => self.is_off = true,
            Some("on") | None => {}
            Some(other) => self.warn("FLIGHTREC", format!("{other:?} is neither on nor off")),
        }
        if let Some(dir) = variable("FLIGHTREC_DIR") {
            self = self.dir(dir);
        }
        if let Some(directives) = text("FLIGHTREC_RECORD") {
            self = self.record_directives(&directives);
        }
        if let Some(list) = text("FLIGHTREC_RULES") {
            match dumpmaker::rules::parse_list(&list) {
                Ok(rules) => self = rules.into_iter().fold(self, Builder::dump_when),
                Err(error) => self.warn("FLIGHTREC_RULES", error.to_string()),
            }
        }
        self
    }

    #[cfg(feature = "env-filter")]
    fn record_directives(mut self, directives: &str) -> Builder {
        match directives.parse::<logtee::Directives>() {
            Ok(directives) => self = self.record(directives),
            Err(error) => self.warn("FLIGHTREC_RECORD", error.to_string()),
        }
        self
    }

    #[cfg(not(feature = "env-filter"))]
    fn record_directives(mut self, _directives: &str) -> Builder {
        let message = "the program was built without the feature `env-filter`";
        self.warn("FLIGHTREC_RECORD", message.to_owned());
        self
    }

    fn warn(&mut self, variable: &str, message: String) {
        self.warnings
            .push(format!("{variable} is ignored: {message}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overridden(variables: &'static [(&str, &str)]) -> Builder {
        crate::builder("test").with_variables(|name| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.into())
        })
    }

    #[test]
    fn invalid_variables_are_reported_and_ignored() {
        let builder = overridden(&[
            ("FLIGHTREC", "offf"),
            ("FLIGHTREC_RULES", "rate(warn, 3, 1s); memory = 80%"),
            ("FLIGHTREC_RECORD", ""),
        ]);
        assert_eq!(
            builder.warnings,
            [
                "FLIGHTREC is ignored: \"offf\" is neither on nor off",
                "FLIGHTREC_RULES is ignored: \">\" is missing at column 27",
            ]
        );
        assert!(!builder.is_off);
    }

    #[test]
    fn a_recorder_that_is_off_keeps_nothing_until_it_is_started() {
        let (recorder, _tee) = overridden(&[("FLIGHTREC", "off")]).build();
        assert!(!recorder.is_enabled());
        recorder.start();
        assert!(recorder.is_enabled());
    }
}
