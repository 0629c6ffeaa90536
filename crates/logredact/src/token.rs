//! Tokens that can be told by how they look.

use crate::splice::{Splice, step};

/// How tokens of well-known services begin, and how many characters must follow at least.
const PREFIXES: &[(&str, usize)] = &[
    ("AIza", 30),
    ("AKIA", 12),
    ("ASIA", 12),
    ("SG.", 20),
    ("dop_v1_", 16),
    ("ghp_", 10),
    ("gho_", 10),
    ("ghr_", 10),
    ("ghs_", 10),
    ("ghu_", 10),
    ("github_pat_", 10),
    ("glpat-", 10),
    ("hf_", 20),
    ("npm_", 20),
    ("pypi-", 20),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("shpat_", 16),
    ("sk-ant-", 10),
    ("sk-proj-", 10),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("xapp-", 10),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("ya29.", 16),
];

/// How long the shortest of them is.
pub(super) const SHORTEST: usize = 14;

/// A run of characters that tokens are made of.
struct Run {
    start: usize,
    end: usize,
    /// Where the last but one of its dots is.
    second_last_dot: Option<usize>,
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

fn next_run(bytes: &[u8], mut start: usize) -> Option<Run> {
    while !is_token_byte(*bytes.get(start)?) {
        step();
        start += 1;
    }
    let mut end = start;
    let mut dots = (None, None);
    while let Some(b) = bytes.get(end).copied().filter(|b| is_token_byte(*b)) {
        step();
        if b == b'.' {
            dots = (dots.1, Some(end));
        }
        end += 1;
    }
    Some(Run {
        start,
        end,
        second_last_dot: dots.0,
    })
}

/// Where in a run a token could begin: not within a word.
fn beginnings<'a>(bytes: &'a [u8], run: &Run) -> impl Iterator<Item = usize> + use<'a> {
    (run.start..run.end).filter(|at| {
        step();
        *at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
    })
}

/// `eyJ` is how base64 begins what JSON begins with `{"`. Three parts with dots between.
pub(super) fn find_jwt(text: &str, out: &mut Splice<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(run) = next_run(bytes, at) {
        at = run.end;
        let Some(dot) = run.second_last_dot else {
            continue;
        };
        let found = beginnings(bytes, &run)
            .take_while(|begin| begin + 10 < dot)
            .find(|begin| bytes[*begin..].starts_with(b"eyJ"));
        if let Some(begin) = found {
            out.mask(begin..run.end);
        }
    }
}

pub(super) fn find_prefixed(text: &str, out: &mut Splice<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(run) = next_run(bytes, at) {
        at = run.end;
        if run.end - run.start < SHORTEST {
            continue;
        }
        let found = beginnings(bytes, &run).find(|begin| {
            let rest = &bytes[*begin..run.end];
            let is = |(prefix, least): &(&str, usize)| {
                rest.starts_with(prefix.as_bytes()) && rest.len() >= prefix.len() + least
            };
            matches!(
                rest[0],
                b'A' | b'S' | b'd' | b'g' | b'h' | b'n' | b'p' | b'r' | b's' | b'x' | b'y'
            ) && PREFIXES.iter().any(is)
        });
        if let Some(begin) = found {
            out.mask(begin..run.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_is_the_shortest() {
        let lengths = PREFIXES.iter().map(|(prefix, least)| prefix.len() + least);
        assert_eq!(lengths.min(), Some(SHORTEST));
    }

    #[test]
    fn every_prefix_is_found_and_only_where_enough_follows() {
        for (prefix, least) in PREFIXES {
            for (more, found) in [(*least, true), (least - 1, false)] {
                let text = format!("a {prefix}{} b", "x".repeat(more));
                let mut out = Splice::new(&text);
                find_prefixed(&text, &mut out);
                assert_eq!(
                    out.finish().as_deref() == Some("a [redacted] b"),
                    found,
                    "{text}"
                );
            }
        }
    }
}
