//! Masks secrets in URLs, and in connection strings that are not URLs.

use crate::byte_set::ByteSet;
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::value;
use crate::word_list::WordList;

/// Masks a URL with `://` at `at`. Returns where to continue.
pub(crate) fn url(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let authority = at + 3;
    // A URL within a URL ends at the end of the outer one.
    if authority >= scan.url_done {
        scan.url_done = authority + scan.run(authority, is_url_byte);
    }
    let end = scan.url_done;
    let host = userinfo(scan, authority, end);
    path(scan, host, end);
    // Keys and tokens in the query have anchors of their own.
    Some(host.max(authority))
}

fn is_url_byte(b: u8) -> bool {
    b > b' ' && !const { ByteSet::of(b"\"'`<>\\") }.has(b)
}

/// How far the `@` after a password with slashes is searched.
const LONGEST_PASSWORD: usize = 128;

/// Masks `user:password@` and `token@`. Returns the beginning of the host.
fn userinfo(scan: &mut Scan<'_>, start: usize, url_end: usize) -> usize {
    let bytes = scan.bytes;
    let len = scan.run(start, |b| {
        is_url_byte(b) && !const { ByteSet::of(b"/?#") }.has(b)
    });
    let end = start + len;
    let mut at_sign = memchr::memrchr(b'@', &bytes[start..end]).map(|at| start + at);
    let colon = memchr::memchr(b':', &bytes[start..end]).map(|at| start + at);
    if at_sign.is_none()
        && let Some(colon) = colon
        && scan.get(end) == Some(b'/')
    {
        // The text after the colon may be a port, or a password with a slash.
        let port = &bytes[colon + 1..end];
        let is_port =
            port.iter().all(u8::is_ascii_digit) || bytes[start] == b'[' || port.is_empty();
        if !is_port {
            let rest = &bytes[end..url_end.min(end + LONGEST_PASSWORD)];
            at_sign = memchr::memrchr(b'@', rest).map(|at| end + at);
            scan.step(rest.len());
        }
    }
    let Some(at_sign) = at_sign else {
        return start;
    };
    match colon.filter(|colon| *colon < at_sign) {
        Some(colon) => {
            let password = scan.str(colon + 1..at_sign);
            if !value::is_placeholder(password) {
                scan.mask(colon + 1..at_sign, RuleName::Url);
            }
            // `TOKEN:x-oauth-basic@`
            let user = scan.str(start..colon);
            if value::looks_like_credential(user, 20) {
                scan.mask(start..colon, RuleName::Url);
            }
        }
        None => {
            let user = scan.str(start..at_sign);
            if value::looks_like_credential(user, 16) {
                scan.mask(start..at_sign, RuleName::Url);
            }
        }
    }
    at_sign + 1
}

/// A host with a secret in its paths: the end of the host, the beginning of the path, how many segments
/// after that are not secret, and whether the secret is the whole rest.
struct SecretPath {
    host: &'static str,
    path: &'static str,
    skip: usize,
    rest: bool,
}

const fn secret_path(
    host: &'static str,
    path: &'static str,
    skip: usize,
    rest: bool,
) -> SecretPath {
    SecretPath {
        host,
        path,
        skip,
        rest,
    }
}

const SECRET_PATHS: &[SecretPath] = &[
    secret_path("hooks.slack.com", "/services/", 2, false),
    secret_path("hooks.slack.com", "/workflows/", 3, false),
    secret_path("hooks.slack.com", "/triggers/", 2, false),
    secret_path("discord.com", "/api/webhooks/", 1, false),
    secret_path("discordapp.com", "/api/webhooks/", 1, false),
    secret_path("webhook.office.com", "/webhookb2/", 0, true),
    secret_path("outlook.office.com", "/webhook/", 0, true),
    secret_path("outlook.office365.com", "/webhook/", 0, true),
    secret_path("hooks.zapier.com", "/hooks/catch/", 1, true),
    secret_path("maker.ifttt.com", "/trigger/", 3, false),
    secret_path("open.feishu.cn", "/open-apis/bot/v2/hook/", 0, false),
    secret_path("open.larksuite.com", "/open-apis/bot/v2/hook/", 0, false),
    secret_path("hc-ping.com", "/", 0, false),
    secret_path("infura.io", "/v3/", 0, false),
    secret_path("alchemy.com", "/v2/", 0, false),
    secret_path("alchemyapi.io", "/v2/", 0, false),
    secret_path("hooks.chime.aws", "/incomingwebhooks/", 0, false),
    secret_path("api.pushbullet.com", "/v2/", 0, false),
];

/// Segments of a path that come before a secret segment.
static TELLING_SEGMENTS: WordList = WordList::new(
    "activate api-key apikey bot confirm confirm-email email-verification hook hooks \
     invitation invitations invite jwt key login-link magic magic-link magiclink \
     password-reset password_reset passwordreset push reset reset-password reset_password \
     secret token tokens unsubscribe verify verify-email webhook webhooks",
);

fn path(scan: &mut Scan<'_>, host: usize, end: usize) {
    let len = scan.run(host, |b| {
        is_url_byte(b) && !const { ByteSet::of(b"/?#") }.has(b)
    });
    let name = scan.str(host..host + len);
    let name = name.split(':').next().unwrap_or(name);
    let start = host + len;
    if scan.get(start) != Some(b'/') {
        return;
    }
    for known in SECRET_PATHS {
        let matches = name.ends_with(known.host) && scan.starts_with(start, known.path);
        if !matches {
            continue;
        }
        let mut at = start + known.path.len();
        for _ in 0..known.skip {
            at += scan.run(at, |b| {
                is_url_byte(b) && !const { ByteSet::of(b"/?#") }.has(b)
            }) + 1;
        }
        let secret_end = if known.rest {
            at + scan.run(at, |b| {
                is_url_byte(b) && !const { ByteSet::of(b"?#") }.has(b)
            })
        } else {
            at + scan.run(at, is_segment_byte)
        };
        let secret_end = secret_end.min(end);
        let is_word = scan
            .str(at..secret_end)
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'-');
        if at < secret_end && secret_end - at >= 4 && !is_word {
            scan.mask(at..secret_end, RuleName::Url);
        }
        return;
    }
    segments(scan, start, end);
}

/// Masks text that looks like a credential in a path without a host. `at` is a slash.
pub(crate) fn path_at(scan: &mut Scan<'_>, at: usize) {
    let end = scan.bytes.len();
    segments(scan, at, end);
}

fn is_segment_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || const { ByteSet::of(b"-_.~=%:@+") }.has(b)
}

/// How many segments of a path are checked.
const MOST_SEGMENTS: usize = 64;

/// Masks a segment that looks like a credential and follows one of `TELLING_SEGMENTS`.
fn segments(scan: &mut Scan<'_>, start: usize, end: usize) {
    if start < scan.paths_done {
        return;
    }
    let mut at = start;
    let mut telling = 0;
    for _ in 0..MOST_SEGMENTS {
        if at >= end || scan.get(at) != Some(b'/') {
            return;
        }
        scan.step(20);
        let begin = at + 1;
        let len = scan.run(begin, is_segment_byte).min(end - begin.min(end));
        let segment = scan.str(begin..begin + len);
        if telling > 0 {
            let min = if telling == 2 { 10 } else { 16 };
            if value::looks_like_credential(segment, min) {
                scan.mask(begin..begin + len, RuleName::Url);
                return;
            }
        }
        telling = if TELLING_SEGMENTS.has_ignoring_case(segment) {
            2
        } else if telling == 2 {
            1
        } else {
            0
        };
        at = begin + len;
        scan.paths_done = at;
        if len == 0 && scan.get(at) != Some(b'/') {
            return;
        }
    }
}

/// The password of a percent-encoded URL. `authority` is after `%3A%2F%2F`.
pub(crate) fn encoded(scan: &mut Scan<'_>, authority: usize) -> Option<usize> {
    let len = scan.run(authority, |b| {
        b.is_ascii_alphanumeric() || const { ByteSet::of(b"%-._~+!*()") }.has(b)
    });
    let text = scan.str(authority..authority + len);
    let lower = text.to_ascii_lowercase();
    let host = lower.find("%2f").unwrap_or(lower.len());
    let at_sign = lower[..host].rfind("%40")?;
    let colon = lower[..at_sign].find("%3a")?;
    let range = authority + colon + 3..authority + at_sign;
    if !value::is_placeholder(scan.str(range.clone())) {
        scan.mask(range.clone(), RuleName::Url);
    }
    Some(range.end)
}

/// `user:password@tcp(host)/db`. `at` is the `@`.
pub(crate) fn go_dsn(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    const LONGEST: usize = 128;
    let len = scan.run_back(at, LONGEST, |b| is_url_byte(b) && b != b',');
    let text = &scan.bytes[at - len..at];
    let colon = memchr::memchr(b':', text)?;
    let start = at - len + colon + 1;
    if !value::is_placeholder(scan.str(start..at)) {
        scan.mask(start..at, RuleName::Url);
    }
    None
}

/// `user/password@//host`, `jdbc:oracle:thin:user/password@host`, `sqlplus user/password@db`.
pub(crate) fn oracle(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    const LONGEST: usize = 128;
    let (begin, at_sign) = if scan.get(start) == Some(b'@') {
        let len = scan.run_back(start, LONGEST, |b| is_url_byte(b) && b != b':');
        (start - len, start)
    } else {
        let len = scan.run(end, |b| is_url_byte(b) && b != b'@');
        if scan.get(end + len) != Some(b'@') {
            return None;
        }
        (end, end + len)
    };
    let slash = memchr::memchr(b'/', &scan.bytes[begin..at_sign])?;
    let password = begin + slash + 1..at_sign;
    if slash > 0 && !value::is_placeholder(scan.str(password.clone())) {
        scan.mask(password.clone(), RuleName::Url);
        return Some(at_sign);
    }
    None
}

/// `host:5432:db:user:password`. `at` is after the port.
pub(crate) fn pgpass(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let mut at = at;
    for _ in 0..2 {
        let len = scan.run(at, |b| {
            b.is_ascii_alphanumeric() || const { ByteSet::of(b"_-*.") }.has(b)
        });
        if len == 0 || scan.get(at + len) != Some(b':') {
            return None;
        }
        at += len + 1;
    }
    let len = scan.run(at, |b| b > b' ');
    let range = at..at + len;
    (len > 0).then(|| {
        scan.mask(range.clone(), RuleName::Key);
        range.end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_segments_is_sorted() {
        TELLING_SEGMENTS.check();
    }
}
