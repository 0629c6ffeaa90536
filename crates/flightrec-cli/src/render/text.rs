//! Makes text of any origin safe to print, and cuts or wraps it.

use std::borrow::Cow;

use flightrec_dump::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Escapes all characters that could end the line or control the terminal.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    logtee::escape::line(text)
}

/// The lines of a text, each escaped. A last newline makes no further line.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    // An empty text has one empty line, so that an empty message has its place, too.
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n')
        .map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
}

/// The first line, escaped.
pub(crate) fn first_line(text: &str) -> Cow<'_, str> {
    line(text.trim_start().lines().next().unwrap_or_default())
}

/// How many columns an escaped text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning and `…` if it is wider than `most` columns.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if fits(text, most) {
        return Cow::Borrowed(text);
    }
    let end = fitting(text.char_indices(), most.saturating_sub(1))
        .map_or(0, |(at, char)| at + char.len_utf8());
    Cow::Owned(format!("{}…", &text[..end]))
}

/// The text, or `…` and its end if it is wider than `most` columns.
pub(crate) fn cut_start(text: &str, most: usize) -> Cow<'_, str> {
    if fits(text, most) {
        return Cow::Borrowed(text);
    }
    let start =
        fitting(text.char_indices().rev(), most.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("…{}", &text[start..]))
}

/// Some characters take no column. At most this many characters are printed for one column.
const CHARS_A_COLUMN: usize = 8;

/// Whether the text fits. Reads no more of it than could fit.
fn fits(text: &str, most: usize) -> bool {
    let longest = most.saturating_mul(4 * CHARS_A_COLUMN);
    text.len() <= most || (text.len() <= longest && width(text) <= most)
}

/// The last of the characters that fit.
fn fitting(chars: impl Iterator<Item = (usize, char)>, most: usize) -> Option<(usize, char)> {
    let mut wide = 0;
    chars
        .take(most.saturating_mul(CHARS_A_COLUMN))
        .take_while(|(_, char)| {
            wide += char.width().unwrap_or(0);
            wide <= most
        })
        .last()
}

/// The text in pieces of at most `most` columns. A line is broken after a space, or after a separator
/// such as `/`, if there is one in the second half of the line.
pub(crate) fn wrap(text: &str, most: Option<usize>) -> Vec<&str> {
    let Some(most) = most.map(|most| most.max(8)) else {
        return vec![text];
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        // Reads no further than the line, so that the whole text takes linear time.
        let end = fitting(rest.char_indices(), most)
            .map_or(rest.len(), |(at, char)| at + char.len_utf8());
        if end == rest.len() {
            break;
        }
        let after = |is_break: fn(char) -> bool| {
            let at = rest[..end].rfind(is_break)? + 1;
            (at > end / 2).then_some(at)
        };
        // A line that ends before a space needs no other break.
        let word = match rest[end..].starts_with(' ') {
            true => Some(end),
            false => after(|char| char == ' '),
        };
        let separator = || after(|char| "/\\:,;&?".contains(char));
        let (piece, next) = rest.split_at(word.or_else(separator).unwrap_or(end));
        pieces.push(piece.trim_end_matches(' '));
        rest = if word.is_some() {
            next.trim_start_matches(' ')
        } else {
            next
        };
    }
    pieces.push(rest);
    pieces
}

/// The first `most` characters, and how many more there are.
pub(crate) fn head(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (&text[..at], text[at..].chars().count()),
        None => (text, 0),
    }
}

/// The limit of a text in characters, unless everything is shown.
const MAX_SHOWN: usize = 4_000;

/// The text. Unless `all` is set, a long one is cut, with a note on how many more characters there are.
pub(crate) fn shown(text: &str, all: bool) -> (&str, Option<String>) {
    let (start, more) = head(text, if all { usize::MAX } else { MAX_SHOWN });
    (start, (more > 0).then(|| more_characters(more)))
}

/// The same in one text.
pub(crate) fn shown_in_one(text: &str, all: bool) -> Cow<'_, str> {
    match shown(text, all) {
        (text, None) => Cow::Borrowed(text),
        (start, Some(more)) => Cow::Owned(format!("{start} {more}")),
    }
}

/// The first `most` characters, and `…` if there are more. For texts that are printed repeatedly: the
/// cost does not depend on their length.
pub(crate) fn beginning(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// `… 996,000 more characters (--all shows them)`
fn more_characters(more: usize) -> String {
    let more = super::count::of(more, "more character");
    format!("… {more} (--all shows them)")
}

/// A message on one line, escaped: its first line and those of the others that have letters or digits.
pub(crate) fn in_one_line(message: &str) -> String {
    let mut text = String::new();
    for part in message
        .lines()
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if text.len() > MAX_ONE_LINE {
            break;
        }
        // Rulers and carets of parsers.
        if !part.contains(char::is_alphanumeric) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(" ⏎ ");
        }
        text.push_str(&line(&beginning(part, MAX_ONE_LINE)));
    }
    text
}

/// A message is read up to this length for a line of a table.
const MAX_ONE_LINE: usize = 500;

/// Spaces that fill `text` up to `to` columns.
pub(crate) fn pad(text: &str, to: usize) -> Spaces {
    Spaces(to.saturating_sub(width(text)))
}

/// A number of spaces.
pub(crate) struct Spaces(pub(crate) usize);

impl std::fmt::Display for Spaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:1$}", "", self.0)
    }
}

/// A function's name without the hash that the compiler added.
pub(crate) fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash))
            if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            path
        }
        _ => name,
    }
}

/// The path of a source file without the directory of the registry or the toolchain.
pub(crate) fn short_path(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path);
    for (mark, parts) in [("/registry/src/", 1), ("/git/checkouts/", 0)] {
        if let Some((_, rest)) = path.split_once(mark) {
            return rest.splitn(parts + 1, '/').last().unwrap_or(rest);
        }
    }
    if let Some(rest) = path.strip_prefix("/rustc/") {
        return rest.split_once('/').map_or(rest, |(_, rest)| rest);
    }
    match path.split_once("/rustlib/src/rust/") {
        Some((_, rest)) => rest,
        None => path,
    }
}

/// `key=value`, unescaped. Text is quoted if it could be confused with the text around it.
pub(crate) fn key_value(key: &str, content: &Value) -> String {
    format!("{key}={}", value(content))
}

/// The same with no more than `most` characters of the key and of a text.
pub(crate) fn brief_key_value(key: &str, content: &Value, most: usize) -> String {
    let key = beginning(key, most);
    match content {
        Value::Text(text) => key_value(&key, &Value::Text(beginning(text, most).into_owned())),
        content => format!("{key}={}", beginning(&value(content), most)),
    }
}

/// The value as text, unescaped.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Text(text) if is_plain(text) => text.clone(),
        // A value that was read from JSON can be written as JSON.
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '"', '=', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_shortened() {
        let registry =
            "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/toml-1.0.0/src/de.rs";
        assert_eq!(short_path(registry), "toml-1.0.0/src/de.rs");
        assert_eq!(
            short_path("/rustc/abcdef/library/core/src/option.rs"),
            "library/core/src/option.rs"
        );
        assert_eq!(short_path("src/main.rs"), "src/main.rs");
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::hello"), "a::hello");
    }

    #[test]
    fn text_is_cut_to_a_width() {
        assert_eq!(cut("census::crates", 8), "census:…");
        assert_eq!(cut_start("census::crates", 8), "…:crates");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn characters_without_a_column_do_not_fill_a_line_without_end() {
        let text = "e".to_owned() + &"\u{301}".repeat(1_000_000);
        assert!(cut(&text, 10).len() < 1_000);
        assert!(cut_start(&text, 10).len() < 1_000);
        assert!(
            wrap(&text, Some(10))
                .iter()
                .all(|piece| piece.len() < 1_000)
        );
    }

    #[test]
    fn a_long_text_is_cut_unless_all_is_shown() {
        let text = "ä".repeat(4_003);
        let (start, more) = shown(&text, false);
        assert_eq!(start.len(), 8_000);
        assert_eq!(more.unwrap(), "… 3 more characters (--all shows them)");
        assert_eq!(shown(&text, true), (&*text, None));
        assert_eq!(shown_in_one("short", false), "short");
        assert_eq!(beginning("short", 2), "sh…");
        assert_eq!(beginning("short", 5), "short");
    }

    #[test]
    fn text_is_wrapped_after_spaces() {
        assert_eq!(
            wrap("one two three four", Some(10)),
            ["one two", "three four"]
        );
        assert_eq!(wrap("unbreakable-word", Some(10)), ["unbreakabl", "e-word"]);
        assert_eq!(
            wrap("12345678\u{2000}12345678", Some(9)),
            ["12345678\u{2000}", "12345678"]
        );
        assert_eq!(wrap("one two three four", None), ["one two three four"]);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_spaces(text in any::<String>(), most in 8usize..100) {
            let text = line(&text);
            let pieces = wrap(&text, Some(most));
            prop_assert!(pieces.iter().all(|piece| width(piece) <= most + 8));
            let solid = |text: &str| text.replace(' ', "");
            prop_assert_eq!(solid(&pieces.concat()), solid(&text));
        }

        #[test]
        fn cut_text_fits(text in any::<String>(), most in 1usize..100) {
            let text = line(&text);
            prop_assert!(width(&cut(&text, most)) <= most);
            prop_assert!(width(&cut_start(&text, most)) <= most);
        }
    }

    #[test]
    fn values_are_quoted_where_needed() {
        let text = |text: &str| key_value("k", &Value::Text(text.to_owned()));
        assert_eq!(text("a/b"), "k=a/b");
        assert_eq!(text("a b"), "k=\"a b\"");
        assert_eq!(text("two\nlines"), "k=\"two\\nlines\"");
        assert_eq!(text(""), "k=\"\"");
        assert_eq!(key_value("k", &Value::Int(7)), "k=7");
        assert_eq!(
            key_value("k", &Value::List(vec![Value::Int(7), Value::Null])),
            "k=[7,null]"
        );
    }
}
