//! Finds anchors: short texts, one of which is in or next to every secret. The rest of a text is skipped.
//!
//! One pass searches for all anchors. A text without anchors needs no other work.

use crossbeam_utils::atomic::AtomicCell;

use crate::finder::Finder;
use crate::key::Keys;
use crate::token::PREFIXES;

/// The kind of an anchor.
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
    /// ` /user:`, ` add_user `, which a name and a password follow.
    AfterUser,
    /// `htpasswd -`
    Htpasswd,
    /// `@tcp(`
    GoDsn,
    /// `@//`, or the name of a program that takes `user/password@`.
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

/// Parts of keys. Every word in `key` contains one of them.
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
    "encrypt",
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
    // `passw` and `secret` in base64, at each alignment.
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
    (" /user:", Anchor::AfterUser),
    (" add_user ", Anchor::AfterUser),
    (" change_password ", Anchor::AfterUser),
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

/// The anchors of one or more redactors.
pub(crate) struct Anchors {
    finder: Finder,
    kinds: Vec<Anchor>,
}

/// An anchor that was found.
pub(crate) struct Found {
    pub(crate) anchor: Anchor,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Anchors {
    /// The anchors of a redactor without keys of its own. They are built when they are first needed.
    ///
    /// This must not block, because the caller may be a forked child or a signal handler: threads that
    /// call it at the same time build one each, and never free them.
    pub(crate) fn built_in() -> &'static Anchors {
        static BUILT_IN: AtomicCell<Option<&'static Anchors>> = AtomicCell::new(None);
        BUILT_IN.load().unwrap_or_else(|| {
            let new = Box::leak(Box::new(Anchors::new(true, std::iter::empty())));
            BUILT_IN.store(Some(new));
            new
        })
    }

    pub(crate) fn of_keys(built_in: bool, keys: &Keys) -> Anchors {
        Anchors::new(built_in, keys.anchors())
    }

    fn new<'a>(built_in: bool, keys: impl Iterator<Item = &'a str>) -> Anchors {
        const AFTER_A_KEY: [&str; 5] = ["=", ":", " ", "\"", "'"];
        let own: Vec<String> = keys
            .flat_map(|key| match key.len() {
                // Too short to search for it alone.
                1 => AFTER_A_KEY.map(|end| format!("{key}{end}")).to_vec(),
                _ => vec![key.to_owned()],
            })
            .collect();
        let mut texts: Vec<(&str, Anchor)> =
            own.iter().map(|key| (key.as_str(), Anchor::Key)).collect();
        if built_in {
            texts.extend(KEYS.iter().map(|key| (*key, Anchor::Key)));
            let tokens = PREFIXES.iter().enumerate();
            texts.extend(tokens.map(|(index, prefix)| (prefix.text, Anchor::Token(index))));
            texts.extend_from_slice(OTHERS);
        }
        Anchors {
            finder: Finder::new(texts.iter().map(|(text, _)| text.as_bytes())),
            kinds: texts.into_iter().map(|(_, kind)| kind).collect(),
        }
    }

    /// The first anchor at or after `from`. If several begin there, the longest.
    pub(crate) fn next(&self, bytes: &[u8], from: usize) -> Option<Found> {
        let found = self.finder.find(bytes, from)?;
        Some(Found {
            anchor: self.kinds[found.index],
            start: found.start,
            end: found.end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redactor;

    #[test]
    fn the_built_in_ones_are_shared_without_a_lock() {
        assert!(AtomicCell::<Option<&'static Anchors>>::is_lock_free());
        assert!(std::ptr::eq(Anchors::built_in(), Anchors::built_in()));
    }

    #[test]
    fn a_key_of_one_letter_is_found() {
        let redactor = Redactor::none().key("k");
        assert_eq!(redactor.text("key=a k=v j=w"), "key=a k=[redacted] j=w");
    }
}
