//! One page of HTML that shows dumps in a browser, offline.
//!
//! The page contains each dump's JSON unchanged, so that unknown keys are kept, and one script that shows
//! it. It makes no request: its content security policy allows only the style and the script with the
//! hashes that it names.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flightrec_dump::{Dump, Summary};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{CliError, Result};
use crate::input::{self, Limits};
use crate::paths::Paths;
use crate::render::text;
use crate::show;
use crate::source;

/// `@@NAME@@` is replaced by the part with this name.
const TEMPLATE: &str = include_str!("page/page.html");

const STYLE: &str = include_str!("page/page.css");

/// The parts of the script. Each uses those before it.
const SCRIPT: &str = concat!(
    include_str!("page/text.js"),
    include_str!("page/dom.js"),
    include_str!("page/model.js"),
    include_str!("page/evidence.js"),
    include_str!("page/log.js"),
    include_str!("page/timeline.js"),
    include_str!("page/page.js"),
);

/// How many places have their source lines stored in the page.
const MAX_PLACES: usize = 2000;

/// A longer name or version of a program is cut in the title, in characters.
const MAX_NAME: usize = 200;

/// A dump for the page.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its JSON, which is valid.
    pub(crate) json: Vec<u8>,
    /// The name of its file, without directories.
    pub(crate) file: String,
    /// The head of the dump. The rest is not parsed here, because that takes most of the time.
    pub(crate) summary: Summary,
    /// The lines around its frames, from the source files of this machine.
    pub(crate) lines: Vec<Value>,
}

/// Reads the requested dumps and, if wanted, the source lines around their frames.
pub(crate) fn read(asked: &[PathBuf], limits: Limits, with_lines: bool) -> Result<Vec<Source>> {
    let read = |source: &input::Source| {
        let json = input::read_document(source, limits)?.json;
        let summary = Summary::from_json(&json).map_err(|why| CliError::at(&source.path, why))?;
        let lines = match with_lines {
            true => lines(&Dump::from_json(&json).map_err(|why| CliError::at(&source.path, why))?),
            false => Vec::new(),
        };
        Ok(Source {
            json,
            file: source.file_name(),
            summary,
            lines,
        })
    };
    input::several(asked)?.iter().map(read).collect()
}

/// The source lines around the frames of errors and threads, without those of the runtime.
fn lines(dump: &Dump) -> Vec<Value> {
    let (paths, failure) = (Paths::of(dump), show::failed_at(dump));
    let errors = dump.stack_traces.iter().flat_map(|trace| &trace.frames);
    let threads = dump.threads.iter().flat_map(|thread| &thread.frames);
    let mut seen = HashSet::new();
    errors
        .chain(threads)
        .filter(|frame| !frame.noise && seen.insert((&frame.file, frame.line)))
        .take(MAX_PLACES)
        .filter_map(|frame| {
            let source = source::around(frame, failure, &paths)?;
            Some(json!({
                "file": frame.file, "line": frame.line, "first": source.first,
                "lines": source.lines, "doubt": source.doubt,
            }))
        })
        .collect()
}

/// Writes the page.
pub(crate) fn write(out: &mut dyn Write, dumps: &[Source]) -> io::Result<()> {
    let headline = headline(dumps);
    for (n, piece) in TEMPLATE.split("@@").enumerate() {
        if n % 2 == 0 {
            out.write_all(piece.as_bytes())?;
            continue;
        }
        match piece {
            "policy" => out.write_all(policy().as_bytes())?,
            "title" => write!(out, "{} – {}", escape(&app(dumps)), escape(&headline))?,
            "app" => out.write_all(escape(&app(dumps)).as_bytes())?,
            "headline" => out.write_all(escape(&headline).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            "page" => {
                let files: Vec<&str> = dumps.iter().map(|dump| dump.file.as_str()).collect();
                let sources: Vec<&Vec<Value>> = dumps.iter().map(|dump| &dump.lines).collect();
                let info = json!({ "files": files, "sources": sources });
                write_json(out, info.to_string().as_bytes())?;
            }
            "dumps" => {
                for dump in dumps {
                    out.write_all(b"<script type=\"application/json\" class=\"dump\">")?;
                    write_json(out, &dump.json)?;
                    out.write_all(b"</script>\n")?;
                }
            }
            other => return Err(io::Error::other(format!("the template names {other}"))),
        }
    }
    Ok(())
}

/// The content security policy: only the page's own style and script are allowed.
fn policy() -> String {
    let hash = |text: &str| BASE64.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Writes JSON that can't end the script element: `<` occurs only in strings, where it is written as
/// `\u003c`.
fn write_json(out: &mut dyn Write, json: &[u8]) -> io::Result<()> {
    let json = String::from_utf8_lossy(json);
    let mut pieces = json.split('<');
    if let Some(first) = pieces.next() {
        out.write_all(first.as_bytes())?;
    }
    for piece in pieces {
        out.write_all(b"\\u003c")?;
        out.write_all(piece.as_bytes())?;
    }
    Ok(())
}

fn app(dumps: &[Source]) -> String {
    match dumps {
        [one] => format!(
            "{} {}",
            text::beginning(&one.summary.app, MAX_NAME),
            text::beginning(one.summary.version.as_deref().unwrap_or_default(), MAX_NAME)
        ),
        several => format!("{} dumps", several.len()),
    }
}

/// The text that the page shows until its script has read the dumps.
fn headline(dumps: &[Source]) -> String {
    let Some(first) = dumps.first() else {
        return String::new();
    };
    first.summary.reason.message.chars().take(300).collect()
}

/// Text in HTML, on one line and without invisible characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in crate::render::text::line(text.trim()).chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The maximum size of the page without its dumps, in bytes.
    const MAX_SIZE: usize = 150 << 10;

    fn page(json: &str) -> String {
        let summary = Summary::from_json(json.as_bytes()).unwrap();
        let mut page = Vec::new();
        let source = Source {
            json: json.as_bytes().to_vec(),
            file: "dump.json".to_owned(),
            summary,
            lines: Vec::new(),
        };
        write(&mut page, &[source]).unwrap();
        String::from_utf8(page).unwrap()
    }

    /// The text between two other texts. `start` must occur once.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
        assert_eq!(text.matches(start).count(), 1, "{start}");
        text.split_once(start).unwrap().1.split_once(end).unwrap().0
    }

    #[test]
    fn a_dump_does_not_end_its_script() {
        let json = r#"{"schema":"flightrec/1","reason":{"message":"</script><!--<script>&\""},
            "unknown":["</SCRIPT >","<!--"]}"#;
        let page = page(json);
        let embedded = between(
            &page,
            "<script type=\"application/json\" class=\"dump\">",
            "</script>",
        );
        assert!(!embedded.contains('<'));
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(embedded), value(json), "no key is lost");
        let title = between(&page, "<h1 id=\"title\">", "</h1>");
        assert_eq!(title, "&lt;/script&gt;&lt;!--&lt;script&gt;&amp;&quot;");
    }

    #[test]
    fn the_policy_names_the_hashes_of_what_is_inlined() {
        let page = page(r#"{"schema":"flightrec/1"}"#);
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        let sources: Vec<&str> = policy.split("; ").collect();
        let hash = |text: &str| BASE64.encode(Sha256::digest(text));
        let style = hash(between(&page, "<style>", "</style>"));
        let script = hash(between(&page, "<script type=\"module\">", "</script>"));
        assert!(sources.contains(&"default-src 'none'"));
        assert!(sources.contains(&format!("style-src 'sha256-{style}'").as_str()));
        assert!(sources.contains(&format!("script-src 'sha256-{script}'").as_str()));
    }

    #[test]
    fn the_page_is_small_without_its_dumps() {
        let size = page(r#"{"schema":"flightrec/1"}"#).len();
        assert!(size <= MAX_SIZE, "{size} bytes");
    }

    #[test]
    fn the_script_names_no_address_and_makes_no_html() {
        for word in [
            "http:",
            "https:",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }
}
