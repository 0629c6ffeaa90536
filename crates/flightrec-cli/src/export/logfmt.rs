//! `key=value`, a record a line, and the failure itself behind them.

use std::borrow::Cow;
use std::io::{self, Write};

use flightrec::Value;

use super::{Chosen, is_fatal};
use crate::look::{text, value};

/// The keys that a record has by itself; one of its fields that has such a name gets a prefix.
const OWN: [&str; 6] = ["time", "level", "target", "thread", "msg", "at"];

pub(super) fn write(out: &mut dyn Write, dumps: &[Chosen<'_>]) -> io::Result<()> {
    for chosen in dumps {
        for record in &chosen.records {
            let mut line = Line::new(
                &record.time,
                &record.level,
                &record.target,
                &record.thread,
                &record.msg,
            );
            for (key, field) in record.fields.iter() {
                let key = if OWN.contains(&key) {
                    format!("field.{key}")
                } else {
                    key.to_owned()
                };
                match field {
                    Value::Text(text) => line.pair(&key, text),
                    other => line.pair(&key, &value::text(other)),
                }
            }
            if let (Some(file), Some(number)) = (&record.file, record.line) {
                line.pair("at", &format!("{file}:{number}"));
            }
            writeln!(out, "{}", line.text)?;
        }
        let dump = chosen.dump;
        let level = if is_fatal(dump) { "FATAL" } else { "ERROR" };
        let mut line = Line::new(
            &dump.created_at,
            level,
            &dump.app,
            &dump.process.thread,
            &dump.reason.message,
        );
        line.pair("failure", &dump.reason.kind);
        if !dump.fingerprint.is_empty() {
            line.pair("fingerprint", &dump.fingerprint);
        }
        writeln!(out, "{}", line.text)?;
    }
    Ok(())
}

struct Line {
    text: String,
}

impl Line {
    fn new(time: &str, level: &str, target: &str, thread: &str, msg: &str) -> Line {
        let mut line = Line {
            text: String::new(),
        };
        for (key, value) in [
            ("time", time),
            ("level", level),
            ("target", target),
            ("thread", thread),
            ("msg", msg),
        ] {
            line.pair(key, value);
        }
        line
    }

    fn pair(&mut self, key: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let plain =
            |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | ':');
        // Whatever else would end the key.
        self.text
            .extend(key.chars().map(|char| if plain(char) { char } else { '_' }));
        if key.is_empty() {
            self.text.push('_');
        }
        self.text.push('=');
        self.text.push_str(&quoted(value));
    }
}

/// In quotes where it is needed, with quotes and backslashes escaped.
fn quoted(value: &str) -> Cow<'_, str> {
    let bare = |char: char| {
        !char.is_whitespace() && !matches!(char, '"' | '=' | '\\') && !char.is_control()
    };
    let line = text::line(value);
    if !value.is_empty() && value.chars().all(bare) && line == value {
        return line;
    }
    // Backslashes first, as those of the escapes are wanted as they are.
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    Cow::Owned(format!("\"{}\"", text::line(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one() {
        assert_eq!(quoted("plain/8"), "plain/8");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("a b=\"c\"\\\n"), "\"a b=\\\"c\\\"\\\\\\n\"");
        let mut line = Line {
            text: String::new(),
        };
        line.pair("a key", "1");
        line.pair("", "2");
        assert_eq!(line.text, "a_key=1 _=2");
    }
}
