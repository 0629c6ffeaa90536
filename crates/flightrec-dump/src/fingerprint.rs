//! The fingerprint, which is the same for the same failure in different runs and builds.

use crate::{Dump, ErrorNode, Frame, Kind, Trace};

impl Dump {
    /// Computes the key that groups failures: `fr2-` and 16 hexadecimal digits.
    ///
    /// For each stack it covers the error's type, if known, and the functions of the program, each
    /// once and innermost first. It does not cover lines, addresses and the depth of a recursion, so it
    /// is the same after a rebuild. If a function has no name, the build-id of its module and the
    /// address in it are used instead. Neither the order of the stacks nor the number of equal stacks
    /// matters.
    ///
    /// A stack that was not captured where the error was created tells little about the failure, and
    /// some failures have no stack. In these cases the messages are used, without words that contain
    /// digits. For a panic, its place in the source code is also used.
    #[must_use]
    pub fn fingerprint_of(&self) -> String {
        let mut parts: Vec<u64> = self
            .stack_traces
            .iter()
            .map(|trace| self.stack(trace))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        let mut hash = Hash::new();
        for part in &parts {
            hash.write(&part.to_be_bytes());
        }
        let has_cause = self
            .stack_traces
            .iter()
            .any(|trace| trace.origin.is_cause());
        match &self.error {
            Some(error) if self.reason.kind == Kind::Panic => {
                if let Some(at) = &error.location {
                    hash.text(&format!("{}:{}:{}", at.file, at.line, at.column));
                }
            }
            Some(error) if !has_cause => messages(error, &mut hash),
            None if !has_cause => shape(&self.reason.message, &mut hash),
            _ => {}
        }
        format!("fr2-{:016x}", hash.0)
    }

    fn stack(&self, trace: &Trace) -> u64 {
        let mut hash = Hash::new();
        hash.text(trace.error_type.as_deref().unwrap_or_default());
        let mut seen = Vec::new();
        for frame in trace.frames.iter().filter(|frame| !frame.noise) {
            let function = self.function(frame);
            if !seen.contains(&function) {
                seen.push(function);
                hash.write(&function.to_be_bytes());
            }
        }
        hash.0
    }

    fn function(&self, frame: &Frame) -> u64 {
        let mut hash = Hash::new();
        if frame.is_named() {
            hash.text(without_hash(&frame.name));
            return hash.0;
        }
        let path = frame.module.as_deref().unwrap_or_default();
        let module = self.modules.iter().find(|module| module.name == path);
        let build_id = module.and_then(|module| module.build_id.as_deref());
        hash.text(build_id.unwrap_or(path));
        hash.text(&frame.address);
        hash.0
    }
}

/// The messages of an error and its causes.
fn messages(error: &ErrorNode, hash: &mut Hash) {
    shape(&error.message, hash);
    for source in &error.sources {
        messages(source, hash);
    }
}

/// Hashes a message without the parts that vary between occurrences: ids, counts, addresses.
fn shape(message: &str, hash: &mut Hash) {
    for word in message.split_whitespace() {
        let varies = word.bytes().any(|byte| byte.is_ascii_digit());
        hash.text(if varies { "#" } else { word });
    }
}

/// The name without the hash of a symbol, `::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    }
}

/// FNV-1a with 64 bits (RFC 9923): a hash that is the same in every build and on every machine.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = Hash::new();
    hash.write(bytes);
    hash.0
}

struct Hash(u64);

impl Hash {
    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Adds a text and a byte that no text contains, so that `a`, `bc` and `ab`, `c` differ.
    fn text(&mut self, text: &str) {
        self.write(text.as_bytes());
        self.write(&[0xff]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Location, StackOrigin};

    fn frames(names: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| Frame {
            name: (*name).to_owned(),
            noise: name.starts_with("std::"),
            ..Frame::default()
        };
        names.iter().map(frame).collect()
    }

    fn dump(names: &[&str]) -> Dump {
        let trace = Trace {
            frames: frames(names),
            ..Trace::default()
        };
        Dump {
            stack_traces: vec![trace],
            ..Dump::default()
        }
    }

    fn of(names: &[&str]) -> String {
        dump(names).fingerprint_of()
    }

    #[test]
    fn fnv_agrees_with_its_published_vectors() {
        for (text, sum) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv1a(text.as_bytes()), sum, "{text}");
        }
    }

    #[test]
    fn the_functions_and_their_order_matter() {
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a", "b"]), of(&["a"]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
    }

    #[test]
    fn noise_hashes_and_the_depth_of_a_recursion_do_not_matter() {
        let once = of(&["fail", "left", "right", "main"]);
        let often = [
            "fail",
            "std::rt::f",
            "left",
            "right::h0123456789abcdef",
            "left",
            "left",
            "right",
            "main",
        ];
        assert_eq!(of(&often), once);
    }

    #[test]
    fn without_a_stack_from_the_error_s_creation_the_messages_matter() {
        let error = |message: &str, origin: StackOrigin| {
            let mut dump = dump(&["run", "main"]);
            dump.stack_traces[0].origin = origin;
            dump.error = Some(ErrorNode::new(message, None));
            dump.fingerprint_of()
        };
        let converted = |message| error(message, StackOrigin::Conversion);
        assert_ne!(converted("no such file"), converted("no such profile"));
        assert_eq!(converted("line 7: eof"), converted("line 19: eof"));
        let created = |message| error(message, StackOrigin::Creation);
        assert_eq!(created("no such file"), created("no such profile"));
    }

    #[test]
    fn the_place_of_a_panic_matters() {
        let panic = |line| {
            let mut dump = dump(&["worker::{{closure}}"]);
            dump.reason.kind = Kind::Panic;
            dump.error = Some(ErrorNode::new("oh", Some(Location::new("w.rs", line, 5))));
            dump.fingerprint_of()
        };
        assert_eq!(panic(7), panic(7));
        assert_ne!(panic(7), panic(8));
    }

    #[test]
    fn neither_order_nor_number_of_joined_errors_matters() {
        let join = |stacks: &[&str]| {
            let stacks = stacks.iter().flat_map(|name| dump(&[name]).stack_traces);
            let dump = Dump {
                stack_traces: stacks.collect(),
                ..Dump::default()
            };
            dump.fingerprint_of()
        };
        assert_eq!(join(&["a", "b"]), join(&["b", "a", "b"]));
        assert_ne!(join(&["a", "b"]), join(&["a"]));
    }
}
