//! Classifies frames by the names of their functions, as the program's own or the runtime's.
use crate::foreign_text::{contains, rsplit_once};

/// The kind of code that a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameKind {
    /// The program or one of its libraries, or a function whose name is unknown.
    App,
    /// The start of the process and of threads, entry points of system libraries, thread pools.
    Runtime,
    /// Panicking, unwinding, catching.
    Panic,
    /// Functions of the standard library, such as those that call a closure or convert an error
    /// for `?`.
    Plumbing,
    /// The internals of async executors and of futures.
    Async,
    /// The capture of the stack, and the conversion that captured it.
    Capture,
}

/// Prefixes of names, after a leading `<`; the first match decides.
const PREFIXES: &[(&str, FrameKind)] = &[
    ("stackerr::", FrameKind::Capture),
    ("stackwalk::", FrameKind::Capture),
    ("backtrace::", FrameKind::Capture),
    ("std::backtrace::", FrameKind::Capture),
    ("std::backtrace_rs::", FrameKind::Capture),
    ("std::panicking::", FrameKind::Panic),
    ("std::panic::", FrameKind::Panic),
    ("core::panicking::", FrameKind::Panic),
    ("core::panic::", FrameKind::Panic),
    ("rust_begin_unwind", FrameKind::Panic),
    ("__rustc::rust_begin_unwind", FrameKind::Panic),
    ("rust_panic", FrameKind::Panic),
    ("__rust_try", FrameKind::Panic),
    ("__rust_panic_cleanup", FrameKind::Panic),
    ("__rust_start_panic", FrameKind::Panic),
    ("panic_unwind::", FrameKind::Panic),
    ("_Unwind_", FrameKind::Panic),
    ("std::sys::backtrace::", FrameKind::Runtime),
    ("std::sys_common::backtrace::", FrameKind::Runtime),
    ("std::rt::", FrameKind::Runtime),
    ("std::sys::thread", FrameKind::Runtime),
    ("std::sys::pal::", FrameKind::Runtime),
    ("std::sys::unix::thread", FrameKind::Runtime),
    ("std::sys::windows::thread", FrameKind::Runtime),
    ("std::thread::", FrameKind::Runtime),
    ("std::sys_common::thread", FrameKind::Runtime),
    ("test::run_test", FrameKind::Runtime),
    ("test::__rust_begin_short_backtrace", FrameKind::Runtime),
    ("test::types::RunnableTest", FrameKind::Runtime),
    ("core::future::", FrameKind::Async),
    ("core::task::", FrameKind::Async),
    ("std::future::", FrameKind::Async),
    ("tokio::runtime::", FrameKind::Async),
    ("tokio::task::", FrameKind::Async),
    ("tokio::future::", FrameKind::Async),
    ("tokio::macros::", FrameKind::Async),
    ("tokio::loom::", FrameKind::Async),
    ("tokio::util::", FrameKind::Async),
    ("futures_util::", FrameKind::Async),
    ("futures_core::", FrameKind::Async),
    ("futures_executor::", FrameKind::Async),
    ("futures_task::", FrameKind::Async),
    ("async_std::", FrameKind::Async),
    ("async_global_executor::", FrameKind::Async),
    ("async_executor::", FrameKind::Async),
    ("async_task::", FrameKind::Async),
    ("async_io::", FrameKind::Async),
    ("smol::", FrameKind::Async),
    ("pollster::", FrameKind::Async),
    ("futures_lite::", FrameKind::Async),
    ("actix_rt::", FrameKind::Async),
    ("compio_runtime::", FrameKind::Async),
    ("embassy_executor::", FrameKind::Async),
    ("glommio::", FrameKind::Async),
    ("monoio::", FrameKind::Async),
    ("tracing::instrument::", FrameKind::Async),
    ("rayon_core::", FrameKind::Runtime),
    ("crossbeam_utils::thread::", FrameKind::Runtime),
];

/// Whole names of the kind [`FrameKind::Runtime`].
const NAMES: &[&str] = &[
    "main",
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "__libc_start_main_impl",
    "__libc_start_main_alias_1",
    "__libc_start_main_alias_2",
    "start_thread",
    "__clone",
    "clone",
    "clone3",
    "__clone3",
    "thread_start",
    "_pthread_start",
    "start",
    "BaseThreadInitThunk",
    "RtlUserThreadStart",
    "mainCRTStartup",
    "invoke_main",
    "__scrt_common_main_seh",
];

/// Prefixes of the file names of system libraries that start processes and threads. Their internal
/// functions have no names.
const SYSTEM: &[&str] = &[
    "libc.so",
    "libc-2.",
    "libc.musl",
    "libpthread",
    "ld-linux",
    "ld-musl",
    "ld64.so",
    "libgcc_s.so",
    "linux-vdso.so",
    "libsystem_",
    "libdyld.dylib",
    "dyld",
];

/// The kind of a path, by its first segments.
fn of_path(path: &str) -> FrameKind {
    let path = without_sigils(path);
    kind_by_prefix(PREFIXES, path)
        // Functions of the standard library are on the stack because they call the program's closure.
        .or_else(|| is_std(path).then_some(FrameKind::Plumbing))
        .unwrap_or(FrameKind::App)
}

/// Not inlined, for the same reason as [`kind_by_prefix`].
#[inline(never)]
fn is_one_of(names: &[&str], name: &str) -> bool {
    names.contains(&name)
}

/// Not inlined: for a constant table, the compiler would generate a comparison for each prefix, which
/// is much code.
#[inline(never)]
fn kind_by_prefix(prefixes: &[(&str, FrameKind)], path: &str) -> Option<FrameKind> {
    let found = prefixes.iter().find(|(prefix, _)| path.starts_with(prefix));
    found.map(|&(_, kind)| kind)
}

/// `core::ops::Fn()` for `&dyn core::ops::Fn()`.
fn without_sigils(path: &str) -> &str {
    let mut path = path;
    loop {
        let shorter = path.trim_start_matches(['<', '&', '(', '[', '*', ' ']);
        let shorter = ["dyn ", "mut ", "const "]
            .iter()
            .find_map(|word| shorter.strip_prefix(word))
            .unwrap_or(shorter);
        if shorter.len() == path.len() {
            return path;
        }
        path = shorter;
    }
}

/// Whether a type is a bare name: a type parameter, or a primitive type.
fn is_parameter(this: &str) -> bool {
    !contains(this, "::")
}

impl FrameKind {
    /// The kind of a function, by its demangled name.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::FrameKind;
    ///
    /// assert_eq!(FrameKind::of("census::main"), FrameKind::App);
    /// assert_eq!(FrameKind::of("std::rt::lang_start_internal"), FrameKind::Runtime);
    /// assert_eq!(FrameKind::of("core::ops::function::FnOnce::call_once"), FrameKind::Plumbing);
    /// ```
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::of_function(name, None)
    }

    /// The kind of a function by its demangled name and, if known, its source file: line tables
    /// without further debug information name functions without their paths.
    #[must_use]
    pub fn of_function(name: &str, file: Option<&str>) -> Self {
        let in_rust = file.is_some_and(|file| file.ends_with(".rs"));
        // A Rust function may have such a name, too.
        if !in_rust && is_one_of(NAMES, name) {
            return Self::Runtime;
        }
        if let (true, Some(file)) = (is_bare(name), file) {
            return of_path(&path_of_file(file, name));
        }
        let (this, of_trait) = parts(name);
        let Some(of_trait) = of_trait else {
            return of_path(this);
        };
        if of_trait.starts_with("stackerr::") {
            return Self::Capture;
        }
        match (of_path(this), of_path(of_trait)) {
            // An implementation of the program's trait is the program's, for any type.
            (_, Self::App) => Self::App,
            // The call of a closure or function pointer. The body has a frame of its own.
            _ if of_trait.starts_with("core::ops::function::") => Self::Plumbing,
            // `<T as Into<U>>` where T is a type parameter.
            (Self::App, of_trait) if is_parameter(this) => of_trait,
            (this, _) => this,
        }
    }

    /// The kind of a function without a name, by the path of its executable or shared object.
    #[must_use]
    pub fn of_module(path: &str) -> Self {
        let file = path.rsplit('/').next().unwrap_or(path);
        if SYSTEM.iter().any(|start| file.starts_with(start)) {
            Self::Runtime
        } else {
            Self::App
        }
    }

    /// Whether it is anything but [`FrameKind::App`].
    #[must_use]
    pub fn is_noise(self) -> bool {
        self != Self::App
    }
}

/// Whether the path is in the standard library.
fn is_std(path: &str) -> bool {
    let path = without_sigils(path);
    ["core::", "std::", "alloc::"]
        .iter()
        .any(|root| path.starts_with(root))
}

/// The type and the trait of `<Type as Trait>::method`; the whole name and `None` for others.
pub(crate) fn parts(name: &str) -> (&str, Option<&str>) {
    let Some(inside) = name.strip_prefix('<') else {
        return (name, None);
    };
    // The ` as ` of the outermost angle brackets; types may contain others.
    let mut depth = 0usize;
    let bytes = inside.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            // The `>` of a `->` closes nothing.
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' if depth == 0 => break,
            b'>' => depth -= 1,
            b' ' if depth == 0 && inside[at..].starts_with(" as ") => {
                return (&inside[..at], Some(&inside[at + 4..]));
            }
            _ => {}
        }
    }
    (inside, None)
}

/// The path of this source file, as in debug information.
const OWN: &str = file!();

/// Whether the name of a function lacks its path: `parse` or `from<T>`.
pub(crate) fn is_bare(name: &str) -> bool {
    let head = name.split('<').next().unwrap_or("");
    !head.is_empty() && !contains(head, "::")
}

/// The approximate path of a function, by its file: `core::ops::function::call_once` for
/// `call_once` in `/rustc/…/library/core/src/ops/function.rs`. It is used to distinguish the program's
/// code from that of libraries, and is never shown.
pub(crate) fn path_of_file(file: &str, name: &str) -> String {
    let file = file.replace('\\', "/");
    let own = OWN.replace('\\', "/");
    let own = own.strip_suffix("kind.rs").unwrap_or(&own);
    // In the workspace, the two crates that capture have no version in their path.
    let walk = own.replace("/stackerr/", "/stackwalk/");
    for (krate, folder) in [("stackerr", own), ("stackwalk", &walk)] {
        if let Some((before, rest)) = rsplit_once(&file, folder)
            && (before.is_empty() || before.ends_with('/'))
        {
            return join(krate, rest, name);
        }
    }
    let Some((front, rest)) = rsplit_once(&file, "/src/") else {
        return name.to_owned();
    };
    let (above, folder) = front.rsplit_once('/').unwrap_or(("", front));
    if above.ends_with("library") || above == "library" {
        return join(folder, rest, name);
    }
    // The folder of a crate from a registry has its version: `tokio-1.48.0`.
    match folder.rsplit_once('-') {
        Some((krate, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            join(&krate.replace('-', "_"), rest, name)
        }
        _ => name.to_owned(),
    }
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
    fn bare_names_have_no_path() {
        assert!(is_bare("parse"));
        assert!(is_bare("from<core::num::error::ParseIntError>"));
        assert!(!is_bare("census::parse"));
        assert!(!is_bare("<T as core::convert::Into<U>>::into"));
    }

    #[test]
    fn files_give_the_path() {
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
            file!().replace("kind.rs", "capture/mod.rs")
        );
        assert_eq!(path_of_file(&own, "f"), "stackerr::capture::f");
        let walk = own.replace("/stackerr/", "/stackwalk/");
        assert_eq!(path_of_file(&walk, "f"), "stackwalk::capture::f");
    }
}
