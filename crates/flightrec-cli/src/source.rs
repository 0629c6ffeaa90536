//! The source lines around a frame, if this machine has the file. The file may be another version.

use std::fs;
use std::path::Path;

use flightrec_dump::Frame;
use jiff::Timestamp;

use crate::paths::Paths;
use crate::render::text;

/// How many lines are shown before and after the frame's line.
const AROUND: usize = 2;

/// A larger file is not read, because it is probably not source code.
const MAX_SIZE: u64 = 4 << 20;

/// Only files with these extensions are opened: a dump could name a device, or a share on a server.
const ENDINGS: [&str; 8] = [".rs", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".S"];

/// Lines of a source file, without their common indentation.
pub(crate) struct Lines {
    /// The number of the first line.
    pub(crate) first: usize,
    pub(crate) lines: Vec<String>,
    /// Why these may not be the lines that were compiled.
    pub(crate) doubt: Option<&'static str>,
}

/// The lines around a frame, from the file that the frame names, or from the file with the same
/// relative path below the current directory.
pub(crate) fn around(frame: &Frame, failure: Option<Timestamp>, paths: &Paths) -> Option<Lines> {
    let file = frame.file.as_deref()?;
    let at = frame.line? as usize;
    let here = || paths.relative(file).and_then(Source::read);
    let source = Source::read(file).or_else(here)?;
    let lines: Vec<&str> = source.text.lines().collect();
    if at == 0 || at > lines.len() {
        return None;
    }
    let first = at.saturating_sub(AROUND).max(1);
    let shown = &lines[first - 1..(at + AROUND).min(lines.len())];
    let indent = shown
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    Some(Lines {
        first,
        lines: shown
            .iter()
            .map(|line| line.get(indent..).unwrap_or_default().replace('\t', "    "))
            .collect(),
        doubt: source.doubt(&lines[..at], frame, failure),
    })
}

struct Source {
    text: String,
    changed_at: Option<Timestamp>,
}

impl Source {
    /// A relative path is relative to the current directory.
    fn read(file: &str) -> Option<Source> {
        let is_share = file.starts_with("\\\\") || file.starts_with("//");
        if is_share || !ENDINGS.iter().any(|ending| file.ends_with(ending)) {
            return None;
        }
        let path = Path::new(file);
        let metadata = fs::metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > MAX_SIZE {
            return None;
        }
        let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
        let changed_at = metadata
            .modified()
            .ok()
            .and_then(|time| Timestamp::try_from(time).ok());
        Some(Source { text, changed_at })
    }

    /// Why these may not be the lines that were compiled. `before` are the lines up to the frame's.
    fn doubt(
        &self,
        before: &[&str],
        frame: &Frame,
        failure: Option<Timestamp>,
    ) -> Option<&'static str> {
        let is_newer = self
            .changed_at
            .zip(failure)
            .is_none_or(|(changed, failure)| changed > failure);
        if is_newer {
            return Some("this file changed after the failure, so the lines may be wrong:");
        }
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let declares = |line: &str, name: &str| {
            line.match_indices(name).any(|(at, _)| {
                line[..at].trim_end().ends_with("fn")
                    && !line[at + name.len()..].starts_with(is_word)
            })
        };
        let is_there =
            function(&frame.name).is_none_or(|name| before.iter().any(|line| declares(line, name)));
        (!is_there).then_some("the function is not in this file, so it may be another version:")
    }
}

/// The function's own name. For a closure, the name of the function around it.
fn function(name: &str) -> Option<&str> {
    let path = text::without_hash(name);
    let is_name = |part: &&str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part
                .chars()
                .all(|char| char.is_alphanumeric() || char == '_')
    };
    path.split("::")
        .filter(|part| !part.starts_with("{{") && !part.starts_with('{'))
        .last()
        .filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_is_found_in_its_path() {
        assert_eq!(function("census::crates::read"), Some("read"));
        assert_eq!(function("census::crates::read::{{closure}}"), Some("read"));
        assert_eq!(function("census::read::h0123456789abcdef"), Some("read"));
        assert_eq!(function("<a::B as c::D>::run"), Some("run"));
        assert_eq!(function("<unknown>"), None);
        assert_eq!(function("read<u8>"), None);
    }

    #[test]
    fn only_sources_are_opened() {
        for path in [
            "/dev/zero",
            "/etc/passwd",
            "//server/share/x.rs",
            "\\\\server\\share\\x.rs",
            "/nowhere/x.rs",
        ] {
            assert!(Source::read(path).is_none(), "{path}");
        }
    }
}
