//! Sections that are compressed.

use super::elf::{Compression, Content};
use std::borrow::Cow;

/// The content of a section, of at most `limit` bytes if it has to be inflated; `None` if it is
/// larger, damaged, or compressed in a way that is not known here.
pub(crate) fn inflate<'data>(content: &Content<'data>, limit: u64) -> Option<Cow<'data, [u8]>> {
    match content.compression {
        Compression::None => Some(Cow::Borrowed(content.data)),
        _ if content.size > limit => None,
        #[cfg(feature = "zlib")]
        Compression::Zlib => zlib(content).map(Cow::Owned),
        #[cfg(feature = "symbols")]
        Compression::Zstandard => zstandard(content).map(Cow::Owned),
        _ => None,
    }
}

/// Straight into a buffer of the size that it must have in the end: the smallest way there is.
#[cfg(feature = "zlib")]
fn zlib(content: &Content<'_>) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

    /// The most that a byte of zlib's can become, rounded up.
    const MAX_RATIO: usize = 1040;
    let size = usize::try_from(content.size).ok()?;
    // Nobody gets memory for nothing.
    if size / MAX_RATIO > content.data.len() {
        return None;
    }
    let mut bytes = vec![0; size];
    let mut state = Box::<DecompressorOxide>::default();
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, count) = decompress(&mut state, content.data, &mut bytes, 0, flags);
    bytes.truncate(count);
    (status == TINFLStatus::Done).then_some(bytes)
}

#[cfg(feature = "symbols")]
fn zstandard(content: &Content<'_>) -> Option<Vec<u8>> {
    use std::io::Read;
    let (mut data, size) = (content.data, usize::try_from(content.size).ok()?);
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
