//! Masks home directories, which contain the name of a user.

use memchr::memmem::Finder;

use crate::byte_set::ByteSet;

/// The beginnings of home directories, and their separators.
const ROOTS: [(&str, u8); 4] = [
    ("/home/", b'/'),
    ("/Users/", b'/'),
    ("\\Users\\", b'\\'),
    ("\\\\Users\\\\", b'\\'),
];

#[derive(Debug)]
pub(crate) struct Homes {
    finders: Vec<Finder<'static>>,
}

impl Homes {
    pub(crate) fn new() -> Homes {
        Homes {
            finders: ROOTS.iter().map(|(root, _)| Finder::new(root)).collect(),
        }
    }

    /// The text with `~` for each home directory; `None` if there are none.
    pub(crate) fn replace(&self, text: &str) -> Option<String> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (finder, (root, separator)) in self.finders.iter().zip(ROOTS) {
            for at in finder.find_iter(text.as_bytes()) {
                let name = at + root.len();
                let len = text[name..]
                    .bytes()
                    .position(|b| {
                        b == separator || b <= b' ' || const { ByteSet::of(b"\"':;,)]}>") }.has(b)
                    })
                    .unwrap_or(text.len() - name);
                let drive = drive_before(text.as_bytes(), at);
                // `/srv/home/x` is not a home directory.
                let is_root = drive > 0
                    || at == 0
                    || text[..at].ends_with("://")
                    || !(text.as_bytes()[at - 1].is_ascii_alphanumeric()
                        || b"._-/\\".contains(&text.as_bytes()[at - 1]));
                if len > 0 && is_root {
                    found.push((at - drive, name + len));
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        found.sort_unstable();
        let mut out = String::new();
        let mut done = 0;
        for (start, end) in found {
            if start >= done {
                out.push_str(&text[done..start]);
                out.push('~');
                done = end;
            }
        }
        out.push_str(&text[done..]);
        Some(out)
    }
}

/// The length of `C:` before a Windows path.
fn drive_before(bytes: &[u8], at: usize) -> usize {
    match &bytes[..at] {
        [.., drive, b':'] if drive.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_directory_becomes_a_tilde() {
        let homes = Homes::new();
        for (text, replaced) in [
            ("/home/ana/src/x.rs", "~/src/x.rs"),
            ("at /Users/ana/x:12", "at ~/x:12"),
            ("C:\\Users\\ana\\x", "~\\x"),
            ("\"C:\\\\Users\\\\ana\\\\x\"", "\"~\\\\x\""),
            ("file:///home/ana/x", "file://~/x"),
            ("/home/ana", "~"),
        ] {
            assert_eq!(homes.replace(text).as_deref(), Some(replaced), "{text}");
        }
        for text in ["/home/", "/srv/home/x", "go home/now", ""] {
            assert_eq!(homes.replace(text), None, "{text}");
        }
    }
}
