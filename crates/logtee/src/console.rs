//! The console: text on stderr, with colours on a terminal.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Stderr};

use crate::format::Text;
use crate::write::WriteSink;

/// Makes a sink that writes [`Text`] to stderr, with colours if stderr is a terminal.
///
/// This call decides once whether to use colours:
///
/// - `NO_COLOR`, if not empty, turns them off.
/// - Otherwise `CLICOLOR_FORCE`, if neither empty nor `0`, turns them on.
/// - Otherwise `CLICOLOR=0` turns them off.
/// - Otherwise they are on if stderr is a terminal and `TERM` is set to a value other than `dumb`. On
///   Windows, `ANSICON`, or a console that accepts escape sequences (since Windows 10), also counts. This
///   call asks the console to accept them.
///
/// A closed or broken stderr is an error, which a tee counts, and never a panic. For another
/// format use [`WriteSink::new`] with `std::io::stderr()`.
///
/// # Examples
///
/// ```
/// let tee = logtee::Tee::builder().sink(log::LevelFilter::Info, logtee::stderr()).build();
/// # drop(tee);
/// ```
pub fn stderr() -> WriteSink<Text, Stderr> {
    let is_terminal = io::stderr().is_terminal();
    let console_can = is_terminal && console_accepts_escapes();
    let colored = wants_colors(|name| std::env::var_os(name), is_terminal, console_can);
    WriteSink::new(Text::new().colored(colored), io::stderr())
}

/// Windows consoles print escape sequences as text until a program asks them to interpret them.
fn console_accepts_escapes() -> bool {
    #[cfg(windows)]
    return anstyle_query::windows::enable_ansi_colors() == Some(true);
    #[cfg(not(windows))]
    return false;
}

fn wants_colors(
    variable: impl Fn(&str) -> Option<OsString>,
    is_terminal: bool,
    console_can: bool,
) -> bool {
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
        None => console_can || (cfg!(windows) && set("ANSICON").is_some()),
    };
    is_terminal && terminal_can
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_usual_environment_variables() {
        let check = |variables: &[(&str, &str)], is_terminal| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            // As if no Windows console accepted escape sequences.
            wants_colors(variable, is_terminal, false)
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
        assert!(!check(&[], true));
        assert!(wants_colors(|_| None, true, true));
        assert!(!wants_colors(|_| None, false, true));
    }
}
