//! Words that distinguish a value from a sentence, a state or source code.

use crate::byte_set::ByteSet;
use crate::word_list::WordList;

/// Whether the word means that there is no value.
pub(crate) fn is_nothing(value: &str) -> bool {
    NOTHING.has_ignoring_case(value)
}

/// Whether the word is a state: `auth=disabled`, `token: expired`.
pub(crate) fn is_status(value: &str) -> bool {
    let word = value.trim_end_matches(['.', ',', ';', '!', ':', ')']);
    STATUS.has_ignoring_case(word)
}

/// Whether the text begins like a sentence or an error message: `must not be empty`, `connection
/// refused`.
pub(crate) fn is_prose(value: &str) -> bool {
    let mut words = value
        .split([
            ' ', '\t', '\n', ':', ';', ',', '.', '(', ')', '!', '?', '"', '`',
        ])
        .filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return false;
    };
    if OPENERS.has_ignoring_case(first)
        || STATUS.has_ignoring_case(first)
        || NOTHING.has_ignoring_case(first)
    {
        return true;
    }
    // One of the next three words occurs only in sentences.
    let natural = |word: &str| word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'\'');
    natural(first)
        && words
            .take(3)
            .take_while(|word| natural(word))
            .any(|word| FUNCTION.has_ignoring_case(word))
}

/// Whether the text has words that are common in sentences but rare in passphrases.
pub(crate) fn has_function_words(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or(text);
    OPENERS.has_ignoring_case(first) || text.split(' ').any(|word| FUNCTION.has_ignoring_case(word))
}

/// Whether the value is a type of a programming language or a database.
pub(crate) fn is_type(value: &str) -> bool {
    let end = value
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))
        .unwrap_or(value.len());
    let rest = &value.as_bytes()[end..];
    let generic = rest.first() == Some(&b'<');
    let ends = rest.is_empty()
        || rest
            .iter()
            .all(|b| const { ByteSet::of(b",;)>}?") }.has(*b));
    let word = &value[..end];
    (generic && word.starts_with(|c: char| c.is_ascii_uppercase()))
        || (ends && TYPES.has(word))
        || (ends && end == 1 && word.starts_with(|c: char| c.is_ascii_uppercase()))
}

pub(crate) fn is_algorithm(value: &str) -> bool {
    let mut end = value.len().min(24);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let word = value[..end].trim_end_matches(['.', ',', ';', ':', ')']);
    ALGORITHMS.has_ignoring_case(word)
}

pub(crate) fn is_extension(word: &str) -> bool {
    EXTENSIONS.has(word)
}

static NOTHING: WordList = WordList::new(
    "- <none> <null> <unset> blank default empty false filtered hidden masked missing n/a na nil \
     no none null off omitted on redacted removed true undefined unknown unset yes",
);

static STATUS: WordList = WordList::new(
    "absent accepted active anonymous auto available basic bearer blocked bound cached changed \
     checked checking cleared closed closing configured connected connecting consumed correct \
     created cryptographic deleted denied digest disabled done enabled encrypted err error \
     established exists expire expired expires expiring external fail failed failure found \
     generated granted guest hashed idle ignored inactive incorrect initialized insufficient \
     internal invalid kerberos ldap loaded loading local locked login logout low malformed \
     mandatory match matched matches mismatch negotiate new not_found ntlm ok okay opened opening \
     optional pam partial passed passive password pending present private public ready received \
     refreshed rejected renewed requested required reset restored revoked rotated sasl saved sent \
     session set shared skipped started stopped stored success through timeout token too-short \
     unauthenticated unauthorized unavailable unchanged unused updated used user valid validated \
     verified verify weak wrong",
);

/// First words of sentences and messages.
static OPENERS: WordList = WordList::new(
    "access again all already an and any argument as at auth authentication bad be because been \
     by can can't cannot character characters check column connection contains could couldn't \
     database did didn't differs do does doesn't duplicate end enter entry equals exceeds \
     expected expecting field file for forbidden format from got had has have header if illegal \
     in input io is isn't it key length less line may might minimum more must mustn't need needs \
     never next not nothing of operation or out parse permission please provide provided reading \
     request requires retrying server should signature still such syntax that the there this \
     timed to too trying unable unexpected unsupported use value waiting was wasn't when while \
     will with without you your",
);

/// Words that are common in sentences but rare in passphrases.
static FUNCTION: WordList = WordList::new(
    "a an and are as at be been but by cannot denied error expected failed for found from had has \
     have in invalid is must no not of on or out readable refused than the to too was were with",
);

/// Sorted by bytes, so capitals come first.
static TYPES: WordList = WordList::new(
    "Arc Auth Bool Boolean Box Bytes Client Cow Credentials Integer Key Mutex NULL Number Object \
     Option Password Rc Result Secret SecretBox SecretString Self Session Str String Text Token \
     Uuid Vec any bool boolean bytea bytes char dyn fn i32 i64 impl int integer number object \
     self str string text u16 u32 u64 u8 unknown usize uuid varchar void",
);

static ALGORITHMS: WordList = WordList::new(
    "aes128 aes256 aes_256_gcm argon2 argon2id base32 base58 base64 base64url bcrypt2 blake2 \
     blake2b blake3 chacha20 cp1252 crc32 ec2 ed25519 ed448 es256 es256k es384 es512 h2 h264 h265 \
     h2c hmac-sha1 hmac-sha256 hs256 hs384 hs512 http/1.1 http/2 http1 http2 http3 i18n ipv4 ipv6 \
     k8s latin1 log4j md4 md5 mp3 mp4 mtls1.3 ntlmv2 oauth1 oauth2 oauth2.0 oidc1 p256 p384 \
     pbkdf2 pkcs1 pkcs12 pkcs8 ps256 rc4 rfc2617 rfc6750 rfc7519 rs256 rs384 rs512 rsa2048 \
     rsa4096 s3 scram-sha-1 scram-sha-256 secp256k1 sha-1 sha-256 sha1 sha224 sha256 sha3 sha384 \
     sha512 siphash13 ssl3 tls1 tls1.2 tls1.3 u2f utf-16 utf-8 utf16 utf8 uuid4 win32 x25519 x509 \
     x86_64",
);

static EXTENSIONS: WordList = WordList::new(
    "bin c cc cfg class conf cpp crate crt cs css csv db deb dll env exe go gz h hpp html ini \
     java jpg js json jsonl jsx key kt lock log lua md mjs pem php pl png proto py rb rs service \
     sh so sock sql sqlite svg swift tar toml ts tsx txt vue wasm xml yaml yml zig zip",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [
            &NOTHING,
            &STATUS,
            &OPENERS,
            &FUNCTION,
            &TYPES,
            &ALGORITHMS,
            &EXTENSIONS,
        ] {
            list.check();
        }
    }
}
