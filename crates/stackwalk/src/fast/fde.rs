//! Finds a function's FDE in memory, like the system's unwinder.

use super::arch;
use super::eh_frame::Entries;
use super::rule::Rule;
use crate::modules::loader;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// `struct dwarf_eh_bases` of libgcc and libunwind.
#[repr(C)]
struct Bases {
    text: *const c_void,
    data: *const c_void,
    function: *const c_void,
}

// From the library that has `_Unwind_Backtrace` (libgcc_s or libunwind). It finds the FDE of the
// function that contains an instruction, among all modules that are currently loaded.
unsafe extern "C" {
    fn _Unwind_Find_FDE(instruction: *const c_void, bases: *mut Bases) -> *const u8;
}

/// The rule at a return address; `None` if its table has no row, or one that can't be a [`Rule`].
///
/// # Safety
///
/// The module that contains the address must not be unloaded during the call. A return address on a
/// live stack guarantees that.
pub(super) unsafe fn rule_at(return_address: u64) -> Option<Rule> {
    // The call is before its return address.
    let call = return_address.checked_sub(1)?;
    let mut bases = Bases {
        text: ptr::null(),
        data: ptr::null(),
        function: ptr::null(),
    };
    // SAFETY: the function takes any address, and `bases` is live.
    let fde = unsafe { _Unwind_Find_FDE(ptr::without_provenance(call as usize), &raw mut bases) };
    if fde.is_null() {
        return ends_at(return_address).then_some(Rule::NO_TABLE);
    }
    // SAFETY: the FDE is in the tables of the module that contains the address, which stays loaded
    // by the caller's guarantee.
    let entries = unsafe { entries(fde, bases.function.addr() as u64) }?;
    entries.rule(call)
}

/// Whether the walk ends properly at this return address although its function has no table.
///
/// musl's C functions have no tables, for instance the one in which threads begin. The system's unwinder
/// ends before them, unless a signal handler returns to this address.
fn ends_at(return_address: u64) -> bool {
    cfg!(target_env = "musl")
        && is_permanent(return_address - 1)
        && is_permanent(return_address + arch::SIGNAL_RETURN.len() as u64)
        && {
            let code = ptr::with_exposed_provenance(return_address as usize);
            // SAFETY: both ends are in code of this program, which is mapped and never changes. The
            // array needs no alignment.
            let code: [u8; arch::SIGNAL_RETURN.len()] = unsafe { ptr::read(code) };
            code != arch::SIGNAL_RETURN
        }
}

/// The FDE at `fde`, and the CIE to which it refers.
///
/// # Safety
///
/// `fde` must point to an FDE that the unwinder accepts, in tables that stay mapped while the result is
/// used.
pub(super) unsafe fn entries<'a>(fde: *const u8, start: u64) -> Option<Entries<'a>> {
    // SAFETY: by the caller. The body of an FDE has at least four bytes.
    let (body, delta) = unsafe { (self::body(fde)?, fde.add(4).cast::<u32>().read_unaligned()) };
    // The distance is counted backwards from its own position.
    let cie = fde.wrapping_add(4).wrapping_sub(delta as usize);
    // SAFETY: by the caller: an FDE that the unwinder accepts refers to a CIE.
    let cie = unsafe { self::body(cie)? };
    Some(Entries {
        cie,
        fde: body,
        start,
    })
}

/// An entry without its length and identifier; `None` for 64-bit lengths, which the unwinder does
/// not support, either.
///
/// # Safety
///
/// `entry` must point to a CIE or FDE, with the guarantees of [`entries`].
unsafe fn body<'a>(entry: *const u8) -> Option<&'a [u8]> {
    // SAFETY: by the caller: an entry begins with its length.
    let len = unsafe { entry.cast::<u32>().read_unaligned() };
    if len == u32::MAX {
        return None;
    }
    let len = usize::try_from(len).ok()?.checked_sub(4)?;
    // SAFETY: by the caller: the entry is as long as it says.
    Some(unsafe { std::slice::from_raw_parts(entry.add(8), len) })
}

/// Whether the code at this address can't be unloaded before this crate's code, so that its rule may be
/// cached. This is so for the executable, for the library that contains this crate, and for libraries
/// that it is linked to.
pub(crate) fn is_permanent(address: u64) -> bool {
    let segments = permanent_segments();
    segments.iter().any(|segment| segment.contains(&address))
}

/// Several threads may make the list at the same time. They do not wait for one of them, because in a
/// forked child that thread may not exist.
fn permanent_segments() -> &'static [Range<u64>] {
    static SEGMENTS: AtomicPtr<Vec<Range<u64>>> = AtomicPtr::new(ptr::null_mut());
    let current = SEGMENTS.load(Ordering::Acquire);
    // SAFETY: it is null or points to a list that is never freed or changed.
    if let Some(segments) = unsafe { current.as_ref() } {
        return segments;
    }
    let mut list = List::default();
    loader::each_module(|info| list.add(info));
    let made = Box::into_raw(Box::new(list.segments));
    let stored =
        SEGMENTS.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
    let segments = match stored {
        Ok(_) => made,
        Err(earlier) => {
            // SAFETY: it was made above, and no other code has the pointer.
            drop(unsafe { Box::from_raw(made) });
            earlier
        }
    };
    // SAFETY: as above.
    unsafe { &*segments }
}

#[derive(Default)]
struct List {
    segments: Vec<Range<u64>>,
    seen: usize,
}

impl List {
    fn add(&mut self, info: &libc::dl_phdr_info) {
        let is_executable = self.seen == 0;
        self.seen += 1;
        // SAFETY: the description comes from the loader and is used only during its call.
        let headers = unsafe { loader::array(info.dlpi_phdr, info.dlpi_phnum) };
        let segments = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0)
            .map(|header| {
                let start = info.dlpi_addr.wrapping_add(header.p_vaddr);
                start..start.saturating_add(header.p_memsz)
            });
        // Addresses in this module, in the unwinder and in the C library.
        let ours: [*const (); 3] = [
            permanent_segments as *const (),
            _Unwind_Find_FDE as *const (),
            libc::pthread_self as *const (),
        ];
        let holds_us = segments.clone().any(|segment| {
            ours.iter()
                .any(|address| segment.contains(&(address.addr() as u64)))
        });
        if is_executable || holds_us {
            self.segments.extend(segments);
        }
    }
}
