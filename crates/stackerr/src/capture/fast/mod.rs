//! The fast walk: `framehop` in the process itself, with a cache of unwind rules for each thread.
//!
//! It reads unwind tables of modules that cannot be unloaded while this code runs, and stack
//! between the present stack pointer and the end of the thread's stack, nothing else. Where it
//! cannot go (a stack that is not the thread's own, a module that it does not know, a signal
//! handler's frame, a thread that is ending) it gives up, and the system's unwinder walks anew.

mod stack;
mod tables;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{FrameAddress, Unwinder};
use stack::{Registers, StackEnd};
use std::cell::RefCell;
use std::sync::OnceLock;
use tables::Tables;

/// What one thread keeps: the rules for the addresses it met, and where its stack ends.
struct Walker {
    cache: CacheX86_64,
    end: StackEnd,
}

thread_local! {
    static WALKER: RefCell<Option<Box<Walker>>> = const { RefCell::new(None) };
}

struct Process {
    unwinder: UnwinderX86_64<&'static [u8]>,
    tables: Tables,
}

fn process() -> &'static Process {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    PROCESS.get_or_init(|| {
        let tables = Tables::read();
        let mut unwinder = UnwinderX86_64::new();
        for module in tables.modules() {
            unwinder.add_module(module);
        }
        Process { unwinder, tables }
    })
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
                *slot = Some(Box::new(Walker {
                    cache: CacheX86_64::new(),
                    end: StackEnd::of_this_thread()?,
                }));
            }
            slot.as_mut()?.walk(&registers, ips)
        })
        .ok()?
}

impl Walker {
    fn walk(&mut self, registers: &Registers, ips: &mut [usize]) -> Option<usize> {
        let process = process();
        let stack = self.end.stack_above(registers.sp)?;
        let mut regs = UnwindRegsX86_64::new(registers.ip, registers.sp, registers.bp);
        let mut read = |address: u64| stack.read(address).ok_or(());
        let mut address = FrameAddress::InstructionPointer(registers.ip);
        for (len, slot) in ips.iter_mut().enumerate() {
            let next =
                process
                    .unwinder
                    .unwind_frame(address, &mut regs, &mut self.cache, &mut read);
            // The end of the stack is `None`; an error is a place this walk cannot go on from.
            let Some(ip) = next.ok()? else {
                return Some(len);
            };
            if !process.tables.covers(ip) {
                return None;
            }
            *slot = usize::try_from(ip).ok()?;
            address = FrameAddress::from_return_address(ip)?;
        }
        Some(ips.len())
    }
}
