//! Paths of functions that debug information with line tables only names without one.

/// Where this crate's own source lies, as its debug information names it.
const OWN: &str = file!();

/// Whether the name of a function lacks its path: `parse` or `from<T>`.
pub(crate) fn is_bare(name: &str) -> bool {
    let head = name.split('<').next().unwrap_or("");
    !head.is_empty() && !head.contains("::")
}

/// The path that a function in that file has about: `core::ops::function::call_once` for
/// `call_once` in `/rustc/…/library/core/src/ops/function.rs`. Good enough to tell the program's
/// own code from the library's; never shown.
pub(crate) fn path_of_file(file: &str, name: &str) -> String {
    let file = file.replace('\\', "/");
    let own = OWN.replace('\\', "/");
    let own = own.strip_suffix("place.rs").unwrap_or(&own);
    // In this workspace, the two crates that capture have no version in their path.
    let walk = own.replace("/stackerr/", "/stackwalk/");
    for (krate, folder) in [("stackerr", own), ("stackwalk", &walk)] {
        if let Some((before, rest)) = split_last(&file, folder)
            && (before.is_empty() || before.ends_with('/'))
        {
            return join(krate, rest, name);
        }
    }
    let Some((front, rest)) = split_last(&file, "/src/") else {
        return name.to_owned();
    };
    let (above, folder) = front.rsplit_once('/').unwrap_or(("", front));
    if above.ends_with("library") || above == "library" {
        return join(folder, rest, name);
    }
    // `tokio-1.48.0`: a crate from a registry lies in a folder with its version.
    match folder.rsplit_once('-') {
        Some((krate, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            join(&krate.replace('-', "_"), rest, name)
        }
        _ => name.to_owned(),
    }
}

/// `rsplit_once`, whose search is linear for any text and takes kilobytes for it.
pub(crate) fn split_last<'a>(text: &'a str, at: &str) -> Option<(&'a str, &'a str)> {
    let mut windows = text.as_bytes().windows(at.len());
    let place = windows.rposition(|window| window == at.as_bytes())?;
    Some((&text[..place], &text[place + at.len()..]))
}

fn join(krate: &str, file: &str, name: &str) -> String {
    let module = file
        .trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .replace('/', "::");
    format!("{krate}::{module}::{name}")
}

#[cfg(test)]
mod tests {
    use super::{is_bare, path_of_file};

    #[test]
    fn bare_names() {
        assert!(is_bare("parse"));
        assert!(is_bare("from<core::num::error::ParseIntError>"));
        assert!(!is_bare("census::parse"));
        assert!(!is_bare("<T as core::convert::Into<U>>::into"));
    }

    #[test]
    fn paths_of_files() {
        for (file, path) in [
            (
                "/rustc/5980/library/core/src/ops/function.rs",
                "core::ops::function::f",
            ),
            (
                "/home/u/.cargo/registry/src/x/futures-util-0.3.31/src/stream/mod.rs",
                "futures_util::stream::f",
            ),
            (
                "C:\\r\\tokio-1.48.0\\src\\runtime\\park.rs",
                "tokio::runtime::park::f",
            ),
            ("/home/u/census/src/main.rs", "f"),
            ("main.rs", "f"),
        ] {
            assert_eq!(path_of_file(file, "f"), path);
        }
        let own = format!(
            "/somewhere/{}",
            file!().replace("place.rs", "capture/mod.rs")
        );
        assert_eq!(path_of_file(&own, "f"), "stackerr::capture::f");
        let walk = own.replace("/stackerr/", "/stackwalk/");
        assert_eq!(path_of_file(&walk, "f"), "stackwalk::capture::f");
    }
}
