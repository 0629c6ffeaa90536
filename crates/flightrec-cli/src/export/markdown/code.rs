//! Code spans and fenced blocks, in which text is not interpreted.

use crate::render::text;

/// A code span of one line.
pub(super) fn span(content: &str) -> String {
    let content = text::line(content);
    if content.trim().is_empty() {
        // Markdown has no empty code span.
        return "` `".to_owned();
    }
    let fence = "`".repeat(longest_run(&content) + 1);
    // A space at both ends is not shown. It is added if the content begins or ends with a backtick or a
    // space.
    let touches = |at_end: bool| {
        let char = if at_end {
            content.chars().next_back()
        } else {
            content.chars().next()
        };
        matches!(char, Some('`' | ' '))
    };
    let gap = if touches(false) || touches(true) {
        " "
    } else {
        ""
    };
    format!("{fence}{gap}{content}{gap}{fence}")
}

/// A fenced block of these lines, which must be escaped already.
pub(super) fn block(lines: &str) -> String {
    let fence = "`".repeat((longest_run(lines) + 1).max(3));
    let end = if lines.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{lines}{end}{fence}\n")
}

/// The bytes that a fenced block adds to its lines, unless they have long runs of backticks.
pub(super) const BLOCK: usize = "```text\n\n```\n".len();

fn longest_run(text: &str) -> usize {
    let runs = text.split(|char| char != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser};

    fn code(markdown: &str) -> String {
        let events: Vec<Event<'_>> = Parser::new(markdown).collect();
        let text = events.iter().filter_map(|event| match event {
            Event::Code(text) | Event::Text(text) => Some(text.to_string()),
            _ => None,
        });
        text.collect()
    }

    #[test]
    fn backticks_do_not_end_the_code() {
        for content in ["a", "`", "``` ```", "<b>", " padded ", "a `b` c"] {
            assert_eq!(code(&span(content)), content, "{content:?}");
            assert_eq!(code(&block(content)), format!("{content}\n"), "{content:?}");
        }
    }

    proptest! {
        #[test]
        fn everything_within_is_code(content in "[ `~<>&*_#\\[\\]()!|a\\\\-]{1,20}") {
            prop_assume!(!content.trim().is_empty());
            let kinds = |markdown: &str| {
                let others = Parser::new(markdown)
                    .filter(|event| !matches!(event, Event::Code(_) | Event::Start(_) | Event::End(_)));
                others.count()
            };
            prop_assert_eq!(kinds(&span(&content)), 0);
            prop_assert_eq!(code(&span(&content)), content.clone());
            prop_assert_eq!(code(&block(&content)), format!("{content}\n"));
        }
    }
}
