//! `key=value`, one record per line, and then one line for the failure.

use std::borrow::Cow;
use std::io::{self, Write};

use flightrec_dump::{Dump, Value};

use super::{Selected, app, causes, error_type, severity};
use crate::render::text;

/// The keys of every record; a field with such a name gets a prefix.
const OWN: [&str; 8] = [
    "time", "level", "target", "thread", "msg", "at", "app", "pid",
];

pub(super) fn write(out: &mut dyn Write, dumps: &[Selected<'_>]) -> io::Result<()> {
    for selected in dumps {
        let dump = selected.dump;
        for record in &selected.records {
            let mut line = Line::default();
            line.pair("time", &record.time.to_string());
            line.pair("level", record.level.as_str());
            line.pair("target", &record.target);
            line.pair("thread", &record.thread);
            line.pair("msg", &record.msg);
            for (key, field) in record.fields.iter() {
                let key = if OWN.contains(&key) {
                    format!("field.{key}")
                } else {
                    key.to_owned()
                };
                match field {
                    Value::Text(text) => line.pair(&key, text),
                    other => line.pair(&key, &text::value(other)),
                }
            }
            if let (Some(file), Some(number)) = (&record.file, record.line) {
                line.pair("at", &format!("{file}:{number}"));
            }
            line.process(dump);
            writeln!(out, "{}", line.text)?;
        }
        writeln!(out, "{}", failure(dump).text)?;
    }
    Ok(())
}

fn failure(dump: &Dump) -> Line {
    let mut line = Line::default();
    line.pair("time", &dump.created_at.to_string());
    line.pair("level", severity(dump));
    line.pair("target", &dump.app);
    line.pair("thread", &dump.process.thread);
    line.pair("msg", &dump.reason.message);
    line.pair("failure", dump.reason.kind.as_str());
    if let Some(error_type) = error_type(dump) {
        line.pair("error_type", error_type);
    }
    let causes = causes(dump);
    if !causes.is_empty() {
        line.pair("causes", &causes.join(": "));
    }
    if !dump.fingerprint.is_empty() {
        line.pair("fingerprint", &dump.fingerprint);
    }
    line.process(dump);
    line
}

#[derive(Default)]
struct Line {
    text: String,
}

impl Line {
    /// Adds the process, because a file may have several dumps.
    fn process(&mut self, dump: &Dump) {
        self.pair("app", &app(dump));
        self.pair("pid", &dump.process.pid.to_string());
    }

    fn pair(&mut self, key: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let plain =
            |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | ':');
        // Other characters might end the key.
        self.text
            .extend(key.chars().map(|char| if plain(char) { char } else { '_' }));
        if key.is_empty() {
            self.text.push('_');
        }
        self.text.push('=');
        self.text.push_str(&quoted(value));
    }
}

/// Quotes the value if needed, with quotes and backslashes escaped.
fn quoted(value: &str) -> Cow<'_, str> {
    let bare = |char: char| {
        !char.is_whitespace() && !matches!(char, '"' | '=' | '\\') && !char.is_control()
    };
    let line = text::line(value);
    if !value.is_empty() && value.chars().all(bare) && line == value {
        return line;
    }
    // Backslashes are escaped first, so that those of other escapes are not escaped again.
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
        let mut line = Line::default();
        line.pair("a key", "1");
        line.pair("", "2");
        assert_eq!(line.text, "a_key=1 _=2");
    }
}
