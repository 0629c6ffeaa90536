//! The console: text to stderr, in colours where they are wanted.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Stderr};

use super::WriteSink;
use crate::format::Text;

/// A sink that writes [`Text`] to stderr, in colours if that is a terminal.
///
/// Decided once, here, by the usual signs: `NO_COLOR` (not empty) forbids colours,
/// `CLICOLOR_FORCE` (not empty, not `0`) demands them, `CLICOLOR=0` declines them. Otherwise
/// stderr must be a terminal, and `TERM` must not be `dumb`. On Windows the terminal must also
/// make itself known by `WT_SESSION`, `TERM` or `ANSICON`, for older consoles show escape
/// sequences as they are.
///
/// A closed or broken stderr is an error that the tee counts, never a panic. For other formats
/// or choices use [`WriteSink::new`] with `std::io::stderr()`.
///
/// # Examples
///
/// ```
/// let tee = logtee::Tee::builder().sink(log::LevelFilter::Info, logtee::stderr()).build();
/// # drop(tee);
/// ```
pub fn stderr() -> WriteSink<Text, Stderr> {
    let colored = wants_colors(|name| std::env::var_os(name), io::stderr().is_terminal());
    WriteSink::new(Text::new().colored(colored), io::stderr())
}

fn wants_colors(variable: impl Fn(&str) -> Option<OsString>, is_terminal: bool) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    if set("CLICOLOR").is_some_and(|value| value == "0") {
        return false;
    }
    let terminal_can = match set("TERM") {
        Some(term) => term != "dumb",
        None => cfg!(windows) && (set("WT_SESSION").is_some() || set("ANSICON").is_some()),
    };
    is_terminal && terminal_can
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_decided_by_the_usual_signs() {
        let check = |variables: &[(&str, &str)], is_terminal| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            wants_colors(variable, is_terminal)
        };
        let xterm = ("TERM", "xterm");
        assert!(check(&[xterm], true));
        assert!(!check(&[xterm], false));
        assert!(!check(&[("TERM", "dumb")], true));
        assert!(!check(&[xterm, ("NO_COLOR", "1")], true));
        assert!(check(&[xterm, ("NO_COLOR", "")], true));
        assert!(check(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!check(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!check(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(!check(&[xterm, ("CLICOLOR", "0")], true));
    }
}
