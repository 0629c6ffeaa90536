//! The registers, and this thread's own stack.

use std::arch::asm;
use std::mem::MaybeUninit;

/// What unwinding starts from.
pub(super) struct Registers {
    pub(super) ip: u64,
    pub(super) sp: u64,
    pub(super) bp: u64,
}

impl Registers {
    /// Those of the function that this is inlined into.
    #[inline(always)]
    pub(super) fn here() -> Self {
        let (ip, sp, bp): (u64, u64, u64);
        // SAFETY: copies three registers and touches neither memory, stack nor flags.
        unsafe {
            asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                ip = out(reg) ip,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { ip, sp, bp }
    }
}

/// The addresses between which the thread's stack lies, as the thread library knows them.
pub(super) struct StackEnd {
    low: u64,
    high: u64,
}

impl StackEnd {
    /// Asks the thread library: some microseconds, once a thread.
    pub(super) fn of_this_thread() -> Option<Self> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let mut start = std::ptr::null_mut();
        let mut size = 0;
        // SAFETY: pthread_getattr_np initialises the attributes if it returns 0; only then are
        // they read, and destroyed once. Both out-pointers are live.
        let got = unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let got =
                libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            got
        };
        let low = start.addr() as u64;
        (got == 0).then_some(Self {
            low,
            high: low.checked_add(size as u64)?,
        })
    }

    /// The stack in use above a stack pointer; `None` if that points elsewhere: into the stack of
    /// a coroutine, or a signal handler's own.
    pub(super) fn stack_above(&self, sp: u64) -> Option<Stack> {
        let inside = self.low <= sp && sp < self.high && sp.is_multiple_of(8);
        inside.then_some(Stack {
            low: sp,
            words: (self.high - sp) / 8,
        })
    }
}

/// The part of this thread's stack that is in use.
pub(super) struct Stack {
    low: u64,
    words: u64,
}

impl Stack {
    /// The word at an address; `None` outside, or between two words.
    #[inline(always)]
    pub(super) fn read(&self, address: u64) -> Option<u64> {
        // Turned right, what is not a multiple of 8 is more than any number of words.
        let word = address.wrapping_sub(self.low).rotate_right(3);
        if word >= self.words {
            return None;
        }
        let pointer = std::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: between this thread's stack pointer, taken in a function that has not returned
        // yet, and the end of its stack, all is mapped, and no other thread unmaps it while this
        // one runs. The address is aligned. The read is volatile: the compiler may assume
        // nothing of what lies there, whoever's variable it is.
        Some(unsafe { pointer.read_volatile() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Stack, StackEnd};

    #[test]
    fn only_whole_words_of_the_stack_are_read() {
        let words = [1_u64, 2, 3];
        let low = words.as_ptr().expose_provenance() as u64;
        let stack = Stack { low, words: 2 };
        assert_eq!(stack.read(low), Some(1));
        assert_eq!(stack.read(low + 8), Some(2));
        for outside in [16, 24, 1, 7, 9, u64::MAX, u64::MAX - 7, 1 << 63] {
            assert_eq!(stack.read(low.wrapping_add(outside)), None, "{outside}");
        }
    }

    #[test]
    fn the_stack_is_this_threads() {
        let here = 0_u64;
        let here = (&raw const here).addr() as u64;
        let end = StackEnd::of_this_thread().unwrap();
        assert!(end.stack_above(here).is_some());
        assert!(end.stack_above(here + 4).is_none());
        for elsewhere in [end.low - 8, end.high, 0] {
            assert!(end.stack_above(elsewhere).is_none());
        }
    }
}
