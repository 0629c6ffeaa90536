//! Finds short texts that are in or beside every secret, to skip the text between them.
//!
//! All are looked for in one pass; a text without any costs nothing more.

use std::sync::LazyLock;

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::{Builder, DFA};
use aho_corasick::{Anchored, Input, MatchKind};

use crate::key::Keys;
use crate::token::PREFIXES;

/// What stands at an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// A part of a key.
    Key,
    /// The beginning of a token, `PREFIXES[index]`.
    Token(usize),
    /// `://`
    Url,
    /// `:%2F%2F`
    EncodedUrl,
    /// `-----BEGIN`
    Armour,
    /// `Private-Lines:`
    Putty,
    /// The beginning of a private key in DER, in base64.
    Der,
    /// `{"` in base64.
    Base64Json,
    /// A secret word in base64.
    Base64Word,
    /// `Bearer`, `Basic`
    Scheme,
    /// ` -p`, a short option.
    ShortOption,
    /// ` /p:`
    SlashOption,
    /// ` /user:`
    SlashUser,
    /// `htpasswd -`
    Htpasswd,
    /// `@tcp(`
    GoDsn,
    /// `@//`, or a program that takes `user/password@`.
    Oracle,
    /// `identified by`
    IdentifiedBy,
    /// `:5432:`, a line of a `.pgpass`.
    Pgpass,
    /// `"kty"`
    Jwk,
    /// `:AA`
    Telegram,
    /// `-us`
    Mailchimp,
    /// `Q~`
    Azure,
    /// `.atlasv1.`
    Terraform,
    /// `$2b$`, and the length of the anchor.
    PasswordHash(usize),
    /// `pass:` of OpenSSL.
    OpensslPass,
    /// `login `, `credentials `: `user:password` may follow.
    Login,
    /// `AUTH x`, `AUTH PLAIN x`: a command of Redis or SMTP.
    AuthCommand,
    /// `"AUTH" "user" "x"`, as `MONITOR` of Redis prints it.
    AuthArguments,
    /// `WIFI:`, the text of a QR code.
    Wifi,
    /// `community x` of SNMP.
    Word,
    /// `wallet`, `seed`
    Wallet,
}

/// Parts of keys. Every word that `key` knows contains one of them.
const KEYS: &[&str] = &[
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "cred",
    "key",
    "auth",
    "sess",
    "sid",
    "cookie",
    "jwt",
    "otp",
    "pin",
    "sig",
    "seed",
    "mnemonic",
    "phrase",
    "psk",
    "pat=",
    "pat:",
    "pat ",
    "pat\"",
    "csrf",
    "xsrf",
    "code",
    "ticket",
    "saml",
    "contrase",
    "kennwort",
    "senha",
    "wachtwoord",
    "answer",
    "пароль",
    "密码",
    "パスワード",
    "words",
];

const OTHERS: &[(&str, Anchor)] = &[
    ("://", Anchor::Url),
    ("%3a%2f%2f", Anchor::EncodedUrl),
    ("---- BEGIN", Anchor::Armour),
    ("-----BEGIN", Anchor::Armour),
    ("Private-Lines:", Anchor::Putty),
    ("MII", Anchor::Der),
    ("MHcCAQEE", Anchor::Der),
    ("MIGHAgEA", Anchor::Der),
    ("MC4CAQAwBQ", Anchor::Der),
    ("b3BlbnNzaC1rZXktdjE", Anchor::Der),
    ("eyJ", Anchor::Base64Json),
    ("ewog", Anchor::Base64Json),
    ("eyAi", Anchor::Base64Json),
    ("W3si", Anchor::Base64Json),
    // `passw`, `secret` in base64, by what stands before them.
    ("cGFzc3", Anchor::Base64Word),
    ("Bhc3N3", Anchor::Base64Word),
    ("wYXNzd", Anchor::Base64Word),
    ("c2VjcmV0", Anchor::Base64Word),
    ("NlY3JldA", Anchor::Base64Word),
    ("zZWNyZX", Anchor::Base64Word),
    ("bearer", Anchor::Scheme),
    ("basic", Anchor::Scheme),
    (" -p", Anchor::ShortOption),
    (" -u ", Anchor::ShortOption),
    (" -a ", Anchor::ShortOption),
    (" -w ", Anchor::ShortOption),
    (" --user", Anchor::ShortOption),
    (" /p:", Anchor::SlashOption),
    (" /user:", Anchor::SlashUser),
    ("htpasswd -", Anchor::Htpasswd),
    ("@tcp(", Anchor::GoDsn),
    ("@unix(", Anchor::GoDsn),
    ("@//", Anchor::Oracle),
    ("jdbc:oracle:thin:", Anchor::Oracle),
    ("sqlplus ", Anchor::Oracle),
    ("identified by", Anchor::IdentifiedBy),
    ("_password by", Anchor::IdentifiedBy),
    ("pragma key =", Anchor::IdentifiedBy),
    (":5432:", Anchor::Pgpass),
    ("\"kty\"", Anchor::Jwk),
    (":AA", Anchor::Telegram),
    ("-us", Anchor::Mailchimp),
    ("q~", Anchor::Azure),
    (".atlasv1.", Anchor::Terraform),
    ("$2a$", Anchor::PasswordHash(4)),
    ("$2b$", Anchor::PasswordHash(4)),
    ("$2y$", Anchor::PasswordHash(4)),
    ("$apr1$", Anchor::PasswordHash(6)),
    ("$1$", Anchor::PasswordHash(3)),
    ("$5$", Anchor::PasswordHash(3)),
    ("$6$", Anchor::PasswordHash(3)),
    ("$y$", Anchor::PasswordHash(3)),
    ("$argon2", Anchor::PasswordHash(7)),
    ("pbkdf2_sha256$", Anchor::PasswordHash(14)),
    ("{SSHA}", Anchor::PasswordHash(6)),
    ("pass:", Anchor::OpensslPass),
    (" as ", Anchor::Login),
    ("login ", Anchor::Login),
    ("auth ", Anchor::AuthCommand),
    ("\"auth\" \"", Anchor::AuthArguments),
    ("wifi:", Anchor::Wifi),
    ("login with ", Anchor::Login),
    ("community ", Anchor::Word),
    ("wallet", Anchor::Wallet),
];

/// The anchors of a redactor.
pub(crate) struct Anchors {
    dfa: DFA,
    kinds: Vec<Anchor>,
}

/// An anchor that was found.
pub(crate) struct Found {
    pub(crate) anchor: Anchor,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Anchors {
    /// What a redactor without keys of its own looks for.
    pub(crate) fn built_in() -> Option<&'static Anchors> {
        static BUILT_IN: LazyLock<Option<Anchors>> =
            LazyLock::new(|| Anchors::new(true, std::iter::empty()));
        BUILT_IN.as_ref()
    }

    pub(crate) fn of_keys(built_in: bool, keys: &Keys) -> Option<Anchors> {
        Anchors::new(built_in, keys.anchors())
    }

    /// `None` if the automaton would be too large, which takes gigabytes of keys.
    fn new<'a>(built_in: bool, keys: impl Iterator<Item = &'a str>) -> Option<Anchors> {
        let mut patterns: Vec<&[u8]> = Vec::new();
        let mut kinds = Vec::new();
        for key in keys {
            patterns.push(key.as_bytes());
            kinds.push(Anchor::Key);
        }
        if built_in {
            for key in KEYS {
                patterns.push(key.as_bytes());
                kinds.push(Anchor::Key);
            }
            for (index, prefix) in PREFIXES.iter().enumerate() {
                patterns.push(prefix.text.as_bytes());
                kinds.push(Anchor::Token(index));
            }
            for (text, anchor) in OTHERS {
                patterns.push(text.as_bytes());
                kinds.push(*anchor);
            }
        }
        let dfa = Builder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(aho_corasick::StartKind::Unanchored)
            .prefilter(false)
            .build(patterns)
            .ok()?;
        Some(Anchors { dfa, kinds })
    }

    /// The first anchor at or after `from`.
    pub(crate) fn next(&self, bytes: &[u8], from: usize) -> Option<Found> {
        let input = Input::new(bytes).range(from..).anchored(Anchored::No);
        let found = self.dfa.try_find(&input).ok()??;
        Some(Found {
            anchor: self.kinds[found.pattern().as_usize()],
            start: found.start(),
            end: found.end(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_is_small() {
        let anchors = Anchors::built_in().unwrap();
        assert!(
            anchors.dfa.memory_usage() < 1 << 20,
            "{}",
            anchors.dfa.memory_usage()
        );
    }
}
