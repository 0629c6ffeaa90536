//! The memory of the stack that a walk may read.

use std::mem::MaybeUninit;

/// The lowest and the highest address of a thread's stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackBounds {
    low: u64,
    high: u64,
}

impl StackBounds {
    /// Asks the thread library, which takes some microseconds. Returns `None` if the library does not
    /// know the bounds, for instance those of the main thread if there is no `/proc`.
    pub(crate) fn of_this_thread() -> Option<Self> {
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

    /// The part of the stack that is in use above a stack pointer. `None` if the stack pointer
    /// is elsewhere: on the stack of a coroutine, or on an alternate signal stack.
    ///
    /// # Safety
    ///
    /// These must be the bounds of the stack of this thread, or of a thread that does not run and can't
    /// end as long as the result is used. `sp` must be a stack pointer of a function that does not
    /// return in that time.
    pub(crate) unsafe fn stack_above(&self, sp: u64) -> Option<Stack> {
        let inside = self.low <= sp && sp < self.high && sp.is_multiple_of(8);
        inside.then(|| Stack {
            low: sp,
            words: (self.high - sp) / 8,
        })
    }
}

/// The part of a thread's stack that is in use. It is mapped and readable.
pub(crate) struct Stack {
    low: u64,
    words: u64,
}

impl Stack {
    /// The word at an address; `None` outside the stack or if the address is not aligned.
    #[inline(always)]
    pub(crate) fn read(&self, address: u64) -> Option<u64> {
        // The rotation moves the low bits of an unaligned offset to the top, which makes it
        // larger than any number of words: one comparison checks the bounds and the alignment.
        let word = address.wrapping_sub(self.low).rotate_right(3);
        if word >= self.words {
            return None;
        }
        let pointer = std::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: between the stack pointer of a function that has not returned and the end of
        // the stack, all memory is mapped as long as the thread lives, which the caller of
        // `stack_above` guaranteed. The address is aligned. The read is volatile, so that the
        // compiler assumes nothing about the variable at this address.
        Some(unsafe { pointer.read_volatile() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Stack, StackBounds};

    #[test]
    fn only_aligned_words_of_the_stack_are_read() {
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
    fn the_bounds_are_those_of_this_thread() {
        let here = 0_u64;
        let here = (&raw const here).addr() as u64;
        let bounds = StackBounds::of_this_thread().unwrap();
        // SAFETY: nothing is read, and `here` is in a function that has not returned.
        let above = |sp| unsafe { bounds.stack_above(sp) };
        assert!(above(here).is_some());
        assert!(above(here + 4).is_none());
        for elsewhere in [bounds.low - 8, bounds.high, bounds.high + 8, 0] {
            assert!(above(elsewhere).is_none());
        }
    }
}
