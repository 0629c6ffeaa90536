//! Where a thread packs its records.

use crate::MAX_LEN;
use crate::buffer::Buffer;
use crate::layout::HEADER;

const MAX_NAME: usize = 32;

/// Room for a record whose thread's name, behind the header, stays from one to the next.
pub(super) struct Desk {
    pub(super) bytes: [u8; MAX_LEN],
    /// 0 while nobody has asked for the name.
    name_len: u8,
}

impl Desk {
    pub(super) const fn new() -> Desk {
        Desk {
            bytes: [0; MAX_LEN],
            name_len: 0,
        }
    }

    /// The length of this thread's name, or of `ThreadId(n)` where it has none: at most
    /// [`MAX_NAME`] bytes, which are there.
    #[inline]
    pub(super) fn thread_name_len(&mut self) -> usize {
        if self.name_len == 0 {
            self.look_up();
        }
        usize::from(self.name_len)
    }

    #[cold]
    fn look_up(&mut self) {
        let thread = std::thread::current();
        let mut name = Buffer::new(&mut self.bytes, HEADER, HEADER + MAX_NAME);
        match thread.name() {
            Some(text) if !text.is_empty() => {
                name.push_str(text);
            }
            _ => {
                // A number of twenty digits still fits.
                let _ = std::fmt::write(&mut name, format_args!("{:?}", thread.id()));
            }
        }
        self.name_len = (name.len() - HEADER) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(builder: std::thread::Builder) -> String {
        let name = || {
            let mut desk = Box::new(Desk::new());
            let len = desk.thread_name_len();
            String::from_utf8(desk.bytes[HEADER..HEADER + len].to_vec())
        };
        builder.spawn(name).unwrap().join().unwrap().unwrap()
    }

    #[test]
    fn a_name_is_kept_cut_or_made_up() {
        let named = |name: &str| name_in(std::thread::Builder::new().name(name.to_owned()));
        assert_eq!(named("worker-7"), "worker-7");
        assert_eq!(named(&"ä".repeat(20)), "ä".repeat(16));
        assert!(name_in(std::thread::Builder::new()).starts_with("ThreadId("));
    }
}
