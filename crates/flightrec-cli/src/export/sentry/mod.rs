//! A Sentry envelope: an event, and the dump as its attachment.
//!
//! Sentry, GlitchTip, Bugsink and others accept it. An event that exceeds their limits is trimmed in this
//! order: long texts; errors, frames and breadcrumbs beyond a maximum of each; then, while the event is
//! still too large, half of the breadcrumbs, the stacks of threads, the modules, and half of the frames.
//! The extra data of the event lists what was trimmed; the attachment has everything.

mod event;
mod exceptions;
mod limits;

use std::io::{self, Write};

use flightrec_dump::{Dump, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The maximum size of an attachment that Sentry accepts, in bytes.
const MAX_ATTACHMENT: usize = 20 << 20;

/// The id of a dump's event. A dump and its redacted or symbolicated copies have the same id, so a
/// service accepts only one of them.
pub(crate) fn event_id(dump: &Dump, json: &[u8]) -> String {
    let process = &dump.process;
    let mut hash = Sha256::new();
    if dump.created_at == Timestamp::default() {
        // Two damaged dumps must not get the same id.
        hash.update(json);
    } else {
        let identity = json!([
            "flightrec",
            dump.app,
            dump.created_at,
            process.pid,
            process.started_at,
            dump.reason.kind.as_str(),
        ]);
        hash.update(identity.to_string());
    }
    let hash = hash.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    // Services require a random UUID (version 4).
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the envelope. `json` is the dump as it was read; it is attached unless it is too large or
/// `attach` is false.
pub(crate) fn write(
    out: &mut dyn Write,
    dump: &Dump,
    json: &[u8],
    file: &str,
    attach: bool,
) -> io::Result<()> {
    let id = event_id(dump, json);
    let attach = attach && json.len() <= MAX_ATTACHMENT;
    let mut event = event::event(dump, &id);
    if !attach {
        event["extra"]["attachment"] = "none: the dump was too large, or not to be attached".into();
    }
    let event = limits::fit(event);
    writeln!(out, "{}", json!({"event_id": id}))?;
    let length = event.len();
    writeln!(out, "{}", json!({"type": "event", "length": length}))?;
    out.write_all(&event)?;
    writeln!(out)?;
    if attach {
        let name = if file.is_empty() { "dump.json" } else { file };
        let header = json!({
            "type": "attachment",
            "length": json.len(),
            "filename": name,
            "content_type": "application/json",
            "attachment_type": "event.attachment",
        });
        writeln!(out, "{header}")?;
        out.write_all(json)?;
        writeln!(out)?;
    }
    Ok(())
}
