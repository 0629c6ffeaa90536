//! Text that may hold anything, made fit to print, and fit in its place.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything escaped that could leave its line or command the terminal.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    flightrec::logtee::escape::line(text)
}

/// The lines of a text, each escaped. A last newline makes no further line.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    // Never without a line, so that an empty message has its place, too.
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
    if text.len() <= most || width(text) <= most {
        return Cow::Borrowed(text);
    }
    let end = fitting(text.char_indices(), most.saturating_sub(1))
        .map_or(0, |(at, char)| at + char.len_utf8());
    Cow::Owned(format!("{}…", &text[..end]))
}

/// The text, or `…` and its end if it is wider than `most` columns.
pub(crate) fn cut_start(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || width(text) <= most {
        return Cow::Borrowed(text);
    }
    let start =
        fitting(text.char_indices().rev(), most.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("…{}", &text[start..]))
}

/// The last of the characters that fit together.
fn fitting(chars: impl Iterator<Item = (usize, char)>, most: usize) -> Option<(usize, char)> {
    let mut wide = 0;
    chars
        .take_while(|(_, char)| {
            wide += char.width().unwrap_or(0);
            wide <= most
        })
        .last()
}

/// The text in pieces of at most `most` columns, broken behind a space where there is one.
pub(crate) fn wrap(text: &str, most: Option<usize>) -> Vec<&str> {
    let Some(most) = most.map(|most| most.max(8)) else {
        return vec![text];
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > most && width(rest) > most {
        let end = fitting(rest.char_indices(), most)
            .map_or(rest.len(), |(at, char)| at + char.len_utf8());
        // A word that would leave half of the line empty is broken instead.
        let space = rest[..end]
            .rfind(' ')
            .map(|at| at + 1)
            .filter(|at| *at > end / 2);
        let (piece, next) = rest.split_at(space.unwrap_or(end));
        // Nothing but what it was broken behind; of the other white space some is seen.
        pieces.push(piece.trim_end_matches(' '));
        rest = next;
    }
    pieces.push(rest);
    pieces
}

/// Spaces that fill `text` up to `to` columns.
pub(crate) fn pad(text: &str, to: usize) -> Spaces {
    Spaces(to.saturating_sub(width(text)))
}

/// That many spaces.
pub(crate) struct Spaces(pub(crate) usize);

impl std::fmt::Display for Spaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:1$}", "", self.0)
    }
}

/// A function's name without the hash that the compiler made it unique with.
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

/// A source file as people name it: without where the registry or the toolchain keeps it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_as_people_name_them() {
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
    fn text_is_cut_to_its_place() {
        assert_eq!(cut("census::crates", 8), "census:…");
        assert_eq!(cut_start("census::crates", 8), "…:crates");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn text_is_wrapped_behind_spaces() {
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
}
