//! The unwind tables in memory, of the modules that stay as long as this code does.

use framehop::{ExplicitModuleSectionInfo, Module};
use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;

/// Libraries that every dynamic executable needs, and that nothing can unload therefore.
const PERMANENT: &[&str] = &["libc.so", "ld-linux"];

/// `__restore_rt`, which a signal handler returns to: `mov rax, 15; syscall`.
const SIGNAL_RETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

pub(super) struct Tables {
    modules: Vec<Table>,
    /// Their executable segments, the executable's own first.
    code: Vec<Segment>,
}

/// An executable segment. It is never written to.
struct Segment {
    start: u64,
    bytes: &'static [u8],
    is_system: bool,
}

/// The tables of one module, with addresses as they are in this process.
struct Table {
    name: String,
    base: u64,
    range: Range<u64>,
    index: &'static [u8],
    frames: &'static [u8],
}

impl Tables {
    pub(super) fn read() -> Self {
        let mut tables = Self {
            modules: Vec::new(),
            code: Vec::new(),
        };
        let mut list = List {
            tables: &mut tables,
            seen: 0,
        };
        // SAFETY: the callback has the signature that dl_iterate_phdr asks for, and `data` points
        // to `list`, which outlives the call and which nothing else uses meanwhile.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut list).cast::<c_void>()) };
        tables
    }

    /// Whether an address is a return address that the fast walk may go on from.
    #[inline]
    pub(super) fn covers(&self, ip: u64) -> bool {
        // The call is before the address it returns to.
        let call = ip.wrapping_sub(1);
        for segment in &self.code {
            let at = call.wrapping_sub(segment.start);
            if at < segment.bytes.len() as u64 {
                return !segment.is_system || !returns_from_signal(segment.bytes, at);
            }
        }
        false
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = Module<&'static [u8]>> + '_ {
        self.modules.iter().map(|table| {
            let svma = |bytes: &[u8]| {
                let start = (bytes.as_ptr().addr() as u64).wrapping_sub(table.base);
                start..start + bytes.len() as u64
            };
            Module::new(
                table.name.clone(),
                table.range.clone(),
                table.base,
                ExplicitModuleSectionInfo {
                    eh_frame_svma: Some(svma(table.frames)),
                    eh_frame: Some(table.frames),
                    eh_frame_hdr_svma: Some(svma(table.index)),
                    eh_frame_hdr: Some(table.index),
                    ..ExplicitModuleSectionInfo::default()
                },
            )
        })
    }
}

/// Whether the code after the byte at this offset is what signal handlers return to.
fn returns_from_signal(code: &[u8], before: u64) -> bool {
    let after = usize::try_from(before + 1).unwrap_or(usize::MAX);
    code.get(after..)
        .is_some_and(|code| code.starts_with(&SIGNAL_RETURN))
}

struct List<'a> {
    tables: &'a mut Tables,
    seen: usize,
}

unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the pointer that `read` passed, to a live List.
    let list = unsafe { &mut *data.cast::<List<'_>>() };
    // SAFETY: the loader passes a valid description of a module.
    let info = unsafe { &*info };
    let is_executable = list.seen == 0;
    list.seen += 1;
    if info.dlpi_phdr.is_null() || info.dlpi_name.is_null() {
        return 0;
    }
    // SAFETY: dlpi_phdr points to dlpi_phnum program headers.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    // SAFETY: dlpi_name is a C string that the loader owns while we are called.
    let name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy();
    let file = name.rsplit('/').next().unwrap_or("");
    let is_system = PERMANENT.iter().any(|start| file.starts_with(start));

    let base = info.dlpi_addr;
    // This code, and the unwinder's, to which it is linked.
    let ours = [
        (visit as *const ()).addr() as u64,
        crate::capture::linux::unwinder() as u64,
    ];
    let loads = || {
        headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
    };
    let holds_us = loads().any(|load| {
        let start = base.wrapping_add(load.p_vaddr);
        let range = start..start.saturating_add(load.p_memsz);
        ours.iter().any(|address| range.contains(address))
    });
    // Of any other module the tables may go away under us.
    if !(is_executable || is_system || holds_us) {
        return 0;
    }
    let readable = |start: u64| {
        let load = loads().find(|load| {
            let from = base.wrapping_add(load.p_vaddr);
            load.p_flags & libc::PF_R != 0
                && load.p_flags & libc::PF_W == 0
                && (from..from.saturating_add(load.p_filesz)).contains(&start)
        })?;
        let end = base
            .wrapping_add(load.p_vaddr)
            .saturating_add(load.p_filesz);
        let pointer = std::ptr::with_exposed_provenance::<u8>(usize::try_from(start).ok()?);
        let len = usize::try_from(end - start).ok()?;
        // SAFETY: from `start` to its end the segment is mapped and readable, nobody writes to
        // it, and it stays as long as this code does: the module is this one, one it is linked to,
        // the executable, or a library that every executable needs.
        Some(unsafe { std::slice::from_raw_parts(pointer, len) })
    };
    let table = || {
        let hdr = headers
            .iter()
            .find(|header| header.p_type == libc::PT_GNU_EH_FRAME)?;
        let start = base.wrapping_add(hdr.p_vaddr);
        let index = readable(start)?.get(..usize::try_from(hdr.p_memsz).ok()?)?;
        let frames = readable(frames_address(start, index)?)?;
        let low = loads().map(|load| load.p_vaddr).min()?;
        let high = loads().map(|load| load.p_vaddr + load.p_memsz).max()?;
        Some(Table {
            name: file.to_owned(),
            base,
            range: base.wrapping_add(low)..base.wrapping_add(high),
            index,
            frames,
        })
    };
    if let Some(table) = table() {
        list.tables.modules.push(table);
        for load in loads().filter(|load| load.p_flags & libc::PF_X != 0) {
            let start = base.wrapping_add(load.p_vaddr);
            list.tables
                .code
                .extend(readable(start).map(|bytes| Segment {
                    start,
                    bytes,
                    is_system,
                }));
        }
    }
    0
}

/// Where `.eh_frame` begins, by the header of its index: version 1, and the address relative to
/// its own place in four signed bytes, as every linker writes it.
fn frames_address(start: u64, index: &[u8]) -> Option<u64> {
    const PCREL_SDATA4: u8 = 0x1b;
    let &[1, PCREL_SDATA4, _, _, a, b, c, d, ..] = index else {
        return None;
    };
    let offset = i64::from(i32::from_le_bytes([a, b, c, d]));
    start.checked_add(4)?.checked_add_signed(offset)
}

#[cfg(test)]
mod tests {
    use super::frames_address;

    #[test]
    fn the_index_says_where_the_frames_are() {
        let index = [1, 0x1b, 3, 0x3b, 0xfc, 0xff, 0xff, 0xff];
        assert_eq!(frames_address(0x1000, &index), Some(0x1000));
        assert_eq!(frames_address(0x1000, &index[..7]), None);
        assert_eq!(
            frames_address(0x1000, &[2, 0x1b, 3, 0x3b, 0, 0, 0, 0]),
            None
        );
    }
}
