//! Makes valid JSON of damaged JSON: keeps what can be read, and omits and reports the rest.

/// The limit of serde_json is 128.
const MAX_DEPTH: usize = 120;

/// How many damaged places are described. Further ones are only counted.
const MAX_DESCRIBED: usize = 5;

/// Repaired JSON, and what was done to it.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    pub(super) json: Vec<u8>,
    pub(super) damage: Vec<String>,
}

/// The place of the first error of serde_json: `byte 27 (line 2, column 17)`. `None` if the JSON is
/// valid.
pub(super) fn place_of_error(json: &[u8]) -> Option<String> {
    let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(json) else {
        // serde_json does not check whether ignored text is UTF-8.
        let byte = std::str::from_utf8(json).err()?.valid_up_to();
        return Some(format!("byte {byte}, which is not UTF-8"));
    };
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let byte = before + error.column().saturating_sub(1);
    Some(format!(
        "byte {byte} (line {}, column {})",
        error.line(),
        error.column()
    ))
}

/// Reads JSON as far as possible.
///
/// Bytes that are not UTF-8 are replaced. Numbers that JSON does not have (`NaN`, `Infinity`) and
/// missing values become null. At any other error the rest is omitted, and the open lists and
/// objects are closed.
pub(super) fn repair(json: &[u8]) -> Repaired {
    let mut repair = Repair {
        json,
        at: 0,
        out: Vec::with_capacity(json.len()),
        open: Vec::new(),
        safe: 0,
        damage: Vec::new(),
        more: 0,
    };
    repair.run();
    let mut damage = repair.damage;
    if repair.more > 0 {
        damage.push(format!("{} more places are damaged", repair.more));
    }
    Repaired {
        json: repair.out,
        damage,
    }
}

/// Which tokens may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

struct Repair<'a> {
    json: &'a [u8],
    at: usize,
    out: Vec<u8>,
    /// The closing brackets of the open lists and objects.
    open: Vec<u8>,
    /// The length of the output up to which all open lists and objects can be closed.
    safe: usize,
    damage: Vec<String>,
    more: usize,
}

impl Repair<'_> {
    fn run(&mut self) {
        let mut expect = Expect::Value;
        while let Some(byte) = self.next_token() {
            let next = self.token(byte, expect);
            match next {
                Some(Expect::CommaOrEnd) if self.open.is_empty() => return self.end(),
                Some(next) => expect = next,
                None => return self.cut("is damaged"),
            }
        }
        self.cut("ends");
    }

    fn next_token(&mut self) -> Option<u8> {
        let rest = &self.json[self.at..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += blank.count();
        self.json.get(self.at).copied()
    }

    /// Reads a token. `None` if it is not valid here.
    fn token(&mut self, byte: u8, expect: Expect) -> Option<Expect> {
        use Expect::{Colon, CommaOrEnd, Key, KeyOrEnd, Value, ValueOrEnd};
        match (expect, byte) {
            (Value | ValueOrEnd, b'{') => self.open(byte, b'}').then_some(KeyOrEnd),
            (Value | ValueOrEnd, b'[') => self.open(byte, b']').then_some(ValueOrEnd),
            (Value | ValueOrEnd, b'"') => {
                self.string(true);
                self.complete()
            }
            (Key | KeyOrEnd, b'"') => self.string(false).then_some(Colon),
            (Colon, b':') => {
                self.push(byte);
                Some(Value)
            }
            (CommaOrEnd, b',') => {
                self.push(byte);
                Some(if self.open.last() == Some(&b'}') {
                    Key
                } else {
                    Value
                })
            }
            (CommaOrEnd | KeyOrEnd | ValueOrEnd, b'}' | b']')
                if self.open.last() == Some(&byte) =>
            {
                self.open.pop();
                self.push(byte);
                self.complete()
            }
            // A trailing comma.
            (Key, b'}') | (Value, b']') if self.out.last() == Some(&b',') => {
                self.report(self.at, "a value is missing");
                self.out.pop();
                self.open.pop();
                self.push(byte);
                self.complete()
            }
            (Value, b',' | b'}') if self.out.last() == Some(&b':') => {
                self.report(self.at, "a value is missing");
                self.out.extend(b"null");
                self.complete()
            }
            (Value | ValueOrEnd, _) => self.word(),
            _ => None,
        }
    }

    fn open(&mut self, byte: u8, end: u8) -> bool {
        if self.open.len() == MAX_DEPTH {
            return false;
        }
        self.open.push(end);
        self.push(byte);
        self.safe = self.out.len();
        true
    }

    fn push(&mut self, byte: u8) {
        self.out.push(byte);
        self.at += 1;
    }

    /// A value is complete.
    fn complete(&mut self) -> Option<Expect> {
        self.safe = self.out.len();
        Some(Expect::CommaOrEnd)
    }

    /// A number or a word. One that JSON does not have becomes null.
    fn word(&mut self) -> Option<Expect> {
        let rest = &self.json[self.at..];
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
        let len = rest.iter().take_while(is_word).count();
        let word = std::str::from_utf8(&rest[..len])
            .ok()
            .filter(|word| !word.is_empty())?;
        let is_json = serde_json::from_str::<serde_json::Value>(word).is_ok();
        let is_last = self.at + len == self.json.len();
        let is_number = word.parse::<f64>().is_ok() || word.trim_start_matches('-') == "Infinity";
        if is_json && !is_last {
            self.out.extend(word.as_bytes());
        } else if is_number && !is_last {
            self.report(self.at, &format!("{word} is not a JSON number"));
            self.out.extend(b"null");
        } else {
            return None;
        }
        self.at += len;
        self.complete()
    }

    /// A string. One that does not end is closed. Returns false if that one is a key.
    fn string(&mut self, is_value: bool) -> bool {
        self.push(b'"');
        loop {
            let rest = &self.json[self.at..];
            let plain = rest
                .iter()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | ..0x20));
            let len = plain.count();
            self.text(len);
            let rest = &self.json[self.at..];
            match rest {
                [b'"', ..] => {
                    self.push(b'"');
                    return true;
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    ..,
                ] => {
                    self.out.extend(&rest[..2]);
                    self.at += 2;
                }
                [b'\\', b'u', ..] if rest.len() >= 6 => self.unicode(),
                [b'\\', _, ..] if rest[1] != b'u' => {
                    self.report(self.at, "an escape is damaged");
                    self.out.extend(b"\\\\");
                    self.at += 1;
                }
                // A control character. A file system may leave NUL bytes after a crash.
                [byte @ ..0x20, ..] => {
                    self.report(self.at, "a control character is not escaped");
                    self.out.extend(format!("\\u{byte:04x}").bytes());
                    self.at += 1;
                }
                _ => {
                    self.at = self.json.len();
                    if is_value {
                        self.out.extend("…\"".bytes());
                    }
                    return false;
                }
            }
        }
    }

    /// Text without escapes; bytes that are not UTF-8 are replaced.
    fn text(&mut self, len: usize) {
        let text = &self.json[self.at..self.at + len];
        let mut at = self.at;
        for chunk in text.utf8_chunks() {
            self.out.extend(chunk.valid().as_bytes());
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                self.report(at, "it is not UTF-8");
                self.out.extend("\u{fffd}".bytes());
                at += chunk.invalid().len();
            }
        }
        self.at = at;
    }

    /// `\u` and four hexadecimal digits. Two such escapes may be one character.
    fn unicode(&mut self) {
        let unit = |text: &[u8]| {
            let digits = text.strip_prefix(b"\\u")?.get(..4)?;
            let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let rest = &self.json[self.at..];
        let len = match (unit(rest), unit(&rest[6..])) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (other @ (Some(0xd800..=0xdfff) | None), _) => {
                self.report(self.at, "an escape is damaged");
                self.out.extend("\u{fffd}".bytes());
                self.at += if other.is_some() { 6 } else { 2 };
                return;
            }
            (Some(_), _) => 6,
        };
        self.out.extend(&rest[..len]);
        self.at += len;
    }

    fn report(&mut self, at: usize, what: &str) {
        if self.damage.len() < MAX_DESCRIBED {
            self.damage.push(format!("{what} at {}", self.place(at)));
        } else {
            self.more += 1;
        }
    }

    /// `byte 27 (line 2, column 17)`
    fn place(&self, at: usize) -> String {
        let before = &self.json[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let column = at - start.map_or(0, |newline| newline + 1) + 1;
        format!("byte {at} (line {line}, column {column})")
    }

    /// Ends the output after the last complete value.
    fn cut(&mut self, what: &str) {
        let place = self.place(self.at);
        // This damage is the most important, so it is the first.
        self.damage.insert(
            0,
            format!("it {what} at {place}; what should follow is missing"),
        );
        self.out.truncate(self.safe);
        while let Some(end) = self.open.pop() {
            self.out.push(end);
        }
    }

    /// The document is complete; something may follow it.
    fn end(&mut self) {
        let rest = self.json[self.at..].trim_ascii();
        if rest.is_empty() {
            return;
        }
        let what = match rest.iter().all(|byte| *byte == 0) {
            true => "NUL bytes follow the dump",
            false => "something else follows the dump",
        };
        self.report(self.at, what);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(damaged: impl AsRef<[u8]>, expected: Value, damage: &[&str]) {
        let repaired = repair(damaged.as_ref());
        let value: Value = serde_json::from_slice(&repaired.json).unwrap();
        assert_eq!(value, expected);
        assert_eq!(repaired.damage, damage);
    }

    #[test]
    fn a_cut_document_keeps_what_was_complete() {
        for (cut, expected) in [
            (
                r#"{"a":1,"b":[{"c":"x"},{"c":"#,
                json!({"a": 1, "b": [{"c": "x"}, {}]}),
            ),
            (
                r#"{"a":1,"b":[{"c":"x"},"#,
                json!({"a": 1, "b": [{"c": "x"}]}),
            ),
            (
                r#"{"a":1,"b":[{"c":"tex"#,
                json!({"a": 1, "b": [{"c": "tex…"}]}),
            ),
            (r#"{"a":1,"b":"\u00"#, json!({"a": 1, "b": "…"})),
            (r#"{"a":1,"b":tru"#, json!({"a": 1})),
            (r#"{"a":1,"b":12"#, json!({"a": 1})),
        ] {
            let place = format!("byte {0} (line 1, column {1})", cut.len(), cut.len() + 1);
            // The start of a word or a number that was cut.
            let place = match cut.find("tru").or(cut.find("12")) {
                Some(at) => format!("byte {at} (line 1, column {})", at + 1),
                None => place,
            };
            let repaired = repair(cut.as_bytes());
            let value: Value = serde_json::from_slice(&repaired.json).unwrap();
            assert_eq!(value, expected, "{cut}");
            assert!(repaired.damage[0].contains(&place), "{:?}", repaired.damage);
        }
    }

    #[test]
    fn harmless_damage_costs_no_more_than_its_place() {
        check(
            b"{\"a\":\"x\xffy\",\"b\":2}",
            json!({"a": "x\u{fffd}y", "b": 2}),
            &["it is not UTF-8 at byte 7 (line 1, column 8)"],
        );
        check(
            "{\"a\":[NaN,-Infinity,1]}",
            json!({"a": [null, null, 1]}),
            &[
                "NaN is not a JSON number at byte 6 (line 1, column 7)",
                "-Infinity is not a JSON number at byte 10 (line 1, column 11)",
            ],
        );
        check(
            "{\n\"a\":1}\0\0\n",
            json!({"a": 1}),
            &["NUL bytes follow the dump at byte 8 (line 2, column 7)"],
        );
        check(
            "{\"a\":,\"b\":[1,]}",
            json!({"a": null, "b": [1]}),
            &[
                "a value is missing at byte 5 (line 1, column 6)",
                "a value is missing at byte 13 (line 1, column 14)",
            ],
        );
        check(
            "{\"a\":\"\\ud800 \\q \u{1}\"}",
            json!({"a": "\u{fffd} \\q \u{1}"}),
            &[
                "an escape is damaged at byte 6 (line 1, column 7)",
                "an escape is damaged at byte 13 (line 1, column 14)",
                "a control character is not escaped at byte 16 (line 1, column 17)",
            ],
        );
    }

    #[test]
    fn deep_nesting_is_cut() {
        let repaired = repair("{\"a\":".repeat(10_000).as_bytes());
        assert!(serde_json::from_slice::<Value>(&repaired.json).is_ok());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn valid_json_is_left_as_it_is(value in json_value()) {
            let value = json!({"a": value});
            let json = value.to_string();
            let repaired = repair(json.as_bytes());
            prop_assert_eq!(repaired.damage, Vec::<String>::new());
            prop_assert_eq!(serde_json::from_slice::<Value>(&repaired.json).unwrap(), value);
        }

        #[test]
        fn the_result_is_valid_whatever_was_damaged(
            value in json_value(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            end in any::<prop::sample::Index>(),
        ) {
            let mut json = json!({"a": value}).to_string().into_bytes();
            for (at, byte) in changes {
                let at = at.index(json.len() - 1) + 1;
                let at = at.min(json.len() - 1);
                json[at] = byte;
            }
            json.truncate(end.index(json.len()) + 1);
            let repaired = repair(&json);
            let read = serde_json::from_slice::<Value>(&repaired.json);
            prop_assert!(read.is_ok(), "{:?} {}", read, String::from_utf8_lossy(&repaired.json));
        }
    }
}
