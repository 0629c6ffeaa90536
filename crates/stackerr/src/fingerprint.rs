//! What stays the same of a failure from one build to the next.

use crate::trace::StackTraces;

/// FNV-1a, 64 bits: offset basis and prime as in RFC 9923.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Makes a hash to group failures by, which stays the same after a rebuild: `fr1-` and 16
/// hexadecimal digits.
///
/// It is what [`StackTraces::fingerprint`] makes, for those who have types and names by other
/// means: out of a dump, say, whose names were found later. Neither the order of the traces nor
/// the number of equal ones matters.
///
/// # Examples
///
/// ```
/// use stackerr::Fingerprint;
///
/// let err = stackerr::Error::new(std::fmt::Error);
/// let traces = err.stack_traces();
/// let mut print = Fingerprint::new();
/// for trace in &traces {
///     print.trace(trace.type_name());
///     for frame in trace.frames().iter().filter(|frame| !frame.is_noise()) {
///         let module = frame.build_id().or(frame.module());
///         print.frame(frame.is_named().then_some(frame.name()), module, frame.address() as u64);
///     }
/// }
/// assert_eq!(print.finish(), traces.fingerprint());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    /// Sorted, each once.
    finished: Vec<u64>,
    trace: Option<Fnv>,
}

impl Fingerprint {
    /// Of no trace yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with a trace, that of an error of this type, if that is known.
    pub fn trace(&mut self, type_name: Option<&str>) {
        self.finish_trace();
        let mut hash = Fnv::new();
        hash.write(type_name.unwrap_or("").as_bytes());
        self.trace = Some(hash);
    }

    fn finish_trace(&mut self) {
        if let Some(hash) = self.trace.take()
            && let Err(place) = self.finished.binary_search(&hash.0)
        {
            self.finished.insert(place, hash.0);
        }
    }

    /// Goes on with a frame of the trace, innermost first: one that belongs to the program. What
    /// the runtime does is not part of what failed, and to be left out.
    ///
    /// The name is that of the function. Where it has none, the build-id of its module, or the
    /// module's path if that has none either, and the frame's address in it stand in.
    pub fn frame(&mut self, name: Option<&str>, module: Option<&str>, address: u64) {
        let hash = self.trace.get_or_insert_with(Fnv::new);
        // A byte that no name contains keeps `a`, `bc` and `ab`, `c` apart.
        hash.write(&[0]);
        match name {
            Some(name) => hash.write(without_hash(name).as_bytes()),
            None => {
                hash.write(&[1]);
                hash.write(module.unwrap_or("").as_bytes());
                hash.write(&address.to_be_bytes());
            }
        }
    }

    /// The hash of all that was said.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.finish_trace();
        let mut hash = Fnv::new();
        for part in self.finished {
            hash.write(&part.to_be_bytes());
        }
        format!("fr1-{:016x}", hash.0)
    }
}

impl StackTraces {
    /// A hash to group failures by: `fr1-` and 16 hexadecimal digits.
    ///
    /// It covers, for each trace, the error's type where known and the names of the program's own
    /// functions: no lines, no addresses, no symbol hashes, no messages; so it is the same after a
    /// rebuild. Where a name is missing, the frame's address relative to its module stands in,
    /// with the module's build-id. Neither the order nor the number of equal traces matters.
    ///
    /// [`Fingerprint`] makes the same of types and names that were found elsewhere.
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
        let mut print = Fingerprint::new();
        for trace in self {
            print.trace(trace.type_name());
            for frame in trace.frames().iter().filter(|frame| !frame.is_noise()) {
                print.frame(
                    frame.is_named().then_some(frame.name()),
                    frame.build_id().or(frame.module()),
                    frame.address() as u64,
                );
            }
        }
        print.finish()
    }
}

/// The name without a trailing `::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    }
}

#[derive(Clone, Debug)]
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(BASIS)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fnv, without_hash};

    #[test]
    fn fnv_agrees_with_its_published_vectors() {
        for (text, sum) in [
            ("", 0xcbf2_9ce4_8422_2325_u64),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut hash = Fnv::new();
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
