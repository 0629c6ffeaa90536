//! Whether a key says that its value is secret.

/// Words that say so by themselves.
const SECRET: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "creds",
    "jsessionid",
    "jwt",
    "mnemonic",
    "oauth",
    "otp",
    "pass",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "passwort",
    "phpsessid",
    "pwd",
    "secret",
    "secrets",
    "session",
    "sessionid",
    "sessid",
    "sid",
    "token",
    "tokens",
];

/// Endings that say so in a word without visible joints: `dbpassword`.
const SECRET_ENDINGS: &[&str] = &[
    "accesskey",
    "apikey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "token",
];

/// What makes a `key` secret when it stands before it.
const KEY_KINDS: &[&str] = &[
    "access",
    "account",
    "api",
    "client",
    "deploy",
    "encryption",
    "license",
    "master",
    "private",
    "service",
    "shared",
    "signing",
    "ssh",
    "storage",
];

/// Last words that speak about a secret without telling it.
const HARMLESS_ENDINGS: &[&str] = &[
    "age",
    "algorithm",
    "attempts",
    "count",
    "created",
    "disabled",
    "duration",
    "enabled",
    "endpoint",
    "error",
    "errors",
    "expired",
    "expires",
    "expiry",
    "file",
    "host",
    "invalid",
    "kind",
    "len",
    "length",
    "limit",
    "max",
    "method",
    "min",
    "missing",
    "mode",
    "path",
    "policy",
    "port",
    "present",
    "provider",
    "remaining",
    "required",
    "retries",
    "size",
    "state",
    "status",
    "timeout",
    "total",
    "ttl",
    "type",
    "updated",
    "uri",
    "url",
    "usage",
    "used",
    "user",
    "username",
    "valid",
    "version",
];

/// Headers whose value is the whole line, and phrases of several words.
const WHOLE_LINE: &[&str] = &[
    "authorization",
    "cookie",
    "cookies",
    "mnemonic",
    "passphrase",
];

pub(super) struct Keys {
    built_in: bool,
    /// Normalised.
    own: Vec<String>,
}

impl Keys {
    pub(super) fn none() -> Keys {
        Keys {
            built_in: false,
            own: Vec::new(),
        }
    }

    pub(super) fn built_in() -> Keys {
        Keys {
            built_in: true,
            own: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.built_in && self.own.is_empty()
    }

    pub(super) fn add(&mut self, key: &str) {
        let words = Words::of(key).as_str().to_owned();
        // More than the spaces at both ends.
        if words.len() > 1 {
            self.own.push(words);
        }
    }

    pub(super) fn is_secret(&self, key: &str) -> bool {
        let words = Words::of(key);
        let words = words.as_str();
        let has = |own: &String| {
            let mut windows = words.as_bytes().windows(own.len());
            windows.any(|window| window == own.as_bytes())
        };
        (self.built_in && says_secret(words)) || self.own.iter().any(has)
    }

    /// Whether such a key's value is all the rest of its line.
    pub(super) fn takes_the_line(&self, key: &str) -> bool {
        let words = Words::of(key);
        let last = words.as_str().trim_end().rsplit(' ').next();
        self.built_in && last.is_some_and(|word| WHOLE_LINE.contains(&word))
    }
}

/// Whether normalised words say so.
fn says_secret(words: &str) -> bool {
    let mut previous = "";
    let mut secret = false;
    let mut count = 0;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        // `password2` is one more password.
        let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
        secret |= SECRET.contains(&stem)
            || SECRET_ENDINGS.iter().any(|ending| stem.ends_with(ending))
            || (matches!(stem, "key" | "keys") && KEY_KINDS.contains(&previous));
        previous = word;
        count += 1;
    }
    secret && (count == 1 || !HARMLESS_ENDINGS.contains(&previous))
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

    #[inline(never)]
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
            assert!(Keys::built_in().is_secret(key), "{key}");
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
            assert!(!Keys::built_in().is_secret(key), "{key}");
        }
    }

    #[test]
    fn a_key_of_the_users_is_found_among_other_words() {
        let mut keys = Keys::none();
        keys.add("licence_number");
        assert!(keys.is_secret("userLicenceNumber"));
        assert!(keys.is_secret("LICENCE-NUMBER"));
        assert!(!keys.is_secret("licence"));
        assert!(!keys.is_secret("password"));
    }
}
