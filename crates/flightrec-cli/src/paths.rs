//! Short paths of source files.
//!
//! Debug information has `/home/ci/census/src/main.rs`, but the locations of `#[track_caller]` have
//! `src/main.rs`. If a dump has both, the difference is the directory that the program was built
//! in. The short path is the path in a maintainer's checkout.

use std::collections::BTreeSet;

use flightrec_dump::{Dump, ErrorNode};

use crate::render::text;

/// How many relative paths are compared with the absolute ones.
const MAX_FILES: usize = 64;

/// The directories that a program was built in.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    roots: BTreeSet<String>,
}

impl Paths {
    pub(crate) fn of(dump: &Dump) -> Paths {
        let mut short = BTreeSet::new();
        let trails = dump.stack_traces.iter().flat_map(|trace| &trace.trail);
        let records = dump
            .latest_logs
            .iter()
            .filter_map(|record| record.file.as_deref());
        for file in trails.map(|place| place.file.as_str()).chain(records) {
            add(&mut short, file);
        }
        if let Some(error) = &dump.error {
            of_errors(error, &mut short);
        }
        let frames = dump.stack_traces.iter().flat_map(|trace| &trace.frames);
        let long: BTreeSet<&str> = frames
            .filter_map(|frame| frame.file.as_deref())
            .take(10_000)
            .collect();
        let mut roots = BTreeSet::new();
        for file in long {
            let root = short
                .iter()
                .find_map(|short| file.strip_suffix(short))
                .filter(|root| root.ends_with(['/', '\\']));
            roots.extend(root.filter(|root| root.len() > 1).map(str::to_owned));
        }
        Paths { roots }
    }

    /// The path below the directory that the program was built in.
    pub(crate) fn relative<'a>(&self, file: &'a str) -> Option<&'a str> {
        self.roots
            .iter()
            .find_map(|root| file.strip_prefix(root.as_str()))
    }

    /// The path in its usual short form.
    pub(crate) fn short<'a>(&self, file: &'a str) -> &'a str {
        self.relative(file)
            .unwrap_or_else(|| text::short_path(file))
    }
}

fn of_errors<'a>(error: &'a ErrorNode, short: &mut BTreeSet<&'a str>) {
    if let Some(place) = &error.location {
        add(short, &place.file);
    }
    for source in &error.sources {
        of_errors(source, short);
    }
}

fn add<'a>(short: &mut BTreeSet<&'a str>, file: &'a str) {
    let is_relative =
        !file.starts_with(['/', '\\', '.']) && !file.contains(":\\") && !file.is_empty();
    if is_relative && short.len() < MAX_FILES {
        short.insert(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_part_that_the_short_path_lacks() {
        let dump = r#"{"schema":"flightrec/1","stack_traces":[{"frames":[
            {"file":"/home/ci/census/src/main.rs"}, {"file":"/home/ci/other/mysrc/main.rs"},
            {"file":"/rustc/abc/library/core/src/lib.rs"}],
            "trail":[{"file":"src/main.rs","line":1,"column":1},{"file":"/abs.rs"}]}]}"#;
        let paths = Paths::of(&Dump::from_json(dump.as_bytes()).unwrap());
        assert_eq!(paths.short("/home/ci/census/src/read.rs"), "src/read.rs");
        assert_eq!(
            paths.short("/home/ci/other/mysrc/main.rs"),
            "/home/ci/other/mysrc/main.rs"
        );
        assert_eq!(
            paths.short("/rustc/abc/library/core/src/lib.rs"),
            "library/core/src/lib.rs"
        );
        assert_eq!(paths.relative("/home/ci/elsewhere.rs"), None);
    }
}
