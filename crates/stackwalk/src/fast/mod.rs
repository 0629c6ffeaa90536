//! The fast walk: the unwind table's row for each return address is reduced to one word, and each
//! thread caches these words for its next walks.
//!
//! It reads only the tables that the system's unwinder reads, and the stack between the stack pointer
//! and the end of the thread's stack. If it can't continue (a stack that is not the thread's own, code
//! without tables, a signal frame, a frame that its table describes by an expression, a thread that is
//! ending), it returns `None`, and the caller uses the system's unwinder instead.

mod arch;
mod cache;
mod cfi;
mod eh_frame;
mod fde;
mod rule;
mod stack;
#[cfg(test)]
mod tests;

pub(crate) use arch::Registers;
pub(crate) use cache::RuleCache;
#[cfg(all(target_env = "gnu", target_arch = "x86_64"))]
pub(crate) use fde::is_permanent;
pub(crate) use rule::Rule;
use stack::{Stack, StackBounds};
use std::cell::RefCell;

/// The state that a thread keeps between its walks.
struct ThreadState {
    cache: RuleCache,
    bounds: Option<StackBounds>,
}

thread_local! {
    static STATE: RefCell<Option<ThreadState>> = const { RefCell::new(None) };
}

/// Writes the return addresses of this thread, from this function outwards. Returns their number, or
/// `None` if the system's unwinder must walk.
#[inline(never)]
pub(crate) fn walk(addresses: &mut [usize]) -> Option<usize> {
    let registers = Registers::here();
    STATE
        .try_with(|state| {
            // It is borrowed already in a signal handler that interrupted a walk of this thread.
            let mut state = state.try_borrow_mut().ok()?;
            let state = state.get_or_insert_with(|| ThreadState {
                cache: RuleCache::new(),
                bounds: StackBounds::of_this_thread(),
            });
            // SAFETY: the bounds and the registers are this thread's, and this function has not
            // returned.
            let stack = unsafe { state.bounds?.stack_above(registers.sp) }?;
            walk_from(&registers, &stack, &mut state.cache, addresses)
        })
        .ok()?
}

/// Walks from the given registers through the given stack, and stores the rules that it reads in
/// the given cache.
///
/// `registers.sp` must point into `stack`, which is in use from there on. The first address is
/// `registers.ip` plus one.
pub(crate) fn walk_from(
    registers: &Registers,
    stack: &Stack,
    cache: &mut RuleCache,
    addresses: &mut [usize],
) -> Option<usize> {
    let (mut sp, mut bp) = (registers.sp, registers.bp);
    // A lookup subtracts 1 from every address, because return addresses point after the call.
    let mut ip = registers.ip + 1;
    for (len, slot) in addresses.iter_mut().enumerate() {
        let rule = match cache.get(ip) {
            Some(rule) => rule,
            None => look_up(cache, ip)?,
        };
        if rule.is_end() {
            // The address of a function without a table is not included.
            return Some(len - usize::from(len > 0 && !rule.has_table()));
        }
        let base = if rule.by_frame_pointer() { bp } else { sp };
        let cfa = base.wrapping_add(rule.distance());
        // The stack pointer must grow with each frame, which also ensures that the walk ends.
        if cfa <= sp {
            return None;
        }
        ip = arch::code_address(stack.read(cfa.wrapping_sub(rule.return_address()))?);
        if let Some(below) = rule.saved() {
            bp = stack.read(cfa.wrapping_sub(below))?;
        }
        sp = cfa;
        // Some stacks end with a return address of 0.
        if ip == 0 {
            return Some(len);
        }
        *slot = usize::try_from(ip).ok()?;
    }
    Some(addresses.len())
}

#[cold]
#[inline(never)]
fn look_up(cache: &mut RuleCache, ip: u64) -> Option<Rule> {
    // SAFETY: it is a return address on the stack that is walked, or is in the function where the walk
    // started, so its module can't be unloaded now.
    let rule = unsafe { fde::rule_at(ip) }?;
    // After a library was unloaded, another may be loaded at the same address. So rules for libraries
    // that can be unloaded are not cached.
    if fde::is_permanent(ip - 1) {
        cache.insert(ip, rule);
    }
    Some(rule)
}

/// Whether tables can be found without the loader's lock, which the interrupted thread may hold. This
/// needs a function of glibc 2.35 or later.
#[cfg(all(
    target_env = "gnu",
    target_arch = "x86_64",
    not(target_feature = "crt-static")
))]
pub(crate) fn has_tables() -> bool {
    // SAFETY: the name is a C string.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) }.is_null()
}

/// A statically linked program has the function if its unwinder uses it.
#[cfg(all(
    target_env = "gnu",
    target_arch = "x86_64",
    target_feature = "crt-static"
))]
pub(crate) fn has_tables() -> bool {
    let address: usize;
    // SAFETY: loads the address of a function, or zero if the linker has found none.
    unsafe {
        std::arch::asm!(
            ".weak _dl_find_object",
            "mov {}, [rip + _dl_find_object@GOTPCREL]",
            out(reg) address,
            options(nostack, readonly, preserves_flags),
        );
    }
    address != 0
}

/// Makes the allocations that [`rule_in_signal`] needs, because it must not allocate in a signal handler.
#[cfg(all(target_env = "gnu", target_arch = "x86_64"))]
pub(crate) fn prepare_for_signals() {
    let _ = fde::is_permanent(0);
    // SAFETY: it is the address of a function of this crate.
    let _ = unsafe { fde::rule_at((prepare_for_signals as *const ()).addr() as u64 + 1) };
}

/// The rule at an address, in a signal handler. [`has_tables`] must be true.
#[cfg(all(target_env = "gnu", target_arch = "x86_64"))]
pub(crate) fn rule_in_signal(cache: &mut RuleCache, ip: u64) -> Option<Rule> {
    // The cache uses the address 0 for empty entries, and no function is there.
    if ip <= 1 {
        return None;
    }
    match cache.get(ip) {
        Some(rule) => Some(rule),
        None => look_up(cache, ip),
    }
}
