//! What is loaded into this process: the executable and its shared objects.

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[allow(unsafe_code)]
mod elf;
#[cfg(any(target_vendor = "apple", test))]
#[allow(unsafe_code)]
mod macho;

use std::ops::Range;
use std::sync::Arc;

/// An executable or a shared object that is loaded into this process.
#[derive(Clone, Debug)]
pub struct Module {
    name: Arc<str>,
    base: usize,
    build_id: Option<Arc<str>>,
    segments: Vec<Range<usize>>,
    #[cfg(target_os = "linux")]
    is_executable: bool,
}

impl Module {
    /// The path it was loaded from. What the system makes up itself has a name without slashes
    /// (`linux-vdso.so.1`).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its load bias: an address in this process minus this is the address in the module's own
    /// tables. 0 for an executable that is not position-independent.
    #[must_use]
    pub fn base(&self) -> usize {
        self.base
    }

    /// The build-id that its linker gave it (the ELF note `NT_GNU_BUILD_ID`, or the UUID of a
    /// Mach-O image), in hexadecimal digits; `None` if it has none.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// Whether the address lies in one of the module's loaded segments.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.contains(&address))
    }

    /// The file to read tables from. The executable's own path may lead to another file by now.
    #[cfg(target_os = "linux")]
    pub(crate) fn file(&self) -> &str {
        if self.is_executable {
            "/proc/self/exe"
        } else {
            &self.name
        }
    }

    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn with_build_id(mut self, build_id: &str) -> Self {
        self.build_id = Some(Arc::from(build_id));
        self
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(crate) fn shared_build_id(&self) -> Option<Arc<str>> {
        self.build_id.clone()
    }
}

/// The modules that are loaded now, the executable first.
///
/// Known on Linux, Android, FreeBSD and Apple's systems; an empty list elsewhere.
///
/// # Examples
///
/// ```
/// for module in stackerr::modules() {
///     println!("{:#x} {} {}", module.base(), module.name(), module.build_id().unwrap_or("-"));
/// }
/// ```
#[must_use]
pub fn modules() -> Vec<Module> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    return elf::loaded();
    #[cfg(target_vendor = "apple")]
    return macho::loaded();
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    )))]
    return Vec::new();
}

/// A build-id as text.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple",
    feature = "symbols"
))]
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
