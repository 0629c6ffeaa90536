//! Writes the record to the area, in a signal handler.

use super::record::{
    CAUGHT, COMPLETE, GUESSED, INNERMOST, MAX_ADDRESSES, MODULES, OUTERMOST, THREADS, THREADS_END,
    thread_word, word,
};
use crate::fast::{RuleCache, rule_in_signal};
use crate::threads::{Other, each_other};
use crate::unwind::{self, registers_of};
use std::ffi::{c_int, c_void};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A recursion that overflows a stack of 8 MiB has fewer frames.
const MAX_FRAMES: usize = 300_000;

/// The memory that was allocated for the handlers when they were installed.
pub(super) struct Armed {
    pub(super) area: &'static [AtomicU8],
    pub(super) pid: libc::pid_t,
    pub(super) tables: bool,
    /// `cache` and `stack` belong to the thread in `OWNER`.
    pub(super) cache: *mut RuleCache,
    pub(super) stack: *mut u8,
    /// The alternate stack for signals that arrive after the first one; see `NESTED_BYTES`.
    pub(super) nested: *mut u8,
}

/// A crash that is being handled.
pub(super) struct Crash<'a> {
    pub(super) armed: &'a Armed,
    pub(super) signal: c_int,
    pub(super) info: *mut libc::siginfo_t,
    pub(super) context: *mut c_void,
    pub(super) thread: c_int,
    /// The function that writes, and whether it has completed.
    pub(super) work: fn(&Crash<'_>),
    pub(super) is_complete: bool,
    pub(super) alternate_stack: libc::stack_t,
}

pub(super) fn set(area: &[AtomicU8], index: usize, value: u64) {
    let bytes = value.to_le_bytes();
    for (to, byte) in area[8 * index..][..8].iter().zip(bytes) {
        // Release: the state is written after the data that it describes.
        to.store(byte, Ordering::Release);
    }
}

pub(super) fn write_modules(area: &[AtomicU8]) {
    let space = &area[MODULES..super::AREA_BYTES];
    let mut text = String::new();
    for module in crate::modules() {
        let start = module.segments().iter().map(|segment| segment.start).min();
        let end = module.segments().iter().map(|segment| segment.end).max();
        let (Some(start), Some(end)) = (start, end) else {
            continue;
        };
        let before = text.len();
        let id = module.build_id().unwrap_or("-");
        let name = module.name().replace('\n', "?");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:x} {start:x} {end:x} {id} {name}", module.base());
        if text.len() > space.len() {
            text.truncate(before);
            break;
        }
    }
    for (to, byte) in space.iter().zip(text.bytes()) {
        to.store(byte, Ordering::Relaxed);
    }
    set(area, word::MODULES_LEN, text.len() as u64);
}

pub(super) fn write(crash: &Crash<'_>) {
    // SAFETY: the arguments of the handler are valid in it.
    let (info, context) = unsafe { (&*crash.info, &*crash.context.cast::<libc::ucontext_t>()) };
    let area = crash.armed.area;
    set(area, word::SIGNAL, crash.signal as u64);
    set(area, word::CODE, info.si_code as u64);
    // SAFETY: reads the union's first word, which exists for every signal.
    set(
        area,
        word::FAULT_ADDRESS,
        unsafe { info.si_addr() }.addr() as u64,
    );
    set(area, word::THREAD, crash.thread as u64);
    let mut name = [0_u64; 2];
    // SAFETY: the kernel writes 16 bytes.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    set(area, word::THREAD_NAME, name[0]);
    set(area, word::THREAD_NAME + 1, name[1]);
    for (n, &value) in context.uc_mcontext.gregs.iter().enumerate() {
        set(area, word::REGISTERS + n, value.cast_unsigned());
    }
    let registers = registers_of(context);
    set(area, word::STACK_POINTER, registers.sp);
    let instruction = unwind::read(registers.ip).unwrap_or(0);
    set(area, word::INSTRUCTION, instruction);
    for count in [word::FRAMES, word::THREADS, word::THREADS_OMITTED] {
        set(area, count, 0);
    }
    set(area, word::STATE, CAUGHT);
    let mut count = 0_usize;
    // SAFETY: the cache belongs to the owner, which is this thread.
    let cache = unsafe { &mut *crash.armed.cache };
    let tables = crash.armed.tables;
    let rule_of = |ip, _| tables.then(|| rule_in_signal(cache, ip)).flatten();
    let end = unwind::walk(&registers, MAX_FRAMES, rule_of, |address, guessed| {
        let slot = match count.checked_sub(INNERMOST) {
            None => count,
            Some(beyond) => INNERMOST + beyond % OUTERMOST,
        };
        let mark = if guessed { GUESSED } else { 0 };
        set(area, word::ADDRESSES + slot, address & !GUESSED | mark);
        count += 1;
        set(area, word::FRAMES, count as u64);
    });
    set(area, word::END, end as u64);
    set(area, word::STATE, COMPLETE);
}

/// Writes the other threads.
pub(super) fn write_threads(crash: &Crash<'_>) {
    let mut list = ThreadList::new(crash.armed.area);
    each_other(crash.thread, |thread| list.add(thread));
}

/// The other threads in an area.
struct ThreadList<'a> {
    area: &'a [AtomicU8],
    count: u64,
    omitted: u64,
    /// The word after the last one.
    next: usize,
}

impl ThreadList<'_> {
    fn new(area: &[AtomicU8]) -> ThreadList<'_> {
        ThreadList {
            area,
            count: 0,
            omitted: 0,
            next: THREADS,
        }
    }

    /// Adds the thread, or counts it if there is no room.
    fn add(&mut self, thread: &Other<'_>) {
        if let Some(end) = write_thread(self.area, self.next, thread) {
            self.next = end;
            self.count += 1;
            set(self.area, word::THREADS, self.count);
        } else {
            self.omitted += 1;
            set(self.area, word::THREADS_OMITTED, self.omitted);
        }
    }
}

/// Writes a thread at the word `start`. Returns the word after it; `None` if there is no room.
fn write_thread(area: &[AtomicU8], start: usize, thread: &Other<'_>) -> Option<usize> {
    let len = thread.addresses.len().min(MAX_ADDRESSES);
    let addresses: &[AtomicUsize] = &thread.addresses[..len];
    let end = start + thread_word::ADDRESSES + len;
    if end > THREADS_END {
        return None;
    }
    let mut name = [0; 16];
    for (to, byte) in name.iter_mut().zip(thread.name) {
        *to = *byte;
    }
    let name = u128::from_le_bytes(name);
    let set = |index: usize, value: u64| set(area, start + index, value);
    set(thread_word::ID, thread.id.into());
    set(thread_word::NAME, name as u64);
    set(thread_word::NAME + 1, (name >> 64) as u64);
    set(thread_word::STATE, thread.state.into());
    set(
        thread_word::SYSTEM_CALL,
        thread.system_call.map_or(0, |call| call.saturating_add(1)),
    );
    set(thread_word::OUTCOME, thread.outcome.to_word());
    set(thread_word::LEN, len as u64);
    for (n, address) in addresses.iter().enumerate() {
        set(
            thread_word::ADDRESSES + n,
            address.load(Ordering::Relaxed) as u64,
        );
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::super::record::{COMPLETE, MAGIC};
    use super::super::{AREA_BYTES, CrashRecord};
    use super::*;
    use crate::StackEnd;
    use crate::threads::Outcome;

    #[test]
    fn threads_for_which_there_is_no_room_are_counted() {
        let area: Vec<AtomicU8> = (0..AREA_BYTES).map(|_| AtomicU8::new(0)).collect();
        set(&area, word::MAGIC, MAGIC);
        set(&area, word::STATE, COMPLETE);
        set(&area, word::MODULES_LEN, 0);
        let addresses: Vec<AtomicUsize> = (1..=200).map(AtomicUsize::new).collect();
        let mut list = ThreadList::new(&area);
        for id in 1..=200 {
            list.add(&Other {
                id,
                name: b"a name with more than 15",
                state: b'S',
                system_call: Some(202),
                outcome: Outcome::Walked(StackEnd::Outermost),
                addresses: &addresses,
            });
        }
        let bytes: Vec<u8> = area
            .iter()
            .map(|byte| byte.load(Ordering::Relaxed))
            .collect();
        let record = CrashRecord::read(&bytes).unwrap();
        assert!(record.omitted_threads > 0);
        assert_eq!(record.threads.len() as u64 + record.omitted_threads, 200);
        for (thread, id) in record.threads.iter().zip(1..) {
            assert_eq!((thread.id, &*thread.state), (id, "sleeping"));
            assert!(thread.name.starts_with("a name with"));
            assert_eq!(thread.system_call, Some(202));
            assert_eq!(thread.addresses, (1..=MAX_ADDRESSES).collect::<Vec<_>>());
            assert_eq!(thread.outcome, Outcome::Walked(StackEnd::Outermost));
        }
        // Nothing was written beyond the list.
        assert!(record.modules.is_empty());
        assert!(bytes[MODULES..].iter().all(|&byte| byte == 0));
    }
}
