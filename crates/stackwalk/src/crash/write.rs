//! What a handler writes into the area.

use super::record::{CAUGHT, COMPLETE, GUESSED, INNERMOST, MODULES, OUTERMOST, word};
use crate::fast::{RuleCache, rule_in_signal};
use crate::unwind::{self, registers_of};
use std::ffi::{c_int, c_void};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};

/// A recursion that overflows 8 MiB has fewer.
const MAX_FRAMES: usize = 300_000;

/// What was allocated for the handlers when they were installed.
pub(super) struct Armed {
    pub(super) area: &'static [AtomicU8],
    pub(super) pid: libc::pid_t,
    pub(super) tables: bool,
    /// These two belong to the thread in `OWNER`.
    pub(super) cache: *mut RuleCache,
    pub(super) stack: *mut u8,
}

/// A crash whose handler runs.
pub(super) struct Crash<'a> {
    pub(super) armed: &'a Armed,
    pub(super) signal: c_int,
    pub(super) info: *mut libc::siginfo_t,
    pub(super) context: *mut c_void,
    pub(super) thread: c_int,
    pub(super) is_complete: bool,
    pub(super) alternate_stack: libc::stack_t,
}

pub(super) fn set(area: &[AtomicU8], index: usize, value: u64) {
    let bytes = value.to_le_bytes();
    for (to, byte) in area[8 * index..][..8].iter().zip(bytes) {
        // Release: the state is written after what it tells about.
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
    // SAFETY: the kernel's arguments are valid in the handler.
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
    set(area, word::FRAMES, 0);
    set(area, word::STATE, CAUGHT);
    let mut count = 0_usize;
    // SAFETY: the cache belongs to the owner, which this thread is.
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
