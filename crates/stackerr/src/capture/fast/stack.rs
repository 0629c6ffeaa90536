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
        (self.low <= sp && sp < self.high).then_some(Stack {
            low: sp,
            high: self.high,
        })
    }
}

/// The part of this thread's stack that is in use.
pub(super) struct Stack {
    low: u64,
    high: u64,
}

impl Stack {
    /// The word at an address; `None` outside, or between two words.
    pub(super) fn read(&self, address: u64) -> Option<u64> {
        let inside = self.low <= address && address <= self.high - 8;
        if !inside || !address.is_multiple_of(8) {
            return None;
        }
        let pointer = std::ptr::with_exposed_provenance::<u64>(usize::try_from(address).ok()?);
        // SAFETY: between this thread's stack pointer, taken in a function that has not returned
        // yet, and the end of its stack, all is mapped, and no other thread unmaps it while this
        // one runs. The address is aligned. The read is volatile: the compiler may assume
        // nothing of what lies there, whoever's variable it is.
        Some(unsafe { pointer.read_volatile() })
    }
}
