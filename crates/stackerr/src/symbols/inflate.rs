//! Sections that are compressed.

use object::{CompressedData, CompressionFormat, Object, ObjectSection};
use std::borrow::Cow;

/// The content of a section as it is in the file; none if there is no such section.
///
/// Old tools compress `.debug_info` into a section `.zdebug_info`.
pub(crate) fn section<'data>(
    file: &object::File<'data>,
    name: &str,
) -> Option<object::Result<CompressedData<'data>>> {
    let old = || file.section_by_name(&format!(".z{}", name.strip_prefix('.')?));
    let section = file.section_by_name(name).or_else(old)?;
    Some(section.compressed_data())
}

/// The content of a section, of at most `limit` bytes; `None` if it is larger, damaged, or
/// compressed in a way that is not known here.
pub(crate) fn inflate<'data>(data: CompressedData<'data>, limit: u64) -> Option<Cow<'data, [u8]>> {
    let size = usize::try_from(data.uncompressed_size).ok()?;
    if data.format != CompressionFormat::None && data.uncompressed_size > limit {
        return None;
    }
    match data.format {
        CompressionFormat::None => Some(Cow::Borrowed(data.data)),
        CompressionFormat::Zlib => {
            let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data.data, size);
            bytes.ok().map(Cow::Owned)
        }
        #[cfg(feature = "symbols")]
        CompressionFormat::Zstandard => zstandard(data.data, size).map(Cow::Owned),
        _ => None,
    }
}

#[cfg(feature = "symbols")]
fn zstandard(mut data: &[u8], size: usize) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    // A section may be several frames, one behind the other.
    while bytes.len() < size && !data.is_empty() {
        let frame = ruzstd::decoding::StreamingDecoder::new(&mut data).ok()?;
        let before = bytes.len();
        let read = frame.take((size - before) as u64).read_to_end(&mut bytes);
        if read.ok()? == 0 {
            return None;
        }
    }
    Some(bytes)
}
