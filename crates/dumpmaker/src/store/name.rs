//! Names of dumps and directories.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use flightrec_dump::Dump;

/// How the names of dumps that are not complete begin.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// Whether a file of that name is a dump that is not complete.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// `20261123T003015.123456Z-error-4711-0.json`: sorted by name they are sorted by age.
///
/// This holds if the clock was put back, too: the name of a dump sorts after that of the newest dump
/// in the directory. The dump has the time of the clock.
pub(crate) fn of(dump: &Dump, newest: Option<&str>) -> String {
    // Relaxed: all that counts is that each number is given out once.
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
        time = after(newest);
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{}-{}-{}-{count}.json",
        time,
        dump.reason.kind,
        process::id()
    )
}

/// The text of the next microsecond. It is there to be sorted by, so seconds may pass 59.
fn after(time: &str) -> String {
    let mut bytes = time.as_bytes().to_owned();
    for byte in bytes.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
        if *byte < b'9' {
            *byte += 1;
            break;
        }
        *byte = b'0';
    }
    // Digits took the place of digits.
    String::from_utf8(bytes).unwrap_or_else(|_| time.to_owned())
}

/// Whether a [`Store`](super::Store) gives such names to dumps.
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

/// Returns `app` as the name of one file or directory. Characters that do not belong there are
/// replaced, and names that differ stay different.
pub fn component(app: &str) -> String {
    const MAX_CHARS: usize = 64;
    let is_plain =
        |char: char| char.is_alphanumeric() || matches!(char, '.' | '_' | '-' | ' ' | '+');
    let plain: String = app
        .chars()
        .take(MAX_CHARS)
        .map(|char| if is_plain(char) { char } else { '_' })
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
    // Two names that had to be changed must not become one.
    format!(
        "{}{}{:08x}",
        plain,
        if plain.is_empty() { "app-" } else { "-" },
        flightrec_dump::fnv1a(app.as_bytes()) as u32
    )
}

/// Whether Windows takes a file of that name, with any extension, for a device. Such names are
/// avoided everywhere, because directories are copied from one system to another.
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
    fn an_app_s_name_stays_one_component() {
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
        for name in &made {
            assert!(!name.is_empty() && name.len() < 256, "{name:?}");
            assert!(
                !name.starts_with('.') && !name.contains(['/', '\\', '\0', '\x1b', '\n', ':']),
                "{name:?}"
            );
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), hostile.len() + 1, "two names became one");
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
    fn a_dump_is_known_by_its_name() {
        let created_at = "2026-11-23T00:30:15.123456Z".parse().unwrap();
        let mut dump = Dump::default();
        dump.created_at = created_at;
        let name = of(&dump, None);
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
    fn a_clock_that_was_put_back_does_not_make_a_new_dump_old() {
        let at = |time: &str, newest: Option<&str>| {
            let mut dump = Dump::default();
            dump.created_at = time.parse().unwrap();
            of(&dump, newest)
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
