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
    own: Vec<Vec<String>>,
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
        let words = words(key);
        if !words.is_empty() {
            self.own.push(words);
        }
    }

    pub(super) fn is_secret(&self, key: &str) -> bool {
        let words = words(key);
        let is_own = |own: &Vec<String>| words.windows(own.len()).any(|part| part == &own[..]);
        (self.built_in && says_secret(&words)) || self.own.iter().any(is_own)
    }

    /// Whether such a key's value is all the rest of its line.
    pub(super) fn takes_the_line(&self, key: &str) -> bool {
        let last = words(key).pop();
        self.built_in && last.is_some_and(|word| WHOLE_LINE.contains(&&*word))
    }
}

fn says_secret(words: &[String]) -> bool {
    if words.len() > 1
        && words
            .last()
            .is_some_and(|last| HARMLESS_ENDINGS.contains(&&**last))
    {
        return false;
    }
    let secret = |word: &String| {
        // `password2` is one more password.
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        SECRET.contains(&word) || SECRET_ENDINGS.iter().any(|ending| word.ends_with(ending))
    };
    let pair =
        |pair: &[String]| KEY_KINDS.contains(&&*pair[0]) && matches!(&*pair[1], "key" | "keys");
    words.iter().any(secret) || words.windows(2).any(pair)
}

/// The words of a key in lower case: `X-Api-Key`, `api_key`, `apiKey` and `APIKey` are all
/// (…) `api`, `key`.
fn words(key: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = key.chars().peekable();
    let mut previous = ' ';
    while let Some(c) = characters.next() {
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let joint = !c.is_alphanumeric();
        let hump = c.is_uppercase()
            && (previous.is_lowercase() || (previous.is_uppercase() && next_is_lower));
        if (joint || hump) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !joint {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
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
