//! The fast walk: what the unwind tables say of each return address is boiled down to one word,
//! and kept for the next stack, by each thread for itself.
//!
//! It reads the tables that the system's unwinder reads, and stack between the present stack
//! pointer and the end of the thread's stack, nothing else. Where it cannot go (a stack that is not
//! the thread's own, code without tables, a signal handler's frame, a frame that its table
//! describes by an expression, a thread that is ending) it gives up, and the system's unwinder
//! walks anew.

mod cache;
mod frames;
mod rows;
mod rule;
mod stack;
mod tables;
#[cfg(test)]
mod tests;

use cache::Cache;
use rule::Rule;
use stack::{Registers, StackEnd};
use std::cell::RefCell;

/// What one thread keeps: the rules for the addresses it met, and where its stack ends.
struct Walker {
    cache: Cache,
    /// `None` if the thread library does not know, as of the main thread where there is no `/proc`.
    end: Option<StackEnd>,
}

thread_local! {
    static WALKER: RefCell<Option<Walker>> = const { RefCell::new(None) };
}

/// The callers of this function: how many addresses it found, or `None` if the system's unwinder
/// has to walk.
#[inline(never)]
pub(super) fn walk(ips: &mut [usize]) -> Option<usize> {
    let registers = Registers::here();
    WALKER
        .try_with(|slot| {
            // Taken if a signal handler interrupted this very walk.
            let mut slot = slot.try_borrow_mut().ok()?;
            if slot.is_none() {
                *slot = Some(Walker {
                    cache: Cache::new(),
                    end: StackEnd::of_this_thread(),
                });
            }
            slot.as_mut()?.walk(&registers, ips)
        })
        .ok()?
}

impl Walker {
    /// `registers` are those of a function that has not returned yet.
    fn walk(&mut self, registers: &Registers, ips: &mut [usize]) -> Option<usize> {
        let stack = self.end.as_ref()?.stack_above(registers.sp)?;
        let (mut sp, mut bp) = (registers.sp, registers.bp);
        // Of the innermost function it is known where it is rather than where it returns to.
        let mut ip = registers.ip + 1;
        for (len, slot) in ips.iter_mut().enumerate() {
            let rule = match self.cache.get(ip) {
                Some(rule) => rule,
                None => self.look_up(ip)?,
            };
            if rule.is_end() {
                return Some(len);
            }
            let base = if rule.by_frame_pointer() { bp } else { sp };
            let end = base.wrapping_add(rule.distance());
            // Callers are further up; this is also why the walk ends.
            if end <= sp {
                return None;
            }
            ip = stack.read(end - 8)?;
            if let Some(below) = rule.saved() {
                bp = stack.read(end.wrapping_sub(below))?;
            }
            sp = end;
            // The outermost function of some stacks returns to nowhere.
            if ip == 0 {
                return Some(len);
            }
            *slot = usize::try_from(ip).ok()?;
        }
        Some(ips.len())
    }

    #[cold]
    #[inline(never)]
    fn look_up(&mut self, ip: u64) -> Option<Rule> {
        // SAFETY: it is a return address on this thread's stack, or within the function that
        // called us.
        let rule = unsafe { tables::rule(ip) }?;
        // Another library may be loaded where one was: of those that can go, the tables are read
        // each time.
        if tables::is_permanent(ip - 1) {
            self.cache.insert(ip, rule);
        }
        Some(rule)
    }
}
