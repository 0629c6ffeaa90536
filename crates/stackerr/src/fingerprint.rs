//! What stays the same of a failure from one build to the next.

use crate::frame::Frame;
use crate::trace::{StackTrace, StackTraces};

/// FNV-1a, 64 bits: offset basis and prime as in RFC 9923.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl StackTraces {
    /// A hash to group failures by: `fr1-` and 16 hexadecimal digits.
    ///
    /// It covers, for each trace, the error's type where known and the names of the program's own
    /// functions: no lines, no addresses, no symbol hashes, no messages; so it is the same after a
    /// rebuild. Where a name is missing, the frame's address relative to its module stands in,
    /// with the module's build-id. Neither the order nor the number of equal traces matters.
    ///
    /// # Examples
    ///
    /// ```
    /// fn fail(n: u32) -> stackerr::Error {
    ///     stackerr::err!("attempt {n}")
    /// }
    /// let prints: Vec<_> = (1..3).map(|n| fail(n).stack_traces().fingerprint()).collect();
    /// assert_eq!(prints[0], prints[1]);
    /// assert!(prints[0].starts_with("fr1-"));
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut parts: Vec<u64> = self.iter().map(of_trace).collect();
        parts.sort_unstable();
        parts.dedup();
        let mut hash = Fnv(BASIS);
        for part in parts {
            hash.write(&part.to_be_bytes());
        }
        format!("fr1-{:016x}", hash.0)
    }
}

fn of_trace(trace: &StackTrace) -> u64 {
    let mut hash = Fnv(BASIS);
    hash.write(trace.type_name().unwrap_or("").as_bytes());
    for frame in trace.frames().iter().filter(|frame| !frame.is_noise()) {
        of_frame(frame, &mut hash);
    }
    hash.0
}

fn of_frame(frame: &Frame, hash: &mut Fnv) {
    // A byte that no name contains keeps `a`, `bc` and `ab`, `c` apart.
    hash.write(&[0]);
    if frame.is_named() {
        hash.write(without_hash(frame.name()).as_bytes());
    } else {
        hash.write(&[1]);
        hash.write(frame.build_id().or(frame.module()).unwrap_or("").as_bytes());
        hash.write(&(frame.address() as u64).to_be_bytes());
    }
}

/// The name without a trailing `::h0123456789abcdef`.
pub(crate) fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    }
}

struct Fnv(u64);

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BASIS, Fnv, without_hash};

    #[test]
    fn fnv_agrees_with_its_published_vectors() {
        for (text, sum) in [
            ("", 0xcbf2_9ce4_8422_2325_u64),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut hash = Fnv(BASIS);
            hash.write(text.as_bytes());
            assert_eq!(hash.0, sum, "{text}");
        }
    }

    #[test]
    fn only_a_symbol_hash_is_cut() {
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::hello"), "a::hello");
    }
}
