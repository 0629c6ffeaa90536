//! The outline of a ring: what a dump of it says besides the records.

use std::mem;

use flightrec_dump::{Dump, Kind, Reason};
use logredact::{MASK, Redactor};

use crate::app_info::{self, describe_app, thread_name};
use crate::convert::modules;
use crate::recorder::Recorder;
use crate::redaction::redact;
use crate::tail::{CrashSafety, Tail};

/// Writes the outline of a recorder's ring, if it has one.
pub(crate) fn write_outline(recorder: &Recorder, safety: CrashSafety) {
    let Tail::Mapped(rings) = &recorder.source.tail else {
        return;
    };
    if let Err(error) = rings.write_outline(outline(recorder, safety)) {
        let message = "a crash would be reported without the program's version";
        recorder
            .pipeline
            .notices
            .say(&format!("{message}: {error}"));
    }
}

fn outline(recorder: &Recorder, safety: CrashSafety) -> Dump {
    let app = &recorder.source.app;
    let redactor = &recorder.pipeline.redactor;
    let mut outline = Dump::default();
    describe_app(app, &mut outline);
    outline.reason = Reason::new(Kind::Crash, "");
    outline.modules = modules(|_| false);
    outline.process = app_info::process(app.started, &thread_name());
    if safety == CrashSafety::Strict {
        redact(&mut outline, redactor);
    } else {
        mask_by_keys(&mut outline, redactor);
    }
    outline
}

/// Masks what belongs to secret keys, as in the ring itself. Searching the texts, too, would take a
/// table that costs milliseconds to make, at each start. They are masked when a dump is made.
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
