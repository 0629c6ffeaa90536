//! The executable and the shared objects that are loaded into this process.

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[allow(unsafe_code)]
mod elf;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[allow(unsafe_code)]
pub(crate) mod loader;
#[cfg(any(target_vendor = "apple", test))]
#[allow(unsafe_code)]
mod macho;

use std::ops::Range;

/// An executable or a shared object that is loaded into this process.
#[derive(Clone, Debug)]
pub struct Module {
    name: Box<str>,
    base: usize,
    build_id: Option<Box<str>>,
    segments: Vec<Range<usize>>,
}

impl Module {
    /// The path from which the module was loaded. Modules without a file have a name without slashes
    /// (`linux-vdso.so.1`).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The load bias: subtract it from an address in this process to get the address that the
    /// module's symbol tables use. 0 for an executable that is not position-independent.
    #[must_use]
    pub fn base(&self) -> usize {
        self.base
    }

    /// The build-id that the linker wrote (the ELF note `NT_GNU_BUILD_ID`, or the UUID of a Mach-O
    /// image), in hexadecimal digits; `None` if there is none.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
        expect(dead_code)
    )]
    pub(crate) fn segments(&self) -> &[Range<usize>] {
        &self.segments
    }

    /// Whether the address is in one of the module's loaded segments.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.contains(&address))
    }
}

/// Returns the currently loaded modules, the executable first.
///
/// Supported on Linux, Android, FreeBSD and Apple's systems. On other systems the list is empty.
///
/// # Examples
///
/// ```
/// for module in stackwalk::modules() {
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

/// Formats a build-id.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
))]
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
