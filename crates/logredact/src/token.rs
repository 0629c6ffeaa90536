//! Finds tokens that can be recognised by their shape.

use crate::byte_set::ByteSet;
use crate::rule::RuleName;
use crate::scan::Scan;

/// The characters that may follow a token's prefix. All but `Hex` include letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Hex,
    Alnum,
    /// Also `_`, `-`.
    Word,
    /// Also `_`, `-`, `.`.
    Dotted,
    /// The characters of base64.
    Base64,
    /// Also `_`, `$`.
    Dollar,
}

impl Set {
    fn has(self, b: u8) -> bool {
        match self {
            Set::Hex => b.is_ascii_hexdigit(),
            Set::Alnum => b.is_ascii_alphanumeric(),
            Set::Word => b.is_ascii_alphanumeric() || b == b'_' || b == b'-',
            Set::Dotted => is_token_byte(b),
            Set::Base64 => b.is_ascii_alphanumeric() || const { ByteSet::of(b"_-+/=") }.has(b),
            Set::Dollar => b.is_ascii_alphanumeric() || b == b'_' || b == b'$',
        }
    }
}

/// The beginning of a service's tokens, the characters that follow, and their minimum number.
pub(crate) struct Prefix {
    pub(crate) text: &'static str,
    set: Set,
    min: usize,
}

const fn prefix(text: &'static str, set: Set, min: usize) -> Prefix {
    Prefix { text, set, min }
}

use Set::{Alnum, Base64, Dollar, Dotted, Hex, Word};

/// By service. Prefixes with which words begin, too, need more characters.
pub(crate) const PREFIXES: &[Prefix] = &[
    // AWS
    prefix("AKIA", Alnum, 12),
    prefix("ASIA", Alnum, 12),
    prefix("ABIA", Alnum, 16),
    prefix("ACCA", Alnum, 16),
    prefix("ABSK", Base64, 60),
    // Google
    prefix("AIza", Word, 30),
    prefix("ya29.", Dotted, 16),
    prefix("GOCSPX-", Word, 20),
    prefix("1//0", Word, 24),
    // GitHub, GitLab, Bitbucket and Atlassian
    prefix("ghp_", Alnum, 10),
    prefix("gho_", Alnum, 10),
    prefix("ghr_", Alnum, 10),
    prefix("ghs_", Alnum, 10),
    prefix("ghu_", Alnum, 10),
    prefix("github_pat_", Word, 10),
    prefix("glpat-", Dotted, 10),
    prefix("gldt-", Word, 16),
    prefix("glft-", Word, 16),
    prefix("glrt-", Dotted, 16),
    prefix("glcbt-", Word, 16),
    prefix("glptt-", Word, 16),
    prefix("glimt-", Word, 16),
    prefix("glagent-", Word, 20),
    prefix("gloas-", Word, 20),
    prefix("glsoat-", Word, 16),
    prefix("glffct-", Word, 16),
    prefix("GR1348941", Word, 16),
    prefix("ATATT3", Base64, 40),
    prefix("ATCTT3", Base64, 40),
    prefix("ATBB", Alnum, 24),
    prefix("ATTA", Alnum, 40),
    // Slack
    prefix("xoxa-", Word, 10),
    prefix("xoxb-", Word, 10),
    prefix("xoxc-", Word, 10),
    prefix("xoxd-", Base64, 10),
    prefix("xoxe-", Word, 10),
    prefix("xoxe.", Dotted, 10),
    prefix("xoxp-", Word, 10),
    prefix("xoxr-", Word, 10),
    prefix("xoxs-", Word, 10),
    prefix("xapp-", Word, 10),
    prefix("xwfp-", Word, 10),
    // Payment
    prefix("sk_live_", Word, 10),
    prefix("sk_test_", Word, 10),
    prefix("sk_prod_", Word, 10),
    prefix("rk_live_", Word, 10),
    prefix("rk_test_", Word, 10),
    prefix("whsec_", Base64, 16),
    prefix("rzp_live_", Alnum, 10),
    prefix("rzp_test_", Alnum, 10),
    prefix("sq0atp-", Word, 20),
    prefix("sq0csp-", Word, 30),
    prefix("EAAA", Word, 40),
    prefix("FLWSECK_", Word, 12),
    prefix("access_token$", Dollar, 32),
    prefix("access-sandbox-", Word, 30),
    prefix("access-production-", Word, 30),
    prefix("shpat_", Alnum, 16),
    prefix("shpca_", Alnum, 16),
    prefix("shppa_", Alnum, 16),
    prefix("shpss_", Alnum, 16),
    prefix("EZAK", Alnum, 40),
    prefix("EZTK", Alnum, 40),
    prefix("live_pk_", Word, 20),
    prefix("shippo_live_", Hex, 30),
    prefix("duffel_live_", Word, 30),
    // Mail and messages
    prefix("SG.", Dotted, 20),
    prefix("key-", Hex, 32),
    prefix("xkeysib-", Word, 60),
    prefix("xsmtpsib-", Word, 60),
    prefix("re_", Word, 30),
    prefix("mfa.", Word, 60),
    prefix("SK", Hex, 32),
    // Models
    prefix("sk-ant-", Word, 10),
    prefix("sk-proj-", Word, 10),
    prefix("sk-svcacct-", Word, 10),
    prefix("sk-admin-", Word, 10),
    prefix("sk-or-v1-", Hex, 20),
    prefix("sk-", Alnum, 20),
    prefix("hf_", Alnum, 20),
    prefix("api_org_", Alnum, 20),
    prefix("r8_", Alnum, 30),
    prefix("gsk_", Alnum, 30),
    prefix("pplx-", Alnum, 30),
    prefix("xai-", Alnum, 30),
    prefix("lsv2_pt_", Word, 20),
    prefix("lsv2_sk_", Word, 20),
    prefix("nvapi-", Word, 30),
    prefix("tvly-", Word, 20),
    prefix("pcsk_", Word, 30),
    prefix("csk-", Alnum, 30),
    prefix("fw_", Alnum, 22),
    prefix("llx-", Alnum, 40),
    prefix("jina_", Alnum, 40),
    prefix("pa-", Word, 40),
    // Packages
    prefix("npm_", Alnum, 20),
    prefix("pypi-", Word, 40),
    prefix("cio", Alnum, 32),
    prefix("rubygems_", Hex, 30),
    prefix("oy2", Alnum, 40),
    prefix("dckr_pat_", Word, 20),
    prefix("dckr_oat_", Word, 20),
    prefix("CLOJARS_", Alnum, 40),
    prefix("AKCp", Alnum, 40),
    prefix("cmVmdGtu", Alnum, 40),
    // Clouds
    prefix("dapi", Hex, 30),
    prefix("dop_v1_", Alnum, 16),
    prefix("doo_v1_", Alnum, 16),
    prefix("dor_v1_", Alnum, 16),
    prefix("hvs.", Word, 20),
    prefix("hvb.", Word, 20),
    prefix("hvr.", Word, 20),
    prefix("sbp_", Alnum, 30),
    prefix("sb_secret_", Word, 20),
    prefix("HRKU-", Word, 30),
    prefix("fm1_", Base64, 40),
    prefix("fm2_", Base64, 40),
    prefix("fo1_", Word, 30),
    prefix("pul-", Hex, 36),
    prefix("LTAI", Alnum, 12),
    prefix("AKID", Alnum, 20),
    prefix("nfp_", Alnum, 30),
    prefix("rnd_", Alnum, 24),
    prefix("pscale_tkn_", Dotted, 20),
    prefix("pscale_pw_", Dotted, 20),
    prefix("pscale_oauth_", Dotted, 20),
    prefix("npg_", Alnum, 12),
    prefix("napi_", Alnum, 40),
    prefix("vcp_", Alnum, 24),
    prefix("dp.pt.", Word, 30),
    prefix("dp.st.", Dotted, 30),
    prefix("dp.ct.", Word, 30),
    prefix("dp.sa.", Word, 30),
    prefix("tskey-", Word, 20),
    prefix("ops_eyJ", Base64, 60),
    prefix("AGE-SECRET-KEY-1", Alnum, 40),
    prefix("AGE-PLUGIN-", Word, 30),
    // Monitoring
    prefix("glc_", Base64, 30),
    prefix("glsa_", Word, 30),
    prefix("NRAK-", Alnum, 20),
    prefix("NRII-", Word, 24),
    prefix("sntrys_", Base64, 30),
    prefix("sntryu_", Alnum, 30),
    prefix("dt0c01.", Dotted, 40),
    prefix("phx_", Alnum, 30),
    prefix("sqp_", Hex, 36),
    prefix("squ_", Hex, 36),
    prefix("sqa_", Hex, 36),
    prefix("hcaik_", Alnum, 40),
    prefix("snyk_", Word, 30),
    // Everything else
    prefix("lin_api_", Alnum, 30),
    prefix("lin_oauth_", Alnum, 30),
    prefix("ntn_", Alnum, 40),
    prefix("secret_", Alnum, 40),
    prefix("figd_", Word, 30),
    prefix("pat-na1-", Word, 36),
    prefix("pat-eu1-", Word, 36),
    prefix("PMAK-", Word, 40),
    prefix("CCIPAT_", Word, 40),
    prefix("CFPAT-", Word, 40),
    prefix("tfp_", Word, 40),
    prefix("sl.", Word, 60),
    prefix("oauth:", Alnum, 30),
    prefix("xprv", Alnum, 90),
    prefix("nsec1", Alnum, 50),
    prefix("rdme_", Alnum, 40),
    prefix("pnu_", Alnum, 30),
    prefix("EAACEdEose0cBA", Alnum, 10),
];

pub(crate) fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

/// Masks a token that begins with the prefix `PREFIXES[index]` at `at`. Returns where to continue.
pub(crate) fn prefixed(scan: &mut Scan<'_>, index: usize, at: usize) -> Option<usize> {
    let Prefix { text, set, min } = &PREFIXES[index];
    let bytes = scan.bytes;
    if !bytes[at..].starts_with(text.as_bytes()) || scan.is_word_before(at) {
        return None;
    }
    let payload = at + text.len();
    let end = payload + scan.run(payload, |b| set.has(b));
    let rest = trim_end(&bytes[payload..end]);
    let end = payload + rest.len();
    // A word such as `npm_config_cache` continues after the token's characters.
    let goes_on =
        *set != Set::Hex && bytes.get(end).is_some_and(|b| *b == b'_') && rest.len() < 2 * min;
    if rest.len() < *min || goes_on || !is_random(rest, text) {
        return None;
    }
    // Further token characters belong to this token, or to the next one.
    let end = end
        + scan.run(end, |b| {
            is_token_byte(b) || b == b'/' || b == b'+' || b == b'='
        });
    let end = at + trim_end(&bytes[at..end]).len();
    scan.mask(at..end, RuleName::Token);
    Some(end)
}

fn trim_end(mut rest: &[u8]) -> &[u8] {
    while let [head @ .., b'.' | b'-' | b'_'] = rest {
        rest = head;
    }
    rest
}

/// Whether the rest looks random. Prefixes that are words or begin words need a digit or both cases in
/// the rest.
fn is_random(rest: &[u8], prefix: &str) -> bool {
    if prefix.len() >= 7
        || matches!(
            prefix,
            "ghp_"
                | "gho_"
                | "ghs_"
                | "ghu_"
                | "ghr_"
                | "xoxb-"
                | "xoxp-"
                | "xapp-"
                | "AKIA"
                | "ASIA"
        )
    {
        return true;
    }
    let digits = rest.iter().filter(|b| b.is_ascii_digit()).count();
    let upper = rest.iter().filter(|b| b.is_ascii_uppercase()).count();
    let lower = rest.iter().filter(|b| b.is_ascii_lowercase()).count();
    // `-` and `_` separate words.
    let separators = rest.iter().filter(|b| matches!(b, b'-' | b'_')).count();
    separators * 5 <= rest.len() && (digits >= 2 || (upper >= 3 && lower >= 3))
}

/// JSON Web Tokens, and JSON in base64: both begin with `eyJ` (`{"`).
pub(crate) fn base64_json(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let bytes = scan.bytes;
    if scan.is_word_before(at) {
        return None;
    }
    let end = at
        + scan.run(at, |b| {
            is_token_byte(b) || const { ByteSet::of(b"+/=%") }.has(b)
        });
    let run = trim_end(&bytes[at..end]);
    let end = at + run.len();
    let dots = run.iter().filter(|b| **b == b'.').count();
    if dots >= 1 && bytes[at..].starts_with(b"eyJ") {
        let first = memchr::memchr(b'.', run).unwrap_or(run.len());
        let has_payload = run[first..].starts_with(b".eyJ");
        if first > 10 && ((has_payload && run.len() > first + 5) || (dots >= 2 && run.len() > 40)) {
            scan.mask(at..end, RuleName::Jwt);
            return Some(end);
        }
        if dots >= 2 {
            return None;
        }
    }
    scan.decode(at..end)
}

/// A bot token of Telegram, `123456789:AA…`. `at` is the colon.
pub(crate) fn telegram(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let digits = scan.run_back(at, 16, |b| b.is_ascii_digit());
    let end = at + 1 + scan.run(at + 1, |b| Set::Word.has(b));
    let secret = end - at - 1;
    ((6..=12).contains(&digits) && (30..=45).contains(&secret)).then(|| {
        scan.mask(at - digits..end, RuleName::Token);
        end
    })
}

/// A bot token of Discord: base64 of a number, 6 characters, and 27 or more. `dot` is the first dot.
pub(crate) fn discord(scan: &mut Scan<'_>, dot: usize) {
    let bytes = scan.bytes;
    let tail = dot + 8;
    if !bytes[dot + 1..dot + 7].iter().all(|b| Set::Word.has(*b)) {
        return;
    }
    let head = scan.run_back(dot, 30, |b| Set::Word.has(b));
    let start = dot - head;
    if !(17..=28).contains(&head) || !matches!(bytes[start], b'M' | b'N' | b'O') {
        return;
    }
    let len = scan.run(tail, |b| Set::Word.has(b));
    if (25..=45).contains(&len) {
        scan.mask(start..tail + len, RuleName::Token);
    }
}

/// A key of Mailchimp: 32 hexadecimal digits, `-us`, the number of a data centre.
pub(crate) fn mailchimp(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let head = scan.run_back(at, 33, |b| b.is_ascii_hexdigit());
    let digits = scan.run(at + 3, |b| b.is_ascii_digit());
    (head == 32 && (1..=2).contains(&digits)).then(|| {
        scan.mask(at - head..at + 3 + digits, RuleName::Token);
        at + 3 + digits
    })
}

/// A client secret of Azure: three characters, a digit, `Q~`, and 31 to 34 characters. `at` is the `Q`.
pub(crate) fn azure(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let of_secret = |b: u8| Set::Dotted.has(b) || b == b'~';
    let head = scan.run_back(at, 8, of_secret);
    let tail = scan.run(at + 2, of_secret);
    let fits = head == 4 && scan.bytes[at - 1].is_ascii_digit() && (28..=36).contains(&tail);
    fits.then(|| {
        scan.mask(at - head..at + 2 + tail, RuleName::Token);
        at + 2 + tail
    })
}

/// A key of Airtable (14 characters, a dot, 64 characters) or of Terraform (with `.atlasv1.` between).
pub(crate) fn two_parts(
    scan: &mut Scan<'_>,
    at: usize,
    head: usize,
    separator: usize,
) -> Option<usize> {
    let tail = at + separator;
    let len = scan.run(tail, |b| Set::Word.has(b));
    (scan.run_back(at, head + 1, |b| Set::Alnum.has(b)) == head && len >= 40).then(|| {
        scan.mask(at - head..tail + len, RuleName::Token);
        tail + len
    })
}

/// The hash of a password: `$2b$12$…`, `$6$…`, `$argon2id$…`, `{SSHA}…`.
pub(crate) fn password_hash(scan: &mut Scan<'_>, at: usize, skip: usize) -> Option<usize> {
    let end = at
        + skip
        + scan.run(at + skip, |b| {
            b.is_ascii_alphanumeric() || const { ByteSet::of(b"$./=,+-_") }.has(b)
        });
    let end = at + trim_end(&scan.bytes[at..end]).len();
    (end - at >= skip + 20).then(|| {
        scan.mask(at..end, RuleName::Token);
        end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redactor;

    #[test]
    fn every_prefix_is_found_only_where_enough_follows() {
        for Prefix { text, set, min } in PREFIXES {
            let pattern = if *set == Set::Hex { "a1f0" } else { "aB3xK9" };
            let payload: String = pattern.chars().cycle().take(*min).collect();
            let redactor = Redactor::default();
            assert_eq!(
                redactor.text(&format!("a {text}{payload} b")),
                "a [redacted] b",
                "{text}"
            );
            if text.ends_with(':') {
                // A key, too.
                continue;
            }
            let short = format!("a {text}{} b", &payload[..min / 2 - 1]);
            assert_eq!(redactor.text(&short), short);
        }
    }
}
