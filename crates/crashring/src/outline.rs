//! The outline of a ring: what a dump of it says besides the records.

use std::mem;

use dumpmaker::collect::AppInfo;
use dumpmaker::redact::redact;
use flightrec_dump::{Dump, Entries, Module, Process};
use logredact::{MASK, Redactor};
use serde::{Deserialize, Serialize};

/// What remains if it is too long: so many arguments and metadata, and so many bytes of each text.
/// It fits even if each byte is escaped by six.
const MOST: usize = 16;
const MOST_BYTES: usize = 128;

/// What a dump of the ring says of the program and its process, under the keys of a dump.
///
/// Not the dump itself: code that reads all of it would add 200 KB to a program.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Outline {
    schema: String,
    app: String,
    version: Option<String>,
    revision: Option<String>,
    repository: Option<String>,
    modules: Vec<Module>,
    pub(crate) process: Process,
    metadata: Entries<String>,
    redactions: Entries<u64>,
}

impl From<Dump> for Outline {
    fn from(dump: Dump) -> Outline {
        Outline {
            schema: dump.schema,
            app: dump.app,
            version: dump.version,
            revision: dump.revision,
            repository: dump.repository,
            modules: dump.modules,
            process: dump.process,
            metadata: dump.metadata,
            redactions: dump.redactions,
        }
    }
}

impl From<Outline> for Dump {
    fn from(outline: Outline) -> Dump {
        let mut dump = Dump::default();
        dump.schema = outline.schema;
        dump.app = outline.app;
        dump.version = outline.version;
        dump.revision = outline.revision;
        dump.repository = outline.repository;
        dump.modules = outline.modules;
        dump.process = outline.process;
        dump.metadata = outline.metadata;
        dump.redactions = outline.redactions;
        dump
    }
}

/// The outline of this process, whose JSON has up to `room` bytes. Values of secret keys are masked, and
/// with `masks_text` all secrets are.
pub(crate) fn of_process(
    app: &AppInfo,
    redactor: &Redactor,
    masks_text: bool,
    room: usize,
) -> Outline {
    let mut outline = Dump::default();
    app.describe(&mut outline);
    outline.modules = dumpmaker::stacks::modules(|_| false);
    outline.process = dumpmaker::collect::process(app.started, &dumpmaker::failures::thread_name());
    if masks_text {
        redact(&mut outline, redactor);
    } else {
        mask_by_keys(&mut outline, redactor);
    }
    fitting(outline, redactor, room)
}

/// The outline, cut if there is no room for it as it is.
fn fitting(mut dump: Dump, redactor: &Redactor, room: usize) -> Outline {
    let outline = Outline::from(dump.clone());
    let json = serde_json::to_vec(&outline);
    if json.is_ok_and(|json| json.len() <= room) {
        return outline;
    }
    // What remains of a secret that is cut may not look like one.
    redact(&mut dump, redactor);
    shortened(dump.into())
}

/// Without the rest of long arguments, metadata and names.
fn shortened(mut outline: Outline) -> Outline {
    shorten(&mut outline.app);
    shorten(&mut outline.process.thread);
    let names = [
        &mut outline.version,
        &mut outline.revision,
        &mut outline.repository,
        &mut outline.process.executable,
    ];
    names.into_iter().flatten().for_each(shorten);
    let args = outline.process.args.len();
    outline.process.args.truncate(MOST);
    if args > MOST {
        let rest = format!("… {} more arguments", args - MOST);
        outline.process.args.push(rest);
    }
    outline.process.args.iter_mut().for_each(shorten);
    let metadata = mem::take(&mut outline.metadata).into_iter().take(MOST);
    outline.metadata = metadata
        .map(|(mut key, mut value)| {
            shorten(&mut key);
            shorten(&mut value);
            (key, value)
        })
        .collect();
    outline
}

fn shorten(text: &mut String) {
    if text.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rfind(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

/// Masks what belongs to secret keys, as in the ring itself. Searching the texts, too, would take
/// tables that cost more instructions to make than the rest of the start. They are masked when a dump
/// is made.
fn mask_by_keys(outline: &mut Dump, redactor: &Redactor) {
    outline.metadata = mem::take(&mut outline.metadata)
        .into_iter()
        .map(|(key, value)| {
            let is_secret = redactor.is_secret(&key);
            (key, if is_secret { MASK.to_owned() } else { value })
        })
        .collect();
    let mut is_value = false;
    for arg in &mut outline.process.args {
        if mem::take(&mut is_value) {
            MASK.clone_into(arg);
            continue;
        }
        let Some(option) = arg.strip_prefix('-') else {
            continue;
        };
        let name = option.trim_start_matches('-');
        match name.split_once('=') {
            Some((name, _)) if redactor.is_secret(name) => {
                let named = arg.find('=').unwrap_or(arg.len());
                arg.replace_range(named.., &format!("={MASK}"));
            }
            Some(_) => {}
            None => is_value = redactor.is_secret(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::OUTLINE_BYTES;

    /// The outline as the next start reads it.
    fn written(outline: &Dump) -> Dump {
        let fitting = fitting(outline.clone(), &Redactor::default(), OUTLINE_BYTES);
        let json = serde_json::to_vec(&fitting).unwrap();
        assert!(json.len() <= OUTLINE_BYTES, "{}", json.len());
        let read: Outline = serde_json::from_slice(&json).unwrap();
        read.into()
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let mut outline = Dump::default();
        outline.schema = flightrec_dump::SCHEMA.to_owned();
        outline.app = "app".to_owned();
        outline.process.args = vec!["app".to_owned(), "ä".repeat(30_000)];
        assert_eq!(written(&outline), outline);
    }

    #[test]
    fn long_arguments_and_metadata_are_cut() {
        let mut outline = Dump::default();
        outline.schema = flightrec_dump::SCHEMA.to_owned();
        outline.app = "app".to_owned();
        outline.process.args = vec!["ä".repeat(1_000); 1_000];
        let metadata = (0..1_000).map(|key| (key.to_string(), "x".repeat(1_000)));
        outline.metadata = metadata.collect();
        let read = written(&outline);
        assert_eq!(read.app, "app");
        assert_eq!(read.process.args.len(), 17);
        assert_eq!(read.process.args[0], "ä".repeat(64) + "…");
        assert_eq!(read.process.args[16], "… 984 more arguments");
        assert_eq!(read.metadata.len(), 16);
    }

    #[test]
    fn no_part_of_a_secret_remains_where_an_argument_is_cut() {
        let mut outline = Dump::default();
        outline.schema = flightrec_dump::SCHEMA.to_owned();
        let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
        let cut = format!("{} {token}", "x ".repeat(55));
        assert!(
            cut.find(&token)
                .is_some_and(|at| at < MOST_BYTES && at + token.len() > MOST_BYTES)
        );
        outline.process.args = vec![cut, "y".repeat(OUTLINE_BYTES)];
        let read = written(&outline);
        assert!(
            !read.process.args[0].contains("ghp_"),
            "{:?}",
            read.process.args[0]
        );
    }

    #[test]
    fn what_remains_fits_however_it_is_escaped() {
        let mut outline = Dump::default();
        outline.schema = flightrec_dump::SCHEMA.to_owned();
        let long = "\u{1b}".repeat(1_000);
        outline.app = long.clone();
        outline.version = Some(long.clone());
        outline.revision = Some(long.clone());
        outline.repository = Some(long.clone());
        outline.process.executable = Some(long.clone());
        outline.process.thread = long.clone();
        outline.process.args = vec![long.clone(); 100];
        let metadata = (0..100).map(|key| (format!("{key}{long}"), long.clone()));
        outline.metadata = metadata.collect();
        written(&outline);
    }

    #[test]
    fn values_of_secret_keys_are_masked_and_nothing_else() {
        let mut outline = Dump::default();
        let metadata = [("api_key", "s3cr3t"), ("room", "7")];
        outline.metadata = metadata
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let args = [
            "app",
            "--password=s3cr3t",
            "--token",
            "s3cr3t",
            "--jobs=4",
            "-",
            "file",
        ];
        outline.process.args = args.map(str::to_owned).to_vec();
        mask_by_keys(&mut outline, &Redactor::default());
        assert_eq!(
            outline.process.args,
            [
                "app",
                "--password=[redacted]",
                "--token",
                "[redacted]",
                "--jobs=4",
                "-",
                "file",
            ]
        );
        assert_eq!(outline.metadata.get("api_key").unwrap(), MASK);
        assert_eq!(outline.metadata.get("room").unwrap(), "7");
    }
}
