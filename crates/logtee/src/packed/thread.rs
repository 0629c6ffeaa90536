//! This thread's name, asked for once.

use std::cell::Cell;

pub(crate) const MAX_NAME: usize = 32;

/// The name and its length; 0 while nobody has asked.
#[derive(Clone, Copy)]
struct Name([u8; MAX_NAME], u8);

thread_local! {
    // No destructor: neither registered at a thread's first record, nor gone at its last.
    static NAME: Cell<Name> = const { Cell::new(Name([0; MAX_NAME], 0)) };
}

/// Hands over the thread's name, or `ThreadId(n)` where it has none; at most [`MAX_NAME`] bytes.
#[inline]
pub(crate) fn with_name<R>(f: impl FnOnce(&[u8]) -> R) -> R {
    let mut name = NAME.try_with(Cell::get).unwrap_or(Name([0; MAX_NAME], 0));
    if name.1 == 0 {
        name = look_up();
        let _ = NAME.try_with(|cell| cell.set(name));
    }
    f(&name.0[..usize::from(name.1)])
}

#[cold]
fn look_up() -> Name {
    let thread = std::thread::current();
    let mut name = Name([0; MAX_NAME], 0);
    let mut buffer = super::buffer::Buffer::new(&mut name.0, 0, MAX_NAME);
    match thread.name() {
        Some(text) if !text.is_empty() => {
            buffer.push_str(text);
        }
        _ => {
            // A number of twenty digits still fits.
            let _ = std::fmt::write(&mut buffer, format_args!("{:?}", thread.id()));
        }
    }
    name.1 = buffer.len() as u8;
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(builder: std::thread::Builder) -> String {
        let thread = builder.spawn(|| with_name(|name| String::from_utf8(name.to_vec())));
        thread.unwrap().join().unwrap().unwrap()
    }

    #[test]
    fn a_name_is_kept_cut_or_made_up() {
        let named = |name: &str| name_in(std::thread::Builder::new().name(name.to_owned()));
        assert_eq!(named("worker-7"), "worker-7");
        assert_eq!(named(&"ä".repeat(20)), "ä".repeat(16));
        assert!(name_in(std::thread::Builder::new()).starts_with("ThreadId("));
    }
}
