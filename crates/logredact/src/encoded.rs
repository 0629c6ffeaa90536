//! Base64.

use crate::scan::Scan;

fn value(b: u8) -> Option<u32> {
    Some(u32::from(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Decodes the standard or the URL-safe alphabet. Returns `None` if the result is not text.
pub(crate) fn decode(encoded: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3);
    let mut bits = 0;
    let mut count = 0;
    for b in encoded {
        // Padding, which may be percent-encoded.
        if matches!(b, b'=' | b'%') {
            break;
        }
        bits = bits << 6 | value(*b)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            if byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t') {
                return None;
            }
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Encodes `data` in base64, without padding.
pub(crate) fn encode(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in data.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}

/// Decodes the base64 text that has a secret word at `at`.
pub(crate) fn around(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let of_base64 = |b: u8| value(b).is_some();
    let start = at - scan.run_back(at, 4096, of_base64);
    let end = at + scan.run(at, |b| of_base64(b) || b == b'=');
    if start < scan.jwk_done {
        return None;
    }
    scan.jwk_done = end;
    scan.decode(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for text in ["", "a", "ab", "abc", "password=hunter2", "ä ö ü"] {
            assert_eq!(
                decode(encode(text.as_bytes()).as_bytes()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(decode(b"cGFzcw=="), Some("pass".to_owned()));
        assert_eq!(decode(b"a b"), None);
        assert_eq!(decode(b"AAAA"), None);
    }
}
