//! Personal data: names of users, machines and directories, and addresses.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use logredact::{MASK, Redactor};
use regex::{Captures, Regex};

use crate::error::{CliError, Result};

/// The name of a user in the path of a home directory.
const HOME: &str = r"(?i)(/home/|/users/|\\users\\|\\\\users\\\\)([^/\\\s:;,'\x22]+)";

const EMAIL: &str = r"(?i)()[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+";

const IPV4: &str = r"()\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b";

/// Text that may be an IPv6 address.
const IPV6: &str = r"[0-9A-Fa-f:.]{3,}";

/// The directories of an absolute path; a URL has two slashes. `/rustc/` is the same everywhere.
const PATH: &str =
    r"(^|[^/\\\w.:-])(?:/(?:[^/\s:;,'\x22()\[\]]+/)+|[A-Za-z]:\\(?:[^\\\s:;,'\x22]+\\)+)";

/// Further data to mask. Home directories and e-mail addresses are always masked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Personal<'a> {
    pub(crate) ip: bool,
    /// Names of machines.
    pub(crate) hosts: &'a [String],
    pub(crate) paths: bool,
}

/// The redactor with the rules for personal data.
pub(crate) fn rules(redactor: Redactor, what: &Personal<'_>) -> Result<Redactor> {
    let mut redactor = redactor;
    let compile =
        |pattern: &str| Regex::new(pattern).map_err(|error| CliError::new(error.to_string()));
    let mut add = |name: &str, pattern: &str| -> Result<()> {
        let regex = compile(pattern)?;
        let previous = std::mem::replace(&mut redactor, Redactor::none());
        redactor = previous.rule(name, move |text| replace(&regex, text));
        Ok(())
    };
    add("home", HOME)?;
    add("email", EMAIL)?;
    for host in what.hosts.iter().filter(|host| !host.is_empty()) {
        let host = regex::escape(host);
        // The domain around it could reveal the name, too.
        add(
            "host",
            &format!(r"(?i)()\b(?:[\w-]+\.)*{host}(?:\.[\w-]+)*\b"),
        )?;
    }
    if what.ip {
        add("ip", IPV4)?;
        let regex = compile(IPV6)?;
        redactor = redactor.rule("ip", move |text| replace_ipv6(&regex, text));
    }
    if what.paths {
        let regex = compile(PATH)?;
        redactor = redactor.rule("path", move |text| replace_paths(&regex, text));
    }
    Ok(redactor)
}

fn replace_paths<'a>(regex: &Regex, text: &'a str) -> Cow<'a, str> {
    regex.replace_all(text, |found: &Captures<'_>| {
        let before = found.get(1).map_or("", |before| before.as_str());
        let path = &found[0][before.len()..];
        let masked = format!("/{MASK}/");
        if path.starts_with("/rustc/") || path == masked {
            return found[0].to_owned();
        }
        format!("{before}{masked}")
    })
}

/// The path of a module may look like an address: `fae::b2` is masked, `ada::b` is not.
fn replace_ipv6<'a>(regex: &Regex, text: &'a str) -> Cow<'a, str> {
    regex.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        let range = found.get(0).map_or(0..0, |found| found.range());
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let stands_alone =
            !text[..range.start].ends_with(is_word) && !text[range.end..].starts_with(is_word);
        let address = whole.trim_end_matches('.');
        let is_address = address.parse::<Ipv6Addr>().is_ok()
            && address.contains(|char: char| char.is_ascii_digit());
        if stands_alone && is_address {
            format!("{MASK}{}", &whole[address.len()..])
        } else {
            whole.to_owned()
        }
    })
}

/// Masks each match except its first group.
fn replace<'a>(regex: &Regex, text: &'a str) -> Cow<'a, str> {
    regex.replace_all(text, |found: &Captures<'_>| {
        // Already masked.
        if found.get(2).is_some_and(|name| name.as_str() == MASK) {
            return found[0].to_owned();
        }
        format!("{}{MASK}", found.get(1).map_or("", |kept| kept.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_masked() {
        let redactor = rules(
            Redactor::default(),
            &Personal {
                ip: true,
                ..Personal::default()
            },
        )
        .unwrap();
        let masked = |text: &str| redactor.text(text).into_owned();
        assert_eq!(masked("/home/jane/src/x.rs"), "/home/[redacted]/src/x.rs");
        assert_eq!(masked("C:\\Users\\Jane\\x"), "C:\\Users\\[redacted]\\x");
        assert_eq!(masked("to jane.doe@mail.example.org!"), "to [redacted]!");
        assert_eq!(masked("from 192.168.0.12:80"), "from [redacted]:80");
        assert_eq!(masked("[fe80::1ff:fe23:4567:890a]:80"), "[[redacted]]:80");
        for harmless in [
            "census::crates::read",
            "12:30:15",
            "1.2.3",
            "a @ b",
            "/home",
            "src/main.rs:12:5",
            "cafe::ada::b",
        ] {
            assert_eq!(masked(harmless), harmless);
        }
        assert_eq!(masked(&masked("/home/jane/x")), "/home/[redacted]/x");
    }

    #[test]
    fn hosts_and_directories_are_masked_when_asked() {
        let what = Personal {
            hosts: &["build-7".to_owned()],
            paths: true,
            ..Personal::default()
        };
        let redactor = rules(Redactor::default(), &what).unwrap();
        let masked = |text: &str| redactor.text(text).into_owned();
        assert_eq!(
            masked("on build-7, at BUILD-7.example.org:80"),
            "on [redacted], at [redacted]:80"
        );
        assert_eq!(
            masked("cannot read /srv/acme/conf.toml: no"),
            "cannot read /[redacted]/conf.toml: no"
        );
        assert_eq!(masked("C:\\acme\\x.exe"), "/[redacted]/x.exe");
        assert_eq!(
            masked(&masked("/srv/acme/conf.toml")),
            "/[redacted]/conf.toml"
        );
        for harmless in [
            "src/main.rs",
            "https://example.org/a/b",
            "/rustc/abc/library/core/src/lib.rs",
            "a/b/c",
            "build-70",
        ] {
            assert_eq!(masked(harmless), harmless);
        }
    }
}
