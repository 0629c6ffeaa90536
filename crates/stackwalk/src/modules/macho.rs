//! Mach-O: reads the headers of the images that dyld has loaded (`<mach-o/loader.h>`).

use std::ops::Range;

const MAGIC_64: u32 = 0xfeed_facf;
const HEADER_LEN: usize = 32;
/// The offset of `sizeofcmds` in the header.
const COMMANDS_LEN: usize = 20;

const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;

/// The needed parts of an image's load commands.
#[derive(Debug, Default, PartialEq)]
struct Image {
    uuid: Option<[u8; 16]>,
    /// Addresses without the slide.
    segments: Vec<Range<u64>>,
}

/// The number of bytes of load commands after the header; `None` if it is not a 64-bit image.
fn commands_len(header: [u8; HEADER_LEN]) -> Option<usize> {
    (word(&header, 0)? == MAGIC_64).then_some(word(&header, COMMANDS_LEN)? as usize)
}

/// Reads the load commands, each of which begins with its kind and its length.
fn image(mut commands: &[u8]) -> Image {
    let mut image = Image::default();
    while let (Some(kind), Some(len)) = (word(commands, 0), word(commands, 4)) {
        let len = len as usize;
        let Some((command, rest)) = commands.split_at_checked(len).filter(|_| len >= 8) else {
            break;
        };
        match kind {
            LC_UUID => image.uuid = command.get(8..24).and_then(|uuid| uuid.try_into().ok()),
            LC_SEGMENT_64 => image.segments.extend(segment(command)),
            _ => {}
        }
        commands = rest;
    }
    image
}

/// The address range of a segment. Returns `None` for `__PAGEZERO`, which is not mapped, and for
/// `__LINKEDIT`, which the system's libraries share.
fn segment(command: &[u8]) -> Option<Range<u64>> {
    let name = command.get(8..24)?;
    if name.starts_with(b"__PAGEZERO\0") || name.starts_with(b"__LINKEDIT\0") {
        return None;
    }
    let start = u64::from_ne_bytes(command.get(24..32)?.try_into().ok()?);
    let len = u64::from_ne_bytes(command.get(32..40)?.try_into().ok()?);
    Some(start..start.checked_add(len)?)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(word.try_into().ok()?))
}

#[cfg(target_vendor = "apple")]
pub(super) use dyld::loaded;

#[cfg(target_vendor = "apple")]
mod dyld {
    use super::{HEADER_LEN, Image, commands_len, image};
    use crate::modules::{Module, hex};
    use std::ffi::{CStr, c_char};

    // From libSystem, which std is linked to.
    unsafe extern "C" {
        fn _dyld_image_count() -> u32;
        fn _dyld_get_image_header(image: u32) -> *const u8;
        fn _dyld_get_image_vmaddr_slide(image: u32) -> isize;
        fn _dyld_get_image_name(image: u32) -> *const c_char;
    }

    pub(in crate::modules) fn loaded() -> Vec<Module> {
        // SAFETY: the function has no preconditions.
        let count = unsafe { _dyld_image_count() };
        (0..count).filter_map(module).collect()
    }

    fn module(number: u32) -> Option<Module> {
        // SAFETY: the functions take any number and return null or 0 for one that is too large.
        let (header, slide, name) = unsafe {
            (
                _dyld_get_image_header(number),
                _dyld_get_image_vmaddr_slide(number),
                _dyld_get_image_name(number),
            )
        };
        if header.is_null() || name.is_null() {
            return None;
        }
        // SAFETY: an image begins with its header. dyld offers no lock against another thread that
        // unloads the image at the same time, but images are hardly ever unloaded.
        let Image { uuid, segments } = unsafe {
            let len = commands_len(header.cast::<[u8; HEADER_LEN]>().read_unaligned())?;
            image(std::slice::from_raw_parts(header.add(HEADER_LEN), len))
        };
        // SAFETY: a C string that lives as long as the header.
        let name = unsafe { CStr::from_ptr(name) };
        let slid = |address: u64| (address as usize).wrapping_add_signed(slide);
        Some(Module {
            name: name.to_string_lossy().into(),
            base: slid(0),
            build_id: uuid.map(|uuid| hex(&uuid).into()),
            segments: segments
                .into_iter()
                .map(|segment| slid(segment.start)..slid(segment.end))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER_LEN, Image, commands_len, image};

    fn command(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend((8 + content.len() as u32).to_ne_bytes());
        bytes.extend(content);
        bytes
    }

    fn segment(name: &str, start: u64, len: u64) -> Vec<u8> {
        let mut content = name.as_bytes().to_vec();
        content.resize(16, 0);
        content.extend(start.to_ne_bytes());
        content.extend(len.to_ne_bytes());
        content.extend([0; 32]);
        command(0x19, &content)
    }

    fn commands() -> Vec<u8> {
        [
            segment("__PAGEZERO", 0, 1 << 32),
            segment("__TEXT", 1 << 32, 0x4000),
            segment("__DATA", (1 << 32) + 0x4000, 0x1000),
            segment("__LINKEDIT", (1 << 32) + 0x5000, 0x1000),
            command(0x2, &[0; 16]),
            command(0x1b, &[7; 16]),
            command(0x32, &[0; 24]),
        ]
        .concat()
    }

    #[test]
    fn uuid_and_segments_are_read_from_the_load_commands() {
        let expected = Image {
            uuid: Some([7; 16]),
            segments: vec![
                1 << 32..(1 << 32) + 0x4000,
                (1 << 32) + 0x4000..(1 << 32) + 0x5000,
            ],
        };
        assert_eq!(image(&commands()), expected);
    }

    #[test]
    fn reading_ends_at_a_damaged_command() {
        let commands = commands();
        for cut in 0..commands.len() {
            let image = image(&commands[..cut]);
            assert!(image.segments.len() <= 2);
            assert!(image.uuid.is_none() || cut + 32 >= commands.len());
        }
        // A command without a length must not loop.
        assert_eq!(image(&[0x1b, 0, 0, 0, 0, 0, 0, 0]), Image::default());
        let endless = segment("__TEXT", u64::MAX, 2);
        assert_eq!(image(&endless), Image::default());
    }

    #[test]
    fn only_images_of_64_bits_are_read() {
        let mut header = [0; HEADER_LEN];
        header[..4].copy_from_slice(&0xfeed_facf_u32.to_ne_bytes());
        header[20..24].copy_from_slice(&72_u32.to_ne_bytes());
        assert_eq!(commands_len(header), Some(72));
        header[0] = 0xce;
        assert_eq!(commands_len(header), None);
    }
}
