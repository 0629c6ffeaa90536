//! Whether a key says that its value is secret, and how strongly.

/// How strongly a key speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// `session`, `auth`: also words of ordinary logs. The value must look like a credential.
    Weak,
    /// `token`, `cookie`: parsers have tokens, too. Words and numbers are no secrets.
    Medium,
    /// `password`, `secret`, `api_key`: all but stand-ins and sentences is secret.
    Strong,
}

/// What kind of value belongs to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// `pass`, `pwd`: passwords, but also the passes of a compiler and the working directory.
    Pass,
    /// `pin`, `otp`, `verification code`: a few digits.
    Code,
    /// `mnemonic`, `seed phrase`: several words.
    Phrase,
    /// `Authorization:` takes the rest of its line.
    Line,
    /// `Cookie:` takes the rest of its line if it has an `=`.
    Cookie,
}

/// What a key says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) strength: Strength,
    pub(crate) kind: Kind,
    /// `secrets`, `tokens`: a small number is a count.
    pub(crate) plural: bool,
}

const fn secret(strength: Strength, kind: Kind) -> Secret {
    Secret {
        strength,
        kind,
        plural: false,
    }
}

const STRONG: Secret = secret(Strength::Strong, Kind::Plain);
const MEDIUM: Secret = secret(Strength::Medium, Kind::Plain);
const WEAK: Secret = secret(Strength::Weak, Kind::Plain);
const PASS: Secret = secret(Strength::Strong, Kind::Pass);
const CODE: Secret = secret(Strength::Strong, Kind::Code);
const PHRASE: Secret = secret(Strength::Strong, Kind::Phrase);
const LINE: Secret = secret(Strength::Medium, Kind::Line);
const COOKIE: Secret = secret(Strength::Medium, Kind::Cookie);
const PLURAL_STRONG: Secret = Secret {
    plural: true,
    ..STRONG
};
const PLURAL_MEDIUM: Secret = Secret {
    plural: true,
    ..MEDIUM
};

/// Words that say so by themselves; sorted.
const WORDS: &[(&str, Secret)] = &[
    ("accesskey", STRONG),
    ("apikey", STRONG),
    ("apikeys", PLURAL_STRONG),
    ("auth", WEAK),
    ("authkey", STRONG),
    ("authorization", LINE),
    ("authtoken", MEDIUM),
    ("bindpw", STRONG),
    ("contrasena", STRONG),
    ("contraseña", STRONG),
    ("cookie", COOKIE),
    ("cookies", COOKIE),
    ("cred", STRONG),
    ("credential", STRONG),
    ("credentials", PLURAL_STRONG),
    ("creds", PLURAL_STRONG),
    ("csrf", MEDIUM),
    ("csrftoken", MEDIUM),
    ("jsessionid", MEDIUM),
    ("jwt", MEDIUM),
    ("kennwort", STRONG),
    ("masterauth", STRONG),
    ("mnemonic", PHRASE),
    ("motdepasse", STRONG),
    ("oauth", WEAK),
    ("otp", CODE),
    ("pass", PASS),
    ("passcode", STRONG),
    ("passphrase", STRONG),
    ("passphrases", PLURAL_STRONG),
    ("passwd", STRONG),
    ("password", STRONG),
    ("passwords", PLURAL_STRONG),
    ("passwort", STRONG),
    ("pat", WEAK),
    ("phpsessid", MEDIUM),
    ("pin", CODE),
    ("privatekey", STRONG),
    ("psk", STRONG),
    ("pw", PASS),
    ("pwd", PASS),
    ("requirepass", STRONG),
    ("samlresponse", MEDIUM),
    ("secret", STRONG),
    ("secretkey", STRONG),
    ("secrets", PLURAL_STRONG),
    ("seed", PHRASE),
    ("senha", STRONG),
    ("sessid", MEDIUM),
    ("session", WEAK),
    ("sessionid", MEDIUM),
    ("sid", WEAK),
    ("sig", WEAK),
    ("signature", WEAK),
    ("ticket", WEAK),
    ("token", MEDIUM),
    ("tokens", PLURAL_MEDIUM),
    ("totp", CODE),
    ("wachtwoord", STRONG),
    ("xsrf", MEDIUM),
    ("пароль", STRONG),
    ("パスワード", STRONG),
    ("密码", STRONG),
];

/// Endings that say so in a word without visible joints: `dbpassword`, `PGPASSWORD`.
const ENDINGS: &[(&str, Secret)] = &[
    ("accesskey", STRONG),
    ("apikey", STRONG),
    ("passphrase", STRONG),
    ("passwd", STRONG),
    ("password", STRONG),
    ("privatekey", STRONG),
    ("secret", STRONG),
    ("secretkey", STRONG),
    ("sessionid", MEDIUM),
    ("token", MEDIUM),
];

/// Joined words that end in `pass` or `pwd`, which alone would catch `compass`.
const PASSES: &[&str] = &[
    "adminpass",
    "adminpwd",
    "dbpass",
    "dbpwd",
    "ftppass",
    "httppass",
    "mailpass",
    "mypass",
    "proxypass",
    "rootpass",
    "rootpwd",
    "smtppass",
    "userpass",
    "userpwd",
];

/// What makes a `key` secret when it stands before it; sorted.
const KEY_KINDS: &[&str] = &[
    "access",
    "account",
    "api",
    "app",
    "auth",
    "client",
    "decryption",
    "deploy",
    "encryption",
    "functions",
    "hmac",
    "license",
    "licence",
    "master",
    "preshared",
    "private",
    "secret",
    "service",
    "session",
    "shared",
    "signing",
    "ssh",
    "storage",
    "subscription",
    "wallet",
];

/// What makes a `code` secret when it stands before it.
const CODE_KINDS: &[&str] = &[
    "2fa",
    "access",
    "activation",
    "auth",
    "authentication",
    "authorization",
    "backup",
    "confirmation",
    "factor",
    "login",
    "mfa",
    "otp",
    "pairing",
    "recovery",
    "security",
    "sms",
    "time",
    "verification",
];

/// Pairs of words; in the order in which they stand.
const PAIRS: &[(&str, &str, Secret)] = &[
    ("pass", "phrase", STRONG),
    ("pass", "word", STRONG),
    ("pass", "code", STRONG),
    ("de", "passe", STRONG),
    ("seed", "phrase", PHRASE),
    ("seed", "words", PHRASE),
    ("recovery", "phrase", PHRASE),
    ("backup", "phrase", PHRASE),
    ("mnemonic", "phrase", PHRASE),
    ("wallet", "seed", PHRASE),
    ("security", "answer", STRONG),
    ("saml", "response", MEDIUM),
    ("session", "id", MEDIUM),
    ("session", "cookie", MEDIUM),
    ("code", "verifier", MEDIUM),
    ("bind", "pw", STRONG),
    ("require", "pass", STRONG),
];

/// Last words that speak about a secret without telling it; sorted.
const HARMLESS_ENDINGS: &[&str] = &[
    "age",
    "alg",
    "algorithm",
    "algorithms",
    "at",
    "attempt",
    "attempts",
    "audience",
    "authenticate",
    "authentication",
    "bits",
    "bucket",
    "budget",
    "callback",
    "class",
    "config",
    "consumed",
    "controller",
    "count",
    "counter",
    "created",
    "credentials_provider",
    "date",
    "digits",
    "dir",
    "directory",
    "disabled",
    "domain",
    "duration",
    "enabled",
    "endpoint",
    "engine",
    "env",
    "error",
    "errors",
    "event",
    "exp",
    "expected",
    "expired",
    "expires",
    "expiry",
    "failed",
    "failures",
    "fd",
    "field",
    "file",
    "filter",
    "flow",
    "format",
    "handler",
    "header",
    "help",
    "hint",
    "hits",
    "host",
    "id",
    "index",
    "interval",
    "invalid",
    "issuer",
    "kind",
    "label",
    "len",
    "length",
    "level",
    "lifetime",
    "limit",
    "location",
    "manager",
    "max",
    "mechanism",
    "method",
    "methods",
    "middleware",
    "min",
    "missing",
    "mode",
    "name",
    "names",
    "option",
    "options",
    "out",
    "param",
    "path",
    "period",
    "plugin",
    "policy",
    "port",
    "prefix",
    "present",
    "prompt",
    "protection",
    "protocol",
    "provider",
    "providers",
    "rate",
    "ref",
    "refresh",
    "region",
    "remaining",
    "required",
    "reset",
    "retries",
    "role",
    "rotation",
    "rounds",
    "scheme",
    "scope",
    "scopes",
    "second",
    "secure",
    "selector",
    "server",
    "service",
    "set",
    "size",
    "source",
    "span",
    "state",
    "status",
    "storage",
    "store",
    "strategy",
    "strength",
    "success",
    "through",
    "time",
    "timeout",
    "tls",
    "total",
    "ttl",
    "type",
    "types",
    "updated",
    "uri",
    "url",
    "usage",
    "use",
    "used",
    "user",
    "username",
    "valid",
    "validity",
    "version",
    "volume",
];

/// First words of keys that hold an answer or a number; sorted.
const HARMLESS_BEGINNINGS: &[&str] = &[
    "allow",
    "ask",
    "enable",
    "expired",
    "has",
    "invalid",
    "is",
    "max",
    "min",
    "missing",
    "no",
    "num",
    "public",
    "require",
    "requires",
    "skip",
    "supports",
    "total",
    "unexpected",
    "www",
];

/// What the keys of a redactor say.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    built_in: bool,
    /// The user's, normalised.
    own: Vec<String>,
}

impl Keys {
    pub(crate) fn none() -> Keys {
        Keys::default()
    }

    pub(crate) fn built_in() -> Keys {
        Keys {
            built_in: true,
            own: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.built_in && self.own.is_empty()
    }

    pub(crate) fn add(&mut self, key: &str) {
        let words = Words::of(key).as_str().to_owned();
        // More than the spaces at both ends.
        if words.len() > 1 {
            self.own.push(words);
        }
    }

    pub(crate) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether the key is one of the user's, and not only contains one.
    pub(crate) fn is_exactly(&self, key: &str) -> bool {
        let words = Words::of(key);
        self.own.iter().any(|own| own == words.as_str())
    }

    /// A part of each of the user's keys by which it is found in text: its longest word.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = &str> {
        self.own
            .iter()
            .filter_map(|key| key.split(' ').max_by_key(|word| word.len()))
    }

    /// What the key says about its value; `None` if it is no key of a secret.
    pub(crate) fn secret(&self, key: &str) -> Option<Secret> {
        let words = Words::of(key);
        let words = words.as_str();
        let has = |own: &String| {
            let mut windows = words.as_bytes().windows(own.len());
            windows.any(|window| window == own.as_bytes())
        };
        if self.own.iter().any(has) {
            return Some(STRONG);
        }
        if self.built_in { classify(words) } else { None }
    }
}

/// Finds what normalised words say.
fn classify(words: &str) -> Option<Secret> {
    let mut found: Option<Secret> = None;
    let mut previous = "";
    let mut count = 0;
    let mut found_at = 0;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if count == 0 && has(HARMLESS_BEGINNINGS, word) && words.len() > word.len() + 2 {
            return None;
        }
        if let Some(secret) = word_says(previous, word) {
            // `session_key` is as strong as its strongest part.
            if found.is_none_or(|found| found.strength <= secret.strength) {
                found = Some(secret);
            }
            found_at = count;
        }
        previous = word;
        count += 1;
    }
    let found = found?;
    let is_last = found_at + 1 == count;
    if !is_last && has(HARMLESS_ENDINGS, previous) {
        return None;
    }
    Some(found)
}

fn word_says(previous: &str, word: &str) -> Option<Secret> {
    // `password2` is one more password.
    let stem = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => word,
        stem => stem,
    };
    if matches!(stem, "key" | "keys") {
        return KEY_KINDS.contains(&previous).then_some(Secret {
            plural: stem == "keys",
            ..STRONG
        });
    }
    if matches!(stem, "code" | "codes") {
        return CODE_KINDS.contains(&previous).then_some(CODE);
    }
    let pair = PAIRS
        .iter()
        .find(|(first, second, _)| *first == previous && *second == stem);
    if let Some((_, _, secret)) = pair {
        return Some(*secret);
    }
    if let Ok(at) = WORDS.binary_search_by(|(probe, _)| probe.cmp(&stem)) {
        return Some(WORDS[at].1);
    }
    if PASSES.contains(&stem) {
        return Some(PASS);
    }
    let ending = ENDINGS.iter().find(|(ending, _)| stem.ends_with(ending));
    ending.map(|(_, secret)| *secret)
}

fn has(list: &[&str], word: &str) -> bool {
    list.binary_search(&word).is_ok()
}

/// The words of a key in lower case, a space before, between and behind them: `X-Api-Key`,
/// `xApiKey` and `X_API_KEY` are all ` x api key `. Without an allocation for keys of a common
/// length.
struct Words {
    short: [u8; 2 * COMMON + 1],
    /// Instead, if the key is longer than [`COMMON`].
    long: Vec<u8>,
    len: usize,
}

const COMMON: usize = 64;

impl Words {
    fn of(key: &str) -> Words {
        let bytes = key.as_bytes();
        let mut words = Words {
            // A space before each byte and one at the end is the most there can be.
            short: [b' '; 2 * COMMON + 1],
            long: Vec::new(),
            len: 0,
        };
        if bytes.len() > COMMON {
            words.long = vec![b' '; 2 * bytes.len() + 1];
        }
        words.push(b' ');
        for (at, byte) in bytes.iter().copied().enumerate() {
            let previous = if at > 0 { bytes[at - 1] } else { b' ' };
            let next_is_lower = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = byte.is_ascii_uppercase()
                && (previous.is_ascii_lowercase()
                    || (previous.is_ascii_uppercase() && next_is_lower));
            // Characters beyond ASCII are parts of words.
            let joint = byte.is_ascii() && !byte.is_ascii_alphanumeric();
            if hump || joint {
                words.push(b' ');
            }
            if !joint {
                words.push(byte.to_ascii_lowercase());
            }
        }
        words.push(b' ');
        words
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        let buffer = if self.long.is_empty() {
            &mut self.short[..]
        } else {
            &mut self.long[..]
        };
        // No two spaces in a row.
        if self.len == 0 || byte != b' ' || buffer[self.len - 1] != b' ' {
            buffer[self.len] = byte;
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        let buffer = if self.long.is_empty() {
            &self.short[..]
        } else {
            &self.long[..]
        };
        // Only ASCII was changed or put in between.
        std::str::from_utf8(&buffer[..self.len]).unwrap_or("")
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_say_secret() {
        for key in [
            "password",
            "PASSWORD",
            "db_password",
            "dbPassword",
            "DBPassword",
            "dbpassword",
            "password2",
            "password_hash",
            "passwd",
            "pwd",
            "smtp_pass",
            "secret",
            "client_secret",
            "clientSecret",
            "AWS_SECRET_ACCESS_KEY",
            "token",
            "access_token",
            "accessToken",
            "X-Auth-Token",
            "csrf-token",
            "api_key",
            "apikey",
            "api-key",
            "X-Api-Key",
            "APIKey",
            "access_key",
            "private_key",
            "Authorization",
            "Proxy-Authorization",
            "auth",
            "cookie",
            "Set-Cookie",
            "session",
            "session_id",
            "sessionid",
            "credential",
            "credentials",
            "passphrase",
            "user.password",
            "JSESSIONID",
        ] {
            assert!(Keys::built_in().secret(key).is_some(), "{key}");
        }
    }

    #[test]
    fn lists_are_sorted() {
        let words: Vec<_> = WORDS.iter().map(|(word, _)| *word).collect();
        for list in [&words[..], HARMLESS_ENDINGS, HARMLESS_BEGINNINGS] {
            for pair in list.windows(2) {
                assert!(pair[0] < pair[1], "{pair:?}");
            }
        }
    }

    #[test]
    fn keys_that_do_not() {
        for key in [
            "author",
            "authority",
            "authenticated",
            "monkey",
            "keyboard",
            "key",
            "public_key",
            "primaryKey",
            "passed",
            "passenger",
            "compass",
            "bypassed",
            "tokens_used",
            "token_count",
            "tokenizer",
            "password_length",
            "auth_method",
            "session_duration",
            "secretary",
            "possession",
            "sidecar",
            "",
            "-",
            "name",
            "file",
            "cookie_policy",
        ] {
            assert!(Keys::built_in().secret(key).is_none(), "{key}");
        }
    }

    #[test]
    fn a_key_of_the_users_is_found_among_other_words() {
        let mut keys = Keys::none();
        keys.add("licence_number");
        assert!(keys.secret("userLicenceNumber").is_some());
        assert!(keys.secret("LICENCE-NUMBER").is_some());
        assert!(keys.secret("licence").is_none());
        assert!(keys.secret("password").is_none());
    }
}
