//! Names of dumps and directories.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use flightrec_dump::Dump;

/// The prefix of the names of incomplete dumps.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// Whether this is the name of an incomplete dump.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// Returns a new name such as `20261123T003015.123456Z-error-4711-0.json`. The order by name is the
/// order by age.
///
/// If the clock was set back, the time in the name is adjusted, so that the name sorts after `newest`, the
/// newest dump in the directory. The dump itself keeps the time of the clock.
pub(crate) fn new(dump: &Dump, newest: Option<&str>) -> String {
    // Relaxed: the numbers only have to be unique.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut time: String = dump
        .created_at
        .to_string()
        .chars()
        .filter(|char| !matches!(char, '-' | ':'))
        .collect();
    if let Some((newest, _)) = newest.and_then(|name| name.split_once('-'))
        && newest >= time.as_str()
    {
        time = next_microsecond(newest);
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{}-{}-{}-{count}.json",
        time,
        dump.reason.kind,
        process::id()
    )
}

/// Adds a microsecond. The result is only used for sorting, so seconds may exceed 59.
fn next_microsecond(time: &str) -> String {
    let mut bytes = time.as_bytes().to_owned();
    for byte in bytes.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
        if *byte < b'9' {
            *byte += 1;
            break;
        }
        *byte = b'0';
    }
    // Digits were replaced by digits, so this is UTF-8.
    String::from_utf8(bytes).unwrap_or_else(|_| time.to_owned())
}

/// Returns whether this is the name of a dump that a [`Store`](super::Store) wrote.
#[must_use]
pub fn is_dump_name(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".json") else {
        return false;
    };
    let mut parts = stem.split('-');
    let time = parts.next().is_some_and(|time| {
        time.len() > 16
            && time.ends_with('Z')
            && time.starts_with(|first: char| first.is_ascii_digit())
    });
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let kind = parts
        .next()
        .is_some_and(|kind| kind.bytes().all(|byte| byte.is_ascii_lowercase()));
    time && kind
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_none()
}

/// Returns `app` as the name of one file or directory. Characters that are not allowed are replaced.
/// Different names stay different.
pub fn component(app: &str) -> String {
    const MAX_CHARS: usize = 64;
    // File systems limit names to 255 bytes, and the store adds a prefix.
    const MAX_BYTES: usize = 192;
    let is_plain =
        |char: char| char.is_alphanumeric() || matches!(char, '.' | '_' | '-' | ' ' | '+');
    let plain: String = app
        .char_indices()
        .take(MAX_CHARS)
        .take_while(|(at, char)| at + char.len_utf8() <= MAX_BYTES)
        .map(|(_, char)| if is_plain(char) { char } else { '_' })
        .collect();
    let plain = plain.trim_matches(['.', ' ']).to_owned();
    if plain == app && !plain.is_empty() && !is_reserved(&plain) {
        return plain;
    }
    let plain = if is_reserved(&plain) {
        format!("_{plain}")
    } else {
        plain
    };
    // The hash keeps changed names different.
    format!(
        "{}{}{:08x}",
        plain,
        if plain.is_empty() { "app-" } else { "-" },
        flightrec_dump::fnv1a(app.as_bytes()) as u32
    )
}

/// Whether this is the name of a device on Windows, with any extension. Such names are avoided on all
/// systems, because directories may be copied to Windows.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let upper = stem.to_ascii_uppercase();
    let is_port = |digit: &str| digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_digit());
    matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || upper.strip_prefix("COM").is_some_and(is_port)
        || upper.strip_prefix("LPT").is_some_and(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_app_becomes_one_component() {
        assert_eq!(component("my-tool"), "my-tool");
        assert_eq!(component("Café 2"), "Café 2");
        let hostile = [
            "",
            ".",
            "..",
            "../../etc",
            "/abs",
            "a/b",
            "a\\b",
            "nul\0",
            "esc\x1b[31m",
            "line\n",
            " x ",
            "C:",
        ];
        let mut made: Vec<_> = hostile.iter().map(|app| component(app)).collect();
        made.push(component(&"long".repeat(1_000_000)));
        made.push(component(&"𠀋".repeat(64)));
        for name in &made {
            assert!(!name.is_empty() && name.len() < 220, "{name:?}");
            assert!(
                !name.starts_with('.') && !name.contains(['/', '\\', '\0', '\x1b', '\n', ':']),
                "{name:?}"
            );
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), hostile.len() + 2, "two names became one");
    }

    #[test]
    fn names_of_devices_are_changed() {
        for device in ["CON", "nul", "Aux.tool", "COM1", "lpt9.x.y"] {
            let changed = component(device);
            assert_ne!(changed, device);
            assert!(!is_reserved(&changed), "{changed}");
        }
        for plain in ["console", "COM10", "null", "auxiliary"] {
            assert_eq!(component(plain), plain);
        }
    }

    #[test]
    fn dumps_are_recognised_by_their_names() {
        let created_at = "2026-11-23T00:30:15.123456Z".parse().unwrap();
        let mut dump = Dump::default();
        dump.created_at = created_at;
        let name = new(&dump, None);
        assert!(name.starts_with("20261123T003015.123456Z-error-"), "{name}");
        assert!(is_dump_name(&name));
        for other in [
            "notes.json",
            "x-error-1-2.json",
            "20261123T003015Z-error-1.json",
            ".tmp",
            "",
        ] {
            assert!(!is_dump_name(other), "{other}");
        }
    }

    #[test]
    fn a_new_dump_sorts_last_even_if_the_clock_was_set_back() {
        let at = |time: &str, newest: Option<&str>| {
            let mut dump = Dump::default();
            dump.created_at = time.parse().unwrap();
            new(&dump, newest)
        };
        let early = at("2026-11-23T11:00:00.000000Z", None);
        let mut newest = at("2026-11-23T12:00:59.999998Z", Some(&early));
        assert!(newest.starts_with("20261123T120059.999998Z"), "{newest}");
        for _ in 0..1_000 {
            let next = at("2026-11-23T11:00:00.000000Z", Some(&newest));
            assert!(
                next > newest && is_dump_name(&next),
                "{next} after {newest}"
            );
            newest = next;
        }
        let late = at("2026-11-23T12:01:00.000000Z", Some(&newest));
        assert!(late > newest);
    }
}
