//! The outline of a ring: the facts about the program and its process that a dump of the ring has.

use std::mem;

use dumpmaker::collect::AppInfo;
use dumpmaker::redact::redact;
use flightrec_dump::{Dump, Entries, Module, Process};
use logredact::{MASK, Redactor};
use serde::{Deserialize, Serialize};

/// The maximum number of arguments, and of metadata, in a shortened outline.
const MAX_ITEMS: usize = 16;
/// The maximum length of each text in a shortened outline. With both limits it fits into the ring even
/// if JSON takes six bytes for each byte.
const MAX_TEXT_BYTES: usize = 128;

/// Facts about the program and its process, under the same keys as in a dump.
///
/// This is not a [`Dump`], because code that reads whole dumps would add 200 KB to a program.
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

/// Returns the outline of this process. Its JSON has at most `max_bytes` bytes. The values of secret
/// keys are masked; with `masks_text`, all secrets are.
pub(crate) fn of_process(
    app: &AppInfo,
    redactor: &Redactor,
    masks_text: bool,
    max_bytes: usize,
) -> Outline {
    let mut dump = Dump::default();
    app.describe(&mut dump);
    dump.modules = dumpmaker::stacks::modules(|_| false);
    dump.process = dumpmaker::collect::process(app.started, &dumpmaker::failures::thread_name());
    if masks_text {
        redact(&mut dump, redactor);
    } else {
        mask_by_keys(&mut dump, redactor);
    }
    fit(dump, redactor, max_bytes)
}

/// Returns the outline, shortened if its JSON is longer than `max_bytes`.
fn fit(mut dump: Dump, redactor: &Redactor, max_bytes: usize) -> Outline {
    let outline = Outline::from(dump.clone());
    let json = serde_json::to_vec(&outline);
    if json.is_ok_and(|json| json.len() <= max_bytes) {
        return outline;
    }
    // Mask first: half of a secret may not be recognised as one.
    redact(&mut dump, redactor);
    shortened(dump.into())
}

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
    outline.process.args.truncate(MAX_ITEMS);
    if args > MAX_ITEMS {
        let rest = format!("… {} more arguments", args - MAX_ITEMS);
        outline.process.args.push(rest);
    }
    outline.process.args.iter_mut().for_each(shorten);
    let metadata = mem::take(&mut outline.metadata).into_iter().take(MAX_ITEMS);
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
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rfind(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

/// Masks the values of secret keys, as in the records of the ring. Texts are masked later, when a dump is
/// made of the ring, because building the tables for that search takes longer than the rest of the start.
fn mask_by_keys(dump: &mut Dump, redactor: &Redactor) {
    dump.metadata = mem::take(&mut dump.metadata)
        .into_iter()
        .map(|(key, value)| {
            let is_secret = redactor.is_secret(&key);
            (key, if is_secret { MASK.to_owned() } else { value })
        })
        .collect();
    let mut is_value = false;
    for arg in &mut dump.process.args {
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
                let name_end = arg.find('=').unwrap_or(arg.len());
                arg.replace_range(name_end.., &format!("={MASK}"));
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

    /// Returns the outline of a dump as the next start reads it.
    fn written(dump: &Dump) -> Dump {
        let outline = fit(dump.clone(), &Redactor::default(), OUTLINE_BYTES);
        let json = serde_json::to_vec(&outline).unwrap();
        assert!(json.len() <= OUTLINE_BYTES, "{}", json.len());
        let read: Outline = serde_json::from_slice(&json).unwrap();
        read.into()
    }

    #[test]
    fn an_outline_that_fits_is_not_changed() {
        let mut dump = Dump::default();
        dump.schema = flightrec_dump::SCHEMA.to_owned();
        dump.app = "app".to_owned();
        dump.process.args = vec!["app".to_owned(), "ä".repeat(30_000)];
        assert_eq!(written(&dump), dump);
    }

    #[test]
    fn long_arguments_and_metadata_are_cut() {
        let mut dump = Dump::default();
        dump.schema = flightrec_dump::SCHEMA.to_owned();
        dump.app = "app".to_owned();
        dump.process.args = vec!["ä".repeat(1_000); 1_000];
        let metadata = (0..1_000).map(|key| (key.to_string(), "x".repeat(1_000)));
        dump.metadata = metadata.collect();
        let read = written(&dump);
        assert_eq!(read.app, "app");
        assert_eq!(read.process.args.len(), 17);
        assert_eq!(read.process.args[0], "ä".repeat(64) + "…");
        assert_eq!(read.process.args[16], "… 984 more arguments");
        assert_eq!(read.metadata.len(), 16);
    }

    #[test]
    fn no_part_of_a_secret_remains_where_an_argument_is_cut() {
        let mut dump = Dump::default();
        dump.schema = flightrec_dump::SCHEMA.to_owned();
        let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
        let cut = format!("{} {token}", "x ".repeat(55));
        assert!(
            cut.find(&token)
                .is_some_and(|at| at < MAX_TEXT_BYTES && at + token.len() > MAX_TEXT_BYTES)
        );
        dump.process.args = vec![cut, "y".repeat(OUTLINE_BYTES)];
        let read = written(&dump);
        assert!(
            !read.process.args[0].contains("ghp_"),
            "{:?}",
            read.process.args[0]
        );
    }

    #[test]
    fn a_shortened_outline_fits_even_if_all_bytes_are_escaped() {
        let mut dump = Dump::default();
        dump.schema = flightrec_dump::SCHEMA.to_owned();
        let long = "\u{1b}".repeat(1_000);
        dump.app = long.clone();
        dump.version = Some(long.clone());
        dump.revision = Some(long.clone());
        dump.repository = Some(long.clone());
        dump.process.executable = Some(long.clone());
        dump.process.thread = long.clone();
        dump.process.args = vec![long.clone(); 100];
        let metadata = (0..100).map(|key| (format!("{key}{long}"), long.clone()));
        dump.metadata = metadata.collect();
        written(&dump);
    }

    #[test]
    fn only_the_values_of_secret_keys_are_masked() {
        let mut dump = Dump::default();
        let metadata = [("api_key", "s3cr3t"), ("room", "7")];
        dump.metadata = metadata
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
        dump.process.args = args.map(str::to_owned).to_vec();
        mask_by_keys(&mut dump, &Redactor::default());
        assert_eq!(
            dump.process.args,
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
        assert_eq!(dump.metadata.get("api_key").unwrap(), MASK);
        assert_eq!(dump.metadata.get("room").unwrap(), "7");
    }
}
