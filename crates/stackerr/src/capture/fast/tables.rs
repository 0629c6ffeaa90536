//! The unwind tables in memory: found as the system's unwinder finds them.

use super::frames::Entries;
use super::rule::Rule;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

#[repr(C)]
struct Bases {
    text: *const c_void,
    data: *const c_void,
    function: *const c_void,
}

// Of the library that has `_Unwind_Backtrace`, libgcc_s or libunwind alike: the entry of the
// function that an instruction is in, by the loader's own index, of all that is loaded now.
unsafe extern "C" {
    fn _Unwind_Find_FDE(instruction: *const c_void, bases: *mut Bases) -> *const u8;
}

/// The rule at a return address; `None` if there is none, or none of ours.
///
/// # Safety
///
/// A function that is running on this thread's stack returns to that address.
pub(super) unsafe fn rule(return_address: u64) -> Option<Rule> {
    // The call is before the address it returns to.
    let call = return_address.checked_sub(1)?;
    let mut bases = Bases {
        text: ptr::null(),
        data: ptr::null(),
        function: ptr::null(),
    };
    // SAFETY: the function takes any address, and `bases` is live.
    let entry = unsafe { _Unwind_Find_FDE(ptr::without_provenance(call as usize), &raw mut bases) };
    if entry.is_null() {
        return None;
    }
    // SAFETY: this is an entry of the tables of the module that the function is in. Since that is
    // on this thread's stack, nobody may unload it as long as we look.
    let entries = unsafe { entries(entry, bases.function.addr() as u64) }?;
    entries.rule(call)
}

/// The entry at that place, and the common one that it refers to.
///
/// # Safety
///
/// It points to a function's entry in tables that the unwinder accepts, which stay while the
/// result is used.
pub(super) unsafe fn entries<'a>(entry: *const u8, start: u64) -> Option<Entries<'a>> {
    // SAFETY: of the caller. What is behind the length is at least four bytes long.
    let (own, delta) = unsafe { (body(entry)?, entry.add(4).cast::<u32>().read_unaligned()) };
    // The distance is from where it is written itself.
    let common = entry.wrapping_add(4).wrapping_sub(delta as usize);
    // SAFETY: of the caller: an entry that the unwinder accepts refers to a common one.
    let common = unsafe { body(common)? };
    Some(Entries { common, own, start })
}

/// What is behind the length and the word that tells the two kinds of entries apart; `None` of
/// lengths of 64 bits, which the unwinder does not know either.
///
/// # Safety
///
/// As of [`entries`], and `entry` may point to a common one.
unsafe fn body<'a>(entry: *const u8) -> Option<&'a [u8]> {
    // SAFETY: of the caller: an entry begins with its length.
    let len = unsafe { entry.cast::<u32>().read_unaligned() };
    if len == u32::MAX {
        return None;
    }
    let len = usize::try_from(len).ok()?.checked_sub(4)?;
    // SAFETY: of the caller: the entry is as long as it says.
    Some(unsafe { std::slice::from_raw_parts(entry.add(8), len) })
}

/// Whether the code at that address stays as long as this code does, so that a rule for it may be
/// kept: it is the executable's, this library's, or one's that this is linked to.
pub(super) fn is_permanent(address: u64) -> bool {
    static SEGMENTS: OnceLock<Vec<Range<u64>>> = OnceLock::new();
    let segments = SEGMENTS.get_or_init(|| {
        let mut list = List::default();
        // SAFETY: the callback has the signature that dl_iterate_phdr asks for, and `data` points
        // to `list`, which outlives the call and which nothing else uses meanwhile.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut list).cast::<c_void>()) };
        list.segments
    });
    segments.iter().any(|segment| segment.contains(&address))
}

#[derive(Default)]
struct List {
    segments: Vec<Range<u64>>,
    seen: usize,
}

unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the pointer that `is_permanent` passed, to a live List.
    let list = unsafe { &mut *data.cast::<List>() };
    // SAFETY: the loader passes a valid description of a module.
    let info = unsafe { &*info };
    let is_executable = list.seen == 0;
    list.seen += 1;
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: dlpi_phdr points to dlpi_phnum program headers.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let segments = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0)
        .map(|header| {
            let start = info.dlpi_addr.wrapping_add(header.p_vaddr);
            start..start.saturating_add(header.p_memsz)
        });
    // This code, the unwinder's and the C library's.
    let ours: [*const (); 3] = [
        visit as *const (),
        _Unwind_Find_FDE as *const (),
        libc::pthread_self as *const (),
    ];
    let holds_us = segments.clone().any(|segment| {
        ours.iter()
            .any(|address| segment.contains(&(address.addr() as u64)))
    });
    if is_executable || holds_us {
        list.segments.extend(segments);
    }
    0
}
