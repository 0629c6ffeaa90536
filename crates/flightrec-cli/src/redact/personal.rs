//! What is no secret to the program, but perhaps to its user: names in paths, addresses.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use flightrec::redact::{MASK, Redactor};
use regex::{Captures, Regex};

use crate::outcome::{Result, Trouble};

/// The name of a user in the path of a home directory.
const HOME: &str = r"(?i)(/home/|/users/|\\users\\|\\\\users\\\\)([^/\\\s:;,'\x22]+)";

const EMAIL: &str = r"(?i)()[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+";

const IPV4: &str = r"()\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b";

/// What may be an IPv6 address.
const IPV6: &str = r"[0-9A-Fa-f:.]{3,}";

/// The redactor with the rules for what is personal.
pub(crate) fn rules(redactor: Redactor, ip: bool) -> Result<Redactor> {
    let mut redactor = redactor;
    let mut add = |name: &str, pattern: &str| -> Result<()> {
        let regex = Regex::new(pattern).map_err(|error| Trouble::new(error.to_string()))?;
        let previous = std::mem::replace(&mut redactor, Redactor::none());
        redactor = previous.rule(name, move |text| replace(&regex, text));
        Ok(())
    };
    add("home", HOME)?;
    add("email", EMAIL)?;
    if ip {
        add("ip", IPV4)?;
        let regex = Regex::new(IPV6).map_err(|error| Trouble::new(error.to_string()))?;
        redactor = redactor.rule("ip", move |text| replace_ipv6(&regex, text));
    }
    Ok(redactor)
}

/// A path of modules has the look of an address, too: `fae::b2` is taken for one, `ada::b` is not.
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

/// The matches masked, but for what the first group holds.
fn replace<'a>(regex: &Regex, text: &'a str) -> Cow<'a, str> {
    regex.replace_all(text, |found: &Captures<'_>| {
        // What is masked already stays as it is.
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
    fn personal_things_are_masked() {
        let redactor = rules(Redactor::default(), true).unwrap();
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
}
