//! The signal handler in which a thread walks its own stack.

use super::slots::{self, MAX_FRAMES, Slot};
use crate::StackEnd;
use crate::alternate_stack;
use crate::fast::{RuleCache, is_permanent, rule_in_signal};
use crate::own_stack::call_on;
use crate::unwind::{self, registers_of};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The code of a signal sent by `rt_sigqueueinfo`. Missing in the oldest `libc` that this crate accepts.
pub(super) const SI_QUEUE: c_int = -1;

/// The number of answers so far.
pub(super) static ANSWERS: AtomicU32 = AtomicU32::new(0);
/// Whether stacks are walked with unwind tables.
pub(super) static HAS_TABLES: AtomicBool = AtomicBool::new(false);

/// The value that the signal carries: the number of the request, and the slot for its answer.
pub(super) struct Ticket {
    pub(super) request: u64,
    pub(super) slot: usize,
}

/// The ticket that asks the main thread to replace its alternate stack.
pub(super) const PREPARE: Ticket = Ticket {
    request: 0,
    slot: 0xff,
};

/// A ticket must fit into a pointer.
pub(super) const MAX_REQUEST: u64 = 1 << 48;

impl Ticket {
    pub(super) fn to_word(&self) -> usize {
        (self.request << 8) as usize | self.slot
    }

    fn from_word(word: usize) -> Ticket {
        Ticket {
            request: word as u64 >> 8,
            slot: word & 0xff,
        }
    }
}

pub(super) unsafe extern "C" fn on_request(
    _: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    // SAFETY: errno of this thread; the kernel's arguments are valid in the handler.
    let (errno, info) = unsafe { (*libc::__errno_location(), &*info) };
    // SAFETY: a signal with this code has a sender.
    if info.si_code == SI_QUEUE && unsafe { info.si_pid() == libc::getpid() } {
        // SAFETY: a signal with this code has a value.
        let ticket = Ticket::from_word(unsafe { info.si_value() }.sival_ptr.addr());
        if ticket.slot == PREPARE.slot {
            // SAFETY: the kernel has passed the context to this handler.
            unsafe { alternate_stack::replace(context.cast()) };
            wake();
        } else if let Some(slot) = slots::numbered(ticket.slot) {
            answer(slot, ticket.request, context.cast());
        }
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn answer(slot: &Slot, request: u64, context: *const libc::ucontext_t) {
    let has_answered = slot.walk(request, |stack, cache, found| {
        let mut walk = Walk {
            context,
            cache,
            found,
            end: StackEnd::Interrupted,
        };
        // SAFETY: the slot's stack belongs to this thread until it has answered.
        unsafe { call_on(stack, walk_here, &raw mut walk, &mut [0; 2]) };
        walk.end
    });
    if has_answered {
        wake();
    }
}

/// Wakes the threads that wait for answers: at most one that captures, and one that crashes.
fn wake() {
    ANSWERS.fetch_add(1, Ordering::Release);
    // SAFETY: the pointer is live.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            ANSWERS.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            2,
        );
    }
}

struct Walk<'a> {
    context: *const libc::ucontext_t,
    cache: &'a mut RuleCache,
    found: &'a mut dyn FnMut(u64),
    end: StackEnd,
}

unsafe extern "C" fn walk_here(walk: *mut Walk<'_>) {
    // SAFETY: `answer` passes a pointer to a live value that nothing else uses meanwhile, and the
    // kernel's context is valid in the handler.
    let (walk, registers) = unsafe { (&mut *walk, registers_of(&*(*walk).context)) };
    let has_tables = HAS_TABLES.load(Ordering::Relaxed);
    // The process continues, so a guess must not lead to tables that may be unloaded at the same time.
    let rule_of = |ip: u64, is_guess: bool| {
        let is_safe = has_tables && (!is_guess || is_permanent(ip.wrapping_sub(1)));
        is_safe.then(|| rule_in_signal(walk.cache, ip)).flatten()
    };
    walk.end = unwind::walk(&registers, MAX_FRAMES, rule_of, |address, _| {
        (walk.found)(address);
    });
}
