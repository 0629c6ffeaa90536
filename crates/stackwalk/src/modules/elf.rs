//! The modules that the loader of an ELF system lists, and the notes in them.

use super::{Module, hex, loader};
use std::ffi::CStr;

/// The type of the note that holds the build-id, and its owner.
const NT_GNU_BUILD_ID: u32 = 3;
const OWNER: &[u8] = b"GNU\0";

pub(super) fn loaded() -> Vec<Module> {
    let mut modules = Vec::new();
    loader::each_module(|info| add(info, &mut modules));
    modules
}

fn add(info: &libc::dl_phdr_info, modules: &mut Vec<Module>) {
    let base = info.dlpi_addr as usize;
    // SAFETY: the description comes from the loader and is used during its call only.
    let headers = unsafe { loader::array(info.dlpi_phdr, info.dlpi_phnum) };
    let mut segments = Vec::new();
    for header in headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
    {
        let start = base.wrapping_add(header.p_vaddr as usize);
        segments.push(start..start.saturating_add(header.p_memsz as usize));
    }
    let mut build_id = None;
    for header in headers
        .iter()
        .filter(|header| header.p_type == libc::PT_NOTE)
    {
        let start = base.wrapping_add(header.p_vaddr as usize);
        let len = header.p_memsz as usize;
        // Notes outside readable segments are not mapped.
        let mapped = headers.iter().any(|load| {
            let from = base.wrapping_add(load.p_vaddr as usize);
            load.p_type == libc::PT_LOAD
                && load.p_flags & libc::PF_R != 0
                && start >= from
                && start.saturating_add(len) <= from.saturating_add(load.p_filesz as usize)
        });
        if mapped && build_id.is_none() {
            // SAFETY: the range is in a readable segment that the loader has mapped, and nothing
            // writes to notes.
            let notes = unsafe { std::slice::from_raw_parts(start as *const u8, len) };
            build_id = find_build_id(notes).map(|id| Box::from(hex(id)));
        }
    }

    let name = if info.dlpi_name.is_null() {
        String::new()
    } else {
        // SAFETY: dlpi_name is a C string that stays valid during the call by the loader.
        unsafe { CStr::from_ptr(info.dlpi_name) }
            .to_string_lossy()
            .into_owned()
    };
    // The executable comes first. It has no name or, in a static musl program, `/proc/self/exe`.
    let name = match name.as_str() {
        "" | "/proc/self/exe" if modules.is_empty() => executable().into_boxed_str(),
        _ => name.into_boxed_str(),
    };
    modules.push(Module {
        name,
        base,
        build_id,
        segments,
    });
}

fn executable() -> String {
    match std::env::current_exe() {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => "<executable>".to_owned(),
    }
}

/// Finds the build-id in a segment of notes. A note is three words (length of the owner, length of
/// the content, type), the owner and the content, both padded to four bytes.
fn find_build_id(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let (header, rest) = notes.split_at_checked(12)?;
        let word = |at: usize| {
            let bytes = header.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let owner_len = word(0)? as usize;
        let content_len = word(4)? as usize;
        let (owner, rest) = rest.split_at_checked(padded(owner_len)?)?;
        let content = rest.get(..content_len)?;
        if word(8)? == NT_GNU_BUILD_ID && owner.get(..owner_len)? == OWNER {
            return Some(content);
        }
        // The last note may lack its padding.
        notes = rest.get(padded(content_len)?..)?;
    }
}

fn padded(len: usize) -> Option<usize> {
    Some(len.checked_add(3)? & !3)
}

#[cfg(test)]
mod tests {
    use super::{find_build_id, hex};

    fn note(owner: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [owner.len() as u32, content.len() as u32, kind] {
            bytes.extend(word.to_ne_bytes());
        }
        for part in [owner, content] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_build_id_is_found_after_other_notes() {
        let mut notes = note(b"GNU\0", 1, &[9; 16]);
        notes.extend(note(b"stapsdt\0", 3, &[7; 5]));
        notes.extend(note(b"GNU\0", 3, &[0xde, 0xad, 0x01]));
        assert_eq!(find_build_id(&notes).map(hex).as_deref(), Some("dead01"));
    }

    #[test]
    fn damaged_notes_have_no_build_id() {
        let whole = note(b"GNU\0", 3, &[1, 2, 3, 4]);
        for cut in 0..whole.len() {
            assert_eq!(find_build_id(&whole[..cut]), None, "{cut}");
        }
        let mut huge = whole;
        huge[4..8].fill(0xff);
        assert_eq!(find_build_id(&huge), None);
        huge[0..4].fill(0xff);
        assert_eq!(find_build_id(&huge), None);
    }
}
