//! The longest file that the process may write (`ulimit -f`): writing more is an error here, where
//! the system would end the process by SIGXFSZ.

use std::fs;
use std::io::{self, Write};

/// Writes to a new file as much as the limit allows, in large pieces.
///
/// `BufWriter` around it would do, and bring more code than this for what is never asked of it.
pub(super) struct Limited<W> {
    writer: W,
    left: u64,
    buffer: Vec<u8>,
}

/// A piece is not much larger.
const PIECE: usize = 64 << 10;

impl<W> Limited<W> {
    pub(super) fn new(writer: W) -> Limited<W> {
        Limited {
            writer,
            left: max_file_bytes(),
            buffer: Vec::with_capacity(PIECE),
        }
    }
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(too_large());
        }
        self.left -= bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn too_large() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        "the process may write no files of that size (`ulimit -f`)",
    )
}

/// The process's limit. Linux shows it in a file; asking otherwise is a call into C.
pub(crate) fn max_file_bytes() -> u64 {
    if !cfg!(target_os = "linux") {
        return u64::MAX;
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    soft_limit(&limits).unwrap_or(u64::MAX)
}

/// `Max file size             1024                 unlimited            bytes`
fn soft_limit(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let rest = lines.find_map(|line| line.strip_prefix("Max file size"))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_found_among_the_others() {
        let limits = |size: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              unlimited            unlimited            seconds   \n\
                 Max file size             {size:<20} unlimited            bytes     \n"
            )
        };
        assert_eq!(soft_limit(&limits("4096")), Some(4096));
        assert_eq!(soft_limit(&limits("unlimited")), None);
        assert_eq!(soft_limit(""), None);
    }

    /// Writes a byte or two at a time, as a file may that meets the end of a disk, and is
    /// interrupted in between.
    struct Short {
        written: Vec<u8>,
        calls: usize,
    }

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let some = bytes.len().min(1 + self.calls % 2);
            self.written.extend_from_slice(&bytes[..some]);
            Ok(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_lose_nothing() {
        let dump = crate::Dump {
            app: "tool".repeat(100),
            ..crate::Dump::default()
        };
        let mut whole = Vec::new();
        dump.write_to(&mut whole).unwrap();
        let mut short = Short {
            written: Vec::new(),
            calls: 0,
        };
        let mut limited = Limited {
            writer: &mut short,
            left: whole.len() as u64,
            buffer: Vec::new(),
        };
        dump.write_to(&mut limited).unwrap();
        limited.flush().unwrap();
        assert_eq!(short.written, whole);
    }

    #[test]
    fn what_is_too_long_is_not_begun() {
        let mut limited = Limited {
            writer: Vec::new(),
            left: 5,
            buffer: Vec::new(),
        };
        limited.write_all(b"four").unwrap();
        let error = limited.write_all(b"ab").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        limited.flush().unwrap();
        assert_eq!(limited.writer, b"four");
    }
}
